"""The ugly duckling: how far a lesion is from the patient's others, over all columns at once.

Of the |z| of the `main` columns of one lesion: the greatest, the mean, the spread, how many are
above 2, and how the mean ranks among the patient's lesions.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from features.columns import Grouping, by, needs, of_whom
from features.family import Family
from features.feature import Feature
from features.groups import ranks
from features.references import OURS, SECOND_TENTH
from features.request import Request, inputs_of
from features.rows import Rows
from workspace.arrays import Floats

STANDS_OUT = 2.0  # |z| above this is counted


@dataclass(frozen=True)
class Extremes:
    """Of each row's |z|; NaN where the row has none (spread: fewer than two)."""

    greatest: Floats
    mean: Floats
    spread: Floats
    standing_out: Floats


def features(request: Request) -> list[Feature]:
    """`ug_<what>[__by_<grouping>]`."""
    names = tuple(request.base("main"))
    if not names:
        return []
    return [made for over in request.settings.ugly_over for made in _over(over, names)]


def extremes(rows: Rows, names: tuple[str, ...], over: Grouping) -> Extremes:
    """Column by column: no table of all |z| is ever held."""
    shape = len(rows)
    count, total, squares, above = (np.zeros(shape) for _ in range(4))
    greatest = np.full(shape, np.nan)
    for name in names:
        size = np.abs(rows.z(name, over))
        known = np.isfinite(size)
        count += known
        greatest = np.fmax(greatest, size)
        size = np.where(known, size, 0.0)
        total += size
        squares += size * size
        above += size > STANDS_OUT
    with np.errstate(divide="ignore", invalid="ignore"):  # 0/0 is NaN on purpose
        mean = total / count
        variance = (squares - total * mean) / (count - 1)
    spread = np.sqrt(np.maximum(variance, 0.0))  # |z| is of the order of 1: nothing cancels badly
    return Extremes(
        greatest,
        mean,
        np.where(count > 1, spread, np.nan),
        np.where(count > 0, above, np.nan),
    )


_OF: dict[str, tuple[str, str, Callable[[Extremes], Floats]]] = {
    "greatest": ("greatest |z|", SECOND_TENTH, lambda of: of.greatest),
    "mean": ("mean |z|", SECOND_TENTH, lambda of: of.mean),
    "spread": ("std of |z|", SECOND_TENTH, lambda of: of.spread),
    "over_2": ("number of |z| > 2", SECOND_TENTH, lambda of: of.standing_out),
}


def _over(over: Grouping, names: tuple[str, ...]) -> list[Feature]:
    inputs = tuple(dict.fromkeys((*needs(over), *(n for base in names for n in inputs_of(base)))))
    key = ("ugly", over)
    over_which = f"over the main columns, z over {of_whom(over)}"

    def of(rows: Rows) -> Extremes:
        return rows.once(key, lambda: extremes(rows, names, over))

    def one(rows: Rows, take: Callable[[Extremes], Floats]) -> Floats:
        return take(of(rows))

    def rank(rows: Rows) -> Floats:
        # Of two lesions both have the same mean |z|, whatever the last bits say.
        return ranks(np.round(of(rows).mean, 9), rows.groups(over))

    make = partial(Feature, family="ugly_duckling", inputs=inputs, sign="E")
    made = [
        make(f"ug_{name}{by(over)}", formula=f"{formula} {over_which}", reference=reference,
             make=partial(one, take=take))
        for name, (formula, reference, take) in _OF.items()
    ]  # fmt: skip
    return [
        *made,
        make(f"ug_rank{by(over)}", formula=f"percentile rank of the mean |z| {over_which}",
             reference=OURS, make=rank),
    ]  # fmt: skip


UGLY_DUCKLING = Family(
    "ugly_duckling",
    features,
    "Of the |z| of the `main` columns of one lesion, in its group.",
    setting="ugly_over",
    from_others=True,
)
