from collections import Counter

import numpy as np
import pytest

from stacking.config import StackConfig
from stacking.sampling import prior_shift, sampled
from workspace.errors import ConfigError

POSITIVE = np.arange(10_000) < 10


def test_ratios_repeat_positives_then_drop_negatives():
    # .003 of 9,990 negatives are 30 positives; at 1 to 100 they keep 2,997 of the negatives.
    rows = sampled(POSITIVE, StackConfig(), 0)
    assert POSITIVE[rows].sum() == 30
    assert (~POSITIVE[rows]).sum() == 3000
    counts = Counter(rows.tolist())
    assert all(counts[place] >= 1 for place in range(10))  # no positive is lost
    assert all(count == 1 for place, count in counts.items() if place >= 10)
    assert (np.diff(rows) >= 0).all()


def test_more_positives_than_asked_for_stay_as_they_are():
    positive = np.arange(100) < 40
    rows = sampled(positive, StackConfig(), 0)
    assert rows.tolist() == list(range(100))


def test_seeds_draw_other_negatives():
    rows = [set(sampled(POSITIVE, StackConfig(), seed).tolist()) for seed in (0, 1, 0)]
    assert rows[0] == rows[2] != rows[1]


def test_shards_rotate_through_all_negatives_once():
    config = StackConfig(sampling="shards", shards=4)
    shards = [sampled(POSITIVE, config, seed) for seed in range(4)]
    assert all(POSITIVE[rows].sum() == 10 for rows in shards)
    negatives = np.concatenate([rows[~POSITIVE[rows]] for rows in shards])
    assert sorted(negatives.tolist()) == list(range(10, 10_000))
    again = sampled(POSITIVE, config, 4)
    assert set(again.tolist()) != set(shards[0].tolist())


def test_more_shards_than_negatives_are_refused():
    with pytest.raises(ConfigError) as error:
        sampled(np.arange(20) < 10, StackConfig(sampling="shards", shards=11), 0)
    assert str(error.value) == (
        "stack.shards is 11, but a fold's training rows have only 10 negatives to split."
    )


def test_the_prior_shift_undoes_the_sample():
    rows = np.r_[np.arange(10), np.arange(10, 100)]  # 10 of 100, where all rows have 10 of 10,000
    expected = np.log(10 / 9990) - np.log(10 / 90)
    assert prior_shift(POSITIVE, rows) == pytest.approx(expected)
    assert prior_shift(POSITIVE, np.arange(10_000)) == 0
