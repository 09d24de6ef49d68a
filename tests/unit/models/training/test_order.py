import numpy as np
import pytest

from models.training.order import batches_of, epoch_order


def stream(epoch=0):
    return np.random.default_rng([7, epoch])


LABELS = np.array([0] * 90 + [1] * 10)


def test_shuffled_shows_each_example_once():
    order = epoch_order(LABELS, "shuffled", {}, None, stream())
    assert sorted(order.tolist()) == list(range(100))
    assert order.tolist() != sorted(order.tolist())


def test_an_oversampled_class_comes_so_often_and_no_other_does():
    order = epoch_order(LABELS, "shuffled", {1: 2.5}, None, stream())
    counts = np.bincount(order)
    assert set(counts[:90]) == {1}
    assert set(counts[90:]) == {2, 3}
    assert counts[90:].sum() == 25


def test_inverse_frequency_gives_each_class_the_same_share_and_every_positive_is_shown():
    order = epoch_order(LABELS, "inverse_frequency", {}, None, stream())
    assert len(order) == 100
    assert LABELS[order].sum() == 50
    assert set(np.bincount(order, minlength=100)[90:]) == {5}
    assert np.bincount(order, minlength=100)[:90].max() == 1


def test_other_negatives_come_in_another_epoch():
    one, other = (epoch_order(LABELS, "inverse_frequency", {}, 40, stream(e)) for e in (0, 1))
    assert len(one) == len(other) == 40
    assert set(one[LABELS[one] == 0]) != set(other[LABELS[other] == 0])


def test_an_epoch_of_an_odd_size_gives_the_extra_to_one_class():
    labels = np.array([0] * 6 + [1] * 3 + [2] * 1)
    order = epoch_order(labels, "inverse_frequency", {}, None, stream())
    assert sorted(np.bincount(labels[order])) == [3, 3, 4]


@pytest.mark.parametrize(
    ("examples", "size", "sizes"), [(9, 4, [4, 5]), (10, 4, [4, 4, 2]), (1, 4, [1]), (8, 4, [4, 4])]
)
def test_a_last_batch_of_one_joins_the_one_before(examples, size, sizes):
    parts = batches_of(np.arange(examples), size)
    assert [len(part) for part in parts] == sizes
    assert np.concatenate(parts).tolist() == list(range(examples))
