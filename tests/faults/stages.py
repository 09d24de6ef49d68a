"""Every stage of the Makefile at its smallest: what is called, on which run, in which order.

Each begins where those before it have left the folder. Only `plan` is missing: it writes nothing.
"""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import polars as pl

from tests.e2e.test_suite import SUITE, draw
from tests.launcher import ROOT

RECIPE = Path(__file__).with_name("tiny.toml")


@dataclass(frozen=True)
class Stage:
    """A call of a stage."""

    name: str
    script: str
    extra: tuple[str, ...] = ()  # {} is the folder
    recipe: str = str(RECIPE)
    run: str = "run"
    jobs: int | None = 1  # None: as many processes as the work asks for

    def words(self, folder: Path) -> list[str]:
        """The words of its command line."""
        data = () if "--data" in self.extra else ("--set", f"data.folder={folder / 'data'}")
        own = [word.replace("{}", str(folder)) for word in self.extra]
        jobs = () if self.jobs is None else ("--jobs", str(self.jobs))
        return ["--recipe", self.recipe, "--run", str(folder / self.run), *jobs, *data, *own]


def _set(*settings: str) -> tuple[str, ...]:
    return tuple(word for setting in settings for word in ("--set", setting))


# What tests/e2e/test_faults.py does not kill: tests of their own do, or they take too long for it.
ELSEWHERE = frozenset({"pretrain", "train_cnn", "predict", "tune"})
TOO_LONG = frozenset({"distill", "hospitals", "suite"})
SCORED = ("--solution", "{}/data/solution.csv")
STAGES = (
    Stage("sample", "sample"),
    Stage("verify", "verify"),
    Stage("eda", "eda"),
    Stage("folds", "folds"),
    Stage("features", "features"),
    Stage("pretrain", "pretrain"),
    Stage("train-cnn", "train_cnn"),
    Stage("embed", "embed"),
    Stage("stack", "stack"),
    Stage("submission", "submission"),
    Stage("bundle", "bundle"),
    Stage("ablate", "ablate"),
    Stage("label-efficiency", "label_efficiency"),
    Stage("distill", "distill", _set("stack.networks=false")),
    Stage("compare", "compare"),
    Stage("tune", "tune", _set("tune.nested=false")),
    Stage("audit", "audit"),
    Stage("predict", "predict", ("--data", "{}/new")),
    Stage("predict", "predict_images", ("--images", "{}/pictures")),
    Stage("score", "score", (*SCORED, "--submission", "{}/run/submission/submission.csv")),
    Stage(
        "leaderboard", "leaderboard",
        (*SCORED, "--submissions", "{}/run/submission/submission.csv {}/turned.csv"),
    ),
    Stage("export", "export"),
    Stage("report", "report"),
    Stage("hospitals", "hospitals", _set("stack.networks=false"), run="of_hospitals"),
    Stage(
        "suite", "suite",
        _set(
            "suite.experiments={}/three.toml", "suite.seeds=[0]", 'suite.schemes=["official"]',
            "score.replicates=100", "score.seeds=[0]", "data.group=lesion",
            "data.folder={}/derma",
        ),
        recipe="dermamnist", run="of_a_suite",
    ),
)  # fmt: skip


def of_the_makefile() -> list[str]:
    """The stages that there are."""
    line = re.search(r"^STAGES +:= (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert line is not None
    return line[1].split()


def bring(folder: Path, before: Stage) -> None:
    """What a stage reads that no other makes: new data, pictures, another submission."""
    if before.script == "predict":
        (folder / "new").mkdir()
        for name in ("test-metadata.csv", "test-image.hdf5"):
            shutil.copy(folder / "data" / name, folder / "new")
    elif before.script == "predict_images":
        (folder / "pictures").mkdir()
        with h5py.File(folder / "data" / "test-image.hdf5") as archive:
            for name in sorted(archive)[:4]:
                data = np.asarray(archive[name]).tobytes()
                (folder / "pictures" / f"{name}.jpg").write_bytes(data)
    elif before.name == "leaderboard":
        rows = pl.read_csv(folder / "run" / "submission" / "submission.csv")
        rows.with_columns(target=1 - pl.col("target")).write_csv(folder / "turned.csv")
    elif before.name == "suite":
        draw(folder / "derma")
        (folder / "three.toml").write_text(SUITE, encoding="utf-8")
