"""Batches of two views: every picture twice in its batch, at most one picture of a lesion."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.training.lesions import LesionBatches, batch_count, deal
from workspace.errors import ConfigError

LESIONS = st.lists(st.integers(0, 12), min_size=2, max_size=120).filter(lambda v: len(set(v)) > 1)


@given(LESIONS, st.integers(2, 16), st.integers(0, 5))
def test_no_two_pictures_of_a_lesion_are_in_one_batch(lesions, size, seed):
    lesions = np.array(lesions)
    batches = deal(lesions, size, np.random.default_rng(seed))
    places = np.concatenate(batches)
    assert len(set(places.tolist())) == len(places)
    for batch in batches:
        assert len(set(lesions[batch].tolist())) == len(batch)
    sizes = [len(batch) for batch in batches]
    assert min(sizes) >= 2
    assert max(sizes) - min(sizes) <= 1
    assert max(sizes) <= max(size, 3)
    # All but what a lesion has more of than there are batches.
    _, counts = np.unique(lesions, return_counts=True)
    assert len(places) == np.minimum(counts, len(batches)).sum()


@given(LESIONS, st.integers(2, 16))
def test_there_are_as_many_batches_as_none_is_of_a_single_picture(lesions, size):
    _, counts = np.unique(lesions, return_counts=True)
    count = batch_count(counts, size)
    wanted = -(-len(lesions) // size)
    assert count <= wanted
    for more in range(count + 1, wanted + 1):
        assert np.minimum(counts, more).sum() < 2 * more


def test_where_every_picture_is_a_lesion_all_are_shown_in_even_batches():
    batches = deal(np.arange(100), 16, np.random.default_rng(0))
    assert sorted(np.concatenate(batches).tolist()) == list(range(100))
    assert sorted(map(len, batches)) == [14] * 5 + [15] * 2


def dealt(epoch, seed=3, **values):
    values = {"indices": np.arange(50, 90), "lesions": np.arange(40) // 2, "size": 8, "most": None,
              **values}  # fmt: skip
    return [batch.tolist() for batch in LesionBatches(**values, seed=seed)(epoch)]


def test_an_epoch_shows_each_picture_twice_in_its_batch_and_is_drawn_by_its_number():
    first = dealt(0)
    assert first == dealt(0)
    assert first != dealt(1)
    assert first != dealt(0, seed=4)
    for batch in first:
        assert batch[: len(batch) // 2] == batch[len(batch) // 2 :]
        assert len(set(batch)) == len(batch) // 2
    assert sorted({index for batch in first for index in batch}) == list(range(50, 90))


def test_who_sits_out_changes_from_epoch_to_epoch():
    """Nine pictures of one lesion and two of others: two batches, so two of the nine."""
    lesions = np.array([0] * 9 + [1, 2])
    shown = [
        frozenset(i for batch in dealt(e, indices=np.arange(11), lesions=lesions) for i in batch)
        for e in range(20)
    ]
    assert all({9, 10} <= one for one in shown)
    assert {len(one) for one in shown} == {4}
    assert set().union(*shown) == set(range(11))


@pytest.mark.parametrize(("most", "count"), [(8, 1), (9, 2), (16, 2), (1000, 5)])
def test_an_epoch_may_be_a_part_of_the_batches(most, count):
    assert dealt(2, most=most) == dealt(2)[:count]


def test_one_lesion_alone_is_refused():
    with pytest.raises(ConfigError) as refused:
        deal(np.zeros(9, int), 4, np.random.default_rng(0))
    assert str(refused.value) == (
        "A contrastive network tells lesions apart, and its training rows hold 1 of them; take "
        "more rows."
    )
