"""Running stages as users do: in a process of their own, small sample, private folders."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.launcher import ROOT, StageProcess

SMALL = ("synthetic.patients=16", "synthetic.rows=160", "synthetic.positives=24")


@dataclass(frozen=True)
class Place:
    """A data folder and a run folder of one test."""

    folder: Path

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def run(self) -> Path:
        return self.folder / "run"

    def start(
        self, stage: str, *extra: str, settings: tuple[str, ...] = SMALL, **environment: str
    ) -> StageProcess | subprocess.Popen[str]:
        settings = (*settings, f"data.folder={self.data}")
        chosen = [word for setting in settings for word in ("--set", setting)]
        words = ["--run", str(self.run), *chosen, *extra]
        ours = os.environ.items() >= environment.items()
        environment = {**os.environ, "COLUMNS": "200", **environment}
        if ours:
            return StageProcess(stage, words, environment)
        # Libraries read their environment when they are loaded; with another one they load anew.
        return subprocess.Popen(
            [sys.executable, "-m", f"scripts.{stage}", *words],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip

    def call(
        self, stage: str, *extra: str, code: int = 0, **options: object
    ) -> subprocess.CompletedProcess[str]:
        with self.start(stage, *extra, **options) as process:
            said, complained = process.communicate(timeout=600)
        assert process.returncode == code, said + complained
        return subprocess.CompletedProcess(stage, code, said, complained)

    def fold_hash(self, *extra: str, **options: object) -> str:
        found = re.search(r"\(hash ([0-9a-f]{12})\)", self.call("folds", *extra, **options).stdout)
        assert found is not None
        return found[1]
