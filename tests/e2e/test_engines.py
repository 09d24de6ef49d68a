"""The sample pipeline on two Ray nodes and as SLURM's jobs: the bytes of one process."""

import json
import shutil
import signal
from pathlib import Path

import pytest

from tests.e2e.test_jobs import alone, at_same_data, hashes, wait_until  # noqa: F401 - a fixture
from tests.multimodal import NETWORKS, TINY
from tests.ray_nodes import two_nodes

SLURM = ("--engine", "slurm", "--address", "local")


@pytest.fixture(scope="module")
def nodes():
    with two_nodes() as begun:
        yield begun


def start(place, stage, *extra, **environment):
    # As many at a time as nodes; each has the threads that it was lent.
    return place.start(stage, *extra, settings=TINY, OMP_NUM_THREADS="2", **environment)


def ended(process, code=0):
    said, complained = process.communicate(timeout=900)
    assert process.returncode == code, said + complained
    return said, complained


def by_ray(nodes):
    return "--engine", "ray", "--address", nodes.address


def no_trace(place):
    """Neither lock nor draft, nor what a call and its workers tell one another."""
    assert not [path for path in place.run.rglob(".*") if path.name != ".hashes.json"]


def with_folds(other, folder):
    """A run of its own that has what comes before the networks."""
    place = at_same_data(other, folder)
    for unit in ("samples", "folds"):
        shutil.copytree(other.run / unit, place.run / unit)
    return place


def networks(place):
    return {
        name: digest for name, digest in hashes(place.run).items() if name.startswith("networks/")
    }


@pytest.mark.slow
def test_two_ray_nodes_leave_what_one_process_does_to_the_byte(alone, nodes, tmp_path):  # noqa: F811
    place = at_same_data(alone, tmp_path)
    ended(start(place, "submission", *by_ray(nodes), **nodes.environment))
    assert hashes(place.run) == hashes(alone.run)
    no_trace(place)


@pytest.mark.whole
def test_slurms_jobs_leave_what_one_process_does_to_the_byte(alone, tmp_path):  # noqa: F811
    place = at_same_data(alone, tmp_path)
    ended(start(place, "submission", *SLURM))
    assert hashes(place.run) == hashes(alone.run)
    no_trace(place)


@pytest.mark.slow
def test_slurms_jobs_leave_the_networks_of_one_process(alone, tmp_path):  # noqa: F811
    place = with_folds(alone, tmp_path)
    ended(start(place, "train_cnn", "--fold", "0", *SLURM))
    made = networks(place)
    assert {name.split("/")[1] for name in made} == {f"{name}_fold_0" for name in NETWORKS}
    assert made.items() <= networks(alone).items()
    no_trace(place)


@pytest.mark.slow
def test_a_call_that_finds_all_done_asks_no_node(alone):  # noqa: F811
    # Nobody listens there, and no token is set: whoever asked would be refused.
    nobody = ("--engine", "ray", "--address", "127.0.0.1:1")
    said, _ = ended(start(alone, "train_cnn", *nobody, RAY_AUTH_MODE="token"))
    assert "up to date" in said


@pytest.mark.slow
@pytest.mark.parametrize(("name", "number"), [("ray", signal.SIGINT), ("slurm", signal.SIGTERM)])
def test_a_stopped_call_ends_its_workers_cleanly(alone, nodes, tmp_path, name, number):  # noqa: F811
    place = with_folds(alone, tmp_path)
    engine = by_ray(nodes) if name == "ray" else SLURM
    process = start(place, "train_cnn", *engine, **nodes.environment)
    worker = Path("/proc", str(owner(place, lambda pid: True)))
    process.send_signal(number)
    ended(process, 128 + number)
    wait_until(lambda: not worker.exists())
    assert not [path for path in place.run.rglob(".*") if path.suffix in (".lock", ".tmp")]


@pytest.mark.slow
def test_a_killed_nodes_networks_are_made_on_the_other(alone, nodes, tmp_path):  # noqa: F811
    place = with_folds(alone, tmp_path)
    process = start(place, "train_cnn", *by_ray(nodes), **nodes.environment)
    owner(place, lambda pid: pid in nodes.pids(1))
    nodes.kill(1)
    said, _ = ended(process)
    assert "died with its process on" in said
    assert networks(place) == networks(alone)
    no_trace(place)


def owner(place, wanted):
    """Who makes a network now, of those that are wanted."""
    pids = []

    def there():
        for path in (place.run / "networks").glob(".*.lock"):
            try:
                pid = json.loads(path.read_text())["pid"]
            except (OSError, ValueError):
                continue
            if wanted(pid):
                pids.append(pid)
        return pids

    wait_until(there)
    return pids[0]
