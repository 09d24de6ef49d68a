"""Numbers beside their patient-relative form."""

import numpy as np
import pytest

from features.beside import numbers_beside
from features.build import build, fit
from features.config import FeatureConfig
from tests.by_hand.units import sample_table


def table(**more):
    return sample_table(
        isic_id=["b", "a", "c", "d"], target=[0, 1, 0, 0], age_approx=[3.0, 1.0, None, 50.0],
        tbp_lv_x=[1.0, 2.0, 3.0, 4.0], sex=["f", "m", "m", "f"], **more,
    )  # fmt: skip


def test_each_number_stands_by_id_with_its_z_score_within_the_patient():
    ids, numbers = numbers_beside(table(patient_id=["p", "p", "p", "q"]))
    assert ids.to_list() == ["a", "b", "c", "d"]
    assert [one.name for one in numbers] == ["age_approx", "tbp_lv_x"]
    age, place = numbers
    assert age.values.tolist()[:2] == [1.0, 3.0]
    assert np.isnan(age.values[2])
    # Of 1 and 3: mean 2, spread sqrt 2; d is alone.
    assert age.relative == pytest.approx([-(0.5**0.5), 0.5**0.5, np.nan, 0.0], nan_ok=True)
    assert place.relative is None  # a place on the body


def test_without_patients_nothing_is_compared():
    _, numbers = numbers_beside(table())
    assert [one.relative for one in numbers] == [None, None]


def test_it_is_what_the_features_hold():
    rows = table(patient_id=["p", "p", "p", "q"])
    state = fit(rows, FeatureConfig(families=("z",), z_over={"patient": "all"}))
    made = build(rows, state)["pz_age_approx"].to_numpy()
    _, [age, _] = numbers_beside(rows)
    assert made == pytest.approx(age.relative.astype(np.float32), nan_ok=True)
