"""The two roles beside a loop written out, and by hand where they are not one member's."""

import numpy as np
import pytest

from metrics.pauc import pauc_above_tpr
from stacking.blending.roles import best_ranker, most_sensitive

TARGET = np.array([1, 1, 1, 1, 0, 0, 0, 0])
# From the highest: p p p n n p n n | n p p p p n n n.
STEEP = [0.8, 0.7, 0.6, 0.3, 0.5, 0.4, 0.2, 0.1]
WHOLE = [0.7, 0.6, 0.5, 0.4, 0.8, 0.3, 0.2, 0.1]


def ranker(*places, min_tpr=0.8):
    return best_ranker(TARGET, np.array(places), min_tpr)


def flagger(*places, sensitivity=0.75, min_tpr=0.8):
    return most_sensitive(TARGET, np.array(places), sensitivity, min_tpr)


def drawn(rng, members=4):
    """Few rows and few values: ties within a member, of both classes, and between members."""
    target = np.r_[1, 0, rng.integers(0, 2, 38)]
    return target, rng.integers(0, 15, (members, 40)) + target * 7.0


def test_the_ranker_is_best_above_the_tpr_floor_and_another_may_flag():
    # All four are found with 2 false alarms of 4, or with 1: .2 * 2/4 and .2 * 3/4 of TPR .8 on
    assert pauc_above_tpr(TARGET, np.array(STEEP), 0.8) == pytest.approx(0.1)
    assert pauc_above_tpr(TARGET, np.array(WHOLE), 0.8) == pytest.approx(0.15)
    assert ranker(STEEP, WHOLE) == 1
    assert ranker(STEEP, WHOLE, min_tpr=0.0) == 0  # area 14/16 and 12/16
    assert flagger(STEEP, WHOLE) == 0  # three of four: 0 false alarms and 1
    assert flagger(STEEP, WHOLE, sensitivity=1.0) == 1  # four of four: 2 and 1


def test_of_as_few_alarms_who_finds_more_then_who_ranks_better_then_the_first():
    # Two of four without a false alarm, by all; STEEP finds a third so.
    short = [0.8, 0.7, 0.5, 0.4, 0.6, 0.3, 0.2, 0.1]  # p p n p p n n n
    late = [0.8, 0.7, 0.2, 0.1, 0.6, 0.5, 0.4, 0.3]  # p p n n n n p p
    assert flagger(short, STEEP, sensitivity=0.5) == 1
    assert flagger(late, short, sensitivity=0.5) == 1
    assert flagger(short, late, sensitivity=0.5) == 0
    assert flagger(late, late, sensitivity=0.5) == 0
    assert ranker(late, late) == 0


def test_who_cannot_tell_flags_all_and_is_not_chosen():
    constant = [0.5] * 8
    assert flagger(constant, WHOLE) == 1
    assert flagger(constant, constant) == 0


@pytest.mark.parametrize("sensitivity", [0.3, 0.5, 0.75, 0.9, 1.0])
def test_the_flagger_is_that_of_a_loop_over_all_thresholds(sensitivity):
    """The fewest alarms at the share, or the most positives within these: one member."""
    rng = np.random.default_rng(0)
    differing = 0
    for _ in range(60):
        target, places = drawn(rng)
        points = [
            {
                (int(((one >= t) & (target == 0)).sum()), int(((one >= t) & (target == 1)).sum()))
                for t in (*one, np.inf)
            }
            for one in places
        ]
        wanted = sensitivity * target.sum() - 1e-9
        fewest = min(false for each in points for false, true in each if true >= wanted)
        most = [max(true for false, true in each if false <= fewest) for each in points]
        paucs = [round(pauc_above_tpr(target, one, 0.8), 12) for one in places]
        slow = max(range(4), key=lambda n: (most[n], paucs[n], -n))
        assert most_sensitive(target, places, sensitivity, 0.8) == slow
        assert best_ranker(target, places, 0.8) == paucs.index(max(paucs))
        differing += slow != paucs.index(max(paucs))
    assert differing > 5  # or one role would do


def test_a_scale_of_its_own_gives_no_member_a_role():
    rng = np.random.default_rng(1)
    for _ in range(20):
        target, places = drawn(rng)
        other = places * np.array([[1], [0.01], [5], [2]]) + 3
        assert best_ranker(target, other, 0.8) == best_ranker(target, places, 0.8)
        assert most_sensitive(target, other, 0.9, 0.8) == most_sensitive(target, places, 0.9, 0.8)
