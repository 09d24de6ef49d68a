"""Ablation, comparison and the search for leaks: a row for each thing that was tried."""

import pytest

from reports import ablation, comparison
from reports.leaks import leak_table
from reports.table import Mark


def gain(low, high, by_seed=(0.1, -0.1)):
    value = {"value": 0.5, "low": 0.4, "high": 0.6}
    minus = {"value": 0.1, "low": low, "high": high}
    return {"value": value, "minus_whole": minus, "by_seed": by_seed}


def brief(table):
    return [[cell.brief for cell in row] for row in table.rows]


@pytest.mark.parametrize(
    ("low", "high", "seeds", "words"),
    [
        (-0.2, -0.1, 2, "it helps"),
        (0.1, 0.2, 2, "it harms"),
        (-0.1, 0.2, 2, "no measurable gain"),
        (-0.1, 0.0, 2, "no measurable gain"),
        (None, None, 2, "too few patients"),
        (None, None, 1, "one seed: luck unknown"),
    ],
)
def test_a_verdict_on_what_was_left_out(low, high, seeds, words):
    assert ablation.verdict(gain(low, high, (0.1,) * seeds)) == words


def test_each_variant_stands_beside_the_whole_network():
    sheet = {
        "watch": "auc", "n": 30, "seeds": [0, 1], "folds": [0],
        "variants": {"no_se": gain(-0.1, 0.2), "whole": gain(0.0, 0.0)},
    }  # fmt: skip
    first, table = ablation.tables("stage1", sheet)
    assert first == "ablate: stage1, 30 held-out pictures of 1 fold, 2 seeds; auc."
    assert [column.title for column in table.columns] == [
        "variant", "auc", "minus the whole network", "by seed", "",
    ]  # fmt: skip
    assert brief(table) == [
        [
            "no_se",
            "0.500 0.400-0.600",
            "0.100 -0.100..0.200",
            "+0.100 -0.100",
            "no measurable gain",
        ],
        ["whole", "0.500 0.400-0.600", "", "", ""],
    ]
    said = ablation.tables("stage1", sheet | {"declared": ["It saw more."]})
    assert said[:2] == [first, "notice: It saw more."]


def test_ways_to_stack_stand_beside_the_recipes_own():
    both = {"pauc": gain(-0.1, 0.2), "auc": gain(0.0, 0.1)}
    sheet = {
        "n": 30, "positives": 1, "patients": 9, "group": "patient", "min_tpr": 0.9,
        "seeds": ["0"], "order": ["recipe", "raw"], "variants": {"raw": both, "recipe": both},
    }  # fmt: skip
    first, table = comparison.tables(sheet)
    assert first == "compare: 30 rows, 1 positive, 9 patients, 1 seed of boosters."
    assert table.columns[1].title == "pAUC above 90% TPR"
    known = ["0.500 0.400-0.600"] * 2
    assert brief(table) == [["recipe", *known, ""], ["raw", *known, "0.100 -0.100..0.200"]]
    alone = comparison.tables({**sheet, "patients": None})
    assert alone[0] == "compare: 30 rows, 1 positive, 1 seed of boosters."


def test_a_check_holds_or_is_a_leak():
    checks = [
        {"check": "a group lies on one side", "found": "0 of 9 groups", "holds": True},
        {"check": "noise is at chance", "found": "auc +0.2", "holds": False},
    ]
    assert brief(leak_table(checks)) == [
        ["a group lies on one side", "0 of 9 groups", "holds"],
        ["noise is at chance", "auc +0.2", "LEAK"],
    ]
    assert leak_table(checks).rows[1][2] == Mark("LEAK", good=False)
