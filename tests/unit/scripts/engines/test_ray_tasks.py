"""What is asked of Ray, by a Ray that only answers; real nodes are in tests/e2e/test_engines.py."""

import socket
from pathlib import Path
from types import SimpleNamespace

import pytest
from ray import exceptions

from scripts.engines.attempts import Attempt, DiedError, ShortOfMemoryError
from scripts.engines.boot import Begin
from scripts.engines.ray_tasks import RayTasks
from workspace.errors import ArtifactError, ConfigError
from workspace.orders import Needs

ONE, TWO, SMALL = ("1" * 56, "2" * 56, "3" * 56)  # as Ray names nodes


def node(name, cpus, gpus=0, memory_gb=8, alive=True):
    resources = {"CPU": cpus, "memory": memory_gb * 2**30, **({"GPU": gpus} if gpus else {})}
    return {"NodeID": name, "Alive": alive, "Resources": resources, "NodeManagerHostname": name}


class Task:
    """Keeps the options with which it was begun."""

    def __init__(self):
        self.begun = []

    def options(self, **options):
        self.begun.append(options)
        return SimpleNamespace(remote=lambda begin: begin)


@pytest.fixture
def of(monkeypatch):
    monkeypatch.setenv("RAY_AUTH_MODE", "token")

    def tasks(*nodes, device="auto"):
        one = RayTasks("127.0.0.1:6379", device)
        one._ray = SimpleNamespace(nodes=lambda: list(nodes), shutdown=lambda: None)
        one._task = Task()
        return one

    return tasks


def begun(tasks, needs, **values):
    attempt = Attempt("runs/x/networks/0", needs, b"", **values)
    tasks.begin([attempt])
    [options] = tasks._task.begun
    return options


@pytest.mark.parametrize(
    ("needs", "cpus", "gpus", "memory_gb"),
    [
        (Needs(cores=1, memory_gb=2.0), 1, 0, 2),
        (Needs(memory_gb=3.0), 8, 0, 3),  # all cores: of the largest node that is alive
        (Needs(cores=16, memory_gb=64.0), 8, 0, 8),  # no task waits for what there is not
        (Needs(cores=2, gpus=1), 2, 1, 1),
        (Needs(cores=2, gpus=2), 2, 2, 1),  # DEVICES=2
    ],
)
def test_a_task_asks_for_what_it_needs(of, needs, cpus, gpus, memory_gb):
    tasks = of(node("small", 2), node("large", 8, gpus=2), node("dead", 64, alive=False))
    options = begun(tasks, needs)
    assert (options["num_cpus"], options["num_gpus"]) == (cpus, gpus)
    assert options["memory"] == memory_gb * 2**30
    assert options["name"] == "0"
    assert "scheduling_strategy" not in options
    assert tasks.environment(needs)["DERMSTACK_CORES"] == str(cpus)


def test_no_gpu_is_asked_for_where_there_is_none_or_none_is_wanted(of):
    gpu = Needs(cores=1, gpus=1)
    assert begun(of(node("one", 2)), gpu)["num_gpus"] == 0
    assert begun(of(node("one", 2, gpus=1), device="cpu"), gpu)["num_gpus"] == 0


@pytest.mark.parametrize(
    ("needs", "cpus", "memory_gb"),
    [
        (Needs(memory_gb=16.0), 64, 8),  # all cores: there is no more memory beside so many
        (Needs(cores=4, memory_gb=16.0), 4, 16),  # enough of both
        (Needs(memory_gb=16.0, gpus=1), 4, 16),  # all cores beside a GPU
    ],
)
def test_no_task_waits_for_what_only_two_nodes_together_have(of, needs, cpus, memory_gb):
    tasks = of(node("cores", 64, memory_gb=8), node("gpu", 4, gpus=1, memory_gb=32))
    options = begun(tasks, needs)
    assert (options["num_cpus"], options["memory"]) == (cpus, memory_gb * 2**30)
    assert tasks.environment(needs)["DERMSTACK_CORES"] == str(cpus)


def test_the_gpus_of_a_node_are_used_side_by_side(of):
    options = begun(of(node("gpus", 64, gpus=8)), Needs(memory_gb=4.0, gpus=1))
    assert (options["num_cpus"], options["num_gpus"]) == (8, 1)


def test_more_gpus_than_any_node_has_are_refused_and_not_waited_for(of):
    with pytest.raises(ConfigError) as refused:
        begun(of(node("one", 2, gpus=2), node("two", 2, gpus=2)), Needs(cores=1, gpus=4))
    assert str(refused.value) == (
        "DEVICES=4 are asked for, and no node of the Ray at 127.0.0.1:6379 has more than 2; take "
        "as many, or DEVICE=cpu."
    )


def test_what_died_goes_to_another_node_that_is_large_enough_if_there_is_one(of):
    nodes = (node(ONE, 4), node(TWO, 4), node(SMALL, 1))
    strategy = begun(of(*nodes), Needs(cores=2), avoid={ONE})["scheduling_strategy"]
    assert (strategy.node_id, strategy.soft) == (TWO, True)
    assert "scheduling_strategy" not in begun(of(*nodes), Needs(cores=2), avoid={ONE, TWO})


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (exceptions.OutOfMemoryError("killed"), ShortOfMemoryError),
        (exceptions.WorkerCrashedError(), DiedError),
    ],
)
def test_a_task_that_ray_killed_for_want_of_memory_is_told_from_others(of, error, kind):
    def get(handle):
        raise error

    tasks = of(node("one", 2))
    tasks._ray.get = get
    with pytest.raises(DiedError) as died:
        tasks.answer(Attempt("a task", Needs(), b""))
    assert (type(died.value), str(died.value)) == (kind, type(error).__name__)


def test_a_ray_without_a_core_is_named(of):
    with pytest.raises(ArtifactError) as refused:
        begun(of(node("head", 0)), Needs(cores=1))
    assert str(refused.value) == (
        "The Ray at 127.0.0.1:6379 has no node with a core; start one with 'ray start'."
    )


def test_where_nobody_answers_that_is_said_at_once(monkeypatch):
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    with socket.socket() as nobody:  # bound, so that nobody else is there
        nobody.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        with pytest.raises(ArtifactError) as refused:
            RayTasks(address, "auto").connect(Path(), Begin({}))
    assert str(refused.value) == (
        f"Nobody answers at ADDRESS={address} (Connection refused); begin a head there with "
        "'ray start --head' (docs/cluster.md)."
    )
