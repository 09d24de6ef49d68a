"""How a fold's finished models are used: what they say of rows that they never saw.

The one way in which rows outside the folds are scored: test set, holdout, new data. Nothing here
fits anything; what does is in `fold`.
"""

from collections.abc import Sequence
from typing import TypedDict

from stacking.boosters.booster import Booster, seeing
from stacking.category_codes import CategoryCodes, renumbered
from stacking.matrix import Matrix
from workspace.arrays import Floats
from workspace.lazy import LazyModule

special = LazyModule("scipy.special")

FOLD, SCORE, SPREAD = "fold", "score", "seed_sd"
USE = "use.json"  # file name


class Use(TypedDict):
    """What is needed to use a fold's models, as `use.json` keeps it.

    The file's bytes are in the hash by which every out-of-fold row names its maker, so its keys
    stay as they were first written: `levels` are the category codes.
    """

    columns: list[str]
    levels: dict[str, list[float]]
    shifts: list[float]  # of each model's log odds


def probabilities(
    matrix: Matrix, models: Sequence[Booster], use: Use, threads: int | None = None
) -> list[Floats]:
    """What each model of a fold says of these rows."""
    with renumbered(matrix.values, use["columns"], CategoryCodes(use["levels"])):
        return [
            special.expit(seeing(model, matrix.patients).log_odds(matrix.values, threads) + shift)
            for model, shift in zip(models, use["shifts"], strict=True)
        ]
