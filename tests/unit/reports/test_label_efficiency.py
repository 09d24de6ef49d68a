"""Curves of scores by labels: in the recipe's order, whatever a JSON object keeps."""

import json

import pytest

from reports.label_efficiency import curve_table, draw

INTERVAL = {"value": 0.8, "low": 0.7, "high": 0.9, "level": 0.95}
CURVE = [
    {"share": share, "value": INTERVAL, "minus_whole": {**INTERVAL, "value": 0.0}}
    for share in (0.1, 1.0)
]
SHEET = {
    "watch": "auc", "reference": "scratch", "group": "patient", "groups": [4, 40],
    "names": ["scratch", "begun"], "curves": {"scratch": CURVE, "begun": CURVE},
}  # fmt: skip


@pytest.fixture
def read():
    """As it comes back from disk."""
    return json.loads(json.dumps(SHEET, sort_keys=True))


def names_of(sheet):
    return [row[2].brief for row in curve_table(sheet).rows]


def test_the_reference_comes_first_as_the_recipe_says(read):
    assert list(read["curves"]) == ["begun", "scratch"]
    assert names_of(read) == ["scratch", "begun", "scratch", "begun"]
    assert draw(read) == draw(SHEET)


def test_a_sheet_that_names_no_order_is_read_as_it_is(read):
    del read["names"]
    assert names_of(read) == ["begun", "scratch", "begun", "scratch"]
