"""How far an exported file is from the library that it stands for, and what is too far.

Both are asked of the same pictures. On average a file in few bits may differ, but not as much as
one that says the same of every picture: a network whose answers lie close together cannot hide it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from models.export.config import BOUND
from models.nets.config import BITS, Precision
from workspace.arrays import Floats, Ints
from workspace.errors import ArtifactError, listed

NEARER = 0.5  # of how far the library's median is from its answers: what few bits may differ by


@dataclass(frozen=True)
class Answers:
    """(pictures,): probabilities of target 1, by id, of the network and of the file."""

    ids: pl.Series
    network: Floats
    file: Floats

    @property
    def apart(self) -> Floats:
        return np.abs(self.network - self.file)

    def beyond(self, bound: float) -> Ints:
        """Where they are further apart than that, or one of them says no number."""
        return np.flatnonzero(~(self.apart <= bound))


def bounds(answers: Answers, precision: Precision) -> tuple[float, float]:
    """What is allowed of any picture, and on average."""
    bound, mean = BOUND[precision]
    if precision not in BITS:
        return bound, mean
    spread = np.abs(answers.network - np.median(answers.network)).mean()
    return bound, min(mean, NEARER * float(spread))


def parity(title: str, answers: Answers, precision: Precision, mend: str) -> dict[str, Any]:
    """For the sheet; refused beyond what is allowed."""
    (bound, mean_bound), apart = bounds(answers, precision), answers.apart
    if (beyond := answers.beyond(bound)).size:
        raise ArtifactError(
            f"{title}, exported, differs from the library by up to {apart.max():.2g} in "
            f"probability ({bound:g} is allowed) on {listed(answers.ids.gather(beyond).to_list())} "
            f"({len(beyond)} of {len(apart)} pictures): {mend}."
        )
    if apart.mean() > mean_bound:
        raise ArtifactError(
            f"{title}, exported, differs from the library by {apart.mean():.2g} in probability on "
            f"average of {len(apart)} pictures ({mean_bound:.2g} is allowed, half as far as one "
            f"number for all would be and {BOUND[precision][1]:g} at most): {mend}."
        )
    return {
        "pictures": len(apart), "largest": float(apart.max()), "bound": bound,
        "mean": float(apart.mean()), "mean_bound": mean_bound,
    }  # fmt: skip
