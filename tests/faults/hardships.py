"""A run on a machine that fails it: each fault made, what the stages said, what is lost.

All begin from nothing or from the finished run, and end, once the fault is over, in its bytes.
"""

import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial

from tests.faults import machine
from tests.faults.dying import nothing
from tests.faults.kills import Bench, Ended, differing
from tests.manifests import hashes

STEPS = ("64k", "400k", "1m", "3m", "6m", "60m")  # a disk that grows until all has room
SIZES = (5_000, 20_000, 150_000)  # bytes that a file may have, what a stage says too
GROUPS = ((60, 1), (120, 1), (400, 2), (600, 2))  # megabytes and JOBS
ROOMY = 2**40  # bytes, of a group that is to be measured
SHARES = (0.8, 0.7, 0.6, 0.5, 0.4, 0.3)  # of what was measured
WHOLE = "submission"  # the stage that makes all that a run is made for


@dataclass(frozen=True)
class Hardship:
    """What was made, and what came of it."""

    fault: str
    where: str
    happened: str
    lost: list[str]


def full_disk(bench: Bench, unbroken: Mapping[str, str], whole: str = WHOLE) -> Hardship:
    """A file system that is full again and again, and grows; the same command each time."""
    refusals = []
    with _empty(bench), machine.disk(bench.here, STEPS[0]):
        for size in STEPS:
            machine.remount(bench.here, f"size={size}")
            ended = bench.call(whole)
            if ended.code:
                refusals.append(_one_line(ended, machine.FULL))
        assert ended.code == 0, ended
        lost = _lost(bench, unbroken)
    assert refusals
    return Hardship(
        "disk full (a tmpfs of so much room)", f"make {whole}, all of it",
        f"{len(refusals)} times one line, exit code 2; with room the same command goes on", lost,
    )  # fmt: skip


def small_files(bench: Bench, unbroken: Mapping[str, str], whole: str = WHOLE) -> Hardship:
    """The kernel refuses to let a file grow (RLIMIT_FSIZE)."""
    with _empty(bench):
        for size in SIZES:
            ended = bench.call(whole, partial(machine.file_limit, size))
            _one_line(ended, machine.LARGE)
        ended = bench.call(whole)
        assert ended.code == 0, ended
        lost = _lost(bench, unbroken)
    return Hardship(
        "no file may grow (RLIMIT_FSIZE)", f"make {whole}, all of it",
        f"{len(SIZES)} times one line, exit code 2; without the limit the same command goes on",
        lost,
    )  # fmt: skip


def read_only(
    bench: Bench, unbroken: Mapping[str, str], scripts: tuple[str, ...], whole: str = WHOLE
) -> Hardship:
    """An unfinished run, and then a finished one, on a file system that may only be read."""
    said = []
    with _empty(bench), machine.disk(bench.here, STEPS[-1]):
        assert bench.call("verify").code == 0
        machine.remount(bench.here, "ro")
        said.append(_one_line(bench.call(whole), machine.READ_ONLY))
        machine.remount(bench.here, "rw")
        assert bench.call(whole).code == 0
        machine.remount(bench.here, "ro")
        for script in scripts:
            ended = bench.call(script)
            if ended.code:
                said.append(_one_line(ended, machine.READ_ONLY))
        lost = _lost(bench, unbroken)
    return Hardship(
        "file system read-only", f"make {whole}, then {', '.join(scripts)}",
        f"{len(said)} times one line, exit code 2; {len(scripts) + 1 - len(said)} times all is up "
        "to date", lost,
    )  # fmt: skip


def clock(bench: Bench, unbroken: Mapping[str, str], whole: str = WHOLE) -> Hardship:
    """The wall's clock is another at each look (`time.time` of the stage's process)."""
    with _empty(bench):
        ended = bench.call(whole, partial(machine.wandering_clock, 0))
        assert ended.code == 0, ended
        lost = _lost(bench, unbroken)
    return Hardship(
        "clock set back and forward, up to a year, at each look", f"make {whole}, all of it",
        "nothing: no result looks at it", lost,
    )  # fmt: skip


def file_times(bench: Bench, unbroken: Mapping[str, str], scripts: tuple[str, ...]) -> Hardship:
    """Files of next year, and of 1980, as after a clock that was wrong."""
    lost = []
    for seconds in (time.time() + 3e7, 3.2e8):
        bench.restore("after")
        machine.set_times(bench.here, seconds)
        before = _makings(bench)
        for script in scripts:
            ended = bench.call(script)
            assert ended.code == 0, ended
        assert _makings(bench) == before, "made anew"
        lost += _lost(bench, unbroken)
    return Hardship(
        "all files dated next year, then 1980", f"make {', '.join(scripts)}",
        "nothing is made anew: contents count, not times", lost,
    )  # fmt: skip


def out_of_memory(
    bench: Bench, unbroken: Mapping[str, str], groups: Sequence[tuple[int, int]] = GROUPS,
    whole: str = WHOLE,
) -> Hardship:  # fmt: skip
    """The kernel ends whoever takes most of a group's memory: nearly always the stage itself."""
    killed, lines = 0, 0
    with _empty(bench):
        for size, jobs in groups:
            ended, _ = _in_group(bench, whole, size * 2**20, jobs, workers=False)
            lines += _names_a_killed_worker(ended)
            killed += ended.code == -signal.SIGKILL
        assert bench.call(whole).code == 0
        lost = _lost(bench, unbroken)
    assert killed
    return Hardship(
        "out of memory (groups of " + ", ".join(f"{size} MB" for size, _ in groups) + "; the "
        "kernel chooses)", f"make {whole}, JOBS=1 and 2",
        f"the stage was killed {killed} times, a worker {lines}; the same command goes on", lost,
    )  # fmt: skip


def worker_out_of_memory(
    bench: Bench, unbroken: Mapping[str, str], whole: str = WHOLE
) -> Hardship:  # fmt: skip
    """The kernel ends a worker of two: it may choose among these alone, in a group that has less
    and less of what the call was measured to take, each time from nothing.
    """
    with _empty(bench):
        ended, peak = _in_group(bench, whole, ROOMY, 2, workers=True)
        assert ended.code == 0, ended
        for share in SHARES:
            bench.restore("nothing")
            ended, _ = _in_group(bench, whole, int(share * peak), 2, workers=True)
            if _names_a_killed_worker(ended):
                break
        assert ended.code == 2, ended
        assert bench.call(whole, nothing, "--jobs", "2").code == 0
        lost = _lost(bench, unbroken)
    return Hardship(
        f"out of memory (a group of {share:.0%} of the {peak / 2**20:.0f} MB that the call takes; "
        "oom_score_adj leaves the kernel the workers)", f"make {whole}, JOBS=2",
        "the kernel killed a worker; the stage said one line, exit code 2; the same command goes "
        "on", lost,
    )  # fmt: skip


def _in_group(
    bench: Bench, whole: str, size: int, jobs: int, *, workers: bool
) -> tuple[Ended, int]:
    """The stage in a memory group, of which the kernel ends `workers` first; what it took."""
    with machine.memory_group(f"dermstack_{os.getpid()}", size) as group:
        with machine.workers_first(group) if workers else nullcontext():
            ended = bench.call(whole, partial(machine.join_group, group), "--jobs", str(jobs))
        _until_empty(group / "cgroup.procs")
        return ended, machine.peak_of_group(group)


def _names_a_killed_worker(ended: Ended) -> bool:
    assert ended.code in (0, 2, -signal.SIGKILL), ended
    if ended.code == 2:
        _one_line(ended, machine.WORKER)
    return ended.code == 2


def _until_empty(group: object) -> None:
    for _ in range(200):
        if not group.read_text().split():
            return
        time.sleep(0.05)


@contextmanager
def _empty(bench: Bench) -> Iterator[None]:
    """The bench's folder without anything, and afterwards the finished run again."""
    bench.restore("nothing")
    try:
        yield
    finally:
        bench.restore("after")


def _one_line(ended: Ended, form: object) -> str:
    """Of the stage's own line; that the log goes without is a notice."""
    assert ended.code == 2, ended
    [line] = [one for one in ended.complained.splitlines() if not one.startswith("notice: ")]
    assert form.match(line), ended
    return line


def _makings(bench: Bench) -> dict[str, int]:
    """Of each unit the file that appeared when it was made."""
    return {str(path): path.stat().st_ino for path in bench.here.rglob("manifest.json")}


def _lost(bench: Bench, unbroken: Mapping[str, str]) -> list[str]:
    """Files that are there and differ from the finished run's."""
    digests = hashes(bench.here)
    return differing({name: unbroken.get(name, "") for name in digests}, digests)
