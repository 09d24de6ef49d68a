"""Where one core is lent, no stage has two threads that compute; by affinity and by a quota.

The whole proof is of every stage, each after those before it. CI's share is `make stack` where
nothing is yet: drawing, verify, folds, features, trainings, embeddings, boosters in one process.
"""

import json
import os
import re
import subprocess
import sys
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.faults.stages import RECIPE, STAGES, Stage, bring, of_the_makefile
from tests.launcher import ROOT
from tests.threads import Watch
from workspace.machine import ENVIRONMENT, POOLS

PLAN = Stage("plan", "plan", ("--set", "stack.networks=false"))  # as distill, which it plans too
WHOLE = (*STAGES, PLAN)
SHARE = (Stage("stack", "stack"),)
# Pairs of pictures are confirmed, and two boosters of a fold are made, side by side where there are
# cores for it.
OURS = f'base = "{RECIPE}"\n[verify]\nnear_duplicates = true\n[stack]\nseeds = 2\n'
MADE = {
    "features.build", "features.distances", "folds.audit.overlay", "folds.audit.pictures",
    "stacking.alignment.drift", "stacking.fold",
}  # fmt: skip
MADE_BY_OTHERS = {"models.inference.overlays", "models.input.folder", "pipeline.picture_page"}
NEVER_MADE = {
    "folds.audit.look_alikes", "folds.matching", "models.cascade.source_only",  # not in this recipe
    "models.inference.scores", "models.input.loader",  # not on one core
}  # fmt: skip
GROUPS = Path("/sys/fs/cgroup")
JOIN = 'echo $$ > "$0"/cgroup.procs; exec "$@"'
PIN = (
    "import os, sys; os.sched_setaffinity(0, {int(sys.argv[1])}); "
    "os.execvp(sys.argv[2], sys.argv[2:])"
)
# onnxruntime begins a thread when it is imported, torch.onnx one when it exports; both only sleep.
ASLEEP = {"export": 2}
# A thread hands its work to another and sleeps a moment later: for that moment there are two.
ALMOST_ONE = 1.5


@contextmanager
def affinity():
    """The words before a command that lend it the first core."""
    yield sys.executable, "-c", PIN, str(min(os.sched_getaffinity(0)))


@contextmanager
def quota():
    """Those that lend one core's time, by a control group for whoever may make one."""
    group = _group()
    if group is None:
        pytest.skip("no control group can be made here that limits the processor")
    try:
        yield "sh", "-c", JOIN, str(group)
    finally:
        _empty(group)
        group.rmdir()


def _empty(group):
    """What a stage began may end a moment after it; a group with a process cannot go."""
    for number in (group / "cgroup.procs").read_text().split():
        with suppress(OSError):  # it has ended
            (group.parent / "cgroup.procs").write_text(number)


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


def _proofs():
    for stages, mark in ((SHARE, pytest.mark.slow), (WHOLE, pytest.mark.whole)):
        for lending in (affinity, quota):
            name = f"{mark.name}-{lending.__name__}"
            yield pytest.param((lending, stages), id=name, marks=mark)


@pytest.fixture(scope="module", params=_proofs())
def watched(request, tmp_path_factory):
    """Of each stage how large its pools were, and who watched it."""
    lending, stages = request.param
    folder = tmp_path_factory.mktemp("one_core")
    (folder / "ours.toml").write_text(OURS, encoding="utf-8")
    with lending() as lent:
        return {stage.script: watch(folder, lent, stage) for stage in stages}


def watch(folder, lent, stage):
    """A stage in a process that begins anew, as a user's does."""
    bring(folder, stage)
    recipe = str(folder / "ours.toml") if stage.recipe == str(RECIPE) else stage.recipe
    words = replace(stage, recipe=recipe, jobs=None).words(folder)
    pools, output = folder / "pools.json", folder / "output.txt"
    environment = {n: v for n, v in os.environ.items() if n not in (*ENVIRONMENT, *POOLS)}
    environment["HF_HUB_OFFLINE"] = "1"  # the suite asks for weights, and would wait for a network
    with output.open("w") as file, subprocess.Popen(
        [*lent, sys.executable, "-m", "tests.threads", pools, stage.script, *words],
        cwd=ROOT, env=environment, stdout=file, stderr=file,
    ) as process:  # fmt: skip
        threads = Watch(process)
    assert process.returncode == 0, output.read_text()
    return SimpleNamespace(threads=threads, pools=json.loads(pools.read_text()))


def test_the_whole_proof_leaves_no_stage_out():
    assert {stage.name for stage in WHOLE} == set(of_the_makefile())


def test_every_pool_of_python_threads_is_known_here():
    assert _modules_with_a_pool() == MADE | MADE_BY_OTHERS | NEVER_MADE


def _modules_with_a_pool():
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for room in rooms
        for path in (ROOT / room).rglob("*.py")
        if re.search(r"ThreadPoolExecutor\(", path.read_text())
    }


def test_no_pool_is_larger_than_one(watched):
    larger = {
        (script, pool): threads
        for script, stage in watched.items()
        for pool, threads in stage.pools.items()
        if threads > 1
    }
    assert larger == {}


def test_the_pools_of_libraries_and_of_our_own_were_there(watched):
    pools = {pool for stage in watched.values() for pool in stage.pools}
    ours = MADE if len(watched) == len(SHARE) else MADE | MADE_BY_OTHERS
    assert pools & _modules_with_a_pool() == ours
    assert {"polars", "torch", "cv2"} <= pools


def test_of_the_threads_that_were_there_one_of_a_kind_did_work(watched):
    at_a_time = {script: stage.threads.at_a_time() for script, stage in watched.items()}
    several = {script: kinds for script, kinds in at_a_time.items() if max(kinds.values()) > 1}
    assert several == {}
    # A second thread of a library beside the main thread, or another process, has Python's name.
    assert not [script for script, kinds in at_a_time.items() if "python" in kinds]
    assert all("main" in kinds for kinds in at_a_time.values())


def test_no_library_began_a_thread_beside_the_one_that_called_it(watched):
    beside = {script: stage.threads.begun_by_libraries() for script, stage in watched.items()}
    assert beside == {script: ASLEEP.get(script, 0) for script in watched}


def test_one_thread_at_a_time_wants_the_core(watched):
    wanting = {script: stage.threads.wanting() for script, stage in watched.items()}
    assert {script: n for script, n in wanting.items() if n > ALMOST_ONE} == {}
