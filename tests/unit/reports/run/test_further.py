import base64

from reports.pages.elements import Drawing
from reports.report import report
from reports.run import further
from tests.by_hand.run_sheets import Page, only_folds
from tests.unit.reports.suite.test_leaderboard import SHEET as SUITE
from tests.unit.reports.test_distill import SHEET as STUDENTS
from tests.unit.reports.test_distill_study import SHEET as STUDY

INTERVAL = {"value": 0.8, "low": 0.7, "high": 0.9, "level": 0.95, "unit": "patient",
            "replicates": 300}  # fmt: skip


def gain(value, low, high, by_seed=(0.1, -0.1)):
    minus = {"value": value - 0.5, "low": low, "high": high}
    return {"value": {"value": value, "low": 0.4, "high": 0.6}, "minus_whole": minus,
            "by_seed": by_seed}  # fmt: skip


COMPARISON = {
    "n": 200, "positives": 8, "patients": 20, "group": "patient", "min_tpr": 0.8,
    "seeds": ["0", "1"], "order": ["recipe", "raw"], "declared": ["It had seen them."],
    "variants": {
        name: {"pauc": gain(value, -0.02, 0.01), "auc": gain(0.9, 0, 0)}
        for name, value in (("recipe", 0.15), ("raw", 0.1489))
    },
}  # fmt: skip
ABLATION = {
    "network": "stage1", "watch": "auc", "n": 30, "seeds": [0, 1], "folds": [0],
    "variants": {"no_se": gain(0.61, -0.2, -0.1), "whole": gain(0.5, 0.0, 0.0)},
}  # fmt: skip
CURVE = [{"share": 0.1, "value": INTERVAL, "minus_whole": {**INTERVAL, "value": 0.0}}]
LABELS = {
    "watch": "auc", "reference": "scratch", "group": "patient", "groups": [4], "n": 40,
    "seeds": [0], "notes": ["few patients."], "names": ["scratch"], "curves": {"scratch": CURVE},
}  # fmt: skip
SIGNS = {"signs": {"loss": 4.25, "knn_accuracy": 0.7125}, "collapsed": [3, 4]}
BUNDLE = {
    "model_mb": 3.9025, "measured": {"metrics": {"auc": {**INTERVAL, "value": 0.8304}}},
    "parity": {"pictures": 3008, "largest": 0.0927},
}  # fmt: skip


def shown(section):
    tables = [one for one in section.elements if one.kind == "table"]
    return [[[cell.brief for cell in row] for row in table.rows] for table in tables]


def notes(section):
    return [(one.tone, one.words) for one in section.elements if one.kind == "note"]


def test_a_run_without_further_stages_says_nothing_of_them():
    sheets = only_folds()
    every = (further.of_the_stack, further.of_networks, further.of_holdouts,
             further.scored, further.handed_out)  # fmt: skip
    assert [section for part in every for section in part(sheets)] == []


def test_ways_to_stack_stand_beside_the_recipes_own():
    [section] = further.of_the_stack(only_folds(comparison=COMPARISON))
    assert shown(section) == [[
        ["recipe", "0.150 0.400-0.600", "0.900 0.400-0.600", ""],
        ["raw", "0.149 0.400-0.600", "0.900 0.400-0.600", "-0.351 -0.020..0.010"],
    ]]  # fmt: skip
    assert notes(section) == [
        ("plain", "200 rows, 8 positives, 20 patients, 2 seeds of boosters."),
        ("warning", "It had seen them."),
    ]


def test_what_a_part_of_a_network_brings_is_said_with_how_many_stand_behind():
    [section] = further.of_networks(only_folds(ablation=ABLATION))
    assert section.lead == (
        "The network stage1 without one of its parts, or with another in its place, minus the "
        "whole, paired; 30 held-out pictures of 1 fold, 2 seeds."
    )
    [rows] = shown(section)
    assert rows[0] == ["no_se", "0.610 0.400-0.600", "0.110 -0.200..-0.100", "+0.100 -0.100",
                       "it helps"]  # fmt: skip


def test_labels_have_their_table_and_the_stages_own_drawing():
    kept = {"label_efficiency.svg": "<svg>of labels</svg>", "pareto.svg": "<svg>another</svg>"}
    [section] = further.of_networks(only_folds(label_efficiency=LABELS, drawings=kept))
    assert section.elements[-1] == Drawing("Score by labels", "<svg>of labels</svg>")
    assert ("warning", "few patients.") in notes(section)
    [alone] = further.of_networks(only_folds(label_efficiency=LABELS))
    assert len(alone.elements) == len(section.elements) - 1


def test_networks_without_labels_show_signs_of_life_and_a_collapse():
    [section] = further.of_networks(only_folds(signs={"simclr_fold_0": SIGNS}))
    assert shown(section) == [[["simclr_fold_0", "4.250", "0.713"]]]
    assert notes(section) == [("warning", "simclr_fold_0 had collapsed after 2 epochs.")]


def test_files_that_were_scored_stand_below_one_another_with_every_metric_folded():
    def sheet(auc):
        metrics = {"pauc": {**INTERVAL, "value": 0.125}, "auc": {**INTERVAL, "value": auc}}
        return {"n": 40, "positives": 4, "patients": None, "min_tpr": 0.8, "metrics": metrics,
                "reliability": None, "subgroups": [], "notes": ["many ties."]}  # fmt: skip

    [section] = further.scored(only_folds(scored={"mine-1a2b": sheet(0.75), "b-3c4d": sheet(0.5)}))
    assert shown(section) == [[
        ["mine-1a2b", "40", "4", "", "0.125 0.700-0.900", "0.750 0.700-0.900"],
        ["b-3c4d", "40", "4", "", "0.125 0.700-0.900", "0.500 0.700-0.900"],
    ]]  # fmt: skip
    folded = [one for one in section.elements if one.kind == "folded"]
    assert [one.summary for one in folded] == ["mine-1a2b: every metric", "b-3c4d: every metric"]
    assert notes(section) == [("warning", "many ties.")]


def test_a_bundle_says_what_it_is_worth_and_how_near_it_is():
    [section] = further.handed_out(only_folds(bundles={"lite_fold_0": BUNDLE}))
    assert shown(section) == [
        [["lite_fold_0", "3.9025", "0.830 0.700-0.900", "3008", "0.0927"]]
    ]  # fmt: skip


def test_students_have_their_study_before_them_and_both_drawings_behind():
    kept = {"abstention.svg": "<svg>2</svg>", "pareto.svg": "<svg>1</svg>"}
    sheets = only_folds(distill=STUDENTS, distill_study=STUDY, drawings=kept)
    [section] = further.of_holdouts(sheets)
    assert notes(section)[0][1].startswith("A study of small: 12 trials of a grid of 24")
    assert shown(section)[1][0][0] == "teacher"
    assert [one.svg for one in section.elements[-2:]] == ["<svg>1</svg>", "<svg>2</svg>"]


def test_a_suite_is_a_short_table_and_names_its_own_page():
    [section] = further.of_holdouts(only_folds(suite=SUITE))
    assert [row[:2] for row in shown(section)[0]] == [["02", "Adam"], ["01", "<b>SGD</b>"]]
    assert notes(section)[-1][1] == (
        "Each experiment's lesson, classes and seeds are on a page of its own: "
        "suite/leaderboard/leaderboard.html in the folder of this run."
    )


def test_a_drawing_is_a_picture_of_the_page_itself():
    page = report(only_folds(label_efficiency=LABELS, drawings={"label_efficiency.svg": "<svg/>"}))
    [image] = [attributes for tag, attributes in Page(page).tags if tag == "img"]
    assert image["alt"] == "Score by labels"
    assert image["src"] == f"data:image/svg+xml;base64,{base64.b64encode(b'<svg/>').decode()}"
