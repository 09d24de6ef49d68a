"""Looking for leaks: what happens to a stack when labels are noise or held-out rows are changed."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit

from folds.groups import GROUP
from folds.schema import ID, TARGET
from metrics.pauc import MIN_TPR, most_missed, pauc_above_tpr
from metrics.ranking import auc
from stacking.config import BoosterConfig, StackConfig
from stacking.fold import FOLD, SCORE, train_fold
from stacking.matrix import NEVER, Matrix

RISK_SD = 2.0  # of patients' log odds
SURE = 3  # standard errors from chance that chance alone seldom makes (1 in 370)


@dataclass(frozen=True)
class Chance:
    """How far from chance scores on noise labels are: the mean over folds and draws."""

    metric: str
    above_chance: float
    standard_error: float
    folds: int

    @property
    def at_chance(self) -> bool:
        return abs(self.above_chance) <= SURE * self.standard_error


def noise_by_patient(rows: pl.DataFrame, stream: np.random.Generator) -> NDArray[np.int8]:
    """Labels that no feature knows, as common as the real ones and alike within a patient.

    Patients differ in risk by a normal draw of the log odds, rows of a patient by a coin. Dealing
    the real clusters to other patients would not do: large ones fit only patients of many lesions,
    and then counting lesions is skill (it scored AUC .63 and .80 on two tables).
    """
    codes = rows[GROUP].rank("dense").to_numpy().astype(np.int64) - 1
    risk = RISK_SD * stream.normal(size=int(codes.max()) + 1)[codes]
    wanted = float(rows[TARGET].to_numpy().sum())
    middle = brentq(lambda shift: float(expit(risk + shift).sum()) - wanted, -50.0, 50.0)
    labels: NDArray[np.int8] = (stream.random(len(codes)) < expit(risk + middle)).astype(np.int8)
    return labels


def on_noise(
    matrix: Matrix, stack: StackConfig, booster: BoosterConfig, seed: int, times: int
) -> list[Chance]:
    """Stacks trained on noise labels, scored fold by fold; on average each should be at chance.

    Not pooled: where a fold happens to hold more positives, its boosters saw fewer, and pooling
    would rank its rows too low (AUC .39 on noise without any leak).
    """
    gains: dict[str, list[float]] = {"auc": [], "pauc": []}
    for number in range(times):
        labels = noise_by_patient(matrix.rows, np.random.default_rng([seed, number]))
        noise = matrix.rows.with_columns(pl.Series(TARGET, labels))
        drawn = Matrix(noise, matrix.columns, matrix.values)
        for fold in sorted(set(noise[FOLD].to_list()) - {NEVER}):
            held = noise.filter(pl.col(FOLD) == fold)
            positives = int(held[TARGET].sum())
            if 0 < positives < len(held):
                scores = train_fold(drawn, fold, stack, booster, seed, _silent).scores
                both = held.join(scores, on=ID, how="left", validate="1:1", maintain_order="left")
                target, score = both[TARGET].to_numpy(), both[SCORE].to_numpy()
                gains["auc"].append(auc(target, score) - 0.5)
                gains["pauc"].append(pauc_above_tpr(target, score) - chance_pauc(positives))
    return [_chance(metric, values) for metric, values in gains.items()]


def chance_pauc(positives: int) -> float:
    """What scores at random have on average: .02 for many positives, more for few.

    The k-th lowest of n positives has k / (n + 1) of the negatives below it.
    """
    edges = np.minimum(np.arange(positives + 1) / positives, most_missed(MIN_TPR))
    return float(np.sum(np.diff(edges) * np.arange(1, positives + 1)) / (positives + 1))


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
    whole = matrix.rows.group_by(FOLD).agg(pl.col(TARGET).n_unique())
    small = matrix.rows.filter(pl.Series(keep)).group_by(FOLD).agg(pl.col(TARGET).n_unique())
    if not small.sort(FOLD).equals(whole.sort(FOLD)):  # a fold or a class would be lost
        return matrix
    return Matrix(matrix.rows.filter(pl.Series(keep)), matrix.columns, matrix.values[keep])


def _chance(metric: str, values: list[float]) -> Chance:
    error = float(np.std(values, ddof=1)) / len(values) ** 0.5 if len(values) > 1 else np.inf
    return Chance(metric, float(np.mean(values)) if values else 0.0, error, len(values))


def _silent(done: int, total: int) -> None:
    pass
