import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from folds.sources.isic2024_columns import TEST_NAMES, TRAIN_NAMES
from models.networks.questions import QUESTIONS
from synthetic import body
from synthetic.cohort import draw_cohort
from synthetic.config import SyntheticConfig
from synthetic.diagnoses import DIAGNOSES
from synthetic.tables import competition_table, keep_test_columns, keep_train_columns
from synthetic.traits import draw_traits


@pytest.fixture(scope="module")
def traits() -> pl.DataFrame:
    return draw_traits(draw_cohort(SyntheticConfig(), 5), 5)


@pytest.fixture(scope="module")
def table(traits: pl.DataFrame) -> pl.DataFrame:
    return competition_table(traits, 5)


def values(table: pl.DataFrame, name: str) -> NDArray[np.float64]:
    return table[name if name.startswith("clin") else f"tbp_lv_{name}"].to_numpy()


def test_columns_are_the_official_ones_in_order(table: pl.DataFrame) -> None:
    assert keep_train_columns(table).columns == list(TRAIN_NAMES)
    assert keep_test_columns(table).columns == list(TEST_NAMES)
    assert (len(TRAIN_NAMES), len(TEST_NAMES)) == (55, 44)


def test_ids_match_the_official_patterns(table: pl.DataFrame) -> None:
    assert table["isic_id"].str.contains(r"^ISIC_[0-9]{7}$").all()
    assert table["patient_id"].str.contains(r"^IP_[0-9]{7}$").all()
    assert table["lesion_id"].drop_nulls().str.contains(r"^IL_[0-9]{7}$").all()
    assert table["isic_id"].is_unique().all()
    assert table["isic_id"].is_sorted()


@pytest.mark.parametrize("suffix", ["", "ext"])
def test_chroma_and_hue_follow_from_a_and_b(table: pl.DataFrame, suffix: str) -> None:
    a, b = values(table, f"A{suffix}"), values(table, f"B{suffix}")
    np.testing.assert_allclose(values(table, f"C{suffix}"), np.hypot(a, b), rtol=1e-5)
    hue = np.degrees(np.arctan2(b, a))
    np.testing.assert_allclose(values(table, f"H{suffix}"), hue, atol=1e-4)


@pytest.mark.parametrize("name", ["A", "B", "L"])
def test_differences_are_inside_less_outside(table: pl.DataFrame, name: str) -> None:
    inside, outside = values(table, name), values(table, f"{name}ext")
    np.testing.assert_allclose(values(table, f"delta{name}"), inside - outside, atol=2e-5)


def test_shapes_hold_together(table: pl.DataFrame) -> None:
    long, short = values(table, "clin_size_long_diam_mm"), values(table, "minorAxisMM")
    area, perimeter = values(table, "areaMM2"), values(table, "perimeterMM")
    assert (short <= long).all()
    np.testing.assert_allclose(values(table, "area_perim_ratio"), perimeter**2 / area, rtol=1e-5)
    eccentricity = np.sqrt(1 - (short / long) ** 2)
    np.testing.assert_allclose(values(table, "eccentricity"), eccentricity, atol=1e-5)
    assert (perimeter**2 >= 4 * np.pi * area).all()  # no shape beats the circle


@pytest.mark.parametrize(
    ("name", "low", "high"),  # medians of the real table's benign rows lie between
    [
        ("A", 17, 24), ("Aext", 12, 19), ("B", 22, 33), ("Bext", 22, 31), ("L", 35, 52),
        ("Lext", 43, 60), ("areaMM2", 4, 9), ("perimeterMM", 8, 13), ("norm_border", 2, 4),
        ("clin_size_long_diam_mm", 2.8, 4.3), ("color_std_mean", 0.5, 1.5), ("stdL", 1.4, 3.7),
        ("symm_2axis", 0.2, 0.4), ("eccentricity", 0.6, 0.85), ("y", 700, 1400),
    ],
)  # fmt: skip
def test_values_lie_where_the_real_ones_do(
    table: pl.DataFrame, name: str, low: float, high: float
) -> None:
    assert low < np.median(values(table, name)) < high


def test_floats_keep_seven_digits(table: pl.DataFrame) -> None:
    floats = table.select(pl.selectors.float())
    assert floats.equals(floats.with_columns(pl.all().round_sig_figs(7)))


def test_missing_markers_are_the_real_tables(table: pl.DataFrame) -> None:
    ages = table["age_approx"]
    assert (ages == "NA").sum() > 0
    assert ages.null_count() > 0
    shares = [table[name].null_count() / len(table) for name in ("sex", "anatom_site_general")]
    assert 0.015 < shares[0] < 0.03
    assert 0.005 < shares[1] < 0.025
    complete = [name for name in TEST_NAMES if name not in ("age_approx", "sex")]
    complete.remove("anatom_site_general")
    assert table.select(complete).null_count().row(0) == (0,) * len(complete)
    per_patient = table.group_by("patient_id").agg(pl.col("sex").n_unique())
    assert per_patient["sex"].max() == 1


def test_locations_are_the_real_vocabulary(table: pl.DataFrame) -> None:
    assert len({place.location for place in body.PLACES}) == 21
    assert len({place.simple for place in body.PLACES}) == 8
    assert len({place.site for place in body.PLACES} - {None}) == 5
    known = {(place.location, place.simple, place.site) for place in body.PLACES}
    seen = table.select("tbp_lv_location", "tbp_lv_location_simple", "anatom_site_general")
    assert set(seen.unique().rows()) <= known


def test_diagnoses_agree_with_their_levels_and_the_target(table: pl.DataFrame) -> None:
    levels = [f"iddx_{level}" for level in range(1, 6)]
    joined = table.select(pl.concat_str(levels, separator="::", ignore_nulls=True)).to_series()
    assert joined.equals(table["iddx_full"], check_names=False)
    assert set(table["iddx_full"]) <= {each.full for each in DIAGNOSES}
    assert ((table["iddx_1"] == "Malignant") == (table["target"] == 1)).all()
    assert table.filter(pl.col("target") == 1)["lesion_id"].null_count() == 0
    benign = table.filter(pl.col("target") == 0)
    assert benign["lesion_id"].null_count() > 0.9 * len(benign)


def test_its_benign_rows_answer_every_question_of_a_network_with_yes_and_with_no(
    table: pl.DataFrame,
) -> None:
    benign = table.filter(pl.col("target") == 0).rename({"iddx_full": "diagnosis"})
    for name, question in QUESTIONS.items():
        assert set(question(benign)) == {True, False}, name


def test_synthetic_is_written_on_every_row(table: pl.DataFrame) -> None:
    for name in ("image_type", "attribution", "copyright_license"):
        assert table[name].str.to_lowercase().str.contains("synthetic").all()
    assert table["attribution"].n_unique() == 7
