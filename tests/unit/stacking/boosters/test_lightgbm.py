import subprocess
import sys

import numpy as np
import pytest
from pydantic import ValidationError

from stacking.boosters import lightgbm
from stacking.boosters.lightgbm import LightGBMConfig
from stacking.fold import train_fold
from tests.stages import ROOT
from tests.unit.stacking.conftest import QUICK, STACK
from workspace.manifest import Wanted
from workspace.progress import quietly
from workspace.units import making, open_unit


@pytest.fixture
def unit(matrix, tmp_path):
    trained = train_fold(matrix, 0, STACK, QUICK, 0, quietly)
    wanted = Wanted(stage="stack", settings={}, inputs={}, recipe={}, seed=0)
    with making(tmp_path / "fold", wanted) as draft:
        for name, text in trained.models.items():
            draft.text(name, text)
    return open_unit(tmp_path / "fold", "stack")


def test_a_model_comes_back_as_it_was(unit, matrix):
    booster = LightGBMConfig.load(unit, "seed_0.txt", matrix.columns)
    trees, *_ = booster.save().split("\nparameters:")
    assert trees == unit.text("seed_0.txt").split("\nparameters:")[0]


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
        "import sys; from pathlib import Path\n"
        "from stacking.boosters.lightgbm import LightGBMConfig\n"
        "from workspace.units import open_unit; from workspace.errors import ArtifactError\n"
        f"unit = open_unit(Path({str(unit.folder)!r}), 'stack')\n"
        "try: LightGBMConfig.load(unit, 'seed_0.txt', [])\n"
        "except ArtifactError as error: print(error); sys.exit(2)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert done.stdout == (
        f"{path} does not match its hash: it was changed after it was written; restore it, or "
        "delete the folder fold and run 'make stack', which makes it alone anew.\n"
    )


def test_a_tuning_trial_on_kept_bins_grows_the_same_trees_as_one_that_bins_anew(matrix):
    """What `min_data_in_leaf` and the like are tried on may be binned once."""
    indices = np.arange(len(matrix.rows))
    target = matrix.rows["target"].to_numpy().astype(float)
    kept = QUICK.bin_rows([matrix.values], target, matrix.columns)
    for leaf in (5, 50):
        config = QUICK.model_copy(update={"min_data_in_leaf": leaf})
        again = config.bin_rows([matrix.values], target, matrix.columns)
        reused = kept.with_config(config)
        models = [data.grow(indices, 1, 10).save() for data in (again, reused)]
        assert models[0] == models[1]
    with pytest.raises(AssertionError, match="these settings need other bins"):
        kept.with_config(QUICK.model_copy(update={"max_bin": 31}))


@pytest.mark.parametrize(
    ("cells", "threads", "side_by_side", "each"),
    [(2400, 3, 3, 1), (2400, 1, 1, 1), (1, 3, 1, 3), (1, None, 1, None)],
)
def test_small_boosters_grow_side_by_side_on_one_thread_each_large_ones_alone(
    matrix, monkeypatch, cells, threads, side_by_side, each
):
    monkeypatch.setattr(lightgbm, "SMALL", cells + 1)
    target = matrix.rows["target"].to_numpy().astype(float)
    data = QUICK.bin_rows([matrix.values], target, matrix.columns, threads)
    assert (data.side_by_side, data.threads) == (side_by_side, each)


def test_no_more_small_boosters_grow_side_by_side_than_cores_are_lent(matrix, monkeypatch):
    target = matrix.rows["target"].to_numpy().astype(float)
    data = QUICK.bin_rows([matrix.values], target, matrix.columns)
    for lent in ("1", "2"):
        monkeypatch.setattr("workspace.machine.cores", lambda: 2)
        monkeypatch.setenv("OMP_NUM_THREADS", lent)
        assert data.side_by_side == int(lent)


def test_settings_that_lightgbm_has_not_are_refused():
    assert LightGBMConfig.model_validate({"rounds": 7}).rounds == 7
    for wrong in ({"round": 7}, {"rounds": 0}, {"learning_rate": 2.0}, {"rounds": "7"}):
        with pytest.raises(ValidationError):
            LightGBMConfig.model_validate(wrong)


def test_settings_are_read_without_the_library():
    program = "import sys; import stacking.config; sys.exit('lightgbm' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0
