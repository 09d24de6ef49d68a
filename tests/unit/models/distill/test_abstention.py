"""Answers kept and left, on rows that one counts by hand."""

import numpy as np
import pytest

from metrics.cohort import cohort
from models.distill.abstention import abstention_tally, certainty, least_certainty

TRUE = np.array([1, 1, 1, 0, 0, 0, 0, 0], bool)
SAID = np.array([0.9, 0.55, 0.2, 0.1, 0.2, 0.45, 0.6, 0.8])
ROWS = cohort(None, TRUE)


def point(least, threshold=0.5):
    return abstention_tally(TRUE, SAID, threshold, least, ROWS).point()


def test_who_is_kept_is_counted_and_the_rest_is_no_error():
    assert point(0.0) == pytest.approx(
        {"kept": 1, "error": 3 / 8, "sensitivity": 2 / 3, "specificity": 3 / 5}
    )
    # Odds of 1.5 and more: without .55, .45; .6 is the last that stays.
    assert point(np.log(1.49)) == pytest.approx(
        {"kept": 6 / 8, "error": 3 / 6, "sensitivity": 1 / 2, "specificity": 2 / 4}
    )
    left = point(np.log(8.9))  # .9 and .1 alone
    assert left == pytest.approx({"kept": 2 / 8, "error": 0, "sensitivity": 1, "specificity": 1})
    nobody = point(100.0)
    assert nobody["kept"] == 0
    assert np.isnan([nobody["error"], nobody["sensitivity"], nobody["specificity"]]).all()


def test_certain_is_who_lies_far_from_the_threshold_on_either_side():
    far = certainty(np.array([0.2, 0.5, 0.05, 0.0, 1.0]), 0.2)
    assert far[:2] == pytest.approx([0, np.log(4)])
    assert far[2] == pytest.approx(np.log((0.2 / 0.8) / (0.05 / 0.95)))
    assert np.isfinite(far).all()


def test_how_certain_is_chosen_on_the_validation_rows_alone():
    validation = np.array([0.5, 0.6, 0.75, 0.9, 0.1])
    least = least_certainty(validation, 0.5, 0.6)
    assert least == pytest.approx(np.log(3))
    assert (certainty(validation, 0.5) >= least - 1e-12).sum() == 3
    assert least_certainty(validation, 0.5, 1.0) == 0  # nobody is left out
    assert least_certainty(validation, 0.5, 0.01) == pytest.approx(np.log(9))  # one at least


def test_a_share_at_its_end_has_the_interval_of_its_patients():
    tally = abstention_tally(TRUE, SAID, 0.5, np.log(8.9), ROWS)
    assert tally.shares == {"kept": 8, "error": 2, "sensitivity": 1, "specificity": 1}
    assert tally.behind == tally.shares
