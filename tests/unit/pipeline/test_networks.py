"""Check 77: who trains on a GPU without the deterministic switches is told so, once."""

import pytest
import torch
from rich.console import Console

from models.nets.determinism import UNSWITCHED, VARIABLE
from pipeline.fold_network import _resumable
from pipeline.job import Job
from pipeline.machine import Machine, notice_unswitched
from pipeline.networks import notice_kept_unswitched
from pipeline.recipe import load_recipe
from reports.desk import ConsoleDesk
from tests.by_hand.pictures import PicturesByHand
from tests.by_hand.units import wanted_by
from workspace.hashing import HashMemory


@pytest.fixture
def job(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)  # nothing is sent there
    desk = ConsoleDesk(Console(record=True, width=200))

    def make(**values):
        recipe = load_recipe("sample", [])
        return Job("train-cnn", recipe, tmp_path, HashMemory(), desk, **values)

    return make


@pytest.fixture
def _switched_back(monkeypatch):
    monkeypatch.setenv(VARIABLE, ":4096:8")
    yield
    torch.use_deterministic_algorithms(False)
    torch.backends.cudnn.deterministic = False


def test_on_a_gpu_a_notice_says_that_training_is_not_repeatable(job):
    unswitched = job(device="cuda")
    for _ in range(2):
        assert unswitched.need(notice_unswitched).torch_device().type == "cuda"
    assert unswitched.desk.console.export_text() == f"notice: {UNSWITCHED}\n"


@pytest.mark.usefixtures("_switched_back")
@pytest.mark.parametrize("device", ["cuda", "cpu"])
def test_with_the_switches_there_is_none(job, device):
    switched = job(device=device, deterministic=True)
    assert switched.need(notice_unswitched).torch_device().type == device
    assert torch.are_deterministic_algorithms_enabled()
    assert switched.desk.console.export_text() == ""


def test_on_a_cpu_there_is_none_either(job):
    unswitched = job(device="cpu")
    assert unswitched.need(notice_unswitched).torch_device().type == "cpu"
    assert not torch.are_deterministic_algorithms_enabled()
    assert unswitched.desk.console.export_text() == ""


@pytest.mark.usefixtures("_switched_back")
def test_a_gpus_checkpoints_go_on_only_as_they_began_and_a_cpus_either_way(job):
    def settings(device):
        made = [job(device=device, deterministic=on) for on in (False, True)]
        wanted = wanted_by(made[0], "train-cnn", {"fold": 0}, {})
        return [_resumable(wanted, Machine.of(one)).settings for one in made]

    without, switched = settings("cuda")
    assert without == {"fold": 0, "device": "cuda", "torch": str(torch.__version__)}
    assert switched == without | {"deterministic": True}
    without, switched = settings("cpu")
    assert switched == without


@pytest.mark.parametrize(
    ("asked", "fact", "said"),
    [(True, False, 1), (False, False, 0), (True, True, 0), (True, None, 0)],
)
def test_a_network_that_cannot_be_repeated_is_kept_and_told_where_that_was_asked(
    tmp_path, asked, fact, said
):
    made = PicturesByHand(tmp_path)
    with made.making("networks", "flag_fold_0", stage="train-cnn") as draft:
        draft.facts |= {} if fact is None else {"repeatable": fact}
    unit = made.unit("networks", "flag_fold_0", stage="train-cnn")
    notice_kept_unswitched(made.job(deterministic=asked), [unit])
    line = f"notice: {unit.folder} was trained without DETERMINISTIC=1 on a GPU and is kept."
    assert made.lines() == [line] * said
