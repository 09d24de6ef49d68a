"""How far new pictures are from what a network learnt from, and how that is said."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from folds.findings import plural
from workspace.arrays import Bools, Floats

NOT_CHECKED = (
    "Whether these pictures are unlike those learnt from was not checked; what is said of one that "
    "is says little."
)
DISTANCE, UNLIKE = "distance", "unlike"  # the columns of a prediction


@dataclass(frozen=True)
class Distances:
    """How far pictures are from what a network learnt from."""

    network: str
    each: Floats  # the mean over its folds; above 1 a picture is unlike
    false_alarms: float

    @property
    def unlike(self) -> Bools:
        return self.each > 1

    def facts(self) -> dict[str, Any]:
        """What a manifest has of it, and `as_said` says."""
        return {
            "network": self.network, "count": int(self.unlike.sum()), "of": len(self.each),
            "false_alarms": self.false_alarms,
        }  # fmt: skip


def as_said(facts: Mapping[str, Any]) -> str:
    """How many pictures are unlike, and what that means."""
    network, count, total = facts["network"], facts["count"], facts["of"]
    if not count:
        return f"none of {plural(total, 'picture')} is unlike those that {network} learnt from."
    return (
        f"{count} of {plural(total, 'picture')} {'is' if count == 1 else 'are'} unlike those that "
        f"{network} learnt from, so their scores say little ({UNLIKE}); "
        f"{100 * facts['false_alarms']:.3g} of 100 of those it held out are flagged too, by choice."
    )


def mean_distances(network: str, by_fold: Sequence[Floats], false_alarms: float) -> Distances:
    """By the distances (n,) that the folds' networks have."""
    return Distances(network, np.mean(by_fold, axis=0), false_alarms)


def not_said(why: str) -> str:
    """The sentence of a call that has no such column."""
    return f"notice: whether pictures are unlike those learnt from is not said: {why}."
