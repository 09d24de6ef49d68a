import json

import numpy as np
import polars as pl
import pytest

from metrics.across_folds import FoldScore, FoldTable, fold_table
from metrics.bootstrap import IntervalSheet
from metrics.calibration import ReliabilityBin
from metrics.cohort import cohort
from metrics.delong import DeLongSheet
from metrics.pauc import pauc_above_tpr
from metrics.score_sheet import Reliability, ScoreConfig, ScoreSheet, Ties, score_sheet
from metrics.subgroups import Subgroup
from metrics.support import NO_INTERVAL, NONE_OF_A_DISTANCE
from workspace.errors import DataError

QUICK = ScoreConfig(replicates=100, seeds=(0,))


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    patient = pl.Series([f"IP_{i // 5:07d}" for i in range(500)])
    target = (rng.random(500) < 0.2).astype(int)
    score = 1 / (1 + np.exp(2 - rng.normal(size=500) - 2 * target))
    return target, score, patient


def test_the_sheet_is_json_with_every_headline_metric(rows):
    target, score, patient = rows
    sheet = score_sheet(target, score, patient, {"half": patient.str.slice(9)}, QUICK)
    assert json.loads(json.dumps(sheet, allow_nan=False)) == sheet
    assert (sheet["n"], sheet["positives"], sheet["patients"]) == (500, int(target.sum()), 100)
    assert sheet["metrics"]["pauc"]["value"] == pytest.approx(pauc_above_tpr(target, score))
    assert set(sheet["metrics"]) >= {
        "pauc", "standardised_pauc", "auc", "average_precision", "brier", "log_loss", "ece",
        "calibration_slope", "calibration_intercept", "top_15_retrieval_sensitivity",
    }  # fmt: skip
    ece = sheet["metrics"].pop("ece")
    assert (ece["low"], ece["high"], ece["reason"]) == (None, None, NONE_OF_A_DISTANCE)
    assert all(m["low"] <= m["value"] <= m["high"] for m in sheet["metrics"].values())
    assert {m["reason"] for m in sheet["metrics"].values()} == {None}
    assert sum(point["n"] for point in sheet["reliability"]["points"]) == 500
    assert len(sheet["subgroups"]) == 10
    assert sheet["notes"] == []


def test_logits_are_ranked_but_not_calibrated(rows):
    target, score, patient = rows
    sheet = score_sheet(target, np.log(score / (1 - score)), patient, config=QUICK)
    assert sheet["metrics"]["pauc"]["value"] == pytest.approx(pauc_above_tpr(target, score))
    assert "brier" not in sheet["metrics"]
    assert sheet["reliability"] is None
    assert sheet["notes"] == [
        "Some scores lie outside 0 to 1: they rank all the same, but calibration is left out."
    ]


def test_without_patients_the_sheet_says_that_rows_were_drawn(rows):
    target, score, _ = rows
    sheet = score_sheet(target, score, config=QUICK)
    assert (sheet["unit"], sheet["patients"]) == ("row", None)
    assert "top_15_retrieval_sensitivity" not in sheet["metrics"]
    assert sheet["notes"] == [
        "Nobody said which rows belong to one patient: rows were drawn again as if independent, so "
        "intervals are too narrow wherever patients have several lesions. Give the solution a "
        "patient_id column."
    ]


def test_few_patients_with_a_positive_are_pointed_out(rows):
    _, score, patient = rows
    target = np.arange(500) < 50  # the first ten patients
    sheet = score_sheet(target, score, patient, config=QUICK)
    assert sheet["notes"] == [
        "No interval where fewer than 20 patients with a positive, or 1 to 19 without one, stand "
        "behind a value: it would cover too little. Here they are 10."
    ]
    ece = sheet["metrics"].pop("ece")
    assert {m["low"] for m in sheet["metrics"].values()} == {ece["low"]} == {None}
    assert {m["reason"] for m in sheet["metrics"].values()} == {NO_INTERVAL}


@pytest.mark.parametrize(("without", "known"), [(0, True), (1, False), (19, False), (20, True)])
def test_the_sentence_of_few_patients_holds_with_and_without_patients_who_lack_a_positive(
    without, known
):
    """With 20 who have one: nobody without is no want of patients, 1 to 19 are."""
    patient = np.repeat(np.arange(20 + without), 5)
    target = ((patient < 20) & (np.arange(len(patient)) % 5 == 0)).astype(int)
    score = np.random.default_rng(0).random(len(patient))
    sheet = score_sheet(target, score, pl.Series(np.char.mod("%02d", patient)), config=QUICK)
    assert (sheet["metrics"]["pauc"]["low"] is not None) == known
    assert any(note.startswith(NO_INTERVAL) for note in sheet["notes"]) != known


def test_a_perfect_score_of_few_patients_is_not_passed_off_as_certain(rows):
    target, _, patient = rows
    sheet = score_sheet(target, target, patient, config=QUICK)
    assert sheet["notes"] == [
        "Every resample has the same pAUC: these patients cannot tell how sure it is, and its "
        "interval is what half a patient more could change."
    ]
    assert sheet["metrics"]["pauc"]["low"] < sheet["metrics"]["pauc"]["high"]


def test_one_class_is_one_clear_error():
    with pytest.raises(DataError, match=r"^A score needs both classes; found 0 positives in 2 row"):
        score_sheet([0, 0], [0.1, 0.2])


def test_a_single_positive_still_has_a_sheet():
    sheet = score_sheet([1, 0, 0], [0.9, 0.1, 0.2], ["a", "b", "c"], config=QUICK)
    assert sheet["metrics"]["auc"]["value"] == 1
    assert sheet["metrics"]["auc"]["low"] is None
    assert sheet["delong_auc"] is None


def test_the_sheets_have_the_keys_that_their_types_say(rows):
    target, score, patient = rows
    sheet = score_sheet(target, score, patient, {"half": patient.str.slice(9)}, QUICK)
    assert keys(sheet) == ScoreSheet.__required_keys__
    assert keys(sheet["metrics"]["pauc"]) == IntervalSheet.__required_keys__
    assert keys(sheet["delong_auc"]) == DeLongSheet.__required_keys__
    assert keys(sheet["reliability"]) == Reliability.__required_keys__
    assert keys(sheet["reliability"]["points"][0]) == ReliabilityBin.__required_keys__
    assert keys(sheet["ties"]) == Ties.__required_keys__
    assert keys(sheet["subgroups"][0]) == Subgroup.__required_keys__
    folds = fold_table(target, score, np.arange(500) // 250, cohort(patient, target))
    assert keys(folds) == FoldTable.__required_keys__
    assert keys(folds["folds"][0]) == FoldScore.__required_keys__


def keys(sheet):
    return set(sheet)
