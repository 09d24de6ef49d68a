import numpy as np
import polars as pl
import pytest

from synthetic.cohort import draw_cohort
from synthetic.config import SyntheticConfig


@pytest.fixture(scope="module")
def cohort() -> pl.DataFrame:
    return draw_cohort(SyntheticConfig(), 7)


def test_counts_are_exact(cohort: pl.DataFrame) -> None:
    counts = cohort.group_by("test").agg(
        pl.len(), pl.col("patient").n_unique(), pl.col("target").sum()
    )
    assert sorted(counts.rows()) == [(False, 1600, 80, 80), (True, 400, 20, 20)]


def test_same_seed_same_cohort_other_seed_another(cohort: pl.DataFrame) -> None:
    assert cohort.equals(draw_cohort(SyntheticConfig(), 7))
    assert not cohort.equals(draw_cohort(SyntheticConfig(), 8))


def test_numbers_are_unique_seven_digits_in_order(cohort: pl.DataFrame) -> None:
    numbers = cohort["number"].to_numpy()
    assert (np.diff(numbers) > 0).all()
    assert 0 <= numbers[0] <= numbers[-1] < 10_000_000
    assert (
        cohort.group_by("patient")
        .agg(pl.col("patient_number").n_unique())["patient_number"]
        .to_list()
        == [1] * 100
    )


def test_numbers_tell_neither_target_nor_patient(cohort: pl.DataFrame) -> None:
    place = np.arange(2000)
    for name in ("target", "patient", "test", "hospital"):
        # |r| of shuffled numbers stays within 4 standard errors, 4 / sqrt(2000) = 0.09.
        assert abs(np.corrcoef(place, cohort[name].to_numpy())[0, 1]) < 0.09


@pytest.mark.parametrize("seed", range(5))
def test_positives_are_spread_over_patients_and_hospitals(seed: int) -> None:
    cohort = draw_cohort(SyntheticConfig(), seed).filter(~pl.col("test"))
    each = cohort.group_by("patient").agg(pl.col("target").sum(), pl.first("hospital"))
    assert (each["target"] > 0).sum() >= 40
    assert each["target"].max() <= 8
    per_hospital = each.group_by("hospital").agg(pl.col("target").sum())
    assert per_hospital.height == 7
    assert per_hospital["target"].min() >= 1


def test_the_real_size_splits_into_five_even_folds() -> None:
    config = SyntheticConfig(patients=1042, rows=401_059, positives=393, images=0)
    cohort = draw_cohort(config, 0).filter(~pl.col("test"))
    each = cohort.group_by("patient").agg(pl.col("target").sum())["target"]
    assert 200 <= (each > 0).sum() <= 300
    folds = [0] * 5
    for positives in each.sort(descending=True):
        folds[folds.index(min(folds))] += positives
    assert min(folds) >= 77
    assert max(folds) <= 80


def test_ages_come_in_steps_of_five(cohort: pl.DataFrame) -> None:
    ages = cohort["age"]
    assert (ages % 5 == 0).all()
    assert 15 <= ages.min() <= ages.max() <= 90
    assert cohort.group_by("patient").agg(pl.col("age").n_unique())["age"].max() == 2
