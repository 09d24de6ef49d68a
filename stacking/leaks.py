"""Looking for leaks: what happens to a stack when labels are noise or held-out rows are changed."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit, stdtrit

from folds.groups import GROUP
from folds.schema import ID, TARGET
from metrics.pauc import MIN_TPR, most_missed, pauc_above_tpr
from metrics.ranking import auc
from stacking.boosters.booster import BoosterConfig
from stacking.config import StackConfig
from stacking.fold import train_fold
from stacking.matrix import NEVER, Matrix
from stacking.use import FOLD, SCORE
from workspace.arrays import Ints
from workspace.progress import quietly

Labels = NDArray[np.int8]
Draws = list[list[float]]  # of each draw of labels its folds
RISK_SD = 2.0  # of patients' log odds
_LESIONS = "lesions"
SELDOM = 1 / 370  # how often chance alone may be called a leak: three standard errors of many folds


@dataclass(frozen=True)
class Chance:
    """How far from chance scores on noise labels are: the mean over folds and draws."""

    metric: str
    above_chance: float
    standard_error: float
    folds: int

    @property
    def at_chance(self) -> bool:
        """Not above it: whoever knows of the held-out labels scores higher, nobody lower."""
        return self.above_chance <= sure(self.folds) * self.standard_error


def sure(values: int) -> float:
    """So many standard errors from chance are no chance; of few values more, by Student's t.

    A single value has an endless error.
    """
    return float(stdtrit(values - 1, 1 - SELDOM / 2)) if values > 1 else 1.0


def noise_by_patient(rows: pl.DataFrame, stream: np.random.Generator) -> Labels:
    """Labels that no feature knows, as common as the real ones and alike within a patient.

    Patients differ in risk by a normal draw of the log odds, rows of a patient by a coin.
    """
    codes = _codes(rows)
    risk = RISK_SD * stream.normal(size=int(codes.max()) + 1)[codes]
    wanted = float(rows[TARGET].to_numpy().sum())
    middle = brentq(lambda shift: float(expit(risk + shift).sum()) - wanted, -50.0, 50.0)
    labels: Labels = (stream.random(len(codes)) < expit(risk + middle)).astype(np.int8)
    return labels


def on_noise(
    matrix: Matrix, stack: StackConfig, booster: BoosterConfig, seed: int, times: int
) -> list[Chance]:
    """Stacks trained on noise labels, scored fold by fold; on average each should be at chance.

    Not pooled: where a fold happens to hold more positives, its boosters saw fewer, and pooling
    would rank its rows too low (AUC .39 on noise without any leak).
    """
    gains: dict[str, Draws] = {"auc": [], "pauc": []}
    for number in range(times):
        labels = noise_by_patient(matrix.rows, np.random.default_rng([seed, number]))
        for draws in gains.values():
            draws.append([])
        for held in _held_out(matrix, labels, stack, booster, seed):
            target, score = held[TARGET].to_numpy(), held[SCORE].to_numpy()
            gains["auc"][-1].append(auc(target, score) - 0.5)
            pauc = pauc_above_tpr(target, score)
            gains["pauc"][-1].append(pauc - chance_pauc(int(target.sum())))
    return [_chance(metric, draws) for metric, draws in gains.items()]


def permuted_by_patient(rows: pl.DataFrame, stream: np.random.Generator) -> Labels:
    """The real labels permuted: each patient's positives go, together, to some other patient.

    Large clusters first, each to a patient drawn from those who have lesions enough; which of the
    lesions, is drawn too.
    """
    codes = _codes(rows)
    lesions = np.bincount(codes)
    clusters = np.bincount(codes, weights=rows[TARGET].to_numpy()).astype(np.int64)
    by_patient = np.split(np.argsort(codes, kind="stable"), np.cumsum(lesions)[:-1])
    labels, free = np.zeros(len(codes), np.int8), np.ones(len(lesions), np.bool_)
    for positives in sorted(clusters[clusters > 0].tolist(), reverse=True):
        patient = stream.choice(np.flatnonzero(free & (lesions >= positives)))
        labels[stream.choice(by_patient[patient], positives, replace=False)] = 1
        free[patient] = False
    return labels


def on_permuted(
    matrix: Matrix, stack: StackConfig, booster: BoosterConfig, seed: int, times: int
) -> Chance:
    """Stacks trained on permuted labels; AUC among patients who have equally many lesions.

    Between patients of few and of many lesions there is true skill: a cluster of positives fits
    only who has lesions enough, so counting lesions tells where it went. Among equals nothing does.
    """
    lesions = matrix.rows.group_by(GROUP).agg(pl.len().alias(_LESIONS))
    gains: Draws = []
    for number in range(times):
        labels = permuted_by_patient(matrix.rows, np.random.default_rng([seed, number]))
        gains.append([])
        for held in _held_out(matrix, labels, stack, booster, seed):
            alike = held.join(lesions, on=GROUP, how="left", validate="m:1")
            pairs, ordered = 0, 0.0
            for equals in alike.partition_by(_LESIONS):
                target = equals[TARGET].to_numpy()
                count = int(target.sum()) * int((target == 0).sum())
                if count:
                    pairs += count
                    ordered += count * auc(target, equals[SCORE].to_numpy())
            if pairs:
                gains[-1].append(ordered / pairs - 0.5)
    return _chance("auc", gains)


def _held_out(
    matrix: Matrix, labels: Labels, stack: StackConfig, booster: BoosterConfig, seed: int
) -> Iterator[pl.DataFrame]:
    """Each fold's rows with these labels and their scores, of folds that have both classes."""
    rows = matrix.rows.with_columns(pl.Series(TARGET, labels))
    drawn = Matrix(rows, matrix.columns, matrix.values)
    for fold in sorted(set(rows[FOLD].to_list()) - {NEVER}):
        held = rows.filter(pl.col(FOLD) == fold)
        if held[TARGET].n_unique() == 2:
            scores = train_fold(drawn, fold, stack, booster, seed, quietly).scores
            yield held.join(scores, on=ID, how="left", validate="1:1", maintain_order="left")


def _codes(rows: pl.DataFrame) -> Ints:
    return rows[GROUP].rank("dense").to_numpy().astype(np.int64) - 1


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
    one, two = (train_fold(m, fold, stack, booster, 0, quietly) for m in (matrix, other))
    differing = [name for name, text in one.models.items() if two.models[name] != text]
    ours, theirs = dict(one.use), dict(two.use)
    differing += [key for key, value in ours.items() if theirs[key] != value]
    return differing + (["rounds"] if one.rounds != two.rounds else [])


def with_other_values(matrix: Matrix, fold: int) -> Matrix:
    """The held-out rows' values mixed up, stretched and moved; gaps and categories too."""
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
        .agg(pl.len().alias("n"), pl.col(TARGET).max().alias("has_positive"))
        .sort(GROUP)
    )
    noise = pl.Series("noise", np.random.default_rng(seed).random(len(groups)))
    ordered = groups.with_columns(noise).sort("has_positive", "noise", descending=[True, False])
    some = [
        ordered.filter(pl.col("has_positive") == kind).filter(pl.col("n").cum_sum() <= count)
        for kind, count in ((1, most // 2), (0, most - most // 2))
    ]
    keep = matrix.rows[GROUP].is_in(pl.concat(some)[GROUP].implode()).to_numpy()
    whole = matrix.rows.group_by(FOLD).agg(pl.col(TARGET).n_unique())
    small = matrix.rows.filter(pl.Series(keep)).group_by(FOLD).agg(pl.col(TARGET).n_unique())
    if not small.sort(FOLD).equals(whole.sort(FOLD)):  # a fold or a class would be lost
        return matrix
    return Matrix(matrix.rows.filter(pl.Series(keep)), matrix.columns, matrix.values[keep])


def _chance(metric: str, draws: Draws) -> Chance:
    """Of the folds of each draw.

    Folds of a draw share its labels: where these happen to follow a column, all folds score high.
    So the error is no smaller than that of the draws' means.
    """
    values = [value for draw in draws for value in draw]
    error = max(_error(values), _error([float(np.mean(draw)) for draw in draws if draw]))
    return Chance(metric, float(np.mean(values)) if values else 0.0, error, len(values))


def _error(values: list[float]) -> float:
    return float(np.std(values, ddof=1)) / len(values) ** 0.5 if len(values) > 1 else np.inf
