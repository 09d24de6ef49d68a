"""Where one core is lent, no stage has two threads that compute; by affinity and by a quota."""

import json
import os
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.launcher import ROOT
from tests.multimodal import TINY
from tests.stages import Place
from tests.threads import Watch
from workspace.machine import ENVIRONMENT, POOLS

pytestmark = pytest.mark.slow

STAGES = (
    ("sample",), ("verify",), ("eda",), ("folds",), ("features",), ("train_cnn",), ("embed",),
    ("stack",), ("tune", "--trials", "2"), ("audit",), ("submission",), ("report",), ("export",),
)  # fmt: skip
FEW = (("folds",), ("train_cnn",), ("stack",))  # with what each needs first: of every pool once
GROUPS = Path("/sys/fs/cgroup")
# A thread hands its work to another and sleeps a moment later: for that moment there are two.
ALMOST_ONE = 1.5


@contextmanager
def affinity():
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield ()  # what is begun now has it from here
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def quota():
    """A control group of one core's time, for whoever may make one."""
    group = _group()
    if group is None:
        pytest.skip("no control group can be made here that limits the processor")
    try:
        yield "sh", "-c", f'echo $$ > {group}/cgroup.procs; exec "$@"', "sh"
    finally:
        group.rmdir()


def _group():
    """Of version 2 or 1."""
    for above, file, text in (
        (GROUPS, "cpu.max", "100000 100000"), (GROUPS / "cpu", "cpu.cfs_quota_us", "100000"),
    ):  # fmt: skip
        group = above / f"dermstack_test_{os.getpid()}"
        if (above / "cgroup.procs").exists():
            with suppress(OSError):
                group.mkdir()
                if (group / file).exists():
                    (group / file).write_text(text)
                    return group
                group.rmdir()
    return None


@pytest.fixture(
    scope="module", params=[(affinity, STAGES), (quota, FEW)], ids=["affinity", "quota"]
)
def seen(request, tmp_path_factory):
    """Of each stage what its pools said, and who watched it."""
    place = Place(tmp_path_factory.mktemp("place"))
    lent, stages = request.param
    with lent() as before:
        return {stage: watched(place, before, stage, *extra) for stage, *extra in stages}


def watched(place, before, stage, *extra):
    """A stage in a process that begins anew, as a user's does."""
    settings = [word for one in (*TINY, f"data.folder={place.data}") for word in ("--set", one)]
    pools, said = place.folder / "pools.json", place.folder / "said.txt"
    ours = {n: v for n, v in os.environ.items() if n not in (*ENVIRONMENT, *POOLS)}
    with said.open("w") as file, subprocess.Popen(
        [*before, sys.executable, "-m", "tests.threads", pools, stage, "--run", place.run,
         *settings, *extra],
        cwd=ROOT, env=ours, stdout=file, stderr=file,
    ) as process:  # fmt: skip
        watch = Watch(process)
    assert process.returncode == 0, said.read_text()
    return SimpleNamespace(watch=watch, pools=json.loads(pools.read_text()))


def test_no_pool_is_larger_than_one(seen):
    larger = {
        (stage, pool): threads
        for stage, one in seen.items()
        for pool, threads in one.pools.items()
        if threads > 1
    }
    assert larger == {}
    asked = {pool for one in seen.values() for pool in one.pools}
    assert {"polars", "torch", "cv2", "stacking.fold", "folds.audit.pictures"} <= asked


def test_of_the_threads_that_were_there_one_of_a_kind_did_work(seen):
    at_a_time = {stage: one.watch.at_a_time() for stage, one in seen.items()}
    several = {stage: kinds for stage, kinds in at_a_time.items() if max(kinds.values()) > 1}
    assert several == {}
    # A second thread of a library beside the main thread, or another process, has Python's name.
    assert not [stage for stage, kinds in at_a_time.items() if "python" in kinds]
    assert all("main" in kinds for kinds in at_a_time.values())


def test_one_thread_at_a_time_wants_the_core(seen):
    wanting = {stage: one.watch.wanting() for stage, one in seen.items()}
    assert {stage: n for stage, n in wanting.items() if n > ALMOST_ONE} == {}
