"""Running stages as users do: in a process of their own, small sample, private folders."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
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

    def command(self, stage: str, *extra: str, settings: tuple[str, ...] = SMALL) -> list[str]:
        settings = (*settings, f"data.folder={self.data}")
        chosen = [word for setting in settings for word in ("--set", setting)]
        return [sys.executable, "-m", f"scripts.{stage}", "--run", str(self.run), *chosen, *extra]

    def call(
        self,
        stage: str,
        *extra: str,
        code: int = 0,
        settings: tuple[str, ...] = SMALL,
        **environment: str,
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self.command(stage, *extra, settings=settings),
            cwd=ROOT, capture_output=True, text=True, check=False, timeout=600,
            env={**os.environ, "COLUMNS": "200", **environment},
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def fold_hash(self, *extra: str, **options: object) -> str:
        found = re.search(r"\(hash ([0-9a-f]{12})\)", self.call("folds", *extra, **options).stdout)
        assert found is not None
        return found[1]
