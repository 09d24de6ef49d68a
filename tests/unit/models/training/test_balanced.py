"""Balanced batches: exact shares, every positive each epoch, no negative twice before all came."""

import numpy as np
import pytest

from models.training.config import PhaseConfig, TrainConfig
from models.training.order import balanced_order, batches_of
from tests.unit.models.training.conftest import CONFIG
from tests.unit.models.training.test_loop import Interrupting, differing
from workspace.errors import ConfigError
from workspace.stopping import Stopped

ODD = np.random.default_rng(0).permutation([0] * 103 + [1] * 7)
SIDES = (5, 3)


def order(labels=ODD, sides=SIDES, most=None, epoch=0, seed=9):
    return balanced_order(labels, sides, most, seed, epoch)


@pytest.mark.parametrize("most", [None, 1, 33, 64, 500])
@pytest.mark.parametrize("sides", [(5, 3), (16, 16), (1, 1), (31, 1)])
def test_check_129_every_batch_has_exactly_its_share(sides, most):
    for epoch in range(3):
        parts = batches_of(order(sides=sides, most=most, epoch=epoch), sum(sides))
        assert {len(part) for part in parts} == {sum(sides)}
        assert {int(ODD[part].sum()) for part in parts} == {sides[1]}


@pytest.mark.parametrize("most", [None, 1, 33, 500])
def test_check_129_every_positive_comes_in_each_epoch_equally_often_up_to_one(most):
    for epoch in range(5):
        counts = np.bincount(order(most=most, epoch=epoch), minlength=len(ODD))[ODD == 1]
        assert counts.min() >= 1
        assert counts.max() - counts.min() <= 1


@pytest.mark.parametrize("most", [None, 1, 33, 64, 500])
@pytest.mark.parametrize("sides", [(5, 3), (16, 16), (7, 2)])
def test_no_negative_comes_again_before_all_have_come_across_five_epochs(sides, most):
    every = np.concatenate([order(ODD, sides, most, epoch) for epoch in range(5)])
    shown = every[ODD[every] == 0]
    for start in range(0, len(shown), 103):
        deck = shown[start : start + 103]
        assert len(set(deck)) == len(deck)
    decks = [tuple(shown[start : start + 103]) for start in range(0, len(shown) - 102, 103)]
    assert len(set(decks)) == len(decks)  # each shuffled anew


def test_an_epoch_shows_all_negatives_unless_a_length_is_asked_for():
    whole = order()
    assert len(whole) == 21 * 8  # 103 negatives, five a batch
    assert set(np.flatnonzero(ODD == 0)) <= set(whole)
    assert len(order(most=33)) == 40  # rounded up to whole batches
    assert len(order(most=1)) == 24  # three batches of three for seven positives
    many = np.array([0] * 10 + [1] * 50)
    assert len(order(many, (5, 3))) == 17 * 8  # as many as show every positive


def test_it_is_the_same_whenever_it_is_asked_for_and_another_in_another_epoch_or_seed():
    first = [order(most=64, epoch=epoch) for epoch in range(4)]
    again = [order(most=64, epoch=epoch) for epoch in (3, 1, 2, 0)]
    for epoch, found in zip((3, 1, 2, 0), again, strict=True):
        assert np.array_equal(found, first[epoch])
    assert not np.array_equal(first[0], first[1])
    assert not np.array_equal(order(most=64, seed=10), first[0])
    ones = [found[ODD[found] == 1].tolist() for found in first]
    assert ones[0] != ones[1]


def test_fewer_negatives_than_a_batch_wants_come_several_times_in_it():
    few = np.array([0, 1, 1, 0, 1, 0])
    found = order(few, (8, 2), most=20)
    assert len(found) == 20
    for part in batches_of(found, 10):
        counts = np.bincount(part, minlength=6)
        assert counts[few == 0].sum() == 8
        assert counts[few == 0].min() >= 2
    alone = order(np.array([0, 1]), (2, 2))
    assert sorted(alone.tolist()) == [0, 0, 1, 1]


def test_without_one_of_the_classes_there_is_nothing_to_balance():
    with pytest.raises(ConfigError) as refused:
        order(np.zeros(4, np.int64))
    assert str(refused.value) == (
        "sampling='balanced' needs rows of both classes to learn from; there are 4 of the first "
        "and 0 of the second."
    )


def test_at_full_size_an_epoch_is_two_decks_and_no_list_of_rows():
    labels = np.zeros(401_059, np.int64)
    labels[:393] = 1
    found = order(labels, (16, 16), most=32 * 100, epoch=1000)
    assert found.dtype == np.int64
    assert len(found) == 3200
    assert set(np.flatnonzero(labels)) <= set(found)


SHARED = {"phases": (PhaseConfig(epochs=3, lr=1e-3),), "class_weights": False}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"batch_size": 1}, "positive_share=0.5 of batch_size=1 leaves none of one class"),
        ({"batch_size": 8, "positive_share": 0.05}, "leaves none of one class; take a larger"),
        ({"batch_size": 8, "positive_share": 0.99}, "leaves none of one class; take a larger"),
        ({"oversample": {"b": 2.0}}, "oversample changes nothing where sampling='balanced'"),
        (
            {"sampling": "shuffled", "positive_share": 0.25},
            "positive_share changes nothing where sampling='shuffled'",
        ),
    ],
)
def test_what_cannot_be_balanced_is_refused(values, words):
    with pytest.raises(ValueError, match=words):
        TrainConfig(**{**SHARED, "sampling": "balanced", **values})


def test_a_batch_of_32_is_16_and_16():
    config = TrainConfig(**SHARED, sampling="balanced", batch_size=32)
    assert config.sides == (16, 16)
    quarter = TrainConfig(**SHARED, sampling="balanced", batch_size=6, positive_share=0.25)
    assert quarter.sides == (4, 2)  # 1.5, rounded to the even number


def balanced(**values):
    given = {"sampling": "balanced", "class_weights": False, "batch_size": 3, **values}
    given.setdefault("positive_share", 0.3)
    given.setdefault("phases", (PhaseConfig(epochs=2, lr=1e-3, schedule="cosine"),))
    return TrainConfig(**{**CONFIG.model_dump(), **given})


@pytest.mark.parametrize("accumulate", [1, 4])
def test_check_48_a_balanced_training_goes_on_with_the_batches_it_would_have_had(trial, accumulate):
    config = balanced(accumulate=accumulate)
    whole = trial("whole", config=config).run()
    with pytest.raises(Stopped):
        trial("broken", config=config).run(Interrupting(2))
    again = trial("broken", config=config).made()
    assert not differing(again.run(lambda done, total: None).last, whole.last)
    assert again.history == whole.history
