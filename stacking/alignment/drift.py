"""How well a map carries: on anchors left out of its fit, how much do the folds' views agree?

Each fold's mapped view is held against the mean of the others', which is the reference: in the
unmapped spaces (before) and in the mapped one (after). Two numbers a fold: the share of the
reference's variance that the view explains, up to one scale, and the mean cosine of the rows.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stacking.alignment.anchors import Floats, Numbers, checked
from stacking.alignment.config import AlignConfig
from stacking.alignment.maps import EMBEDDINGS, Maps, fit

Bools = NDArray[np.bool_]
PARTS = 5  # of the anchors; each is left out once
# With five folds alike and a view made of a shared and an own part, the share is .3 where the own
# part has 1.5 times the variance: below, a column says more of its network than of the picture.
LEAST_EXPLAINED = 0.3


@dataclass(frozen=True)
class Agreement:
    """Of one fold's view with the others' mean, or the mean over folds."""

    explained: float  # 0 to 1
    cosine: float


@dataclass(frozen=True)
class Drift:
    """By fold, before and after a map; `after` is None where embeddings stay raw."""

    before: dict[int, Agreement]
    after: dict[int, Agreement] | None

    @property
    def result(self) -> dict[int, Agreement]:
        """What the stack gets to see."""
        return self.before if self.after is None else self.after


def mean_over_folds(by_fold: Mapping[int, Agreement]) -> Agreement:
    """NaN if there are no two folds to compare."""
    if not by_fold:
        return Agreement(float("nan"), float("nan"))
    return Agreement(
        float(np.mean([one.explained for one in by_fold.values()])),
        float(np.mean([one.cosine for one in by_fold.values()])),
    )


def measured(views: Mapping[int, Numbers], config: AlignConfig) -> Drift:
    """From the anchors that the maps are fitted on; costs five fits. No folds where only one is."""
    raw, maps = checked(views, config, EMBEDDINGS), config.method not in ("raw", "scalars")
    if len(raw) < 2:
        return Drift({}, {} if maps else None)
    # Components are chosen afterwards, and a part has fewer anchors than all: neither matters here.
    count = len(next(iter(raw.values())))
    kept = count - math.ceil(count / PARTS)
    own = config.model_copy(
        update={"pca": None, "least_anchors": 2, "landmarks": min(config.landmarks, kept)}
    )
    before = _agreements(raw, own.model_copy(update={"method": "raw"}))
    return Drift(before, _agreements(raw, own) if maps else None)


def poor(drift: Drift, network: str) -> str | None:
    """A warning if some fold's view is not carried, else None."""
    low = {
        fold: one.explained
        for fold, one in drift.result.items()
        if not one.explained >= LEAST_EXPLAINED
    }
    if not low:
        return None
    told = ", ".join(f"fold {fold}: {share:.0%}" for fold, share in low.items())
    return (
        f"embeddings of {network} mean different things in different folds: of what the other "
        f"folds see they explain {told}, below {LEAST_EXPLAINED:.0%}; take more anchors, another "
        "align.method, or 'scalars'."
    )


def _agreements(raw: dict[int, Floats], config: AlignConfig) -> dict[int, Agreement]:
    count = len(next(iter(raw.values())))
    sums = {fold: np.zeros(4) for fold in raw}  # view x reference, view², reference², cosines
    for part in range(PARTS):
        left = np.arange(count) % PARTS == part
        kept = {fold: view[~left] for fold, view in raw.items()}
        maps = frame = fit(kept, config)
        if config.method == "ridge":
            # Ridge maps shrink what they cannot predict: held against each other they would agree
            # on the little that is left. They are held against what they set out to predict.
            frame = fit(kept, config.model_copy(update={"method": "procrustes"}))
        mapped, reference = (_mapped(which, raw, left) for which in (maps, frame))
        total = np.sum(list(reference.values()), axis=0)
        for fold, view in mapped.items():
            others = (total - reference[fold]) / (len(raw) - 1)
            sums[fold] += _products(view, others)
    return {fold: _agreement(of, count) for fold, of in sums.items()}


def _mapped(maps: Maps, raw: dict[int, Floats], left: Bools) -> dict[int, Floats]:
    """The anchors left out, less the mean of those that were not."""
    found = {}
    for fold, view in raw.items():
        mapped = maps.apply(fold, view).astype(np.float64)
        found[fold] = mapped[left] - mapped[~left].mean(axis=0)
    return found


def _products(view: Floats, others: Floats) -> Floats:
    both, own, their = (
        (a * b).sum(axis=1) for a, b in ((view, others), (view, view), (others, others))
    )
    length = np.sqrt(own * their)
    cosine = np.divide(both, length, out=np.zeros_like(both), where=length > 0)
    return np.array([both.sum(), own.sum(), their.sum(), cosine.sum()])


def _agreement(sums: Floats, count: int) -> Agreement:
    both, own, their, cosines = sums
    # The best scale is allowed: trees see no scale. An opposite view explains nothing.
    explained = max(both, 0.0) ** 2 / (own * their) if own * their > 0 else 0.0
    return Agreement(float(explained), float(cosines / count))
