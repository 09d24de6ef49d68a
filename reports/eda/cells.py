"""Cells of the exploration page: intervals as the metrics room makes them."""

from typing import cast

from metrics.bootstrap import IntervalSheet
from reports.eda.sheets import Words
from reports.sheets import Interval
from reports.table import NOTHING, Cell, Number, count, measure, percent


def worth(metric: IntervalSheet | None, digits: int = 3) -> Cell:
    """A value with its interval; nothing where there is none."""
    return measure(cast("Interval | None", metric), digits)


def figure(shown: str, value: float) -> Cell:
    """A number that has no interval; sorted by its value, however it is shown."""
    return Number(shown, repr(value))


def part(n: int, whole: int) -> Cell:
    """`41.2%` of a whole that is not empty."""
    return figure(percent(round(n / whole, 4)), n / whole)


def elsewhere(column: Words) -> tuple[Cell, Cell, Cell]:
    """What words are worth where they were not learnt: n, positives, AUC."""
    tried = column["elsewhere"]
    if tried is None:
        return NOTHING, NOTHING, NOTHING
    return count(tried["n"]), count(tried["positives"]), worth(tried["auc"])
