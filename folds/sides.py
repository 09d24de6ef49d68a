"""The three sides of a scheme that has them: what is learnt, what is chosen on, what is reported.

Reads folds as they are kept: rows without a fold are trained on, the rows of the one fold validate,
the test side is ours (`holdout`) or, if there is none, the source's own (`test`).
"""

from dataclasses import dataclass
from typing import Self

import polars as pl

from folds.groups import COMPONENT, GROUP, connected
from folds.official import SIDE
from folds.schema import HOLDOUT, ID, LESION, SPLIT, TEST, TRAIN, VALID
from workspace.errors import ConfigError

SIDED = ("official", "corrected", "by_lesion", "holdout")  # and by_image, which nobody is sent to
LEAKED, CLEAN, UNKNOWN = "leaked", "clean", "unknown"


@dataclass(frozen=True)
class Sides:
    """Ids of either side, sorted."""

    train: pl.Series
    valid: pl.Series
    test: pl.Series

    @classmethod
    def of(cls, folds: pl.DataFrame) -> Self:
        """Those of one repeat of folds, or of rows with their split and fold."""
        rows = with_sides(folds).sort(ID)
        return cls(*(rows.filter(pl.col(SIDE) == side)[ID] for side in (TRAIN, VALID, TEST)))


def with_sides(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with their side: `train`, `valid` or `test`; null for those on none."""
    ours = (rows[SPLIT] == HOLDOUT).any()
    test = pl.col(SPLIT) == (HOLDOUT if ours else TEST)
    of_ours = pl.when(pl.col("fold").is_null()).then(pl.lit(TRAIN)).otherwise(pl.lit(VALID))
    side = pl.when(test).then(pl.lit(TEST)).when(pl.col(SPLIT) == TRAIN).then(of_ours)
    sided = rows.with_columns(side.alias(SIDE))
    folds = sided.filter(pl.col(SIDE) == VALID)["fold"].n_unique()
    if folds != 1 or {TRAIN, TEST} - set(sided[SIDE]):
        raise ConfigError(
            "These folds do not have three sides (training, validation, test); take folds.scheme="
            f"{', '.join(map(repr, SIDED[:-1]))} or '{SIDED[-1]}'."
        )
    return sided


def lesion_in_training(rows: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """(ID, side, `lesion`) of each row that is not learnt: `leaked` if training has its lesion too.

    So it has where it has the picture: lesions that `pairs` of duplicates connect are one, as they
    are where folds are drawn. Others are `clean`, `unknown` where nobody knows the lesion. The rows
    are the run's samples with the folds' split and fold, as `folded_rows` gives them.
    """
    own = pl.coalesce(pl.format("lesion {}", LESION), pl.format("picture {}", ID))
    sided = connected(with_sides(rows).select(ID, LESION, SIDE, own.alias(GROUP)), pairs)
    learnt = sided.filter(pl.col(SIDE) == TRAIN)[COMPONENT].unique()
    known = (
        pl.when(pl.col(COMPONENT).is_in(learnt.implode())).then(pl.lit(LEAKED))
        .when(pl.col(LESION).is_null()).then(pl.lit(UNKNOWN))
        .otherwise(pl.lit(CLEAN))
    )  # fmt: skip
    held_out = sided.filter(pl.col(SIDE).is_in([VALID, TEST]))
    return held_out.select(ID, SIDE, known.alias("lesion")).sort(ID)
