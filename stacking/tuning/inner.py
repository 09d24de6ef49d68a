"""What a setting is worth: the pAUC of folds that it was not grown on, each by itself.

Of a study for an outer fold the rows of that fold are neither learnt from nor scored: it has no
say in what is chosen for its boosters. The inner folds are the other folds, dealt once.
"""

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field

import numpy as np

from folds.schema import TARGET
from metrics.pauc import pauc_above_tpr
from stacking.boosters.booster import Binned
from stacking.fold import train_fold
from stacking.matrix import NEVER, Matrix
from stacking.tuning.space import Setting
from stacking.use import FOLD, SCORE
from workspace.progress import Show


@dataclass(frozen=True, eq=False)
class InnerFolds:
    """The rows of a study; bins are kept from trial to trial."""

    matrix: Matrix
    outer: int | None  # None: all folds have a say
    bins: MutableMapping[int, Binned] = field(default_factory=dict)

    @property
    def numbers(self) -> list[int]:
        """The folds that are scored."""
        return sorted(set(self.matrix.rows[FOLD].to_list()) - {NEVER, self.outer})

    def pauc(
        self, setting: Setting, seed: int, min_tpr: float, show: Show
    ) -> dict[int, float | None]:
        """Of each inner fold, by boosters grown on the others; None: it or they lack a class."""
        assert setting.columns == self.matrix.columns
        worth: dict[int, float | None] = {}
        for number, fold in enumerate(self.numbers, 1):
            worth[fold] = self._of(fold, setting, seed, min_tpr)
            show(number, len(self.numbers))
        return worth

    def _of(self, fold: int, setting: Setting, seed: int, min_tpr: float) -> float | None:
        folds, every = self.matrix.rows[FOLD].to_numpy(), self.matrix.rows[TARGET].to_numpy()
        held_out = folds == fold
        target, learnt = every[held_out], every[~held_out & (folds != self.outer)]
        if len(set(target)) < 2 or len(set(learnt)) < 2:
            return None
        trained = train_fold(
            self.matrix, fold, setting.stack, setting.booster, seed, lambda *_: None,
            without=self.outer, bins=self.bins,
        )  # fmt: skip
        return pauc_above_tpr(target, trained.scores[SCORE].to_numpy(), min_tpr)


def mean_and_spread(worth: Mapping[int, float | None]) -> tuple[float, float | None]:
    """Over the inner folds that have both classes; NaN where none has."""
    known = [one for one in worth.values() if one is not None]
    if not known:
        return float("nan"), None
    return float(np.mean(known)), float(np.std(known, ddof=1)) if len(known) > 1 else None
