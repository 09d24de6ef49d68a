import numpy as np
import polars as pl

from stacking.baselines import fewer, naive
from stacking.matrix import Matrix


def test_the_best_column_is_chosen_on_training_rows_alone(matrix):
    table, chosen = naive(matrix)
    assert chosen == {"0": "pz_signal", "1": "pz_signal", "2": "pz_signal"}
    assert table["isic_id"].to_list() == sorted(matrix.rows["isic_id"].to_list())
    held = (matrix.rows["fold"] == 0).to_numpy()
    target = matrix.rows["target"].to_numpy()
    assert table["constant"].unique().to_list() == [0.5]
    values = matrix.values.copy()
    values[held, 3] = 99 * target[held]  # a column that tells all about the held-out rows
    again, same = naive(Matrix(matrix.rows, matrix.columns, values))
    assert same["0"] == "pz_signal"
    ours, theirs = (t.filter(pl.col("fold") == 0) for t in (table, again))
    assert ours.equals(theirs)


def test_a_column_that_falls_with_risk_is_turned_round(matrix):
    values = matrix.values.copy()
    values[:, 0] *= -1
    turned, chosen = naive(Matrix(matrix.rows, matrix.columns, values))
    assert chosen["0"] == "-pz_signal"
    plain, _ = naive(matrix)
    np.testing.assert_allclose(turned["best_column"], plain["best_column"], atol=1e-12)


def test_fewer_columns_are_those_of_the_row_alone(matrix):
    assert fewer(matrix.columns) == {"own_row_only": ("les_gaps", "cat_site", "meta_noise")}
    assert fewer(["meta_age_approx", "cat_sex"]) == {}
