from metrics.support import NO_INTERVAL, NONE_OF_A_DISTANCE
from reports.scores import metric_table, subgroup_table, tables


def metric(value, low=None, high=None, undefined=0):
    return {"value": value, "low": low, "high": high, "undefined": undefined, "level": 0.95}


def level(column, name, **changes):
    entry = {"column": column, "level": name, "n": 1200, "patients": 40, "positives": 30}
    known = {"pauc": metric(0.15, 0.11, 0.17), "auc": metric(0.9)}
    return {**entry, "metrics": known, "reason": None, **changes}


def sheet(**changes):
    known = {
        "n": 2000, "positives": 30, "patients": 40, "min_tpr": 0.8,
        "metrics": {
            "ece": metric(0.02, 0.01, 0.03, 2), "pauc": metric(0.15, 0.11, 0.17),
            "auc": metric(0.9), "standardised_pauc": metric(0.8, 0.7, 0.9),
            "top_3_retrieval_sensitivity": metric(None), "a_new_one": metric(1.0, 1.0, 1.0),
        },
        "reliability": {"bins": 15, "bins_by": "mass", "points": []},
        "subgroups": [], "notes": [],
    }  # fmt: skip
    return {**known, **changes}


def brief(table):
    return [[cell.brief for cell in row] for row in table.rows]


def test_every_metric_is_a_row_in_the_order_in_which_one_asks():
    table = metric_table(sheet())
    assert [column.title for column in table.columns] == ["metric", "value", "95% interval"]
    assert brief(table) == [
        ["pAUC above 80% TPR", "0.1500", "0.1100 to 0.1700"],
        ["  standardised (McClish)", "0.8000", "0.7000 to 0.9000"],
        ["AUC", "0.9000", "none"],
        ["top-3 retrieval sensitivity", "undefined", "none"],
        ["calibration error (ECE, 15 bins by mass)", "0.0200", "0.0100 to 0.0300 (2 undefined)"],
        ["a new one", "1.0000", "1.0000 to 1.0000"],
    ]
    assert table.rows[1][0].words == "pAUC, standardised (McClish)"


def test_why_a_calibration_error_has_no_interval_stands_below_the_table():
    ece = metric(0.02) | {"reason": NONE_OF_A_DISTANCE}
    few = metric(0.9) | {"reason": NO_INTERVAL}  # the sheet's notes say it, with the number
    table = metric_table(sheet(metrics={"ece": ece, "auc": few}))
    assert [row[2] for row in brief(table)] == ["none", "none"]
    assert table.note == table.console_note == NONE_OF_A_DISTANCE


def test_metrics_that_stand_elsewhere_are_left_out():
    assert brief(metric_table(sheet(), frozenset({"pauc", "auc"})))[0][1] == "0.8000"


def test_scores_that_are_no_probabilities_have_no_calibration():
    known = sheet(reliability=None, metrics={"auc": metric(0.9)}, min_tpr=0.875)
    assert brief(metric_table(known)) == [["AUC", "0.9000", "none"]]


def test_a_level_is_one_row_and_one_without_a_number_says_why():
    reason = "insufficient positives (3 < 10)"
    few = level("sex", "male", patients=None, positives=3, metrics=None, reason=reason)
    table = subgroup_table(sheet(subgroups=[level("sex", "female"), few]))
    assert [column.brief for column in table.columns] == [
        "subgroup", "rows", "pat.", "pos.", "pAUC", "AUC",
    ]  # fmt: skip
    assert brief(table) == [
        ["sex: female", "1200", "40", "30", "0.150 0.110-0.170", "0.900"],
        ["sex: male", "1200", "-", "3", "insufficient", "positives (3 < 10)"],
    ]
    assert (table.rows[1][4].words, table.rows[1][4].below) == ("–", reason)
    assert table.rows[1][5].words == "–"


def test_levels_of_single_rows_or_lesions():
    known = sheet(subgroups=[level("sex", "female")])
    assert [column.title for column in subgroup_table(known, "").columns][1:3] == [
        "rows", "positives",
    ]  # fmt: skip
    assert subgroup_table(known, "lesions").columns[2].title == "lesions"


def test_a_submission_is_told():
    told = tables("sub.csv", sheet(notes=["Few patients."], subgroups=[level("sex", "female")]))
    assert told[0] == "score: sub.csv: 2000 rows, 30 positives, 40 patients."
    assert [type(each).__name__ for each in told] == ["str", "Table", "Table", "str"]
    assert told[-1] == "notice: Few patients."


def test_rows_of_unknown_patients_are_told_to_be_so():
    told = tables("sub.csv", sheet(n=1, positives=1, patients=None))
    assert told[0] == "score: sub.csv: 1 row, 1 positive, patients unknown."
    assert len(told) == 2
