"""The page of columns on a real table: who learns from whom, and that no label is a column."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.bench.bench_real_table import (
    WORDS,
    Rows,
    Side,
    _folds,
    _ours,
    _out_of_fold,
    _public,
    _table,
)


@pytest.fixture(scope="module")
def table(real_data: Path) -> pl.DataFrame:
    return _table(real_data)


def _side(**own: object) -> Side:
    return Side(np.zeros((1042, 1), np.float32), **own)


@pytest.mark.parametrize("share", [1.0, 0.25])
def test_no_patient_is_on_both_sides_and_a_share_of_them_learns(
    table: pl.DataFrame, share: float
) -> None:
    patient, held = table["patient_id"].to_numpy(), []
    for learnt, held_out in _folds(Rows.of(table), _side(patients=share), 1):
        others = set(patient) - set(patient[held_out])
        assert set(patient[learnt]) <= others
        assert len(set(patient[learnt])) == round(share * len(others))
        held += [*held_out]
    assert sorted(held) == list(range(len(table)))


def test_no_hospital_is_on_both_sides(table: pl.DataFrame) -> None:
    hospital = Rows.of(table).hospital
    folds = list(_folds(Rows.of(table), _side(by_hospital=True), 0))
    assert len(folds) == len(set(hospital)) == 7
    assert all(not set(hospital[a]) & set(hospital[b]) for a, b in folds)


def test_columns_tell_no_label(table: pl.DataFrame) -> None:
    """With all labels turned and whatever training rows alone have, the columns are the same."""
    turned = table.with_columns(target=1 - pl.col("target"), iddx_full=pl.lit("Benign"))
    assert np.array_equal(_public(table, WORDS), _public(turned, WORDS), equal_nan=True)
    families = ("raw", "categories")
    assert np.array_equal(_ours(table, families), _ours(turned, families), equal_nan=True)


def test_a_z_score_is_of_the_patient(table: pl.DataFrame) -> None:
    """The first numbers are the table's first column of the scanner, their z-scores come after."""
    values = _public(table, WORDS)
    whose = (table["patient_id"] == table["patient_id"].mode()[0]).to_numpy()
    raw = table["tbp_lv_A"].to_numpy()[whose]
    z = (raw - raw.mean()) / (raw.std(ddof=1) + 1e-5)
    assert np.array_equal(values[whose, 0], raw.astype(np.float32))
    numbers = (values.shape[1] - 1 - _words_in(table)) // 2
    np.testing.assert_allclose(values[whose, numbers], z, rtol=1e-4)


def test_every_row_is_scored_by_boosters_that_never_saw_it(table: pl.DataFrame) -> None:
    """A column that is the label for rows to learn from and nothing for those held out: chance."""
    target = table["target"].to_numpy().astype(np.float32)
    right = _out_of_fold(Rows.of(table), Side(target[:, None], seeds=1), 0)
    assert right[target == 1].min() > right[target == 0].max()
    noise = np.random.default_rng(0).random((len(table), 1)).astype(np.float32)
    score = _out_of_fold(Rows.of(table), Side(noise, seeds=1), 0)
    ranks = np.argsort(np.argsort(score))
    n, m = int(target.sum()), int((1 - target).sum())
    auc = (ranks[target == 1].sum() - n * (n - 1) / 2) / (n * m)
    assert abs(auc - 0.5) < 0.06  # five standard errors are .1; a row that saw itself has over .8


def _words_in(table: pl.DataFrame) -> int:
    return sum(table[word].fill_null("NA").n_unique() for word in WORDS)
