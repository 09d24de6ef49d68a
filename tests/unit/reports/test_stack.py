import pytest

from reports.stack import Terms, handed_in_pauc, score_table, sections, tables


def metric(value, low=None, high=None, **more):
    return {"value": value, "low": low, "high": high, **more}


def ranked(pauc, auc=0.9):
    return {"pauc": metric(pauc, pauc - 0.01, pauc + 0.01), "auc": metric(auc)}


def fold(number, pauc):
    return {"fold": number, "n": 60, "positives": 5, "patients": 7, "metrics": ranked(pauc)}


@pytest.fixture
def metrics():
    return {
        "stack": {
            "n": 120, "positives": 10, "patients": 14, "min_tpr": 0.8, "metrics": ranked(0.15),
            "reliability": None, "subgroups": [], "notes": ["Few patients."],
        },
        "folds": {
            "folds": [fold(0, 0.14), fold(1, 0.16)], "mean": {"pauc": 0.15, "auc": 0.9},
            "sd": {"pauc": 0.0141, "auc": 0.0}, "pooled": ranked(0.15), "pooled_is": "pooled",
        },
        "baselines": {
            "constant": {"metrics": ranked(0.02, 0.5), "stack_minus_this": ranked(0.13, 0.4)}
        },
        "group": "patient",
    }  # fmt: skip


BLEND = {
    "policy": "stack",
    "scores": {
        "stack": {"kind": "member", "n": 120, "metrics": ranked(0.15), "chosen_minus_this": None},
        "net": {"kind": "member", "n": 120, "metrics": ranked(0.1),
                "chosen_minus_this": ranked(0.05)},
    },
    "notes": [],
}  # fmt: skip


def test_the_stack_is_told_beside_its_baselines_then_by_fold(metrics):
    told = tables(metrics)
    assert told[0] == "stack: out of fold, 120 rows, 10 positives, 14 patients."
    assert told[1] == score_table(metrics, 0.8)
    assert told[2:] == [
        "stack: pAUC by fold 0.1400, 0.1600; mean 0.1500, sd 0.0141; pooled: 0.1500.",
        "notice: Few patients.",
    ]


def test_single_rows_and_a_single_fold_have_no_patients_and_no_spread(metrics):
    metrics["stack"]["patients"] = None
    metrics["folds"]["sd"]["pauc"] = None
    told = tables(metrics)
    assert told[0] == "stack: out of fold, 120 rows, 10 positives."
    assert "; mean 0.1500; pooled: 0.1500." in told[2]


def test_members_stand_below_the_baselines(metrics):
    told = tables({**metrics, "blend": BLEND})
    assert [row[0].brief for row in told[2].rows] == ["stack *", "net"]
    assert told[3] == "stack: handed in is stack (*), by blend.policy."


def test_the_console_has_room_for_two_metrics(metrics):
    metrics["stack"]["metrics"]["average_precision"] = metric(0.4)
    table = score_table(metrics, 0.8)
    assert [(column.title, column.page_only) for column in table.columns] == [
        ("scores", False), ("n", True), ("pAUC above 80% TPR", False), ("AUC", False),
        ("average precision", True), ("stack minus this, pAUC", False),
    ]  # fmt: skip
    assert [cell.brief for cell in table.rows[1]] == [
        "constant", "120", "0.020 0.010-0.030", "0.500", "", "0.130 0.120-0.140",
    ]  # fmt: skip


def test_the_page_says_how_intervals_were_made(metrics):
    assert score_table(metrics).caption == ""
    pauc = metrics["stack"]["metrics"]["pauc"]
    pauc |= {"level": 0.95, "unit": "patient", "replicates": 3000}
    assert score_table(metrics).caption == (
        "95% intervals in small type, from drawing patients again 3,000 times; differences are "
        "paired."
    )


def test_the_page_shows_the_members_that_the_console_shows(metrics):
    both = {**metrics, "blend": BLEND}
    [scores, *_] = sections(both, None, Terms("patients", 0.8))
    assert tables(both)[2] in scores.elements
    assert scores.elements[1].caption == "* is handed in, by blend.policy."
    [plots] = [element for element in scores.elements if element.kind == "plots"]
    assert [words for _, words in plots.plots[0].y.ticks] == ["stack", "constant", "net"]


def test_folds_end_with_mean_spread_and_pool(metrics):
    by_fold = sections(metrics, None, Terms("rows", 0.8))[1]
    [table] = by_fold.elements
    assert [[cell.brief for cell in row[:4]] for row in table.rows] == [
        ["0", "60", "5", "0.140 0.130-0.150"], ["1", "60", "5", "0.160 0.150-0.170"],
        ["mean", "", "", "0.1500"], ["standard deviation", "", "", "0.0141"],
        ["pooled", "", "", "0.150 0.140-0.160"],
    ]  # fmt: skip
    assert table.apart == 3


def test_data_without_clinical_columns_have_no_subgroups(metrics):
    [note] = sections(metrics, None, Terms("patients", 0.8))[3].elements
    assert note.words == "The data have no column of sex, age, site, hospital or skin colour."


def test_the_head_of_the_page_has_what_is_handed_in():
    own, blended = {"value": 0.1}, {"value": 0.12}
    metrics = {"stack": {"metrics": {"pauc": own}}}
    scores = {"stack": {"metrics": {"pauc": own}}, "rank_average": {"metrics": {"pauc": blended}}}
    assert handed_in_pauc(metrics) == ("stack", own)
    blend = {"policy": "stack", "scores": scores}
    assert handed_in_pauc({**metrics, "blend": blend}) == ("stack", own)
    blend = {"policy": "rank_average", "scores": scores}
    assert handed_in_pauc({**metrics, "blend": blend}) == ("rank_average", blended)
