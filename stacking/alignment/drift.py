"""How well a map carries: on anchors left out of its fit, how much do the folds' embeddings agree?

Whole patients are left out: lesions of one are alike, and would tell what they are asked.
Each fold's mapped embedding is held against the mean of the others', which is the reference: in the
unmapped spaces (before) and in the mapped one (after), which is no more than what the anchors of
the fit span. Two numbers a fold: the share of the
reference's variance that the embedding explains, up to one scale, and the mean cosine of the rows.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from stacking.alignment.anchors import Numbers, checked
from stacking.alignment.config import AlignConfig
from stacking.alignment.maps import EMBEDDINGS, Maps, fit_in_frame, on_one_thread
from workspace.arrays import Bools, Floats, Ints
from workspace.machine import lent_cores

SHARES = 5  # of the anchors; each is left out once
# With five folds alike and an embedding made of a shared and an own component, the share is .3
# where the own one has 1.5 times the variance: below, a column says more of its network than of
# the picture.
LEAST_EXPLAINED = 0.3


@dataclass(frozen=True)
class Agreement:
    """Of one fold's embedding with the others' mean, or the mean over folds."""

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


@on_one_thread()
def measure_drift(
    embeddings: Mapping[int, Numbers], config: AlignConfig, groups: Ints | None = None
) -> Drift:
    """From the anchors that the maps are fitted on; costs five fits.

    `groups` (anchors,) says which belong together; None: each is alone. Nothing is measured where
    there is one fold or one group only.
    """
    raw, maps = checked(embeddings, config, EMBEDDINGS), config.method not in ("raw", "scalars")
    count = len(next(iter(raw.values())))
    shares = _shares(np.arange(count) if groups is None else groups)
    if len(raw) < 2 or not shares.any():
        return Drift({}, {} if maps else None)
    # Components are chosen afterwards, and a share has fewer anchors: neither matters here.
    fitted = count - int(np.bincount(shares).max())
    own = config.model_copy(
        update={"pca": None, "least_anchors": 2, "landmarks": min(config.landmarks, fitted)}
    )
    before = _agreements(raw, own.model_copy(update={"method": "raw"}), shares)
    return Drift(before, _agreements(raw, own, shares) if maps else None)


def _shares(groups: Ints) -> Ints:
    """(anchors,): the share of each, whole groups, the largest first into the smallest share."""
    _, group, counts = np.unique(groups, return_inverse=True, return_counts=True)
    share_of, sizes = np.zeros(len(counts), np.int64), np.zeros(SHARES, np.int64)
    for number in np.argsort(-counts, kind="stable"):
        share_of[number] = sizes.argmin()
        sizes[share_of[number]] += counts[number]
    return share_of[group]


def poor(drift: Drift, network: str) -> str | None:
    """A warning if some fold's embedding is not carried, else None."""
    low = {
        fold: one.explained
        for fold, one in drift.result.items()
        if not one.explained >= LEAST_EXPLAINED
    }
    if not low:
        return None
    shares = ", ".join(f"fold {fold}: {share:.0%}" for fold, share in low.items())
    return (
        f"embeddings of {network} mean different things in different folds: of what the other "
        f"folds see they explain {shares}, below {LEAST_EXPLAINED:.0%}; take more anchors, another "
        "align.method, or 'scalars'."
    )


def _agreements(raw: dict[int, Floats], config: AlignConfig, shares: Ints) -> dict[int, Agreement]:
    with ThreadPoolExecutor(lent_cores()) as pool:
        each = list(pool.map(lambda n: _of_share(raw, config, shares == n), np.unique(shares)))
    sums = {fold: np.sum([one[fold] for one in each], axis=0) for fold in raw}
    return {fold: _agreement(of, len(shares)) for fold, of in sums.items()}


def _of_share(raw: dict[int, Floats], config: AlignConfig, held_out: Bools) -> dict[int, Floats]:
    """Own x reference, own², reference², cosines of the anchors held out, by maps of the others."""
    if config.method == "raw":
        mapped = reference = _centred(raw, held_out)
    else:
        # Ridge maps shrink what they cannot predict: held against each other they would agree on
        # the little that is left. They are held against what they set out to predict.
        in_frame = fit_in_frame({fold: own[~held_out] for fold, own in raw.items()}, config)
        mapped = _centred(_mapped(in_frame.maps, raw), held_out)
        reference = mapped
        if in_frame.rotations is not in_frame.maps:
            reference = _centred(_mapped(in_frame.rotations, raw), held_out)
    total = np.sum(list(reference.values()), axis=0)
    return {
        fold: _products(own, (total - reference[fold]) / (len(raw) - 1))
        for fold, own in mapped.items()
    }


def _mapped(maps: Maps, raw: dict[int, Floats]) -> dict[int, Floats]:
    return {fold: maps.apply(fold, own).astype(np.float64) for fold, own in raw.items()}


def _centred(by_fold: dict[int, Floats], held_out: Bools) -> dict[int, Floats]:
    """The anchors held out, less the mean of those that were not."""
    return {fold: own[held_out] - own[~held_out].mean(axis=0) for fold, own in by_fold.items()}


def _products(one: Floats, others: Floats) -> Floats:
    both, own, their = (
        (a * b).sum(axis=1) for a, b in ((one, others), (one, one), (others, others))
    )
    length = np.sqrt(own * their)
    cosine = np.divide(both, length, out=np.zeros_like(both), where=length > 0)
    return np.array([both.sum(), own.sum(), their.sum(), cosine.sum()])


def _agreement(sums: Floats, count: int) -> Agreement:
    both, own, their, cosines = sums
    # The best scale is allowed: trees see no scale. An opposite one explains nothing.
    explained = max(both, 0.0) ** 2 / (own * their) if own * their > 0 else 0.0
    return Agreement(float(explained), float(cosines / count))
