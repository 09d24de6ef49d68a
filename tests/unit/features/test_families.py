"""Values by hand, and each family against loops that can be read at a glance."""

import math
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given, settings
from scipy.stats import rankdata, skew
from sklearn.neighbors import LocalOutlierFactor

from features import catalogue
from features.aggregates import aggregates
from features.build import build, fit
from features.columns import GROUPED_BY, GROUPINGS
from features.config import FeatureConfig
from features.context import OUTLIER_COLUMNS, SPACES
from features.distances import by_patient, local_outlier_factor, to_others
from features.formulas import FORMULAS
from features.groups import Groups, ranks, z_scores
from features.rows import Rows
from features.state import columns_of
from folds.schema import AGE, ID, PATIENT
from tests.unit.features.conftest import draw, lesions

ROOT = Path(__file__).resolve().parents[3]
AREA = "tbp_lv_areaMM2"


def made(samples, *families, **options):
    return build(samples, fit(samples, FeatureConfig(families=families, **options)))


def same(found, expected, **tolerance):
    """None is NaN; pytest.approx refuses it."""
    pair = [np.asarray(list(values), dtype=float) for values in (found, expected)]
    np.testing.assert_allclose(*pair, **{"rtol": 1e-5, **tolerance})


def one_group(values):
    return np.asarray(values, float), Groups(np.zeros(len(values), np.int64))


def test_the_catalogue_is_what_the_code_computes():
    told = (ROOT / "docs" / "features.md").read_text()
    assert told == catalogue.page(), "run python -m features.catalogue > docs/features.md"
    samples = draw()
    state = fit(samples, FeatureConfig())
    listed = {feature.name for feature in catalogue.default_features()}
    # The drawn table lacks two constant words of the official one, which are on request anyway.
    assert listed == set(state.features)


def test_row_formulas_by_hand():
    samples = lesions(
        age_approx=[50.0], clin_size_long_diam_mm=[4.0], tbp_lv_minorAxisMM=[3.0],
        tbp_lv_areaMM2=[9.0], tbp_lv_perimeterMM=[12.0], tbp_lv_H=[60.0], tbp_lv_Hext=[55.0],
        tbp_lv_deltaA=[2.0], tbp_lv_deltaB=[-3.0], tbp_lv_deltaL=[6.0], tbp_lv_deltaLBnorm=[8.0],
        tbp_lv_norm_border=[2.0], tbp_lv_norm_color=[6.0], tbp_lv_symm_2axis=[0.5],
        tbp_lv_eccentricity=[0.7], tbp_lv_color_std_mean=[1.5], tbp_lv_radial_color_std_max=[0.0],
        tbp_lv_x=[3.0], tbp_lv_y=[4.0], tbp_lv_z=[12.0], tbp_lv_nevi_confidence=[20.0],
    )  # fmt: skip
    row = made(samples, "lesion").row(0, named=True)
    expected = {
        "lesion_size_ratio": 0.75,
        "lesion_shape_index": 9 / 144,
        "hue_contrast": 5,
        "lesion_color_difference": 7,
        "border_complexity": 2.5,
        "position_distance_3d": 13,
        "perimeter_to_area_ratio": 12 / 9,
        "consistency_symmetry_border": 1 / 2.5,
        "size_age_interaction": 200,
        "lesion_severity_index": 8.7 / 3,
        "shape_complexity_index": 2.5 + 9 / 144,
        "color_contrast_index": 13,
        "log_lesion_area": math.log(10),
        "std_dev_contrast": math.sqrt(49 / 3),
        "lesion_orientation_3d": math.atan2(4, 3),
        "border_color_consistency": 1.5,
        "age_normalized_nevi_confidence": 0.4,
        "volume_approximation_3d": 117,
        "border_length_ratio": 12 / (2 * math.pi * math.sqrt(9 / math.pi)),
        "area_per_diameter_squared": 9 / 16,
        "color_per_log_size": 6 / math.log(5),
        "roundness": 4 * math.pi * 9 / 144,
        "diameter_over_6_mm": 0,
    }
    for name, value in expected.items():
        assert row[f"les_{name}"] == pytest.approx(value, rel=1e-6), name
    assert row["les_color_uniformity"] is None  # 1.5 / 0
    assert "les_luminance_contrast" not in row  # no L here


def test_twelve_lesions_the_study_guides_example():
    # Eleven lesions and one of 25 mm2, mean 10 and spread 5: z = 3.
    rest = 10 - 15 / 11  # so that the mean is 10
    off = math.sqrt((11 * 25 - 225 - 11 * (15 / 11) ** 2) / 10)  # and the variance 25
    area = [25.0, rest, *(rest + sign * off for sign in (1, -1) for _ in range(5))]
    assert np.mean(area) == pytest.approx(10)
    assert np.std(area, ddof=1) == pytest.approx(5)
    table = made(lesions(tbp_lv_areaMM2=area), "z", "ranks")
    assert table[f"pz_{AREA}"][0] == pytest.approx(3.0, abs=1e-6)
    assert table[f"pr_{AREA}"][0] == pytest.approx(11.5 / 12)


def slow_z(values):
    known = [v for v in values if not math.isnan(v)]
    if len(known) < 2 or np.std(known, ddof=1) <= 1e-6 * max(abs(v) for v in known):
        return [math.nan if math.isnan(v) else 0.0 for v in values]
    return [(v - np.mean(known)) / np.std(known, ddof=1) for v in values]


def slow_ranks(values):
    known = [v for v in values if not math.isnan(v)]
    places = dict(zip(known, rankdata(known), strict=True))
    return [math.nan if math.isnan(v) else (places[v] - 0.5) / len(known) for v in values]


@pytest.mark.parametrize(("fast", "slow"), [(z_scores, slow_z), (ranks, slow_ranks)])
def test_z_and_rank_are_their_slow_twins(fast, slow):
    rng = np.random.default_rng(0)
    for _ in range(30):
        codes = rng.integers(0, 8, 60)
        codes = np.unique(codes, return_inverse=True)[1]
        values = np.round(rng.normal(5, 2, 60), 1)
        values[rng.random(60) < 0.1] = math.nan
        values[codes == 0] = 3.3
        expected = np.full(60, math.nan)
        for group in np.unique(codes):
            expected[codes == group] = slow(values[codes == group].tolist())
        np.testing.assert_allclose(fast(values, Groups(codes)), expected, atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-100, 100), min_size=2, max_size=20),
    st.floats(-100, 100),
    st.floats(1e-8, 1e8),
)
def test_z_and_rank_do_not_know_units(values, shift, scale):
    x, groups = one_group(values)
    assume(np.std(x) > 1e-2)
    np.testing.assert_allclose(
        z_scores((x + shift) * scale, groups), z_scores(x, groups), atol=1e-9
    )
    scaled = ranks(x * scale, groups)
    assume(len(np.unique(x * scale)) == len(np.unique(x)))
    np.testing.assert_array_equal(scaled, ranks(x, groups))


@pytest.mark.parametrize(
    ("values", "z", "rank"),
    [
        ([7.0], [0], [0.5]),
        ([0.1 + 0.2, 0.3], [0, 0], None),  # alike but for noise: not -1 and 1
        ([1e9 * 0.3, 1e9 * (0.1 + 0.2)], [0, 0], None),
        ([1e-9, 3e-9], [-(0.5**0.5), 0.5**0.5], [0.25, 0.75]),  # small is not alike
        ([0.0, 1e-17, -1e-17], [0, 0, 0], None),  # noise around zero
        ([0.0, 0.0, 0.0], [0, 0, 0], [0.5, 0.5, 0.5]),
        ([1.0, math.nan, 3.0], [-(0.5**0.5), math.nan, 0.5**0.5], [0.25, math.nan, 0.75]),
        ([math.nan, math.nan], [math.nan] * 2, [math.nan] * 2),
    ],
)
def test_stated_answers(values, z, rank):
    np.testing.assert_allclose(z_scores(*one_group(values)), z, atol=1e-12)
    if rank is not None:
        np.testing.assert_allclose(ranks(*one_group(values)), rank, atol=1e-12)


def test_a_difference_that_is_noise_beside_its_inputs_is_none():
    hue = [62.1, 55.3, 58.7]
    as_float32 = np.float32(hue).astype(float).tolist()  # 1e-6 off, as a table may round
    samples = lesions(
        patient_id=["p"] * 3, tbp_lv_H=hue, tbp_lv_Hext=as_float32, tbp_lv_A=[20.0, 21.0, 19.5],
        tbp_lv_Aext=[14.0, 18.0, 16.0], tbp_lv_L=hue, tbp_lv_Lext=hue, tbp_lv_B=hue,
        tbp_lv_Bext=hue,
    )  # fmt: skip
    table = made(samples, "lesion", "z")
    assert table["les_hue_contrast"].max() > 1e-7
    assert table["pz_hue_contrast"].to_list() == [0, 0, 0]
    assert table["pz_color_range"].max() > 1


def test_groupings_are_within_patients_and_a_missing_level_is_one_of_its_own():
    samples = lesions(
        patient_id=["p", "p", "p", "p", "q", "q"], tbp_lv_areaMM2=[1.0, 3.0, 5.0, 9.0, 2.0, 4.0],
        tbp_lv_location=["Leg", "Leg", None, None, "Leg", "Leg"],
    )  # fmt: skip
    table = made(samples, "z", "counts", z_over={"location": "core"})
    half = 0.5**0.5
    found = table[f"pz_{AREA}__by_location"].to_list()
    assert found == pytest.approx([-half, half, -half, half, -half, half])
    assert table["ct_lesions__by_location"].to_list() == [2] * 6
    assert table["ct_lesions"].to_list() == [4, 4, 4, 4, 2, 2]


def groups_of(samples, over):
    column = GROUPED_BY[over]
    for _, part in samples.sort(ID).group_by(PATIENT, maintain_order=True):
        for level in {None} if column is None else set(part[column].to_list()):
            rows = part if column is None else part.filter(pl.col(column).eq_missing(level))
            yield rows


def test_counts_and_visits_are_their_slow_twins():
    samples = draw()
    table = {row[ID]: row for row in made(samples, "counts").to_dicts()}
    for over in GROUPINGS:
        name = "ct_lesions" if over == "patient" else f"ct_lesions__by_{over}"
        for rows in groups_of(samples, over):
            assert {table[i][name] for i in rows[ID]} == {len(rows)}
    for rows in groups_of(samples, "patient"):
        ages = rows[AGE].to_list()
        for name, age in zip(rows[ID], ages, strict=True):
            assert table[name]["ct_visit"] == age - min(ages)
            assert table[name]["ct_visits"] == len(set(ages))
            assert table[name]["ct_lesions_per_visit"] == pytest.approx(len(ages) / len(set(ages)))
            assert table[name]["ct_lesions_this_visit"] == ages.count(age)


def test_visits_where_no_age_is_known():
    table = made(lesions(age_approx=[None, 40.0, None, 45.0], patient_id=[*"ppqp"]), "counts")
    assert table["ct_visits"].to_list() == [2, 2, 0, 2]
    assert table["ct_visit"].to_list() == [None, 0, None, 5]
    assert table["ct_lesions_per_visit"].to_list() == [1.5, 1.5, None, 1.5]
    assert table["ct_lesions_this_visit"].to_list() == [None, 1, None, 1]


def test_the_ugly_duckling_is_its_slow_twin():
    samples = draw()
    config = {"z_over": {"location": "main"}, "ugly_over": ("location",)}
    table = made(samples, "z", "ugly_duckling", **config)
    z = table.select(pl.col("^pz_.*__by_location$")).to_dicts()
    means = {}
    for row, found in zip(z, table.to_dicts(), strict=True):
        sizes = [abs(value) for value in row.values() if value is not None]
        means[found[ID]] = np.mean(sizes)
        expected = [max(sizes), np.mean(sizes), np.std(sizes, ddof=1), sum(s > 2 for s in sizes)]
        names = ("greatest", "mean", "spread", "over_2")
        ours = [found[f"ug_{name}__by_location"] for name in names]
        assert ours == pytest.approx(expected, rel=1e-5, abs=1e-6)
    for rows in groups_of(samples, "location"):
        own = table.join(rows, on=ID, how="semi")
        expected = slow_ranks([float(np.round(means[i], 9)) for i in own[ID]])
        assert own["ug_rank__by_location"].to_list() == pytest.approx(expected, abs=1e-6)


def test_aggregates_are_their_slow_twins():
    samples = draw()
    table = made(samples, "aggregates", aggregates_over={"site": "core"})
    for rows in groups_of(samples, "site"):
        values = rows[AREA].drop_nulls().to_numpy()
        own = table.join(rows, on=ID, how="semi")
        mean, least, most = values.mean(), values.min(), values.max()
        first = own.row(0, named=True)
        assert first[f"ag_mean_{AREA}__by_site"] == pytest.approx(mean, rel=1e-6)
        assert first[f"ag_min_{AREA}__by_site"] == pytest.approx(least)
        assert first[f"ag_max_{AREA}__by_site"] == pytest.approx(most)
        std = values.std(ddof=1) if len(values) > 1 else None
        same([first[f"ag_std_{AREA}__by_site"]], [std])
        third = skew(values) if len(values) > 2 else None
        same([first[f"ag_skew_{AREA}__by_site"]], [third], rtol=1e-4, atol=1e-6)
        ratio = [None if v is None else v / most for v in rows[AREA]]
        same(own[f"ag_ratio_max_{AREA}__by_site"], ratio)
        off = [None if v is None else v - mean for v in rows[AREA]]
        same(own[f"ag_difference_mean_{AREA}__by_site"], off, atol=1e-5)


def test_aggregates_where_little_is_to_be_said():
    parts = aggregates(*one_group([2.0, 2.0, 2.0])).of
    assert {name: part[0] for name, part in parts.items()} == {
        "mean": 2, "std": 0, "min": 2, "max": 2, "skew": 0,
    }  # fmt: skip
    samples = lesions(tbp_lv_areaMM2=[-1.0, 1.0], patient_id=["p", "p"])
    table = made(samples, "aggregates")
    assert table[f"ag_ratio_mean_{AREA}"].to_list() == [None, None]  # by zero
    assert table[f"ag_ratio_max_{AREA}"].to_list() == [-1, 1]
    assert table[f"ag_skew_{AREA}"].to_list() == [None, None]


def z_points(samples, names):
    rows = Rows(samples, columns_of(samples), {})
    order = dict(zip(rows.frame[ID], range(len(rows)), strict=True))
    return rows.points(names, standardised=True), order


def test_distances_to_the_others_are_their_slow_twin():
    samples = draw(holes=0.01)
    table = {row[ID]: row for row in made(samples, "context").to_dicts()}
    for space, names in SPACES.items():
        points, order = z_points(samples, names)
        unit = "_mm" if space == "place" else ""
        for rows in groups_of(samples, "patient"):
            at = {i: points[order[i]] for i in rows[ID]}
            if space == "place":
                at = dict(zip(rows[ID], rows.select(names).to_numpy(), strict=True))
            whole = {i: p for i, p in at.items() if not np.isnan(p).any()}
            for i in rows[ID]:
                off = [math.dist(whole[i], p) for j, p in whole.items() if j != i and i in whole]
                expected = [np.mean(off), min(off), max(off)] if off else [None] * 3
                words = ("mean", "nearest", "farthest")
                found = [table[i][f"ctx_{space}_{word}{unit}"] for word in words]
                same(found, expected)
                if space == "place":
                    near = sum(d <= 50 for d in off) if off else None
                    assert table[i]["ctx_cluster_size"] == near


def test_the_anchor_is_the_patients_largest_lesion_the_first_of_equals():
    samples = lesions(
        patient_id=[*"pppqr"], tbp_lv_areaMM2=[4.0, 8.0, 8.0, 5.0, None],
        tbp_lv_x=[0.0, 3.0, 9.0, 1.0, 1.0], tbp_lv_y=[0.0, 4.0, 9.0, 1.0, 1.0],
        tbp_lv_z=[0.0] * 5,
    )  # fmt: skip
    table = made(samples, "context")
    assert table["ctx_anchor_area_ratio"].to_list() == [0.5, 1, 1, 1, None]
    assert table["ctx_anchor_area_difference_mm2"].to_list() == [-4, 0, 0, 0, None]
    far = math.dist((3, 4), (9, 9))
    same(table["ctx_anchor_place_mm"], [5, 0, far, 0, None])
    same(table["ctx_place_nearest_mm"], [5, 5, far, None, None])
    assert table["ctx_cluster_size"].to_list() == [2, 2, 2, None, None]


@pytest.mark.parametrize("count", [3, 5, 20, 21, 22, 400, 1100])
def test_the_outlier_factor_is_scikit_learns(count):
    points = np.random.default_rng(count).normal(size=(count, 17))
    points[0] += 5
    other = LocalOutlierFactor(n_neighbors=min(20, count - 1)).fit(points)
    np.testing.assert_allclose(
        local_outlier_factor(points)[0], -other.negative_outlier_factor_, rtol=1e-9
    )


def test_the_outlier_factor_by_patient():
    samples = draw(holes=0.005)
    found = dict(made(samples, "outlier").rows())
    points, order = z_points(samples, OUTLIER_COLUMNS)
    for rows in groups_of(samples, "patient"):
        whole = [i for i in rows[ID] if np.isfinite(points[order[i]]).all()]
        assert all(found[i] is None for i in rows[ID] if i not in whole)
        if len(whole) < 3:
            assert all(found[i] is None for i in whole)
            continue
        own = points[[order[i] for i in whole]]
        other = LocalOutlierFactor(n_neighbors=min(20, len(whole) - 1)).fit(own)
        ours = [found[i] for i in whole]
        np.testing.assert_allclose(ours, -other.negative_outlier_factor_, rtol=1e-5)


def test_a_block_at_a_time_is_all_at_once(monkeypatch):
    points = np.random.default_rng(0).normal(size=(300, 4))
    whole = to_others(points, 1.0), local_outlier_factor(points)
    monkeypatch.setattr("features.distances.BLOCK", 700)
    np.testing.assert_array_equal(to_others(points, 1.0), whole[0])
    np.testing.assert_array_equal(local_outlier_factor(points), whole[1])


def test_lesions_on_one_point():
    points = np.zeros((30, 17))
    np.testing.assert_array_equal(local_outlier_factor(points), np.ones((1, 30)))
    assert to_others(points)[:3].max() == 0
    missing = np.full((4, 2), math.nan)
    assert np.isnan(by_patient(missing, Groups(np.zeros(4, np.int64)), to_others, 4, 2)).all()


def test_nine_thousand_lesions_of_one_patient():
    rng = np.random.default_rng(0)
    samples = draw(patients=8, rows=9500, holes=0).with_columns(
        pl.when(pl.int_range(pl.len()) < 9000)
        .then(pl.lit("IP_9"))
        .otherwise(PATIENT)
        .alias(PATIENT)
    )
    samples = samples.with_columns(pl.Series("tbp_lv_x", rng.normal(0, 100, 9500)))
    table = made(samples, "z", "context", "outlier", "ugly_duckling")
    of_one = table.join(samples.filter(pl.col(PATIENT) == "IP_9"), on=ID, how="semi")
    assert len(of_one) == 9000
    assert of_one["ctx_outlier_factor"].null_count() == 0
    area = of_one[f"pz_{AREA}"].cast(pl.Float64)
    assert area.mean() == pytest.approx(0, abs=1e-6)
    assert area.std() == pytest.approx(1, abs=1e-6)
    at = samples.sort(ID).filter(pl.col(PATIENT) == "IP_9").select(SPACES["place"]).to_numpy()
    off = np.sqrt(((at - at[7]) ** 2).sum(axis=1))
    assert of_one["ctx_place_mean_mm"][7] == pytest.approx(off.sum() / 8999, rel=1e-6)
    assert of_one["ctx_place_nearest_mm"][7] == pytest.approx(np.sort(off)[1], rel=1e-6)


def test_every_formula_is_over_columns_that_exist():
    samples = draw()
    for name, formula in FORMULAS.items():
        assert set(formula.inputs) <= set(samples.columns), name
