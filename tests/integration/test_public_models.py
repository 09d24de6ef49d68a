"""Three public models at full scale: 401,059 out-of-fold rows, 393 positives, five folds.

The files are aligned by row and name no patients, so intervals draw rows: they are too narrow,
by 15 to 19 % where it was measured.
"""

import zipfile

import numpy as np
import polars as pl
import pytest

from metrics.across_folds import fold_table
from metrics.bootstrap import BootstrapConfig, difference, intervals
from metrics.cohort import cohort
from metrics.pauc import pauc_above_tpr
from metrics.ranking import ranking_tally
from tests.unit.metrics.conftest import official_pauc

pytestmark = pytest.mark.real_data
MODELS = {
    "boosting": "gbdt/20250719_083226",
    "mlp, first": "mlp/20250719_051429",
    "mlp, second": "mlp/20250719_134715",
}


@pytest.fixture(scope="module")
def scored(real_data):
    """Targets and folds, and each model's scores."""
    models = {}
    with zipfile.ZipFile(real_data / "isic2024_oof_full401059_dev.zip") as archive:
        for name, folder in MODELS.items():
            frames = [
                pl.read_csv(archive.read(f"{folder}/folder_{fold}/predictions.csv"))
                for fold in range(1, 6)
            ]
            models[name] = pl.concat(frames)
            fold = np.repeat(np.arange(1, 6), [len(frame) for frame in frames])
    targets = [frame["labels"].to_numpy() for frame in models.values()]
    assert all((target == targets[0]).all() for target in targets)
    return targets[0], fold, {name: frame["preds"].to_numpy() for name, frame in models.items()}


@pytest.mark.parametrize("model", MODELS)
def test_every_fold_and_the_pool_equal_the_official_computation(scored, model):
    target, fold, scores = scored
    score = scores[model]
    assert pauc_above_tpr(target, score) == pytest.approx(official_pauc(target, score), abs=1e-12)
    for k in range(1, 6):
        rows = fold == k
        expected = official_pauc(target[rows], score[rows])
        assert pauc_above_tpr(target[rows], score[rows]) == pytest.approx(expected, abs=1e-12)


def test_the_boosting_model_scores_what_is_known_of_it(scored):
    target, fold, scores = scored
    config = BootstrapConfig(replicates=100, seeds=(0,))
    found = fold_table(target, scores["boosting"], fold, cohort(None, target), config)
    each = [round(entry["metrics"]["pauc"]["value"], 4) for entry in found["folds"]]
    assert each == [0.1613, 0.1635, 0.1758, 0.1435, 0.1506]
    pooled = found["pooled"]["pauc"]
    assert round(pooled["value"], 4) == 0.1573
    assert pooled["low"] < 0.1573 < pooled["high"]


def test_a_paired_difference_is_surer_than_two_intervals(scored):
    target, _, scores = scored
    whose = cohort(None, target)
    first, second = (ranking_tally(target, scores[name], whose) for name in list(MODELS)[1:])
    tallies = {"first": first, "second": second, "difference": difference(first, second)}
    found = intervals(tallies, whose, BootstrapConfig(replicates=100, seeds=(0,)))
    width = {name: v["pauc"].high - v["pauc"].low for name, v in found.items()}
    value = {name: v["pauc"].value for name, v in found.items()}
    assert value["difference"] == pytest.approx(value["second"] - value["first"], abs=1e-15)
    assert width["difference"] < min(width["first"], width["second"])
