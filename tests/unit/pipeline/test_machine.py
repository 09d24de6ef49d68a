"""Where networks run: the device that was asked for, threads, how pictures are scored there."""

import pickle

import pytest
import torch

from models.inference.speed import EXACT
from models.nets import determinism
from models.nets.config import NetConfig
from pipeline import machine
from pipeline.machine import Machine, memory_gb
from workspace.errors import ConfigError
from workspace.orders import Needs

NET = NetConfig(
    backbone="test_resnet", weights="none", size=32, se=False, cbam=False, hidden=(), dropout=(0.0,)
)


@pytest.fixture
def there(monkeypatch):
    """Says which devices there are; nothing is sent to them."""

    def say(*names):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: "cuda" in names)
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: "cuda" in names)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: "mps" in names)

    return say


@pytest.fixture(autouse=True)
def _threads_given_back():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("asked", "names", "device"),
    [
        ("auto", (), "cpu"),
        ("auto", ("mps",), "mps"),
        ("auto", ("cuda",), "cuda"),
        ("auto", ("cuda", "mps"), "cuda"),
        ("cpu", ("cuda", "mps"), "cpu"),
        ("mps", ("cuda", "mps"), "mps"),
        ("cuda", ("cuda",), "cuda"),
    ],
)
def test_the_device_asked_for_is_taken_or_the_fastest_there_is(there, asked, names, device):
    there(*names)
    assert Machine(asked).torch_device().type == device


@pytest.mark.parametrize(("asked", "names"), [("cuda", ("mps",)), ("mps", ()), ("cuda", ())])
def test_a_device_that_is_not_there_is_never_replaced_silently(there, asked, names):
    there(*names)
    with pytest.raises(ConfigError) as refused:
        Machine(asked).torch_device()
    assert str(refused.value) == f"DEVICE={asked} is not there; take DEVICE=cpu or leave it out."


@pytest.mark.parametrize(
    ("device", "deterministic", "repeats"),
    [("cpu", False, True), ("cuda", False, False), ("cuda", True, True), ("mps", False, False)],
)
def test_a_gpu_repeats_itself_only_where_it_was_switched(
    there, monkeypatch, device, deterministic, repeats
):
    there("cuda", "mps")
    switched = []
    monkeypatch.setattr(determinism, "switch_on", lambda: switched.append(True))
    assert Machine(device, deterministic).repeatable() is repeats
    assert bool(switched) is deterministic


@pytest.mark.parametrize(("own", "count"), [(None, 1), (1, 1), (3, 3)])
@pytest.mark.parametrize("cores", ["1", "2"])
def test_a_network_is_computed_with_its_own_threads_wherever_it_is(monkeypatch, own, count, cores):
    monkeypatch.setenv("OMP_NUM_THREADS", cores)
    monkeypatch.setattr("workspace.machine.os.sched_getaffinity", lambda _: range(int(cores)))
    torch.set_num_threads(2)
    net = NET.model_copy(update={"threads": own})
    Machine("cpu").way(net, ["identity"], bfloat16=False)
    assert torch.get_num_threads() == count
    assert Machine("cpu").needs(net).cores == count
    assert Machine("cpu").needs(net, ranks=2) == Needs(2 * count, 2 * 2.0)


def test_a_large_network_needs_its_pictures_once_and_a_process_for_each_rank(monkeypatch):
    monkeypatch.setattr("models.nets.work.LARGE", 1)
    assert Machine("cpu").needs(NET) == Needs(4, 4.0 + 2.0)
    assert Machine("cpu").needs(NET, ranks=2) == Needs(8, 4.0 + 2 * 2.0)


def test_a_gpus_network_takes_the_machine_alone_and_no_threads_of_its_own(there):
    there("cuda")
    torch.set_num_threads(2)
    assert Machine("cuda").needs(NET) == Needs(memory_gb=4.0 + 2.0, gpus=1)
    assert Machine("cuda").needs(NET, ranks=2) == Needs(memory_gb=4.0 + 2 * 2.0, gpus=2)
    assert Machine("cuda").way(NET, ["identity"], bfloat16=True).device.type == "cuda"
    assert torch.get_num_threads() == 2


def test_pictures_are_scored_as_the_views_that_were_kept_in_their_order(monkeypatch):
    monkeypatch.setattr(machine, "reading_processes", lambda busy=0: 6 - busy)
    monkeypatch.setattr(machine, "cores", lambda: 6)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    way = Machine("cpu").way(NET, ["vertical_flip", "identity"], bfloat16=False)
    assert [view.name for view in way.views] == ["vertical_flip", "identity"]
    assert way.device.type == "cpu"
    assert way.workers == 5
    assert way.side_by_side == 1  # a core, by OMP_NUM_THREADS
    assert way.pace == EXACT
    assert Machine("cpu").way(NET, ["identity"], bfloat16=True).pace.dtype == "bfloat16"


def test_readers_and_batches_are_those_of_a_share_of_the_machine(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("workspace.machine.os.sched_getaffinity", lambda _: range(6))
    monkeypatch.delenv("DERMSTACK_JOBS", raising=False)
    assert Machine("cpu").way(NET, ["identity"], bfloat16=False).workers == 5
    monkeypatch.setenv("DERMSTACK_JOBS", "3")
    assert Machine("cpu").way(NET, ["identity"], bfloat16=False).workers == 1
    assert Machine("cpu").way(NET, ["identity"], bfloat16=False).side_by_side == 2


@pytest.mark.parametrize(
    ("lent", "jobs", "pictures"),
    [
        (float("inf"), "1", 4.0), (64.0, "1", 4.0), (64.0, "4", 1.0),
        (5.0, "1", 3.0),  # two are left to the process
        (2.0, "1", 1.0), (2.0, "2", 0.5),  # half
    ],
)  # fmt: skip
def test_decoded_pictures_are_shared_and_leave_something_to_the_process(
    monkeypatch, lent, jobs, pictures
):
    monkeypatch.setattr(machine, "lent_memory_gb", lambda: lent)
    monkeypatch.setenv("DERMSTACK_JOBS", jobs)
    assert memory_gb() == pictures


def test_on_one_core_nobody_reads_beside_whoever_computes(there, monkeypatch):
    monkeypatch.setenv("DERMSTACK_CORES", "1")
    assert Machine("cpu").way(NET, ["identity"], bfloat16=False).workers == 0
    there("cuda")  # which computes elsewhere
    assert Machine("cuda").way(NET, ["identity"], bfloat16=False).workers == 1


def test_what_a_call_asks_of_the_machine_travels():
    class Call:
        device, deterministic, words = "cpu", True, {"devices": "2"}

    assert pickle.loads(pickle.dumps(Machine.of(Call()))) == Machine("cpu", True, 2)
