"""Calibration as a section of the report: which of the methods is handed out."""

import pytest

from reports.calibration import ORDER, section
from reports.run import scores
from tests.unit.reports.test_report import metrics, oof, recipe, whole

__all__ = ["metrics", "oof"]

KNOWN = {"value": 0.1, "low": None, "high": None}
ONE = {
    "metrics": dict.fromkeys(("brier", "calibration_slope", "calibration_intercept", "ece"), KNOWN),
    "minus_raw": None, "pauc_pooled": 0.15, "distinct": 9,
}  # fmt: skip
SHEET = {
    "n": 9, "positives": 3, "bins": 15, "fitted_on": "other folds",
    "methods": dict.fromkeys(ORDER, ONE),
}  # fmt: skip


@pytest.mark.parametrize(
    ("method", "what"),
    [("none", "the score as it is"), ("platt", "what platt makes of the score")],
)
def test_the_method_that_is_handed_out_is_named(method, what):
    _, note = section(SHEET, method).elements
    assert note.words == (
        f"'submission' and 'predict' hand out {what}, by calibration.method = {method}."
    )


def test_the_report_names_the_method_of_its_recipe(oof, metrics):
    mapped = recipe() | {"calibration": {"method": "platt"}}
    sheets = whole(oof, metrics | {"calibration": SHEET}, recipe=mapped)
    [found] = [one for one in scores.sections(sheets) if one.name == "calibration"]
    assert "what platt makes" in found.elements[1].words
