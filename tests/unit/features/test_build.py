import json
import os
import subprocess
import sys
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings

from features import distances
from features.build import build, fit, single_lesion_patients
from features.catalogue import every_feature
from features.columns import GROUPINGS
from features.config import FAMILY_NAMES, FeatureConfig
from features.state import State
from folds.findings import Findings
from folds.schema import HOSPITAL, ID, PATIENT, SITE
from tests.unit.features.conftest import draw, fingerprint, lesions
from workspace.errors import ConfigError, DataError

ROOT = Path(__file__).resolve().parents[3]
EVERYTHING = FeatureConfig(
    families=FAMILY_NAMES,
    z_over=dict.fromkeys(GROUPINGS, "all"),
    ranks_over=dict.fromkeys(GROUPINGS, "all"),
    ugly_over=GROUPINGS,
    aggregates_over=dict.fromkeys(GROUPINGS, "core"),
)


def made(samples, config=EVERYTHING):
    return build(samples, fit(samples, config))


@pytest.mark.parametrize(("lent", "used"), [(1, 1), (5, 5), (64, 8)])
def test_as_many_threads_work_as_cores_are_lent_up_to_eight(monkeypatch, lent, used):
    monkeypatch.setattr(distances, "lent_cores", lambda: lent)
    assert distances.threads() == used


def test_the_default_is_about_two_hundred_columns_in_a_fixed_order():
    samples = draw()
    state = fit(samples, FeatureConfig())
    table = build(samples, state)
    assert 180 <= len(state.features) <= 250
    assert table.columns == [ID, *state.features]
    assert table[ID].to_list() == sorted(samples[ID])
    assert set(table.dtypes[1:]) == {pl.Float32, pl.Int16}
    assert {n for n, d in table.schema.items() if d == pl.Int16} == {
        n for n in table.columns if n.startswith("cat_")
    }


def test_nothing_is_ever_infinite_or_nan_whatever_stands_in_the_table():
    samples = draw(holes=0.1)
    odd = [0.0, -3.0, np.inf, -np.inf, np.nan, 1e308, -1e308, 1e-300, 3e38, 1e18, -1e18, 1.0]
    rng = np.random.default_rng(1)
    samples = samples.with_columns(
        pl.Series(name, rng.choice(odd, len(samples))).fill_nan(None)
        for name, kind in samples.schema.items()
        if kind == pl.Float64
    )
    table = made(samples)
    for column in table.select(pl.col(pl.Float32)):
        assert column.drop_nulls().is_finite().all(), column.name


def test_check_85_only_levels_and_columns_are_fitted():
    samples = draw()
    state = fit(samples, FeatureConfig())
    numbers = [name for name, kind in samples.schema.items() if kind == pl.Float64]
    assert fit(samples.with_columns(pl.col(numbers) * 3 + 1), FeatureConfig()) == state
    assert fit(samples.sort("image", descending=True), FeatureConfig()) == state


def test_labels_and_keys_reach_no_feature():
    samples = draw()
    rng = np.random.default_rng(0)
    shuffled = samples.with_columns(
        samples[name].gather(rng.permutation(len(samples)))
        for name in ("target", "diagnosis", "lesion_id", "split", "image")
    )
    assert not shuffled.equals(samples)
    assert fit(shuffled, EVERYTHING) == fit(samples, EVERYTHING)
    assert made(shuffled).equals(made(samples))
    bare = samples.drop("target", "diagnosis", "lesion_id", "split", "image")
    assert build(bare, fit(samples, EVERYTHING)).equals(made(samples))
    for feature in every_feature():
        assert not {"target", "diagnosis", "lesion_id", "split", "image", ID} & {*feature.inputs}


def test_the_hospital_is_a_feature_only_on_request():
    samples = draw()
    assert "cat_hospital" not in fit(samples, FeatureConfig()).features
    codes = made(samples, FeatureConfig(families=("provenance",)))
    assert codes.columns == [ID, "cat_hospital"]
    assert codes["cat_hospital"].unique().sort().to_list() == [1, 2, 3]


def test_check_94_a_patient_is_the_same_to_the_bit_whoever_else_is_there():
    samples = draw()
    state = fit(samples, EVERYTHING)
    whole = build(samples, state)
    by_size = samples[PATIENT].value_counts(sort=True).sort("count", PATIENT)[PATIENT]
    for patient in by_size[[0, len(by_size) // 2, -1]]:  # any subset: the test below
        own = samples.filter(pl.col(PATIENT) == patient)
        alone = build(own, state)
        assert fingerprint(alone) == fingerprint(whole.join(own, on=ID, how="semi"))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.sets(st.integers(0, 11), min_size=1))
def test_check_94_any_subset_of_patients(seed, kept):
    samples = draw(seed=seed, rows=60)
    state = fit(samples, FeatureConfig())
    some = samples.filter(pl.col(PATIENT).is_in([f"IP_{n:07d}" for n in kept]))
    whole = build(samples, state).join(some, on=ID, how="semi")
    assert fingerprint(build(some, state)) == fingerprint(whole)


def test_check_73_the_order_of_rows_and_columns_does_not_matter():
    samples = draw()
    state = fit(samples, EVERYTHING)
    shuffled = samples.sample(fraction=1, shuffle=True, seed=1).select(
        sorted(samples.columns)[::-1]
    )
    assert fit(shuffled, EVERYTHING) == state
    assert fingerprint(build(shuffled, state)) == fingerprint(build(samples, state))


def test_check_72_the_number_of_threads_does_not_matter():
    code = (
        "from tests.unit.features.test_build import *\n"
        "samples = draw(patients=40, rows=6000)\n"
        "print(fingerprint(made(samples, FeatureConfig())))"
    )
    seen = set()
    for threads, seed in ((1, 0), (2, 1), (4, 2)):
        names = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        environment = {**os.environ, **dict.fromkeys(names, str(threads))}
        environment["PYTHONHASHSEED"] = str(seed)
        ran = subprocess.run(
            [sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True,
            text=True, check=True,
        )  # fmt: skip
        seen.add(ran.stdout)
    assert len(seen) == 1


def test_a_state_survives_json_and_gives_the_same_table():
    samples = draw()
    state = fit(samples, EVERYTHING)
    again = State.model_validate_json(state.model_dump_json())
    assert again == state
    assert fingerprint(build(samples, again)) == fingerprint(build(samples, state))
    kept = json.loads(state.model_dump_json())
    kept["levels"] = kept.pop("category_codes")  # as runs of before kept it
    assert State.model_validate_json(json.dumps(kept)) == state
    with pytest.raises(ValueError, match="version"):
        State.model_validate({**json.loads(state.model_dump_json()), "version": 2})


def test_check_16_a_column_missing_at_build_is_named():
    samples = draw()
    state = fit(samples, FeatureConfig())
    with pytest.raises(DataError) as caught:
        build(samples.drop("tbp_lv_H", SITE), state)
    assert str(caught.value) == (
        "Feature columns missing in test rows: [anatom_site_general, tbp_lv_H]; they were there "
        "when the features were fitted."
    )
    with pytest.raises(DataError) as caught:
        build(samples.drop(HOSPITAL), state, where="test-metadata.csv")
    assert str(caught.value) == (
        "Feature columns missing in test-metadata.csv: [hospital]; they were there when the "
        "features were fitted."
    )


def test_a_number_that_became_text_is_named():
    samples = draw()
    state = fit(samples, FeatureConfig())
    with pytest.raises(DataError) as caught:
        build(samples.with_columns(pl.lit("wide").alias("tbp_lv_H")), state)
    assert str(caught.value) == "Feature columns that are not numbers in test rows: [tbp_lv_H]."
    empty = build(samples.with_columns(pl.lit(None, pl.String).alias("tbp_lv_H")), state)
    assert empty["meta_tbp_lv_H"].null_count() == len(samples)


def test_what_a_source_lacks_at_the_fit_is_left_out():
    # As HAM10000: no patients, and only age, sex and site.
    samples = lesions(
        patient_id=[None] * 3, hospital=[None] * 3, age_approx=[30.0, 40.0, None],
        sex=["male", None, "female"], anatom_site_general=["back", "back", "foot"],
        tbp_lv_H=[None, None, None],
    )  # fmt: skip
    state = fit(samples, EVERYTHING)
    assert state.features == ("meta_age_approx", "cat_anatom_site_general", "cat_sex")
    table = build(samples.drop("tbp_lv_H", PATIENT), state)
    assert table["cat_sex"].to_list() == [2, 0, 1]
    assert table["meta_age_approx"].to_list() == [30.0, 40.0, None]


def test_too_little_to_make_a_feature_of():
    with pytest.raises(ConfigError) as caught:
        fit(lesions(sex=["male"]), FeatureConfig(families=("lesion", "z")))
    assert str(caught.value) == (
        "features.families (lesion, z) gives no column on this source; add 'raw' or 'categories' "
        "if they are not there, or stack what networks see (stack.networks=true)."
    )
    with pytest.raises(DataError) as caught:
        fit(draw().clear(), FeatureConfig())
    assert str(caught.value) == "There are no rows to fit the features on."


def test_check_17_no_row_and_one_row():
    samples = draw()
    state = fit(samples, EVERYTHING)
    assert build(samples.clear(), state).schema == build(samples, state).schema
    one = build(samples.head(1), state)
    assert one.shape == (1, 1 + len(state.features))
    assert one["ct_lesions"].to_list() == [1]


def test_check_13_words_never_seen_are_unknown_and_counted():
    train, test = draw(seed=0), draw(seed=1)
    state = fit(train, FeatureConfig())
    test = test.with_columns(
        pl.when(pl.int_range(pl.len()) < 4).then(pl.lit("moon")).otherwise(pl.col(SITE)).alias(SITE)
    )
    findings = Findings()
    table = build(test, state, findings)
    codes = dict(zip(table[ID], table["cat_anatom_site_general"], strict=True))
    for name, word in zip(test[ID], test[SITE], strict=True):
        known = ["anterior torso", "head/neck", "posterior torso"]
        assert codes[name] == (known.index(word) + 1 if word in known else 0)
    told = [(finding.message, finding.count) for finding in findings.notices]
    assert told[0] == (
        "4 rows of test rows whose anatom_site_general the features were not fitted on (moon) "
        "coded as unknown.",
        4,
    )
    assert [finding.check for finding in findings.notices] == [
        "unseen-category"
    ] * 2  # site_location


def test_a_row_without_a_patient_is_a_patient_of_its_own():
    samples = lesions(patient_id=[None, "IP_1", None, "IP_1"], tbp_lv_areaMM2=[1.0, 2.0, 3.0, 4.0])
    table = made(samples)
    assert table["ct_lesions"].to_list() == [1, 2, 1, 2]
    assert table["pz_tbp_lv_areaMM2"].to_list() == pytest.approx([0, -(0.5**0.5), 0, 0.5**0.5])
    assert table["pr_tbp_lv_areaMM2"].to_list() == [0.5, 0.25, 0.5, 0.75]
    assert single_lesion_patients(samples) == 2
    assert single_lesion_patients(lesions(patient_id=["a", "a", "b", "c"], x=[1, 1, 1, 1])) == 2


def test_infinity_and_what_float32_cannot_hold_are_missing_and_leave_the_others_alone():
    samples = lesions(tbp_lv_areaMM2=[1.0, 2.0, np.inf, 1e300, 3.0])
    table = made(samples)
    assert table["meta_tbp_lv_areaMM2"].to_list() == [1, 2, None, None, 3]
    assert table["pz_tbp_lv_areaMM2"].to_list() == pytest.approx([-1, 0, None, None, 1])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"families": ()}, "must name a family"),
        ({"families": ("z", "z")}, "names something twice"),
        (
            {"families": ("zz",)},
            "Input should be 'raw', 'categories', 'provenance', 'lesion', 'colour_pairs', 'z', "
            "'ranks', 'ugly_duckling', 'counts', 'aggregates', 'context' or 'outlier'",
        ),
        ({"z_over": {"planet": "main"}}, "Input should be"),
        ({"z_overr": {}}, "Extra inputs"),
    ],
)
def test_a_recipe_that_asks_for_what_there_is_not(given, message):
    with pytest.raises(ValueError, match=message):
        FeatureConfig(**given)


def test_the_order_in_a_recipe_gives_the_same_columns():
    one = FeatureConfig(families=("z", "raw"), z_over={"site": "core", "patient": "main"})
    two = FeatureConfig(families=("raw", "z"), z_over={"patient": "main", "site": "core"})
    assert fit(draw(), one) == fit(draw(), two)
    assert one.used() == {"families": ["raw", "z"], "z_over": {"patient": "main", "site": "core"}}
