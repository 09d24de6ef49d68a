"""kill -9 of every stage at its boundaries and at random, the same command again, all bytes held
against those of an unbroken run.

A chain of kills: a stage dies before the first change that is of a new kind, is called again, dies
at the next, until it comes to its end. All is done in one folder, since a few files name it.
"""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from tests.faults.dying import Death, die, nothing
from tests.faults.stages import STAGES, Stage, bring
from tests.launcher import FORKING, files_of
from tests.manifests import hashes

LIMIT_S = 600.0  # a stage that takes longer hangs


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
    boundaries: int  # that an unbroken run has, by kind
    seconds: float  # of the unbroken run
    at_boundaries: int = 0
    at_random: int = 0
    at_once: int = 0  # calls of it side by side
    lost: list[str] = field(default_factory=list)  # files that differ at the end, or are left over


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
        self.process.start()

    def end(self) -> Ended:
        self.process.join(LIMIT_S)
        code = self.process.exitcode
        if code is None:
            self.process.kill()
            raise AssertionError("it hangs")
        said, complained = (file.read() for file in self._said)
        for file in self._said:
            file.close()
        return Ended(code, said, complained)


class Bench:
    """A folder in which stages are made, killed, and made again."""

    def __init__(self, folder: Path, seed: int = 0) -> None:
        self.folder = folder
        self.here = folder / "here"
        self.here.mkdir(parents=True)
        self._diary = folder / "diary"
        self._rng = np.random.default_rng(seed)

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

    def survive(self, stage: Stage, kills: int | None = None) -> Survived:
        """Make it, kill it at so many boundaries (None: at all), and call it to its end."""
        result, known, unbroken = self._unbroken(stage)
        if kills != 0:
            self._chained(result, self._some(known, kills), unbroken)
        self.restore("after")
        return result

    def survive_for(self, stage: Stage, seconds: float) -> Survived:
        """The same for about so long: two boundaries or more, then at random, then two calls."""
        until = time.monotonic() + seconds
        result, known, unbroken = self._unbroken(stage)
        idle = self._idle(stage)
        kills = max(2, int((until - time.monotonic() - result.seconds) / (3 * idle)))
        self._chained(result, self._some(known, kills), unbroken)
        while time.monotonic() < until and result.at_random < 3:
            self.restore("before")
            result.at_random += self._at_random(stage, len(known))
            result.lost += differing(unbroken, hashes(self.here)) + left_over(self.here)
        if time.monotonic() < until:
            self.restore("before")
            result.at_once = self._at_once(stage)
            result.lost += differing(unbroken, hashes(self.here)) + left_over(self.here)
        self.restore("after")
        return result

    def _unbroken(self, stage: Stage) -> tuple[Survived, list[str], dict[str, str]]:
        """What it is without a kill: its boundaries and its bytes."""
        bring(self.here, stage)
        self.keep("before")
        met, took = self.make(stage)
        self.keep("after")
        known = list(dict.fromkeys(met))
        return Survived(stage, len(known), took), known, hashes(self.here)

    def _chained(
        self, result: Survived, at: list[str] | None, unbroken: dict[str, str]
    ) -> None:  # fmt: skip
        self.restore("before")
        result.at_boundaries = self._chain(result.stage, at)
        result.lost += differing(unbroken, hashes(self.here)) + left_over(self.here)

    def _idle(self, stage: Stage) -> float:
        """Called again, it does nothing; the seconds that this takes."""
        began = time.monotonic()
        ended = Call(stage, self.here, self._death(())).end()
        assert ended.code == 0, (stage, ended)
        return time.monotonic() - began

    def _at_once(self, stage: Stage) -> int:
        """Two calls that begin together and share the folder."""
        calls = [Call(stage, self.here, self._death(())) for _ in range(2)]
        for ended in [call.end() for call in calls]:
            assert ended.code == 0, (stage, ended)
        return len(calls)

    def _some(self, known: Sequence[str], kills: int | None) -> list[str] | None:
        if kills is None or kills >= len(known):
            return None
        return self._rng.choice(known, kills, replace=False).tolist()

    def _chain(self, stage: Stage, at: list[str] | None) -> int:
        """Die at the next of these boundaries, called again, until it comes to its end."""
        spared = []
        while (ended := Call(stage, self.here, self._death(at, spared)).end()).code:
            assert ended.code == -signal.SIGKILL, (stage, spared[-1:], ended)
            spared.append(self._diary.read_text().splitlines()[-1])
        return len(spared)

    def _at_random(self, stage: Stage, most: int) -> int:
        """Killed three times a moment after so many changes, then called to its end."""
        kills = 0
        for _ in range(3):
            changes, moment = self._rng.integers(0, most), self._rng.uniform(0, 0.3)
            call = Call(stage, self.here, self._death(()))
            before = files_of(self.here)
            while call.process.is_alive() and len(before ^ files_of(self.here)) < changes:
                time.sleep(0.002)
            call.process.join(moment)
            call.process.kill()
            ended = call.end()
            assert ended.code in (0, -signal.SIGKILL), (stage, ended)
            kills += ended.code != 0
        ended = Call(stage, self.here, self._death(())).end()
        assert ended.code == 0, (stage, ended)
        return kills


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
