import numpy as np
import pytest

from stacking.blending.percentiles import Reference

KNOWN = np.array([0.9, 0.2, 0.1, 0.2])


def test_a_known_score_has_its_mean_rank_as_a_whole_number():
    reference = Reference.of(KNOWN)
    assert reference.doubled_ranks_of(KNOWN).tolist() == [7, 4, 1, 4]
    assert reference.percentiles(KNOWN).tolist() == [7 / 8, 4 / 8, 1 / 8, 4 / 8]


def test_between_and_beyond_known_scores_the_order_is_kept():
    reference = Reference.of(KNOWN)
    asked = np.array([0.0, 0.05, 0.1, 0.15, 0.2, 0.55, 0.9, 0.91, 1.0])
    ranks = reference.doubled_ranks_of(asked)
    assert ranks[3] == pytest.approx(2.5)  # half way from 1 to 4
    assert ranks[5] == pytest.approx(5.5)  # half way from 4 to 7
    assert ranks[0] == pytest.approx(1 - 0.1 / 0.9)  # 0.1 below, the span is 0.8
    assert ranks[8] == pytest.approx(7 + 0.1 / 0.9)
    assert (np.diff(ranks) > 0).all()
    assert ranks.min() > 0
    assert ranks.max() < 8


def test_a_percentile_does_not_hang_on_who_else_is_asked_about():
    reference = Reference.of(KNOWN)
    asked = np.array([0.3, 0.01, 0.95])
    alone = [reference.percentiles(asked[[number]])[0] for number in range(3)]
    assert reference.percentiles(asked).tolist() == alone


def test_a_constant_is_in_the_middle_and_what_differs_from_it_beside():
    reference = Reference.of(np.full(3, 0.4))
    percentiles = reference.percentiles(np.array([0.4, 0.4, 0.39, 0.41]))
    assert percentiles[:2].tolist() == [0.5, 0.5]
    assert 0 < percentiles[2] < 0.5 < percentiles[3] < 1


def test_scores_that_hardly_differ_have_finite_percentiles():
    tiny = np.array([0.0, 5e-324, 1e-323])
    percentiles = Reference.of(tiny[[0, 2]]).percentiles(np.array([*tiny, 1.0]))
    assert percentiles[:3].tolist() == [0.25, 0.5, 0.75]
    assert 0.75 < percentiles[3] <= 1
