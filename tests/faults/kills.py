"""kill -9 of every stage at its boundaries and at random, the same command again, all bytes held
against those of an unbroken run.

A chain of kills: a stage dies before the first change that is of a new kind, is called again, dies
at the next, until it comes to its end. All is done in one folder, since a few files name it.
Benches may stand side by side, each in a thread of its own.
"""

import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from multiprocessing import connection
from pathlib import Path

import numpy as np

from tests.faults.dying import Death, die, nothing
from tests.faults.stages import STAGES, Stage, bring
from tests.launcher import FORKING
from tests.manifests import hashes

LIMIT_S = 600.0  # a stage that takes longer hangs
ROUNDS = 3  # of three kills at random each
# Whether a hash is remembered hangs on how old the file is: no call is sure to write them.
BY_AGE = ".hashes.json"
# Each start looks after all other children, and two that read one's end would both misread it.
CHILDREN = threading.Lock()


@dataclass(frozen=True)
class Ended:
    """How a call ended."""

    code: int
    said: str
    complained: str


@dataclass
class Survived:
    """What became of a stage that was killed so often."""

    stage: Stage
    kinds: list[str]  # of the boundaries that an unbroken run meets
    seconds: float  # of the unbroken run
    chosen: list[str] = field(default_factory=list)  # of them, where not all were asked for
    killed: list[str] = field(default_factory=list)  # where it died; a killed run meets others too
    at_random: int = 0
    at_once: int = 0  # calls of it side by side
    lost: list[str] = field(default_factory=list)  # files that differ at the end, or are left over

    @property
    def spared(self) -> list[str]:
        """Kinds at which it never died."""
        return [kind for kind in self.kinds if kind not in self.killed]


class Call:
    """A stage in a process of its own that may die."""

    def __init__(
        self, stage: Stage, folder: Path, death: Death, first: Callable[[], None] = nothing
    ) -> None:
        self._said = [tempfile.NamedTemporaryFile("r") for _ in range(2)]  # noqa: SIM115
        names = tuple(file.name for file in self._said)
        environment = {**os.environ, "COLUMNS": "200", "HF_HUB_OFFLINE": "1"}
        arguments = (first, death, stage.script, stage.words(folder), environment, names)
        self.process = FORKING.Process(target=die, args=arguments)
        with CHILDREN:
            self.process.start()

    def has_ended(self, seconds: float = 0.0) -> bool:
        """Now, or within so long."""
        return bool(connection.wait([self.process.sentinel], seconds))

    def end(self) -> Ended:
        if not self.has_ended(LIMIT_S):
            self.process.kill()
            raise AssertionError("it hangs")
        with CHILDREN:
            self.process.join()
            code = self.process.exitcode
        assert code is not None
        said, complained = (file.read() for file in self._said)
        for file in self._said:
            file.close()
        return Ended(code, said, complained)


def _import_all() -> None:
    """So that no stage's seconds count what the first process waits for."""
    with CHILDREN:
        first = FORKING.Process(target=nothing)
        first.start()
        first.join()


class Bench:
    """A folder in which stages are made, killed, and made again."""

    def __init__(self, folder: Path, seed: int = 0) -> None:
        self.folder = folder
        self.here = folder / "here"
        self.here.mkdir(parents=True)
        self._diary = folder / "diary"
        self._rng = np.random.default_rng(seed)
        self._made = 0  # stages, in the order that there is
        _import_all()

    def catch_up(self, number: int) -> None:
        """Make what comes before the stage of this number and lacks here."""
        for stage in STAGES[self._made : number]:
            self._unbroken(stage)

    def make(self, stage: Stage) -> tuple[list[str], float]:
        """Unbroken; the boundaries that it met, and its seconds."""
        began = time.monotonic()
        ended = Call(stage, self.here, self._death(())).end()
        assert ended.code == 0, (stage, ended)
        return self._diary.read_text().splitlines(), time.monotonic() - began

    def _death(self, at: Sequence[str] | None, spared: Sequence[str] = ()) -> Death:
        self._diary.unlink(missing_ok=True)
        at = None if at is None else frozenset(at)
        return Death(self.here, at, frozenset(spared), self._diary)

    def call(self, script: str, first: Callable[[], None] = nothing, *extra: str) -> Ended:
        """The stage of this script, in a process that does something first."""
        [stage] = [one for one in STAGES if one.script == script]
        stage = replace(stage, extra=(*stage.extra, *extra))
        return Call(stage, self.here, self._death(()), first).end()

    def keep(self, name: str) -> None:
        """As it is now, to come back to."""
        shutil.rmtree(self.folder / name, ignore_errors=True)
        shutil.copytree(self.here, self.folder / name)

    def restore(self, name: str) -> None:
        """As it was."""
        shutil.rmtree(self.here)
        shutil.copytree(self.folder / name, self.here)

    def survive(self, stage: Stage, kills: int) -> Survived:
        """Make it, kill it at so many boundaries, and call it to its end."""
        result, unbroken = self._unbroken(stage)
        result.chosen = self._some([kind for kind in result.kinds if BY_AGE not in kind], kills)
        self._passed_by(result, unbroken, result.chosen, inf)
        self.restore("after")
        return result

    def survive_for(self, stage: Stage, seconds: float) -> Survived:
        """Two calls at once, then in so long killed at all boundaries, then at random."""
        until = time.monotonic() + seconds
        result, unbroken = self._unbroken(stage)
        self._compared(result, unbroken, self._at_once)
        self._compared(result, unbroken, lambda one: self._chain(one, until))
        self._passed_by(result, unbroken, result.spared, until)
        for _ in range(ROUNDS):
            if time.monotonic() < until:
                self._compared(result, unbroken, self._at_random)
        self.restore("after")
        return result

    def _unbroken(self, stage: Stage) -> tuple[Survived, dict[str, str]]:
        """What it is without a kill: its boundaries and its bytes."""
        bring(self.here, stage)
        self.keep("before")
        met, took = self.make(stage)
        self.keep("after")
        self._made = STAGES.index(stage) + 1
        return Survived(stage, list(dict.fromkeys(met)), took), hashes(self.here)

    def _compared(
        self, result: Survived, unbroken: dict[str, str], harm: Callable[[Survived], None]
    ) -> None:  # fmt: skip
        """From the beginning, with this harm; and is it as it would have been?"""
        self.restore("before")
        harm(result)
        result.lost += differing(unbroken, hashes(self.here)) + left_over(self.here)

    def _at_once(self, result: Survived) -> None:
        """Two calls that begin together and share the folder."""
        calls = [Call(result.stage, self.here, self._death(())) for _ in range(2)]
        for ended in [call.end() for call in calls]:
            assert ended.code == 0, (result.stage, ended)
        result.at_once += len(calls)

    def _passed_by(
        self, result: Survived, unbroken: dict[str, str], at: list[str], until: float
    ) -> None:
        """A call that goes on need not come by all of these: from the beginning, until each had
        its kill, or a chain meets none of them.
        """
        while at and time.monotonic() < until:
            self._compared(result, unbroken, lambda one, at=at: self._chain(one, until, at))
            left = [kind for kind in at if kind not in result.killed]
            if left == at:
                break
            at = left

    def _chain(self, result: Survived, until: float, at: Sequence[str] | None = None) -> None:
        """Die at the next boundary, of these alone or any, until it comes to its end."""
        began, spared = time.monotonic(), []
        while True:
            now = time.monotonic()
            room = (until - now) * len(spared) / (now - began) if spared else inf
            wanted = result.spared if at is None else at
            some = self._some(wanted, room)
            # Where there is room for all, at those too that only a killed run meets.
            ahead = None if at is None and len(some) == len(wanted) else some
            ended = Call(result.stage, self.here, self._death(ahead, spared)).end()
            if ended.code == 0:
                return
            assert ended.code == -signal.SIGKILL, (result.stage, spared[-1:], ended)
            spared.append(self._diary.read_text().splitlines()[-1])
            result.killed.append(spared[-1])
            if len(result.killed) % 50 == 0:
                print(f"{result.stage.script}: killed {len(result.killed)} times", flush=True)

    def _some(self, kinds: Sequence[str], room: float) -> list[str]:
        """All of them, or so many as there is room for."""
        if room >= len(kinds):
            return list(kinds)
        return self._rng.choice(kinds, max(0, int(room)), replace=False).tolist()

    def _at_random(self, result: Survived) -> None:
        """Killed three times, within the time of an unbroken run, then called to its end."""
        for _ in range(3):
            call = Call(result.stage, self.here, self._death(()))
            call.has_ended(self._rng.uniform(0, result.seconds / 3))
            call.process.kill()
            ended = call.end()
            assert ended.code in (0, -signal.SIGKILL), (result.stage, ended)
            result.at_random += ended.code != 0
        ended = Call(result.stage, self.here, self._death(())).end()
        assert ended.code == 0, (result.stage, ended)


# SQLite writes when a trial began; a suite's page states the seconds of each training.
NO_BYTES = ("studies.db", *(f"suite/leaderboard/{name}" for name in (
    "leaderboard.html", "leaderboard.json", "manifest.json",
)))  # fmt: skip


def differing(unbroken: dict[str, str], resumed: dict[str, str]) -> list[str]:
    """Files that are not as in the unbroken run."""
    names = unbroken.keys() | resumed.keys()
    wrong = (name for name in names if unbroken.get(name) != resumed.get(name))
    return sorted(name for name in wrong if not name.endswith(NO_BYTES))


def left_over(folder: Path) -> list[str]:
    """Half files and locks, which nobody holds any more."""
    paths = sorted(path for path in folder.rglob("*") if path.name.endswith((".tmp", ".lock")))
    return [path.relative_to(folder).as_posix() for path in paths]
