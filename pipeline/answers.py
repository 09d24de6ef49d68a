"""What networks answer of pictures of one's own: alone, or two of them as a cascade.

A network answers by all its folds: probabilities and thresholds are their means.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from metrics.classification import predicted_class
from models.cascade.calls import cascade_calls
from models.networks.use import Use
from workspace.arrays import Bools, Floats, Ints

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Answer:
    """One network's probabilities of some pictures, and how its folds' networks are used."""

    name: str
    probability: Floats  # (pictures, classes)
    uses: Sequence[Use]

    @property
    def classes(self) -> tuple[str, ...]:
        return self.uses[0].classes

    @property
    def limit(self) -> float | None:
        """At or above it the second of two classes is called; None where it is by none."""
        limits = [use.threshold for use in self.uses if use.threshold is not None]
        return float(np.mean(limits)) if len(limits) == len(self.uses) else None

    @property
    def called(self) -> Ints:
        """(pictures,): the class called; by the threshold, else the most probable."""
        if self.limit is None:
            return predicted_class(self.probability)
        called: Ints = (self.probability[:, 1] >= self.limit).astype(np.int64)
        return called

    @property
    def shown(self) -> Ints:
        """(pictures,): the class that an overlay speaks of; of two always the second."""
        if len(self.classes) == 2:
            return np.ones(len(self.probability), np.int64)
        return self.called


def alone(ids: Sequence[str], answers: Sequence[Answer]) -> Rows:
    """Each network's probabilities by class, its threshold if it has one, and what it calls."""
    rows: Rows = [{"picture": name} for name in ids]
    for answer in answers:
        two = len(answer.classes) == 2
        named = list(enumerate(answer.classes))[1 if two else 0 :]
        for row, shares, called in zip(rows, answer.probability, answer.called, strict=True):
            row |= {f"{answer.name}_{name}": float(shares[at]) for at, name in named}
            if answer.limit is not None:
                row[f"{answer.name}_threshold"] = answer.limit
            if answer.limit is not None or not two:  # others only rank
                row[f"{answer.name}_called"] = answer.classes[called]
    return rows


@dataclass(frozen=True)
class Cascade:
    """The first network says who goes on; the second, if it is there, what those are."""

    first: Answer
    second: Answer | None

    @property
    def limit(self) -> float:
        assert self.first.limit is not None, "the recipe checks it"
        return self.first.limit

    @property
    def goes_on(self) -> Bools:
        on: Bools = self.first.probability[:, 1] >= self.limit
        return on

    @property
    def called(self) -> Ints:
        """(pictures,): 0, or 1 + the second network's class."""
        assert self.second is not None
        return cascade_calls(self.goes_on, self.second.probability)

    def shown(self) -> Mapping[str, tuple[Ints, Ints]]:
        """By network which pictures have an overlay, as to which class."""
        every = np.arange(len(self.goes_on))
        shown = {self.first.name: (every, self.first.shown)}
        if self.second is not None:
            on = np.flatnonzero(self.goes_on)
            shown[self.second.name] = (on, self.called[on] - 1)
        return shown

    def rows(self, ids: Sequence[str]) -> Rows:
        first, second = self.first, self.second
        positive = f"{first.name}_{first.classes[1]}"
        rows: Rows = [
            {"picture": name, positive: float(share), "threshold": self.limit, "goes_on": bool(on)}
            for name, share, on in zip(ids, first.probability[:, 1], self.goes_on, strict=True)
        ]
        if second is None:
            return rows
        names = (first.classes[0], *second.classes)
        for row, shares, called in zip(rows, second.probability, self.called, strict=True):
            row |= {f"{second.name}_{n}": float(p) for n, p in zip(names[1:], shares, strict=True)}
            row["called"] = names[called]
        return rows
