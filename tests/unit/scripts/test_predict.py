"""`make predict` on a stack by hand: what it refuses and says, and that nothing is half written."""

import json
import shutil

import polars as pl
import pytest

from folds.sources import DataConfig
from metrics.score_sheet import ScoreConfig
from pipeline import new_data
from pipeline.new_data import ROWS, NewData
from pipeline.notices import NOTICES
from pipeline.predictions import trained_on
from pipeline.stack_rows import StackFiles, open_stack
from pipeline.stacked import TEST, JoinConfigs, grow_boosters, join_stack
from pipeline.unit_files import STATE
from pipeline.unseen_members import STACK
from scripts import predict
from stacking.blending.config import BlendConfig
from stacking.boosters.lightgbm import LightGBMConfig
from stacking.config import StackConfig
from stacking.oof import all_files
from tests.by_hand.calls import Calls
from tests.by_hand.stack import stack_table, stack_units
from tests.by_hand.units import files_in, made
from tests.manifests import rewrite
from workspace.errors import ArtifactError, ConfigError, DataError, one_line
from workspace.units import open_unit

QUICK = (
    StackConfig(seeds=1, positive_ratio=0.5, negative_ratio=1.0, shap_rows=5),
    LightGBMConfig(rounds=5, min_data_in_leaf=3),
)
JOINED = JoinConfigs(
    ScoreConfig(replicates=100, seeds=(0,)), BlendConfig(policy="stack"), "probability", "patient"
)
OF_RECIPE = {"data": {"source": "isic2024"}}


def keep_features(run, unit, **state):
    """The same of a recipe, as the stage would leave them."""
    names = [name for name in unit.manifest.files if name.endswith("parquet")]
    tables, before = {name: unit.parquet(name) for name in names}, unit.json(STATE)

    def write(draft):
        for name, table in tables.items():
            draft.parquet(name, table)
        draft.json(STATE, before | state)
        draft.facts |= unit.facts

    made(run / "features", write, stage="features", of_recipe=OF_RECIPE)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run of tables, stacked: its folder."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    units, _ = stack_units(folder, block=False)
    files = StackFiles.of(*units.values(), [], ())
    rows = open_stack(files)
    boosters = {
        fold: made(
            folder / "boosters" / f"stack_fold_{fold}", grow_boosters, stage=STACK,
            inputs={"features.parquet": units["features"].sha256("features.parquet")},
            files=files, what=(STACK, fold), columns=rows.columns, configs=QUICK, seed=0,
        ) for fold in rows.fold_numbers
    }  # fmt: skip
    made(
        folder / "stack", join_stack, stage=STACK,
        settings={"average": "probability", "blend": {"policy": "stack"}},
        inputs={unit.folder.name: all_files(unit) for unit in boosters.values()},
        of_recipe=OF_RECIPE, files=files, configs=JOINED,
        boosters={STACK: {k: unit.folder for k, unit in boosters.items()}},
    )  # fmt: skip
    keep_features(folder, units["features"])
    return folder


@pytest.fixture
def call(tmp_path, finished, monkeypatch):
    """A prediction of these rows by a copy of the run; gives the unit."""
    calls = Calls(tmp_path)
    shutil.copytree(finished, calls.run)

    def called(rows, *settings, mark="a", **values):
        def keep_rows(draft, data, columns, drop):
            draft.parquet(ROWS, rows)
            draft.json(NOTICES, [])

        config = DataConfig(source="isic2024", folder=calls.data)
        data = NewData(config, alone=False, blind=False, hashes={"table": mark * 64})
        monkeypatch.setattr(predict, "open_data", lambda job, sees: data)
        monkeypatch.setattr(new_data, "read_rows", keep_rows)
        return predict.run(calls.job(*settings, stage="predict", own_data=True, **values))

    called.calls = calls
    return called


def new_rows():
    """The run's own test rows, called otherwise and in another order."""
    table = stack_table()[0].filter(pl.col("split") == "test")
    names = pl.format("n{}", "isic_id").alias("isic_id")
    table = table.with_columns(names, image=pl.lit(None, dtype=pl.String))
    return table.sort("isic_id", descending=True)


def test_new_rows_score_as_the_same_rows_of_the_test_set(call):
    done = call(new_rows())
    scores = pl.read_csv(done.path("predictions.csv"))
    own = open_unit(call.calls.run / "stack", STACK).parquet(TEST)
    own = own.filter(pl.col("split") == "test").with_columns(pl.format("n{}", "isic_id"))
    both = scores.join(own, left_on="isic_id", right_on="isic_id", validate="1:1")
    assert len(both) == len(scores) == 6
    assert both["target"].to_list() == both["score"].to_list()
    details = pl.read_csv(done.path("details.csv"))
    assert details.columns == ["isic_id", "score", "fold_sd", "log_odds_sd", "trained_on"]
    assert not details["trained_on"].any()


def test_a_prediction_keeps_the_recipe_of_its_stack(call):
    recipe = call(new_rows(), "lightgbm.rounds=77", "predict.overlays=false").manifest.recipe
    assert "lightgbm" not in recipe  # nor has this stack's by hand
    assert recipe["data"]["folder"] == call.calls.data.name
    assert recipe["predict"]["overlays"] is False


def test_it_says_who_scored_how_many_and_the_same_again_is_not_done_again(call):
    done = call(new_rows())
    path = done.folder / "predictions.csv"
    assert call.calls.lines()[2:] == [
        "predict: used stack (tabular columns).",
        f"predict: wrote {path}: 6 rows, 0 patients with one lesion alone.",
    ]
    before = files_in(done.folder)
    assert call(new_rows()).folder == done.folder
    assert call.calls.lines() == [f"predict: nothing to do, {path} is up to date."]
    assert files_in(done.folder) == before
    assert call(new_rows(), mark="b").folder != done.folder


def test_without_new_data_nothing_is_predicted(blank):
    with pytest.raises(ConfigError) as refused:
        predict.run(blank.job(stage="predict"))
    assert str(refused.value) == "Name the new data: make predict RUN=runs/name DATA=folder."


def test_a_run_that_is_not_finished_is_told_what_to_do_first(blank):
    with pytest.raises(ArtifactError) as refused:
        predict.run(blank.job(stage="predict", own_data=True))
    assert str(refused.value) == one_line(
        f"{blank.run} holds no finished stack; name the run with RUN= (or its RECIPE=), or run "
        "'make stack' first."
    )


def test_another_sources_recipe_is_refused(call):
    rewrite(
        call.calls.run / "stack",
        lambda manifest: manifest["recipe"]["data"].update(source="ham10000"),
    )
    with pytest.raises(ConfigError) as refused:
        call(new_rows())
    assert str(refused.value) == one_line(
        f"{call.calls.run} was made from source ham10000, but the recipe reads isic2024; name the "
        "run's own RECIPE=."
    )


def test_a_list_where_a_stacks_manifest_had_a_table_is_one_line(call):
    path = call.calls.run / "stack" / "manifest.json"
    values = json.loads(path.read_text())
    path.write_text(json.dumps(values | {"settings": values["settings"] | {"blend": ["stack"]}}))
    with pytest.raises(ArtifactError) as refused:
        call(new_rows())
    assert str(refused.value) == one_line(
        f"{path} was changed after it was written; restore it, or move its folder away and run "
        "the stage again."
    )


def test_features_of_another_version_are_refused_and_nothing_is_left(call):
    folder = call.calls.run / "features"
    keep_features(call.calls.run, open_unit(folder, "features"), version=-1)
    with pytest.raises(ArtifactError) as refused:
        call(new_rows())
    assert str(refused.value) == one_line(
        f"{folder / STATE} was written by another version of the features; run 'make stack' anew."
    )
    assert not (call.calls.run / "predictions").exists()


def test_what_a_stop_interrupts_leaves_no_half_a_prediction(call, monkeypatch):
    class Stop(BaseException):
        pass

    def stopped(*_):
        raise Stop

    monkeypatch.setattr("workspace.units.Draft.csv", stopped)
    with pytest.raises(Stop):
        call(new_rows())
    assert not list((call.calls.run / "predictions").glob("*"))


def test_a_prediction_into_which_somebody_put_a_file_is_not_replaced(call):
    done = call(new_rows())
    (done.folder / "notes.txt").write_text("mine")
    with pytest.raises(ArtifactError, match="holds files that 'make predict' did not write"):
        call("rows that nobody comes to read", fresh=True)


TRAINING = pl.DataFrame({"isic_id": ["a", "b", "c"], "patient_id": ["p", "q", None]})


def known(blank, ids, patients):
    rows = pl.DataFrame({"isic_id": ids, "patient_id": patients}, schema_overrides={
        "patient_id": pl.String})  # fmt: skip
    predict._refuse_known(blank.job(stage="predict"), rows, TRAINING)
    return dict(zip(ids, trained_on(rows, TRAINING), strict=True))


def test_rows_that_the_run_learnt_from_are_marked_and_told(blank):
    assert known(blank, ["x", "b"], ["r", "q"]) == {"x": False, "b": True}
    assert blank.lines() == [
        "notice: 1 row of the new data was trained on by "
        f"{blank.run}; their scores mean nothing (trained_on in details.csv): b."
    ]


def test_new_rows_of_known_patients_are_told_by_patient_once(blank):
    assert not any(known(blank, ["x", "y", "z"], ["q", "q", None]).values())
    assert blank.lines() == [
        f"notice: 1 patient of the new rows was trained on by {blank.run}: q; their scores flatter."
    ]


@pytest.mark.parametrize("spelt", ["Q", " q ", "ｑ"])
def test_a_known_patient_in_another_spelling_is_told_as_the_new_rows_spell_it(blank, spelt):
    known(blank, ["x", "y"], [spelt, "r"])
    [told] = blank.lines()
    assert told.endswith(f" trained on by {blank.run}: {spelt}; their scores flatter.")


def test_pictures_are_known_by_their_own_names_wherever_they_lie(blank):
    found = known(blank, ["of/others/a", "b.JPG", "zip/c.jpeg", "ab", "d"], [None] * 5)
    assert list(found.values()) == [True, True, True, False, False]


def test_rows_that_were_all_learnt_from_have_scores_already(blank):
    with pytest.raises(DataError) as refused:
        known(blank, ["a", "c"], ["p", None])
    assert str(refused.value) == one_line(
        f"All 2 rows were trained on by {blank.run}: their scores out of fold are in "
        "stack/oof_stack.parquet."
    )
    assert blank.lines() == []


def test_with_out_the_scores_are_the_same_and_the_run_is_not_written_to(call, tmp_path):
    before = files_in(call.calls.run)
    away = call(new_rows(), files={"out": tmp_path / "out"})
    assert files_in(call.calls.run) == before
    assert away.folder.parent == tmp_path / "out" / "predictions"
    assert not list((tmp_path / "out" / "checkpoints").iterdir())
    within = call(new_rows())
    assert away.content() == within.content()
