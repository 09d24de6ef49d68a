"""One fold: boosters of several seeds on its training rows, scores of the rows it never saw."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.model_selection import StratifiedGroupKFold

from folds.groups import GROUP
from folds.schema import ID, TARGET
from stacking import boosters
from stacking.boosters import Binned, Floats
from stacking.config import BoosterConfig, StackConfig
from stacking.levels import Levels, fit_levels, in_levels
from stacking.matrix import Matrix, Values
from stacking.sampling import Indices, prior_shift, sampled
from workspace.errors import ConfigError

FOLD, SCORE, SPREAD = "fold", "score", "seed_sd"
MODELS, USE = "seed_{}.txt", "use.json"  # file names
Bools = NDArray[np.bool_]
Show = Callable[[int, int], None]


@dataclass(frozen=True)
class Trained:
    """What a fold leaves: models as text with what is needed to use them, and held-out scores."""

    models: dict[str, str]  # name -> text
    use: dict[str, Any]  # columns, levels and the shift of each model
    scores: pl.DataFrame  # ID, score, seed_sd of the held-out rows
    importance: pl.DataFrame  # column, gain, shap
    rounds: list[int]


@dataclass(frozen=True)
class _Bag:
    """One seed's booster."""

    model: str
    rounds: int
    shift: float
    score: Floats
    gain: Floats
    shap: Floats | None


def train_fold(
    matrix: Matrix, fold: int, stack: StackConfig, booster: BoosterConfig, seed: int, show: Show
) -> Trained:
    """Train on all rows but the fold's; `matrix.rows` has fold, target and group of each."""
    training = matrix.rows[FOLD].to_numpy() != fold
    levels = fit_levels(matrix.values, matrix.columns, training)
    with in_levels(matrix.values, matrix.columns, levels):
        return _train(matrix, training, levels, (stack, booster), [seed, fold], show)


def _train(
    matrix: Matrix,
    training: Bools,
    levels: Levels,
    configs: tuple[StackConfig, BoosterConfig],
    seed: list[int],
    show: Show,
) -> Trained:
    stack, config = configs
    target = matrix.rows[TARGET].to_numpy().astype(np.float64)
    [held] = matrix.blocks(~training)  # a fold's rows lie together
    data = boosters.binned(matrix.blocks(training), target[training], matrix.columns, config)
    explained = _explained(target[~training] == 1, stack.shap_rows, seed)
    threads = 1 if data.small else 0

    def one(number: int) -> _Bag:
        own = int(np.random.SeedSequence([*seed, number]).generate_state(1)[0] >> 1)
        rows = sampled(target[training] == 1, stack, own if stack.sampling == "ratios" else number)
        rounds = _rounds(matrix, training, data, rows, (stack, config), own)
        grown = boosters.grow(data, rows, own, rounds)
        shift = prior_shift(target[training] == 1, rows)
        score = expit(boosters.log_odds(grown, held, threads) + shift)
        shap = boosters.contributions(grown, held[explained], threads) if len(explained) else None
        return _Bag(boosters.as_text(grown), rounds, shift, score, boosters.gain(grown), shap)

    bags: list[_Bag] = []
    with ThreadPoolExecutor(min(stack.seeds, data.side_by_side)) as pool:
        for bag in pool.map(one, range(stack.seeds)):
            bags.append(bag)
            show(len(bags), stack.seeds)
    shifts = [bag.shift for bag in bags]
    return Trained(
        {MODELS.format(number): bag.model for number, bag in enumerate(bags)},
        {"columns": list(matrix.columns), "levels": levels.known, "shifts": shifts},
        _table(matrix.rows.filter(pl.Series(~training)), [bag.score for bag in bags]),
        _importance(
            matrix.columns,
            [bag.gain for bag in bags],
            [bag.shap for bag in bags if bag.shap is not None],
        ),
        [bag.rounds for bag in bags],
    )


def scored(values: Values, models: Sequence[lgb.Booster], use: Mapping[str, Any]) -> list[Floats]:
    """What each model of a fold says of rows it never saw, as probabilities.

    The one way in which rows outside the folds are scored: test set, holdout, new data.
    """
    with in_levels(values, use["columns"], Levels(use["levels"])):
        return [
            expit(boosters.log_odds(model, values) + shift)
            for model, shift in zip(models, use["shifts"], strict=True)
        ]


def _table(rows: pl.DataFrame, scores: list[Floats]) -> pl.DataFrame:
    each = np.stack(scores)
    spread = each.std(axis=0, ddof=1) if len(each) > 1 else np.full(each.shape[1], np.nan)
    return rows.select(ID).with_columns(
        pl.Series(SCORE, each.mean(axis=0)), pl.Series(SPREAD, spread).fill_nan(None)
    )


def _rounds(
    matrix: Matrix,
    training: Bools,
    data: Binned,
    rows: Indices,
    configs: tuple[StackConfig, BoosterConfig],
    seed: int,
) -> int:
    """How many rounds: as the recipe says, or by an inner split of the training rows.

    The held-out rows have no say. The booster is then grown anew on all training rows.
    """
    stack, config = configs
    if stack.stopping == "fixed":
        return config.rounds
    known = matrix.rows.filter(pl.Series(training))
    target = known[TARGET].to_numpy()
    groups = known[GROUP].rank("dense").to_numpy()
    ill = len(set(groups[target == 1]))
    if ill < stack.inner_folds or len(set(groups)) < 2 * stack.inner_folds:
        raise ConfigError(
            f"stack.stopping='inner' needs {stack.inner_folds} groups with a positive in a fold's "
            f"training rows; found {ill}. Lower stack.inner_folds, or take stack.stopping='fixed'."
        )
    splitter = StratifiedGroupKFold(stack.inner_folds, shuffle=True, random_state=seed % 2**31)
    _, inner = next(splitter.split(np.zeros(len(known)), target, groups))
    inside = np.isin(rows, inner)
    values = matrix.values[np.flatnonzero(training)[inner]]
    watched = (values, target[inner].astype(np.float64))
    return boosters.best_rounds(data, rows[~inside], watched, seed, stack.patience)


def _explained(positive: Bools, most: int, seed: list[int]) -> Indices:
    """Held-out rows whose scores are explained: the positives first, then negatives at random."""
    order = np.random.default_rng([*seed, 2]).permutation(len(positive))
    return np.sort(order[np.argsort(~positive[order], kind="stable")][:most])


def _importance(columns: tuple[str, ...], gains: list[Floats], shaps: list[Floats]) -> pl.DataFrame:
    shap = np.mean(shaps, axis=0) if shaps else np.full(len(columns), np.nan)
    return pl.DataFrame({"column": columns, "gain": np.mean(gains, axis=0), "shap": shap})
