import subprocess
import sys

import numpy as np
import pytest

from stacking import boosters
from stacking.fold import train_fold
from tests.stages import ROOT
from tests.unit.stacking.conftest import QUICK, STACK
from workspace.errors import ArtifactError
from workspace.manifest import Wanted
from workspace.units import making, open_unit


@pytest.fixture
def unit(matrix, tmp_path):
    trained = train_fold(matrix, 0, STACK, QUICK, 0, lambda done, total: None)
    wanted = Wanted(stage="stack", settings={}, inputs={}, recipe={}, seed=0)
    with making(tmp_path / "fold", wanted) as draft:
        for name, text in trained.models.items():
            draft.text(name, text)
    return open_unit(tmp_path / "fold", "stack")


def test_a_model_comes_back_as_it_was(unit, matrix):
    booster = boosters.load(unit, "seed_0.txt", matrix.columns)
    assert (
        boosters.as_text(booster).split("\nparameters:")[0]
        == (unit.text("seed_0.txt").split("\nparameters:")[0])
    )


def truncated(text):
    return text[: len(text) // 2]


def with_another_digit(text):
    return text.replace("leaf_value=0", "leaf_value=9", 1) + " "


def cyclic(text):
    start = text.index("left_child=") + len("left_child=")
    return text[:start] + "0" + text[text.index(" ", start) :]


@pytest.mark.parametrize("damage", [truncated, with_another_digit, cyclic])
def test_check_134_a_damaged_model_is_one_line_and_the_process_lives(unit, damage):
    path = unit.path("seed_0.txt")
    path.write_text(damage(path.read_text()))
    program = (
        "import sys; from pathlib import Path; from stacking import boosters\n"
        "from workspace.units import open_unit; from workspace.errors import ArtifactError\n"
        f"unit = open_unit(Path({str(unit.folder)!r}), 'stack')\n"
        "try: boosters.load(unit, 'seed_0.txt', [])\n"
        "except ArtifactError as error: print(error); sys.exit(2)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert done.stdout == (
        f"{path} does not match its hash: it was changed after it was written; restore it, or run "
        "'make stack FRESH=1'.\n"
    )


def test_columns_in_another_order_are_refused(unit, matrix):
    with pytest.raises(ArtifactError, match="was trained on other columns than those at hand"):
        boosters.load(unit, "seed_0.txt", matrix.columns[::-1])


def test_a_tuning_trial_on_kept_bins_grows_the_same_trees_as_one_that_bins_anew(matrix):
    """What `min_data_in_leaf` and the like are tried on may be binned once."""
    places = list(range(len(matrix.rows)))
    target = matrix.rows["target"].to_numpy().astype(float)
    kept = boosters.binned([matrix.values], target, matrix.columns, QUICK)
    for leaf in (5, 50):
        config = QUICK.model_copy(update={"min_data_in_leaf": leaf})
        again = boosters.binned([matrix.values], target, matrix.columns, config)
        reused = boosters.Binned(kept.data, config)
        models = [
            boosters.as_text(boosters.grow(data, np.array(places), 1, 10))
            for data in (again, reused)
        ]
        assert models[0] == models[1]
