"""The tabular columns: of what they are made, and that test rows have no say in them."""

import polars as pl
import pytest

from features.state import State
from pipeline.feature_table import featuring
from pipeline.notices import NOTICES
from pipeline.samples import SAMPLES
from pipeline.unit_files import STATE, TESTS, TRAINING
from tests.by_hand.tasks import check_travels, depends_on
from tests.by_hand.units import features_of, sample_table, samples_of
from workspace.errors import ConfigError

TABLE = sample_table(
    isic_id=["c", "a", "b", "z", "y"],
    patient_id=["p", "p", "q", "t", "u"],
    split=["train", "train", "train", "test", "test"],
    target=[0, 1, 0, None, None],
    age_approx=[50.0, 40.0, None, 60.0, 30.0],
    sex=["male", "female", "female", "male", "male"],
)
NAMES = ["meta_age_approx", "cat_sex"]


def test_features_are_redone_for_other_rows(blank, tmp_path):
    samples = samples_of(tmp_path / "samples", TABLE)
    task = featuring(blank.job(), samples)
    assert (task.folder, task.stage, task.on_change) == (
        blank.run / "features", "features", "redo"
    )  # fmt: skip
    assert depends_on(task)[1] == {SAMPLES: samples.sha256(SAMPLES)}
    assert task.settings["version"] == 1
    check_travels(task)


@pytest.mark.parametrize(
    ("setting", "matters"),
    [
        ('features.families=["raw"]', True),
        ("seed=1", False),
        ("stack.networks=true", False),  # it only allows that there is none
        ("folds.n_folds=4", False),
    ],
)
def test_what_changes_the_features(blank, tmp_path, setting, matters):
    samples = samples_of(tmp_path / "samples", TABLE)
    before, after = (featuring(blank.job(*some), samples) for some in ((), (setting,)))
    assert (depends_on(before) != depends_on(after)) == matters


def test_training_and_test_rows_lie_apart_by_id(tmp_path):
    unit = features_of(tmp_path / "features", samples_of(tmp_path / "samples", TABLE))
    assert unit.parquet(TRAINING).rows() == [("a", 40.0, 1), ("b", None, 1), ("c", 50.0, 2)]
    assert unit.parquet(TESTS).rows() == [("y", 30.0, 2), ("z", 60.0, 2)]
    assert unit.facts == {
        "names": NAMES, "rows": [3, 2], "single_lesion_patients": [1, 2], "patients_known": True
    }  # fmt: skip
    assert unit.json(NOTICES) == []
    state = State.model_validate_json(unit.text(STATE))
    assert list(state.features) == NAMES
    assert state.category_codes == {"sex": ("female", "male")}


def test_a_word_of_the_test_rows_alone_gets_no_code_and_is_noticed(tmp_path):
    known = features_of(tmp_path / "features", samples_of(tmp_path / "samples", TABLE))
    other = TABLE.with_columns(
        sex=pl.when(pl.col("isic_id") == "z").then(pl.lit("other")).otherwise(pl.col("sex"))
    )
    unit = features_of(tmp_path / "others", samples_of(tmp_path / "other", other))
    assert unit.sha256(TRAINING) == known.sha256(TRAINING)
    assert unit.sha256(STATE) == known.sha256(STATE)
    assert unit.parquet(TESTS)["cat_sex"].to_list() == [2, 0]
    [notice] = unit.json(NOTICES)
    assert notice["message"] == (
        "1 row of test rows whose sex the features were not fitted on (other) coded as unknown."
    )


def test_rows_without_a_patient_are_known_to_be(tmp_path):
    table = TABLE.with_columns(patient_id=pl.lit(None, dtype=pl.String))
    unit = features_of(tmp_path / "features", samples_of(tmp_path / "samples", table))
    assert not unit.facts["patients_known"]
    assert unit.facts["single_lesion_patients"] == [3, 2]


def test_no_column_at_all_is_refused_unless_networks_bring_some(tmp_path):
    samples = samples_of(tmp_path / "samples", TABLE.drop("age_approx", "sex"))
    with pytest.raises(ConfigError) as refused:
        features_of(tmp_path / "features", samples)
    assert str(refused.value) == (
        "features.families (raw, categories) gives no column on this source; add 'raw' or "
        "'categories' if they are not there, or stack what networks see (stack.networks=true)."
    )
    assert not (tmp_path / "features").exists()
    unit = features_of(tmp_path / "features", samples, none_too=True)
    assert unit.facts["names"] == []
    assert unit.parquet(TRAINING)["isic_id"].to_list() == ["a", "b", "c"]
