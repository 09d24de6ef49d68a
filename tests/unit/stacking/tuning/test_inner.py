"""What a setting is worth on inner folds, beside the obvious way; the outer fold has no say."""

import numpy as np
import polars as pl
import pytest

from metrics.pauc import pauc_above_tpr
from stacking.fold import train_fold
from stacking.matrix import Matrix
from stacking.tuning.inner import InnerFolds, mean_and_spread
from stacking.tuning.space import Setting
from tests.unit.stacking.conftest import QUICK, STACK, drawn

ONE = STACK.model_copy(update={"shap_rows": 0})


def quietly(*_):
    pass


def setting(matrix, booster=QUICK):
    return Setting(ONE, booster, matrix.columns)


def without(matrix, fold):
    keep = matrix.rows["fold"].to_numpy() != fold
    return Matrix(matrix.rows.filter(pl.Series(keep)), matrix.columns, matrix.values[keep])


@pytest.mark.parametrize("outer", [0, 1, 2])
def test_it_is_what_boosters_say_that_never_met_the_outer_fold(matrix, outer):
    found = InnerFolds(matrix, outer).pauc(setting(matrix), 7, 0.8, quietly)
    rest = without(matrix, outer)
    assert found.keys() == {0, 1, 2} - {outer}
    for fold, pauc in found.items():
        scores = train_fold(rest, fold, ONE, QUICK, 7, quietly).scores
        both = scores.join(rest.rows, on="isic_id", validate="1:1")
        assert pauc == pauc_above_tpr(both["target"].to_numpy(), both["score"].to_numpy())


def test_nothing_of_the_outer_fold_moves_a_digit(matrix):
    before = InnerFolds(matrix, 1).pauc(setting(matrix), 0, 0.8, quietly)
    outer = matrix.rows["fold"].to_numpy() == 1
    target = np.where(outer, 1 - matrix.rows["target"].to_numpy(), matrix.rows["target"].to_numpy())
    values = matrix.values.copy()
    values[outer] = 1000 - values[outer]
    rows = matrix.rows.with_columns(target=pl.Series(target.astype(np.int8)))
    other = Matrix(rows, matrix.columns, values)
    assert InnerFolds(other, 1).pauc(setting(matrix), 0, 0.8, quietly) == before
    assert InnerFolds(other, None).pauc(setting(matrix), 0, 0.8, quietly) != before  # it can tell


def test_kept_bins_change_no_digit(matrix):
    """A trial on bins of the trial before is as one that bins anew."""
    kept = InnerFolds(matrix, 0)
    kept.pauc(setting(matrix), 0, 0.8, quietly)
    assert kept.bins.keys() == {1, 2}
    other = QUICK.model_copy(update={"learning_rate": 0.3, "min_data_in_leaf": 20, "rounds": 9})
    anew = InnerFolds(matrix, 0).pauc(setting(matrix, other), 0, 0.8, quietly)
    assert kept.pauc(setting(matrix, other), 0, 0.8, quietly) == anew


def test_a_fold_without_a_positive_is_not_scored_and_counts_for_nothing():
    matrix = drawn()
    target = np.where(matrix.rows["fold"].to_numpy() == 2, 0, matrix.rows["target"].to_numpy())
    rows = matrix.rows.with_columns(target=pl.Series(target.astype(np.int8)))
    found = InnerFolds(Matrix(rows, matrix.columns, matrix.values), None).pauc(
        setting(matrix), 0, 0.8, quietly
    )
    assert found[2] is None
    assert mean_and_spread(found)[0] == pytest.approx((found[0] + found[1]) / 2)


def test_a_fold_whose_others_have_one_class_is_not_scored_either():
    """Positives in folds 0 and 1 alone: without 0, fold 1 would be learnt from fold 2."""
    matrix = drawn()
    target = np.where(matrix.rows["fold"].to_numpy() == 2, 0, matrix.rows["target"].to_numpy())
    rows = matrix.rows.with_columns(target=pl.Series(target.astype(np.int8)))
    found = InnerFolds(Matrix(rows, matrix.columns, matrix.values), 0).pauc(
        setting(matrix), 0, 0.8, quietly
    )
    assert found == {1: None, 2: None}


def test_the_spread_is_over_folds_and_nothing_is_the_mean_of_none():
    assert mean_and_spread({0: 0.1, 1: 0.2}) == (pytest.approx(0.15), pytest.approx(0.0707107))
    assert mean_and_spread({0: 0.1, 1: None}) == (0.1, None)
    mean, spread = mean_and_spread({0: None})
    assert np.isnan(mean)
    assert spread is None
