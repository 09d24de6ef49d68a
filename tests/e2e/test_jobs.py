"""Several processes at one run: JOBS=2, two calls at once, a worker that is killed."""

import json
import os
import re
import signal
import time
from pathlib import Path

import pytest

from tests.manifests import hashes
from tests.multimodal import TINY
from tests.stages import Place


def start(place, stage, *extra):
    return place.start(stage, *extra, settings=TINY, OMP_NUM_THREADS="1")


def call(place, stage, *extra, code=0):
    return place.call(stage, *extra, settings=TINY, code=code, OMP_NUM_THREADS="1")


def begun(text):
    """The units that a call says it makes, by name."""
    many = re.findall(r"^[a-z-]+: \d+ of \d+, (\S+?)(?:, about .* left)?\.$", text, re.M)
    one = re.findall(r"^[a-z-]+: making (\S+)\.$", text, re.M)
    return [*many, *(Path(name).name for name in one)]


def wait_until(holds, seconds=120.0):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if holds():
            return
        time.sleep(0.02)
    raise AssertionError("it did not happen")


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The whole run by one process, which the others are held against."""
    place = Place(tmp_path_factory.mktemp("alone"))
    call(place, "submission")
    return place


def at_same_data(alone, folder):
    """A run of its own, of the same data under the same name."""
    place = Place(folder)
    place.data.symlink_to(alone.data)
    return place


@pytest.mark.slow
def test_two_jobs_leave_what_one_does_to_the_byte(alone, tmp_path):
    place = at_same_data(alone, tmp_path)
    done = call(place, "submission", "--jobs", "2")
    assert hashes(place.run) == hashes(alone.run)
    assert not list(place.run.rglob(".*.lock"))
    assert not list(place.run.rglob("*.tmp"))
    # A line for each unit, and none twice.
    assert len(begun(done.stdout)) == len(list(place.run.rglob("manifest.json")))


@pytest.mark.slow
def test_two_calls_on_one_run_share_the_work_and_a_killed_worker_loses_its_unit_alone(
    alone, tmp_path
):
    place = at_same_data(alone, tmp_path)
    call(place, "folds")
    networks = place.run / "networks"
    # A worker is killed at its first network; the other's is finished and kept.
    first = start(place, "train_cnn", "--jobs", "2")
    wait_until(lambda: len(list(networks.glob(".*.lock"))) == 2)
    [killed, other] = sorted(networks.glob(".*.lock"))
    wait_until(killed.read_text)
    os.kill(json.loads(killed.read_text())["pid"], signal.SIGKILL)
    _, errors = first.communicate(timeout=300)
    name = killed.name[1:].removesuffix(".lock")
    assert first.returncode == 2
    assert errors == (
        f"train-cnn: The process that made {networks / name} was killed, perhaps for want of "
        "memory; what others finish is kept. The same command goes on; fewer JOBS= need less "
        "memory.\n"
    )
    kept = networks / other.name[1:].removesuffix(".lock") / "manifest.json"
    before = kept.stat().st_mtime_ns
    assert not (networks / name).exists()
    # Two calls at once go on from there.
    calls = [start(place, "submission"), start(place, "submission")]
    ended = [process.communicate(timeout=600) for process in calls]
    assert [process.returncode for process in calls] == [0, 0], ended
    assert kept.stat().st_mtime_ns == before
    assert hashes(place.run) == hashes(alone.run)
    assert "is being made by pid" in ended[0][0] + ended[1][0]
    by_unit = [
        line for text, _ in ended for line in re.findall(r"^.*took over from.*$", text, re.M)
    ]
    assert len(by_unit) <= 1
