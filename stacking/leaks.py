"""Looking for leaks: what happens to a stack when labels are noise or held-out rows are changed."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from folds.groups import GROUP
from folds.schema import ID, TARGET
from metrics.bootstrap import BootstrapConfig, Interval, interval_of
from metrics.cohort import cohort
from metrics.ranking import ranking_tally
from stacking.config import BoosterConfig, StackConfig
from stacking.fold import FOLD, SCORE, train_fold
from stacking.matrix import NEVER, Matrix

SURE = 3  # standard errors from chance that chance alone seldom makes (1 in 370)


@dataclass(frozen=True)
class Chance:
    """Scores of noise labels: the mean over permutations, and its standard error."""

    metric: str
    expected: float
    mean: float
    standard_error: float

    @property
    def at_chance(self) -> bool:
        return abs(self.mean - self.expected) <= SURE * self.standard_error


def permuted_by_patient(rows: pl.DataFrame, stream: np.random.Generator) -> NDArray[np.int8]:
    """Noise labels in clusters as large as the patients', each with a patient drawn by size.

    By size, so that every row is as likely as any other to be positive: were patients drawn alike,
    rows of patients with few lesions would be positive more often, and counting lesions would be
    skill. Which of the patient's lesions they are is drawn too.
    """
    codes = rows[GROUP].rank("dense").to_numpy().astype(np.int64) - 1
    sizes = np.bincount(codes)
    clusters = np.bincount(codes, weights=rows[TARGET].to_numpy()).astype(np.int64)
    given = np.zeros(len(sizes), dtype=np.int64)
    for count in np.sort(clusters[clusters > 0])[::-1]:
        room = given + count <= sizes
        share = np.where(room, sizes, 0)
        given[stream.choice(len(sizes), p=share / share.sum())] += count
    order = np.lexsort((stream.random(len(codes)), codes))
    place = np.arange(len(codes)) - np.searchsorted(codes[order], codes[order])
    labels = np.zeros(len(codes), dtype=np.int8)
    labels[order] = place < given[codes[order]]
    return labels


def permuted(
    matrix: Matrix, stack: StackConfig, booster: BoosterConfig, seed: int, times: int
) -> list[Chance]:
    """The out-of-fold scores of a stack trained on noise labels; each should be at chance."""
    found: dict[str, list[Interval]] = {"auc": [], "pauc": []}
    for number in range(times):
        stream = np.random.default_rng([seed, number])
        labels = pl.Series(TARGET, permuted_by_patient(matrix.rows, stream))
        noise = Matrix(matrix.rows.with_columns(labels), matrix.columns, matrix.values)
        oof = out_of_fold_scores(noise, stack, booster, seed)
        whose = cohort(oof[GROUP], oof[TARGET].to_numpy())
        tally = ranking_tally(oof[TARGET].to_numpy(), oof[SCORE].to_numpy(), whose)
        intervals = interval_of(tally, whose, BootstrapConfig(replicates=500, seeds=(0,)))
        for metric, values in found.items():
            values.append(intervals[metric])
    return [
        _chance(metric, values, 0.5 if metric == "auc" else 0.02)
        for metric, values in found.items()
    ]


def out_of_fold_scores(
    matrix: Matrix, stack: StackConfig, booster: BoosterConfig, seed: int
) -> pl.DataFrame:
    """The matrix's rows that a fold holds out, each with its score."""
    folds = sorted(set(matrix.rows[FOLD].to_list()) - {NEVER})
    parts = [train_fold(matrix, fold, stack, booster, seed, _silent).scores for fold in folds]
    return matrix.rows.join(pl.concat(parts), on=ID, how="inner", validate="1:1").sort(ID)


def fitted_differently(
    matrix: Matrix, other: Matrix, stack: StackConfig, booster: BoosterConfig, fold: int
) -> list[str]:
    """What of a fold's boosters differs between two matrices; nothing, if only held-out rows do."""
    one, two = (train_fold(m, fold, stack, booster, 0, _silent) for m in (matrix, other))
    differing = [name for name, text in one.models.items() if two.models[name] != text]
    differing += [key for key, value in one.use.items() if two.use[key] != value]
    return differing + (["rounds"] if one.rounds != two.rounds else [])


def with_other_values(matrix: Matrix, fold: int) -> Matrix:
    """The held-out rows' values mixed up, stretched and moved; gaps and levels too."""
    held = (matrix.rows[FOLD] == fold).to_numpy()
    values = matrix.values.copy()
    mixed = np.random.default_rng(0).permuted(values[held], axis=0)
    values[held] = np.where(np.isnan(mixed), 1.0, 3 * mixed + 1)
    return Matrix(matrix.rows, matrix.columns, values)


def with_other_labels(matrix: Matrix, fold: int) -> Matrix:
    """The held-out rows' labels turned round."""
    target = pl.when(pl.col(FOLD) == fold).then(1 - pl.col(TARGET)).otherwise(pl.col(TARGET))
    rows = matrix.rows.with_columns(target.cast(pl.Int8).alias(TARGET))
    return Matrix(rows, matrix.columns, matrix.values)


def reduced(matrix: Matrix, most: int, seed: int) -> Matrix:
    """Whole groups, those with a positive first, until there are about `most` rows."""
    if len(matrix.rows) <= most:
        return matrix
    groups = (
        matrix.rows.group_by(GROUP)
        .agg(pl.len().alias("n"), pl.col(TARGET).max().alias("ill"))
        .sort(GROUP)
    )
    noise = pl.Series("noise", np.random.default_rng(seed).random(len(groups)))
    ordered = groups.with_columns(noise).sort("ill", "noise", descending=[True, False])
    half = ordered.filter(pl.col("ill") == 1).filter(pl.col("n").cum_sum() <= most // 2)
    rest = ordered.filter(pl.col("ill") == 0).filter(pl.col("n").cum_sum() <= most - most // 2)
    names = pl.concat([half, rest])[GROUP]
    keep = matrix.rows[GROUP].is_in(names.implode()).to_numpy()
    return Matrix(matrix.rows.filter(pl.Series(keep)), matrix.columns, matrix.values[keep])


def _chance(metric: str, values: list[Interval], expected: float) -> Chance:
    """Permutations share the rows, so their mean is no surer than the average one of them."""
    means = [interval.value for interval in values if interval.value is not None]
    spread = float(np.std(means, ddof=1)) if len(means) > 1 else 0.0
    widths = [(i.high - i.low) / 3.92 for i in values if i.high is not None and i.low is not None]
    error = max(spread, float(np.mean(widths))) / len(means) ** 0.5
    return Chance(metric, expected, float(np.mean(means)), error)


def _silent(done: int, total: int) -> None:
    pass
