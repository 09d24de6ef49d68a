import numpy as np
import polars as pl
import pytest

from metrics.bootstrap import BootstrapConfig
from metrics.cohort import cohort
from metrics.pauc import pauc_above_tpr
from metrics.ranking import auc
from metrics.subgroups import age_bands, at_global, skin_colour, subgroup_table
from workspace.errors import DataError

QUICK = BootstrapConfig(replicates=100, seeds=(0,))


@pytest.fixture
def rows():
    """200 rows of 100 patients; 30 positives among the women, 9 among the men, 11 unknown."""
    rng = np.random.default_rng(0)
    sex = ["female"] * 100 + ["male"] * 60 + [None] * 40
    target = np.array([1] * 30 + [0] * 70 + [1] * 9 + [0] * 51 + [1] * 11 + [0] * 29)
    score = rng.normal(size=200) + target
    patient = [f"IP_{i // 2:07d}" for i in range(200)]
    return target, score, cohort(patient, target), sex


def test_check_99_each_level_has_its_counts_and_its_metric(rows):
    target, score, whose, sex = rows
    table = subgroup_table(target, score, whose, {"sex": sex}, QUICK)
    shown = [(e["column"], e["level"], e["n"], e["patients"], e["positives"]) for e in table]
    assert shown == [
        ("sex", "female", 100, 50, 30),
        ("sex", "male", 60, 30, 9),
        ("sex", "missing", 40, 20, 11),
    ]
    women = table[0]["metrics"]
    assert women["auc"]["value"] == pytest.approx(auc(target[:100], score[:100]))
    assert women["pauc"]["value"] == pytest.approx(pauc_above_tpr(target[:100], score[:100]))
    assert (women["auc"]["low"], women["auc"]["patients"]) == (None, 15)  # with a positive
    [entry] = subgroup_table(target, score, whose, {"all": ["all"] * 200}, QUICK)
    everyone = entry["metrics"]["auc"]
    assert everyone["patients"] == 26
    assert everyone["low"] < everyone["value"] < everyone["high"]


def test_fewer_than_ten_positives_or_negatives_say_so_instead_of_a_number(rows):
    target, score, whose, sex = rows
    male = subgroup_table(target, score, whose, {"sex": sex}, QUICK)[1]
    assert (male["metrics"], male["reason"]) == (None, "insufficient positives (9 < 10)")
    levels = ["one"] * 33 + ["other"] * 167  # of the first 33 rows 30 are positive
    one = subgroup_table(target, score, whose, {"part": levels}, QUICK)[0]
    assert (one["metrics"], one["reason"]) == (None, "insufficient negatives (3 < 10)")
    unknown = subgroup_table(target, score, whose, {"sex": sex}, QUICK)[2]  # 11 in 6 patients
    assert (unknown["metrics"], unknown["reason"]) == (
        None,
        "insufficient positive patients (6 < 10)",
    )


def test_without_patients_a_level_has_rows_and_no_number_of_patients(rows):
    target, score, _, sex = rows
    women = subgroup_table(target, score, cohort(None, target), {"sex": sex}, QUICK)[0]
    assert (women["patients"], women["patients_with_positive"]) == (None, None)
    assert women["metrics"]["auc"]["unit"] == "row"


def test_sensitivity_and_specificity_at_one_global_threshold(rows):
    target, score, whose, sex = rows
    table = subgroup_table(target, score, whose, {"sex": sex}, QUICK, metric=at_global(0.5))
    sensitivity = table[0]["metrics"]["sensitivity"]["value"]
    assert sensitivity == np.mean(score[:30] >= 0.5)


def test_a_column_of_another_length_is_refused(rows):
    target, score, whose, sex = rows
    with pytest.raises(DataError) as error:
        subgroup_table(target, score, whose, {"sex": sex[:-1]})
    assert str(error.value) == (
        "Subgroup column sex has 199 values for 200 rows; join it by id first."
    )


def test_age_bands_span_twenty_years():
    ages = pl.Series("age", [0.0, 19, 20, 55, 79, 80, 85, 100, None, float("nan")])
    expected = ["0-19", "0-19", "20-39", "40-59", "60-79", "80+", "80+", "80+", None, None]
    assert age_bands(ages).to_list() == expected


def test_skin_colour_is_the_typology_angle_in_ranges():
    # b = 10: the angle is atan((L - 50) / 10), so 45 degrees at L = 60 and -45 at L = 40.
    lightness = pl.Series([50 + 10 * np.tan(np.radians(a)) for a in (56, 45, 30, 20, 0, -45)])
    lightness = lightness.append(pl.Series([None], dtype=pl.Float64))
    assert skin_colour(lightness, pl.Series([10.0] * 7)).to_list() == [
        "1 very light", "2 light", "3 intermediate", "4 tan", "5 brown", "6 dark", None,
    ]  # fmt: skip
    # L = 60 and b = 10 is exactly 45 degrees; blue skin there is none.
    odd = skin_colour(pl.Series([60.0, 50.0, 60.0]), pl.Series([10.0, -1.0, 0.0]))
    assert odd.to_list() == ["2 light", None, None]


@pytest.mark.parametrize(
    ("angle", "lower", "upper"),
    [(-30, "6 dark", "5 brown"), (10, "5 brown", "4 tan"), (55, "2 light", "1 very light")],
)
def test_skin_at_a_limit_is_the_darker_of_two(angle, lower, upper):
    lightness = [50 + 10 * np.tan(np.radians(angle + step)) for step in (-1e-6, 1e-6)]
    assert skin_colour(pl.Series(lightness), pl.Series([10.0, 10.0])).to_list() == [lower, upper]
