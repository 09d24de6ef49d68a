"""A study of a student: on validation rows alone, gone on with, refused in a sentence."""

import json
from dataclasses import replace

import polars as pl
import pytest

from pipeline import studies
from pipeline.distill import comparing, student
from pipeline.distill_study import (
    OVERLAY,
    SHEET,
    TRIAL,
    TRIALS,
    search,
    study_of,
    summing_up,
    trying,
    with_tuned,
)
from pipeline.networks import needed_by
from pipeline.recipe import load_recipe
from pipeline.sided import Split
from scripts.distill import _trainings
from tests.by_hand.pictures import SETTINGS, PicturesByHand
from tests.by_hand.tasks import check_travels
from tests.unit.pipeline.test_distill import LEARNT, SIDED, TAUGHT, VALIDATION
from workspace.errors import ArtifactError, ConfigError
from workspace.stopping import Stopped

pytestmark = pytest.mark.usefixtures("one_thread")

SMALL = ("distill.study.batch_size=[2, 4]", "distill.study.random=2")
NAMES = ("big", "flag")
COUNT = 3


@pytest.fixture
def made(tmp_path):
    return PicturesByHand(tmp_path, SIDED)


def planned(made, *settings, trials=COUNT, names=NAMES, **values):
    job = made.job(*TAUGHT, *SMALL, *settings, stage="distill", **values)
    return job, study_of(made.run, Split(job, made.files(job)), names, trials)


def searched(made, *settings, **values):
    job, plan = planned(made, *settings, **values)
    return search(job, plan)


def trials_of(unit):
    return unit.parquet(TRIALS)


def test_a_trial_is_a_training_of_the_student_that_answers_validation_rows_alone(made):
    unit = searched(made)
    folders = sorted((made.run / "trials").glob("flag_*"))
    assert [folder.name for folder in folders] == ["flag_0000", "flag_0001", "flag_0002"]
    for folder in folders:
        assert {path.name for path in folder.iterdir()} == {
            "manifest.json", "scores.parquet", "trial.json",
        }  # fmt: skip
        said = pl.read_parquet(folder / "scores.parquet")
        assert sorted(said["isic_id"]) == VALIDATION
        # a1 is malignant, a0 is not: one pair, and an AUC of 0, half or 1.
        score = dict(said.select("isic_id", said.columns[1]).iter_rows())
        pair = (score["a1"] > score["a0"]) + (score["a1"] == score["a0"]) / 2
        assert json.loads((folder / TRIAL).read_text()) == {"auc": pair, "failed": None}
    assert not list((made.run / "checkpoints").glob("trial_*"))
    sheet = unit.json(SHEET)
    assert sheet["best_auc"] == trials_of(unit)["auc"].max() >= sheet["own_auc"]


def test_the_first_trial_is_the_student_as_it_is(made):
    """By the same luck, so that trials differ by their values alone."""
    searched(made)
    split = planned(made)[1].split
    task = student(split, "flag", 0)
    *_, (own, _) = split.job.carry_out(*needed_by([task]), task)
    first = pl.read_parquet(made.run / "trials" / "flag_0000" / "scores.parquet")
    assert own.parquet("scores.parquet").select(first.columns).equals(first)


def test_what_the_teacher_says_is_made_once_for_all_trials(made):
    searched(made)
    [said] = (made.run / "soft_labels").iterdir()
    assert sorted(pl.read_parquet(said / "soft_labels.parquet")["isic_id"]) == LEARNT
    sha = json.loads((said / "manifest.json").read_text())["files"]["soft_labels.parquet"]["sha256"]
    for trial in (made.run / "trials").glob("flag_*/manifest.json"):
        assert json.loads(trial.read_text())["inputs"]["soft_labels"] == sha
    assert [one.name for one in (made.run / "networks").iterdir()] == ["big_seed_0"]


def with_labels(tmp_path, name, changed):
    """The run with other labels of these rows."""
    table = [(*row[:4], changed.get(row[0], row[4]), *row[5:]) for row in SIDED]
    (tmp_path / name).mkdir()
    return PicturesByHand(tmp_path / name, table)


def test_labels_of_the_test_have_no_say(tmp_path):
    plain, permuted, other = (
        searched(with_labels(tmp_path, name, changed))
        for name, changed in (
            ("plain", {}), ("permuted", {"b0": 1, "h0": 0}), ("validation", {"a0": 1, "a1": 0}),
        )
    )  # fmt: skip
    assert trials_of(plain).equals(trials_of(permuted))
    assert plain.json(SHEET) == permuted.json(SHEET)
    assert plain.text(OVERLAY) == permuted.text(OVERLAY)
    own = [unit.json(SHEET)["own_auc"] for unit in (plain, other)]
    assert own[0] == 1 - own[1]  # those of validation rows do have one


def test_a_killed_study_goes_on_with_the_same_trials(made, tmp_path, monkeypatch):
    whole = trials_of(searched(made.copy(tmp_path / "other")))
    job, plan = planned(made)
    told = []

    def killed(*words):
        told.append(words)
        raise Stopped(15)

    with monkeypatch.context() as patch:
        patch.setattr(studies, "tell", killed)  # the trial is made, and nobody was told
        with pytest.raises(Stopped):
            search(job, plan)
    assert len(told) == 1
    before = (made.run / "trials" / "flag_0000" / "manifest.json").read_bytes()
    again = searched(made)
    assert trials_of(again).equals(whole)
    assert (made.run / "trials" / "flag_0000" / "manifest.json").read_bytes() == before


def times(made):
    """When each trial was made."""
    paths = sorted((made.run / "trials").glob("flag_*/manifest.json"))
    return {path.parent.name: path.stat().st_mtime_ns for path in paths}


def test_more_trials_go_on_and_the_same_number_is_done(made):
    shorter, before = trials_of(searched(made, trials=2)), times(made)
    longer, after = trials_of(searched(made)), times(made)
    assert longer.head(2).equals(shorter)
    assert before.items() <= after.items()
    assert after.keys() - before.keys() == {"flag_0002"}
    assert trials_of(searched(made)).equals(longer)
    assert times(made) == after


def test_fresh_begins_the_study_anew(made):
    first, before = trials_of(searched(made, trials=2)), times(made)
    again = trials_of(searched(made, trials=2, fresh=True))
    assert first.equals(again)
    assert not before.items() & times(made).items()


GRID = (
    "distill.study.sampler=grid", "distill.study.lr=[1e-3, 1e-4]", "distill.study.dropout=[]",
    "distill.study.temperature=[1.0, 2.0]", "distill.study.weight=[]", "distill.study.loss=[]",
    "distill.study.pooling=[]", "distill.study.batch_size=[]",
)  # fmt: skip


def test_a_grid_is_tried_once_and_no_further(made):
    unit = searched(made, *GRID, trials=99)
    table, sheet = trials_of(unit), unit.json(SHEET)
    assert sorted(table.select("lr", "temperature").iter_rows()) == [
        (1e-4, 1.0), (1e-4, 2.0), (1e-3, 1.0), (1e-3, 2.0),
    ]  # fmt: skip
    assert table.row(0, named=True)["lr"] == 1e-3  # its own come first
    assert (sheet["grid"], sheet["trials"]) == (4, 4)


def test_a_training_that_fails_is_a_trial_and_where_all_fail_it_stops(made, monkeypatch):
    def refused(*_):
        raise ConfigError("Non-finite loss at epoch 1.")

    job, plan = planned(made, trials=2)
    job.carry_out(*needed_by([plan.own]))
    monkeypatch.setattr("pipeline.fold_network.FoldNetwork.train", refused)
    with pytest.raises(ArtifactError) as stopped:
        search(job, plan)
    assert str(stopped.value) == (
        "Every trial of flag failed; the notices above say why. Mend it and run "
        "'make distill FRESH=1'."
    )
    assert "notice: trial 1 of flag failed: Non-finite loss at epoch 1." in made.lines()


def test_the_best_values_are_a_network_of_the_comparison_and_of_a_recipe(made, tmp_path):
    job, plan = planned(made)
    unit = search(job, plan)
    values = unit.json(SHEET)["best_values"]
    recipe = with_tuned(job.recipe, plan, values)
    assert recipe.distill.networks == ("big", "flag", "flag_tuned")
    assert recipe.distill.against == {"flag_tuned": "flag"}
    assert recipe.networks["flag_tuned"] == plan.space.network(values)
    path = tmp_path / OVERLAY
    path.write_text(unit.text(OVERLAY), encoding="utf-8")
    every = '["big", "flag", "flag_tuned"]'
    networks = (f"distill.networks={every}", f"use_networks={every}")
    read = load_recipe(str(path), [*SETTINGS, *TAUGHT, *networks])
    assert read.networks["flag_tuned"] == recipe.networks["flag_tuned"]
    assert read.distill.against == {"flag_tuned": "flag"}
    assert unit.text(OVERLAY).startswith('base = "sample"\n')


def test_trials_travel_and_are_other_units_than_students(made):
    _, plan = planned(made)
    tried = studies.Trial(7, {**plan.space.own, "lr": 1e-4})
    task = trying(plan, tried)
    check_travels(task)
    assert task.folder == made.run / "trials" / "flag_0007"
    assert task.inputs_from() == plan.own.inputs_from()  # the same task, not another like it
    assert task.settings["training"]["phases"][0]["lr"] == 1e-4
    assert summing_up(plan, None).folder == made.run / "distill" / "study"


def test_values_that_a_study_chose_are_redone_and_typed_ones_stop(made):
    job, plan = planned(made, "distill.seeds=[0]")
    tasks = _trainings(job, {"holdout": plan.split}, NAMES, chosen="flag")
    said = {name: task.on_change for (_, name, _), task in tasks.items()}
    assert said == {"big": "stop", "flag": "redo"}


def test_a_comparison_does_not_hang_on_what_a_study_might_try(made):
    """So sheets of before, and those of calls without a study, stay."""
    job, plan = planned(made, "distill.study.at_once=2")
    assert "study" not in comparing(job, NAMES, {"holdout": plan.split}, {}).settings["distill"]


def test_another_study_in_the_same_place_is_refused_by_what_differs(made):
    searched(made, trials=2)
    job, plan = planned(made, "distill.study.random=3", trials=2)
    with pytest.raises(ArtifactError) as refused:
        search(job, plan)
    assert "was made from other values (study.random); restore them" in str(refused.value)
    job, plan = planned(made, "distill.study.temperature=[1.0]", trials=2)
    with pytest.raises(ArtifactError, match="looks for other values"):
        search(job, plan)


@pytest.mark.parametrize(
    ("settings", "names", "sentence"),
    [
        (
            (), ("big",),
            "A study is of a student that has a teacher, and none of distill.networks has; give "
            "one of them a teacher.",
        ),
        (
            ("distill.study.network=big",), NAMES,
            "A study is of a student that has a teacher, and not networks.big has; take flag.",
        ),
        (
            ("networks.flag_tuned.base=first_stage", "networks.flag_tuned.source_only=false"),
            NAMES,
            "The study of flag makes networks.flag_tuned, and the recipe has one; give that "
            "another name, or take another distill.study.network.",
        ),
    ],
)  # fmt: skip
def test_a_student_that_cannot_be_studied_is_refused(made, settings, names, sentence):
    with pytest.raises(ConfigError) as refused:
        planned(made, *settings, names=names)
    assert str(refused.value) == sentence


def test_words_of_the_call_come_before_the_recipe(made):
    job = made.job(*TAUGHT, stage="distill")
    assert studies.trials_of(job, 5) == 5
    job = replace(job, words={"trials": "7"})
    assert studies.trials_of(job, 5) == 7
    for text in ("0", "many"):
        with pytest.raises(ConfigError) as refused:
            studies.trials_of(replace(job, words={"trials": text}), 5)
        assert str(refused.value) == f"TRIALS={text} is no number of trials; take 1 or more."
