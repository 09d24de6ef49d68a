"""A rehearsal takes some training rows by their ids: positives first, all test rows, a notice."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as some

from folds.findings import Findings
from folds.limit import take_some
from folds.schema import ID, SPLIT, TARGET, TEST, TRAIN


def _rows(negative: int, positive: int, test: int = 3) -> pl.DataFrame:
    target = [0] * negative + [1] * positive + [None] * test
    return pl.DataFrame(
        {
            ID: [f"ISIC_{number:07d}" for number in range(len(target))],
            TARGET: pl.Series(target, dtype=pl.Int8),
            SPLIT: [TRAIN] * (negative + positive) + [TEST] * test,
        }
    )


def _count(frame: pl.DataFrame) -> tuple[int, int, int]:
    training = frame.filter(pl.col(SPLIT) == TRAIN)
    positive = int(training[TARGET].sum())
    return len(training) - positive, positive, len(frame) - len(training)


@pytest.mark.parametrize(
    ("negative", "positive", "limit", "taken"),
    [
        (1000, 10, 100, (90, 10, 3)),
        (1000, 80, 100, (50, 50, 3)),
        (20, 1000, 100, (20, 80, 3)),
        (30, 10, 40, (30, 10, 3)),
        (30, 10, None, (30, 10, 3)),
    ],
)
def test_positives_are_half_at_most_unless_there_is_nothing_else(
    negative: int, positive: int, limit: int | None, taken: tuple[int, int, int]
) -> None:
    findings = Findings()
    assert _count(take_some(_rows(negative, positive), limit, findings)) == taken
    short = limit is not None and negative + positive > limit
    assert [one.check for one in findings.notices] == ["limited"] * short


def test_it_is_called_a_rehearsal_with_how_many_rows_are_left_out() -> None:
    findings = Findings()
    take_some(_rows(1000, 10), 100, findings)
    assert findings.notices[0].message.startswith(
        "A rehearsal: 100 rows of 1010 taken (data.limit), positives first; its scores say"
    )
    assert findings.notices[0].count == 910


@given(some.randoms(use_true_random=False), some.integers(20, 70))
def test_the_order_of_the_table_has_no_say(random, limit: int) -> None:
    rows = _rows(60, 15)
    order = list(range(len(rows)))
    random.shuffle(order)
    first = take_some(rows, limit, Findings())
    again = take_some(rows[order], limit, Findings())
    assert again.sort(ID).equals(first)
    assert len(first) == limit + 3
