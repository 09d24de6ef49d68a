"""Rates that must be possible: k of n, and the k behind a percentage that somebody states.

Not every percentage is a share of n whole cases (Brown and Heathers' GRIM test): of 344, none
comes to 99.60 %. A `Rate` always has its k, so a figure without one cannot be formatted.
"""

import math
import operator
import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from statistics import NormalDist
from typing import TypedDict

from workspace.errors import DataError, shorten


class RateSheet(TypedDict):
    """A rate as JSON has it."""

    k: int
    n: int
    value: float | None


@dataclass(frozen=True)
class Rate:
    """k of n cases; of no cases at all there is no value."""

    k: int
    n: int

    def __post_init__(self) -> None:
        for name in ("k", "n"):  # numpy's integers would not go into JSON
            object.__setattr__(self, name, _whole(getattr(self, name)))
        if not 0 <= self.k <= self.n:
            raise DataError(f"{self.k}/{self.n} is no rate: k must be from 0 to n.")

    @property
    def value(self) -> float | None:
        return self.k / self.n if self.n else None

    def interval(self, level: float = 0.95) -> tuple[float, float] | None:
        """Wilson's score interval, for independent cases; lesions of one patient need a bootstrap.

        It covers about as often as it says, also near 0 and 1. Clopper and Pearson's, which many
        papers use, covers more often than it says and is wider for it (Brown, Cai and DasGupta
        2001): for 271/299 it is 86.8-93.7 %, Wilson's 86.8-93.4 %.
        """
        if not self.n:
            return None
        z = NormalDist().inv_cdf((1 + level) / 2)
        share, shrink = self.k / self.n, 1 + z**2 / self.n
        middle = (share + z**2 / (2 * self.n)) / shrink
        reach = z / shrink * math.sqrt(share * (1 - share) / self.n + (z / (2 * self.n)) ** 2)
        return middle - reach if self.k else 0.0, middle + reach if self.k < self.n else 1.0

    def percent(self, decimals: int = 2) -> str:
        """`90.64 %`, exact halves rounded up; of 0 cases `undefined`."""
        if not self.n:
            return "undefined"
        units = (2 * 100 * 10**decimals * self.k + self.n) // (2 * self.n)
        return f"{Decimal(units).scaleb(-decimals):f} %"

    def as_json(self) -> RateSheet:
        return {"k": self.k, "n": self.n, "value": self.value}

    def __str__(self) -> str:
        return format_rate(self.k, self.n)


def format_rate(k: int | str, n: int, decimals: int = 2) -> str:
    """`271/299 = 90.64 % [86.80, 93.44]`, of a count or of a percentage stated as text.

    A stated percentage that is no k/n is refused.
    """
    rate = stated_rate(k, n) if isinstance(k, str) else Rate(k, n)
    ends = [f"{100 * end:.{decimals}f}" for end in rate.interval() or ()]
    shown = f"{rate.k}/{rate.n} = {rate.percent(decimals)}"
    return f"{shown} [{', '.join(ends)}]" if ends else shown


def stated_rate(percent: float | str, n: int, decimals: int | None = None) -> Rate:
    """The k of n that rounds to the stated percentage, halves either way; the nearest if several.

    How far it was rounded is read off the text: "99.60" has two decimals. A float has lost its
    closing zeros, so say `decimals` with it.
    """
    stated = _percentage(percent)
    if decimals is None:
        decimals = -int(stated.as_tuple().exponent)
    shown = f"{stated:.{decimals}f} % of {n}"
    if _whole(n) < 1:
        raise DataError(f"{shown} is no rate: n must be 1 or more.")
    cases = Fraction(stated) * n / 100
    k = math.floor(cases + Fraction(1, 2))
    if abs(Fraction(100 * k, n) - Fraction(stated)) <= Fraction(1, 2 * 10**decimals):
        return Rate(k, n)
    around = [Rate(math.floor(cases) + step, n) for step in (0, 1)]
    nearest = " and ".join(f"{rate.k}/{n} = {rate.percent(decimals)}" for rate in around)
    raise DataError(f"{shown} is no k/n: the nearest are {nearest}.")


def _whole(count: int) -> int:
    try:
        return operator.index(count)
    except TypeError as error:
        raise DataError(f"A rate is of whole numbers; {shorten(str(count))} is none.") from error


def _percentage(percent: float | str) -> Decimal:
    text = str(percent).strip().removesuffix("%").strip()
    stated = Decimal(text) if re.fullmatch(r"\d{0,3}\.?\d{1,20}", text) else Decimal(-1)
    if not 0 <= stated <= 100:
        raise DataError(f"'{shorten(str(percent))}' is no percentage from 0 to 100.")
    return stated
