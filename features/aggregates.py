"""Aggregates: what the patient's lesions are like, and this lesion's ratio and difference to it.

Mean, spread, least, greatest and skew of a column over the patient (and site). The spread of one
value and the skew of fewer than three are null; a skew of values all alike is 0.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from features.columns import Grouping, by, needs, of_whom
from features.family import Family
from features.feature import Feature
from features.groups import NOISE, Groups, moments
from features.references import GUNES
from features.request import Request, inputs_of
from features.rows import Rows
from workspace.arrays import Floats

COMPARED = ("mean", "min", "max")  # a lesion's ratio to a spread or a skew would mean nothing


@dataclass(frozen=True)
class Aggregates:
    """The five statistics of each group (groups,), and its greatest magnitude."""

    groups: Groups
    of: dict[str, Floats]
    magnitude: Floats

    def spread_out(self, name: str) -> Floats:
        """(rows,): what each row's group has."""
        return self.groups.spread_out(self.of[name])


def features(request: Request) -> list[Feature]:
    """`ag_<statistic>_<column>` and `ag_ratio_<statistic>_...`, `ag_difference_<statistic>_...`."""
    return [
        made
        for over, which in request.settings.aggregates_over.items()
        for base in request.base(which)
        for made in _of(base, over)
    ]


def aggregates(values: Floats, groups: Groups, scale: Floats | float = 0.0) -> Aggregates:
    """From values of the rows (rows,); `scale` as of `Moments`."""
    found = moments(values, groups, scale)
    known = np.isfinite(values)
    least = groups.reduce(np.minimum, np.where(known, values, np.inf))
    most = groups.reduce(np.maximum, np.where(known, values, -np.inf))
    with np.errstate(divide="ignore", invalid="ignore"):  # 0/0 is NaN on purpose
        scaled = (values - groups.spread_out(found.mean)) / groups.spread_out(found.spread)
    cubes = groups.reduce(np.add, np.where(np.isfinite(scaled), scaled**3, 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):  # 0/0 is NaN on purpose
        # From spreads with ddof 1 to the moment itself, which is divided by n.
        skew = cubes / found.count * (found.count / (found.count - 1)) ** 1.5
    skew = np.where(found.flat, 0.0, skew)
    few = [np.where(found.count >= n, s, np.nan) for n, s in ((2, found.spread), (3, skew))]
    parts = {"mean": found.mean, "std": few[0], "min": least, "max": most, "skew": few[1]}
    known_parts = {n: np.where(np.isfinite(part), part, np.nan) for n, part in parts.items()}
    return Aggregates(groups, known_parts, found.magnitude)


def _of(base: str, over: Grouping) -> list[Feature]:
    def found(rows: Rows) -> Aggregates:
        def make() -> Aggregates:
            return aggregates(rows.values(base), rows.groups(over), rows.scale(base, over))

        return rows.once(("aggregates", base, over), make)

    def whole_group(rows: Rows, name: str) -> Floats:
        return found(rows).spread_out(name)

    inputs = (*needs(over), *inputs_of(base))
    make = partial(
        Feature, family="aggregates", reference=GUNES, inputs=inputs, sign="E", base=base
    )
    end = f"{base}{by(over)}"
    whole = [
        make(f"ag_{name}_{end}", formula=f"{name} of {base} over {of_whom(over)}",
             make=partial(whole_group, name=name))
        for name in ("mean", "std", "min", "max", "skew")
    ]  # fmt: skip
    compared = [
        make(f"ag_{word}_{name}_{end}",
             formula=f"{base} {sign} {name} of {base} over {of_whom(over)}",
             make=_compared(base, name, word, found))
        for name in COMPARED
        for word, sign in (("ratio", "/"), ("difference", "-"))
    ]  # fmt: skip
    return [*whole, *compared]


def _compared(
    base: str, name: str, word: str, found: Callable[[Rows], Aggregates]
) -> Callable[[Rows], Floats]:
    def make(rows: Rows) -> Floats:
        values, whole = rows.values(base), found(rows)
        other = whole.spread_out(name)
        if word == "difference":
            return values - other
        # What is zero but for noise of floats is no denominator.
        large = np.abs(other) > NOISE * whole.groups.spread_out(whole.magnitude)
        with np.errstate(divide="ignore", invalid="ignore"):  # 0/0 is NaN on purpose
            ratio = values / other
        return np.where(large, ratio, np.nan)

    return make


AGGREGATES = Family(
    "aggregates",
    features,
    "What the patient's lesions are like. The std of one value and the skew of "
    "fewer than three are null, of values all alike 0; a ratio by what is zero but for float "
    "noise is null.",
    setting="aggregates_over",
    on_request=True,
    from_others=True,
)
