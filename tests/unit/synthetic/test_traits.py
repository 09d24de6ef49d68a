"""The signal's design: what tells a malignant lesion must not vanish, and not be for nothing."""

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

from synthetic.cohort import draw_cohort
from synthetic.config import SyntheticConfig
from synthetic.traits import SHIFTS, draw_traits

MEASURED = list(SHIFTS)


@pytest.fixture(scope="module")
def traits() -> pl.DataFrame:
    """Eight seeds' worth of positives, 800, in one draw: standard errors of AUC below 0.01."""
    config = SyntheticConfig(patients=800, rows=16_000, positives=800)
    return draw_traits(draw_cohort(config, 3), 3)


def summed(frame: pl.DataFrame) -> float:
    """AUC of the plain sum of the measured traits."""
    total = frame.select(pl.sum_horizontal(MEASURED)).to_series()
    return float(roc_auc_score(frame["target"].to_numpy(), total.to_numpy()))


def within_patient(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(
        (pl.col(name) - pl.col(name).mean().over("patient")) for name in MEASURED
    ).filter(pl.len().over("patient") > 3)


def test_raw_traits_say_a_little(traits: pl.DataFrame) -> None:
    assert 0.62 < summed(traits) < 0.78


def test_the_difference_to_the_same_patient_says_much(traits: pl.DataFrame) -> None:
    assert 0.84 < summed(within_patient(traits)) < 0.95


@pytest.mark.parametrize("name", MEASURED)
def test_every_measured_trait_carries_a_share(traits: pl.DataFrame, name: str) -> None:
    frame = within_patient(traits)
    assert 0.6 < roc_auc_score(frame["target"].to_numpy(), frame[name].to_numpy()) < 0.85


def test_structures_say_much_and_know_nothing_of_the_measured(traits: pl.DataFrame) -> None:
    assert 0.85 < roc_auc_score(traits["target"].to_numpy(), traits["picture"].to_numpy()) < 0.95
    benign = traits.filter(pl.col("target") == 0)
    columns = benign.select("picture", *MEASURED).to_numpy()
    assert np.abs(np.corrcoef(columns.T)[0, 1:]).max() < 0.03


def test_patients_have_styles_of_their_own(traits: pl.DataFrame) -> None:
    benign = traits.filter((pl.col("target") == 0) & (pl.len().over("patient") > 3))
    for name in MEASURED:
        inside = (benign[name] - benign.select(pl.col(name).mean().over("patient"))[name]).std()
        assert benign[name].std() > 1.7 * inside
