"""All folds of a network as one table, and a cascade end to end, on rows counted by hand."""

import numpy as np
import polars as pl
import pytest

from folds.findings import Findings
from models.networks.use import maker_of
from pipeline import joined
from pipeline.joined import (
    NetworkFolds,
    cascading,
    join_cascade,
    join_folds,
    joining,
    labelled,
    patient_of,
)
from pipeline.networks import training
from pipeline.picture_rows import networks_of, open_picture_rows
from tests.by_hand.pictures import TABLE, PicturesByHand
from tests.by_hand.units import wanted_by
from tests.manifests import keep
from workspace.errors import ArtifactError
from workspace.tasks import Output

# By the ids, of the rows that each fold holds out; true are a1, c0 and e0.
FLAG = {
    0: {"a0": 0.30, "a1": 0.45, "b0": 0.10},
    1: {"c0": 0.45, "c1": 0.42},
    2: {"e0": 0.95, "e1": 0.85, "f0": 0.20},
}
LIMITS = {0: 0.40, 1: 0.50, 2: 0.90}
WHICH = {  # the probability of BCC
    0: {"a0": 0.9, "a1": 0.2, "b0": 0.1},
    1: {"c0": 0.8, "c1": 0.6},
    2: {"e0": 0.7, "e1": 0.1, "f0": 0.2},
}
COLUMN = "oof_flag_malignant"


@pytest.fixture
def made(tmp_path):
    return PicturesByHand(tmp_path)


def kept_folds(made, name="flag", scores=None, limits=LIMITS, **values):
    """The networks of all folds, with what they say."""
    return {
        fold: made.keep_network(
            name, fold, scores=of, limit=None if limits is None else limits[fold], **values
        )
        for fold, of in (scores or FLAG).items()
    }


def join(made, units, name="flag", *settings):
    """The joined network, by its maker alone."""
    job = made.job(*settings)
    folders = {fold: unit.folder for fold, unit in units.items()}
    with made.making("networks", name, stage="train-cnn") as draft:
        folds = NetworkFolds(name, job.recipe.networks[name], folders)
        join_folds(draft, made.files(job), folds, job.recipe.score)
    return made.unit("networks", name, stage="train-cnn")


def test_each_row_stands_once_by_id_as_said_by_the_network_that_never_saw_it(made):
    units = kept_folds(made)
    unit = join(made, units)
    table = unit.parquet("oof.parquet")
    makers = {fold: maker_of(one) for fold, one in units.items()}
    assert len(set(makers.values())) == 3
    assert table.columns == ["isic_id", "fold", "maker", COLUMN]  # of the chosen epoch alone
    said = {name: share for of in FLAG.values() for name, share in of.items()}
    fold_of = {name: fold for fold, of in FLAG.items() for name in of} | {"d0": 1}
    assert table["isic_id"].to_list() == ["a0", "a1", "b0", "c0", "c1", "d0", "e0", "e1", "f0"]
    for name, fold, maker, share in table.rows():
        assert (fold, maker, share) == (fold_of[name], makers[fold_of[name]], said.get(name))
    assert unit.facts == {
        "fold_hash": made.fold_hash, "makers": {str(k): v for k, v in makers.items()},
        "classes": ["benign", "malignant"],
    }  # fmt: skip


def test_a_fold_that_is_lacking_is_refused(made):
    units = kept_folds(made)
    del units[1]
    with pytest.raises(ArtifactError, match="OOF incomplete: fold 1 has no predictions in flag"):
        join(made, units)


@pytest.mark.parametrize(
    ("fold", "scores", "said"),
    [
        (0, {"a0": 0.3, "a1": 0.4}, r"images that are not the images the folds hold out: \[b0\]"),
        (0, {**FLAG[0], "t0": 0.5}, r"that are not the images the folds hold out: \[t0\]"),
        (0, {**FLAG[0], "g0": 0.5}, r"that are not the images the folds hold out: \[g0\]"),
        (2, {**FLAG[2], "a0": 0.5}, r"OOF of flag has images more than once: \[a0\]"),
    ],
)
def test_rows_that_a_fold_did_not_hold_out_are_refused(made, fold, scores, said):
    units = kept_folds(made, scores={**FLAG, fold: scores})
    with pytest.raises(ArtifactError, match=said):
        join(made, units)


def test_rows_scored_by_another_folds_network_are_refused(made):
    units = kept_folds(made, scores={**FLAG, 0: FLAG[1], 1: FLAG[0]})
    with pytest.raises(ArtifactError, match="scored by a model of another fold"):
        join(made, units)


def counts(sheet):
    return sheet["report"]["confusion"]["counts"]


def test_rows_are_called_by_their_own_folds_threshold(made):
    # Called: a1 of fold 0, none of fold 1, e0 of fold 2.
    sheet = join(made, kept_folds(made)).json("metrics.json")
    assert counts(sheet["best_epoch"]) == [[5, 0], [1, 2]]
    assert sheet["best_epoch"]["report"]["n"] == 8  # neither the row without a picture nor tests
    assert [fold["threshold"] for fold in sheet["folds"]] == [0.4, 0.5, 0.9]
    turned = join(made, kept_folds(made, limits={0: 0.5, 1: 0.4, 2: 0.9})).json("metrics.json")
    assert counts(turned["best_epoch"]) == [[4, 1], [1, 2]]


def test_the_last_epochs_weights_have_scores_and_thresholds_of_their_own(made):
    last = {name: 1.0 - share for of in FLAG.values() for name, share in of.items()}
    units = {
        fold: made.keep_network(
            "flag", fold, scores=of, last={name: last[name] for name in of}, limit=LIMITS[fold],
            last_limit=0.75,
        )
        for fold, of in FLAG.items()
    }  # fmt: skip
    sheet = join(made, units).json("metrics.json")
    assert counts(sheet["best_epoch"]) == [[5, 0], [1, 2]]
    assert counts(sheet["last_epoch"]) == [[3, 2], [3, 0]]  # b0 and f0 alone
    assert {fold["last_threshold"] for fold in sheet["folds"]} == {0.75}


def test_without_a_threshold_the_more_probable_class_is_called(made):
    sheet = join(made, kept_folds(made, limits=None)).json("metrics.json")
    assert counts(sheet["best_epoch"]) == [[4, 1], [2, 1]]  # e0 and e1
    [first, *_] = sheet["folds"]
    assert first == {
        "fold": 0, "best_epoch": 2, "inner_score": None, "inner_score_is": None,
        "threshold": None, "last_threshold": None, "epochs": 2,
    }  # fmt: skip


def test_the_sheet_says_what_was_chosen_on_what_and_beside_which_claim(made):
    sheet = join(made, kept_folds(made)).json("metrics.json")
    assert (sheet["network"], sheet["kind"], sheet["group"]) == ("flag", "target", "patient")
    assert sheet["classes"] == ["benign", "malignant"]
    assert set(sheet["claim"]["per_class"]) == {"benign", "malignant"}
    assert sheet["folds"][1]["inner_score_is"].startswith("auc of inner rows")
    assert sheet["best_epoch"]["patients"] == 5
    assert join(made, kept_folds(made), "flag", "data.group=none").json("metrics.json")[
        "best_epoch"
    ]["patients"] is None  # fmt: skip


def test_a_network_of_classes_is_measured_on_the_rows_that_have_one(made):
    units = kept_folds(made, "which", WHICH, None, classes=("MEL", "BCC"))
    unit = join(made, units, "which")
    sheet = unit.json("metrics.json")
    assert counts(sheet["best_epoch"]) == [[1, 1], [0, 1]]  # a1; e0 called BCC; c0
    assert len(unit.parquet("oof.parquet")) == 9  # all rows go into the stack


def test_networks_whose_classes_stand_in_another_order_are_refused(made):
    three = (
        "cascade.first=stage1", "cascade.second=stage2", "networks.which.task.rows=all",
        'networks.which.task.classes.NV=["NV"]',
    )  # fmt: skip
    scores = {k: dict.fromkeys(of, (0.2, 0.3, 0.5)) for k, of in FLAG.items()}
    units = kept_folds(made, "which", scores, None, classes=("MEL", "BCC", "NV"))
    join(made, units, "which", *three)
    units = kept_folds(made, "which", scores, None, classes=("BCC", "MEL", "NV"))
    with pytest.raises(ArtifactError, match=r"trained on the classes BCC, MEL, NV, in this order"):
        join(made, units, "which", *three)


def test_the_baseline_of_sources_is_looked_at_only_where_it_is_asked_for(made, monkeypatch):
    looked, units = [], kept_folds(made)

    def columns(reader, references, show, workers):
        looked.append(list(references))
        return np.zeros((len(references), 1))

    def scores(columns, labels, splits):
        for learnt, held_out in splits:
            assert not set(learnt) & set(held_out)
        order = dict(zip(rows.table["isic_id"], labels, strict=True))
        return np.array([order[name] + 0.0 for name in rows.table["isic_id"]])  # it knows all

    rows = open_picture_rows(made.files())
    monkeypatch.setattr(joined, "source_columns", columns)
    monkeypatch.setattr(joined, "source_scores", scores)
    assert "source_only" not in join(made, units).json("metrics.json")
    assert looked == []
    sheet = join(made, units, "flag", "networks.flag.source_only=true").json("metrics.json")
    assert looked == [rows.table["image"].to_list()]
    baseline = sheet["source_only"]
    assert baseline["metrics"]["auc"]["value"] == 1.0
    # a1 and c0 lie below e1, so 13 of 15 pairs are in order.
    assert baseline["ours_minus_this"]["auc"]["value"] == pytest.approx(13 / 15 - 1)


def test_rows_of_a_table_are_labelled_by_id_in_the_tables_order(made):
    rows = open_picture_rows(made.files())
    table = pl.DataFrame({"isic_id": ["t0", "e0", "a0", "c0", "h0"], "x": [0, 1, 2, 3, 4]})
    known = labelled(rows, made.network(rows), table)
    assert known.select("isic_id", "x", "label").rows() == [
        ("e0", 1, 1), ("a0", 2, 0), ("c0", 3, 1), ("h0", 4, 1),
    ]  # fmt: skip
    assert patient_of(rows, known).to_list() == ["pe", "pa", "pc", "ph"]
    nobody = open_picture_rows(made.files(made.job("data.group=none")))
    assert patient_of(nobody, known) is None


def declared(made, *settings):
    """The tasks of a network's folds, of what joins them, and of the cascade."""
    job = made.job(*settings)
    files, rows = made.files(job), open_picture_rows(made.files(job))
    networks = networks_of(job, rows, Findings())
    tasks = {
        name: {fold: training(job, files, network, fold) for fold in rows.by_fold}
        for name, network in networks.items()
    }
    whole = {name: joining(job, files, networks[name], tasks[name]) for name in networks}
    both = cascading(
        job, files, (networks["flag"], networks["which"]), (whole["flag"], whole["which"])
    )
    return tasks, whole, both


def test_a_joined_network_waits_for_its_folds_and_hangs_on_what_is_measured(made):
    tasks, whole, _ = declared(made)
    task = whole["flag"]
    assert task.folder == made.run / "networks" / "flag"
    assert task.waits_for() == list(tasks["flag"].values())
    assert set(task.inputs) == {"flag_fold_0", "flag_fold_1", "flag_fold_2", "folds.parquet"}
    assert task.arguments["folds"].by_fold == {k: t.folder for k, t in tasks["flag"].items()}
    assert task.on_change == "redo"  # it costs no training
    for setting, key in (
        ("score.level=0.9", "score"), ("networks.flag.claim=two_stage_second", "claim"),
        ("networks.flag.source_only=true", "source_only"),
    ):  # fmt: skip
        _, other, _ = declared(made, setting)
        assert other["flag"].settings[key] != task.settings[key]
        assert (other["which"].settings == whole["which"].settings) == (key != "score")


def test_a_cascade_hangs_on_both_tables_and_on_the_firsts_thresholds_alone(made):
    _, whole, task = declared(made)
    assert task.folder == made.run / "cascade"
    assert {name: (one.task, one.file) for name, one in task.inputs.items()} == {
        "flag": (whole["flag"], "oof.parquet"), "which": (whole["which"], "oof.parquet"),
        "metrics.json": (whole["flag"], "metrics.json"),
    }  # fmt: skip
    assert all(isinstance(one, Output) for one in task.inputs.values())
    assert list(task.settings) == ["score"]
    assert task.arguments["joined"] == (whole["flag"].folder, whole["which"].folder)


def cascade(made, *settings):
    join(made, kept_folds(made), "flag", *settings)
    join(
        made, kept_folds(made, "which", WHICH, None, classes=("MEL", "BCC")), "which", *settings
    )  # fmt: skip
    _, _, task = declared(made, *settings)
    with made.making("cascade", stage="train-cnn") as draft:
        join_cascade(draft, **task.arguments)
    return made.unit("cascade", stage="train-cnn")


def test_a_cascade_end_to_end_by_hand(made):
    unit = cascade(made)
    # Only a1 and e0 reach their fold's threshold: the second calls them MEL and BCC.
    assert unit.parquet("calls.parquet").rows() == [
        ("a0", 0, 0, 0), ("a1", 0, 1, 1), ("b0", 0, 0, 0), ("c0", 1, 2, 0), ("c1", 1, 0, 0),
        ("e0", 2, 1, 2), ("e1", 2, 0, 0), ("f0", 2, 0, 0),
    ]  # fmt: skip
    sheet = unit.json("metrics.json")
    assert sheet["classes"] == ["benign", "MEL", "BCC"]
    assert counts(sheet) == [[5, 0, 0], [0, 1, 1], [1, 0, 0]]
    assert (sheet["patients"], sheet["left_out"]) == (5, 0)


def test_a_positive_whose_diagnosis_is_no_class_is_left_out_of_the_cascade(tmp_path):
    odd = [row if row[0] != "a1" else (*row[:5], "ODD", True) for row in TABLE]
    odd = [row if row[0] != "f0" else (*row[:4], 1, "MEL", True) for row in odd]
    unit = cascade(PicturesByHand(tmp_path, odd))
    called = unit.parquet("calls.parquet")
    assert "a1" not in called["isic_id"]
    assert dict(called.select("isic_id", "label").iter_rows())["f0"] == 1
    assert unit.json("metrics.json")["left_out"] == 1


def test_a_joined_unit_of_other_folds_is_never_served_for_these(made):
    """The same folder, the same settings; what its folds hold is another."""
    tasks, whole, _ = declared(made)
    job = made.job()
    for fold, unit in kept_folds(made).items():
        task = tasks["flag"][fold]
        wanted = wanted_by(job, "train-cnn", dict(task.settings), dict(task.inputs))
        record(made, unit, wanted)
    assert job.state_of(tasks["flag"][0]).done
    before, new = job.make(whole["flag"])
    assert new
    assert not job.make(whole["flag"])[1]
    other = {0: {**FLAG[0], "a0": 0.99}}
    for fold, unit in kept_folds(made, scores={**FLAG, **other}).items():
        task = tasks["flag"][fold]
        record(made, unit, wanted_by(job, "train-cnn", dict(task.settings), dict(task.inputs)))
    after, new = made.job().make(whole["flag"])
    assert new
    assert after.parquet("oof.parquet")[COLUMN][0] == 0.99 != before.facts


def record(made, unit, wanted):
    """As if the unit's task had made it."""
    keep(unit.folder, unit.manifest.model_copy(update=wanted.model_dump()))
