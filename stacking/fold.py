"""One fold: boosters of several seeds on its training rows, scores of the rows it never saw.

Knows boosters by their protocol only (`stacking/boosters`). The held-out rows have no say in
anything that is fitted: neither categories, nor samples, nor how many rounds.
"""

from collections.abc import MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from folds.groups import GROUP
from folds.schema import ID, TARGET
from stacking.boosters.booster import Binned, BoosterConfig, seeing
from stacking.category_codes import (
    CategoryCodes,
    blind_columns,
    blinded,
    fit_category_codes,
    renumbered,
)
from stacking.config import StackConfig
from stacking.matrix import Matrix
from stacking.sampling import prior_shift, sampled
from stacking.use import FOLD, SCORE, SPREAD, Use
from workspace.arrays import Bools, Floats, Floats32, Ints
from workspace.errors import ConfigError
from workspace.lazy import LazyModule
from workspace.progress import Show

special = LazyModule("scipy.special")
model_selection = LazyModule("sklearn.model_selection")


@dataclass(frozen=True)
class Trained:
    """What a fold leaves: models as text with what is needed to use them, and held-out scores."""

    models: dict[str, str]  # file name -> text
    use: Use
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


def train_fold(  # noqa: PLR0913 - the last is the machine's, the others the recipe's
    matrix: Matrix,
    fold: int,
    stack: StackConfig,
    booster: BoosterConfig,
    seed: int,
    show: Show,
    *,
    threads: int | None = None,
    without: int | None = None,
    bins: MutableMapping[int, Binned] | None = None,
) -> Trained:
    """Train on all rows but the fold's; `matrix.rows` has fold, target and group of each.

    No bit of what comes back depends on how many `threads` it may use; None: all there are. Rows of
    another fold, `without`, are neither learnt from nor scored: so a choice for its boosters is
    made. Who tries other settings that leave the bins alone keeps `bins` by fold.
    """
    folds = matrix.rows[FOLD].to_numpy()
    held_out = folds == fold
    training = ~held_out if without is None else ~held_out & (folds != without)
    codes = fit_category_codes(matrix.values, matrix.columns, training)
    with renumbered(matrix.values, matrix.columns, codes):
        work = _Training(matrix, training, held_out, codes, stack, booster, (seed, fold), bins)
        bags = _bags(work, show, threads)
    scores, shaps = [bag.score for bag in bags], [bag.shap for bag in bags if bag.shap is not None]
    return Trained(
        {booster.file.format(number): bag.model for number, bag in enumerate(bags)},
        {
            "columns": list(matrix.columns),
            "levels": codes.known,
            "shifts": [bag.shift for bag in bags],
        },
        _score_table(matrix.rows.filter(pl.Series(held_out)), scores),
        _importance(matrix.columns, [bag.gain for bag in bags], shaps),
        [bag.rounds for bag in bags],
    )


@dataclass(frozen=True, eq=False)
class _Training:
    """A fold's training, while the matrix has the category codes of its training rows."""

    matrix: Matrix
    training: Bools  # (rows,)
    held: Bools  # (rows,): held out
    codes: CategoryCodes
    stack: StackConfig
    booster: BoosterConfig
    seed: tuple[int, int]  # of the recipe, and the fold
    bins: MutableMapping[int, Binned] | None = None

    @cached_property
    def target(self) -> Floats:
        """Of all rows."""
        return self.matrix.rows[TARGET].to_numpy().astype(np.float64)

    @cached_property
    def positive(self) -> Bools:
        """Of the training rows."""
        return np.asarray(self.target[self.training] == 1, np.bool_)

    @cached_property
    def held_out(self) -> Floats32:
        """The values of the fold's own rows, which lie together."""
        [block] = self.matrix.blocks(self.held)
        return block

    @cached_property
    def explained(self) -> Ints:
        """Held-out rows whose scores are explained: positives first, then negatives at random."""
        positive = self.target[self.held] == 1
        order = np.random.default_rng([*self.seed, 2]).permutation(len(positive))
        return np.sort(order[np.argsort(~positive[order], kind="stable")][: self.stack.shap_rows])

    def binned(self, threads: int | None) -> Binned:
        """The training rows, ready for the boosters of all seeds."""
        if self.bins is None:
            return self._bin_rows(threads)
        fold = self.seed[1]
        if fold not in self.bins:
            self.bins[fold] = self._bin_rows(threads)
        return self.bins[fold].with_config(self.booster)

    def _bin_rows(self, threads: int | None) -> Binned:
        blocks, target = self.matrix.blocks(self.training), self.target[self.training]
        columns, patients = self.matrix.columns, self.matrix.patients[self.training]
        if self.blind:  # behind the rows lie their copies, of patients of their own
            blocks = [*blocks, blinded(blocks, columns, self.blind, self.codes)]
            target, patients = np.tile(target, 2), np.r_[patients, patients + patients.max() + 1]
        return seeing(self.booster.bin_rows(blocks, target, columns, threads), patients)

    @cached_property
    def blind(self) -> list[int]:
        """The indices of columns that a copy of each training row does not know."""
        return blind_columns(self.matrix.columns, self.stack.blind)

    def _with_copies(self, indices: Ints) -> Ints:
        """These training rows, and their copies."""
        return np.r_[indices, indices + len(self.positive)] if self.blind else indices

    def bag(self, data: Binned, number: int) -> _Bag:
        """The booster of one seed, and what it says of the held-out rows."""
        seed = int(np.random.SeedSequence([*self.seed, number]).generate_state(1)[0] >> 1)
        by_shard = self.stack.sampling != "ratios"
        indices = sampled(self.positive, self.stack, number if by_shard else seed)
        rounds = self._rounds(data, indices, seed)
        grown = data.grow(self._with_copies(indices), seed, rounds)
        shift, patients = prior_shift(self.positive, indices), self.matrix.patients[self.held]
        odds = seeing(grown, patients).log_odds(self.held_out, data.threads)
        score = special.expit(odds + shift)
        shap = None
        if len(self.explained):
            asked = seeing(grown, patients[self.explained])
            shap = asked.contributions(self.held_out[self.explained], data.threads)
        return _Bag(grown.save(), rounds, shift, score, grown.gain(), shap)

    def _rounds(self, data: Binned, indices: Ints, seed: int) -> int:
        """How many rounds: as the recipe says, or by an inner split of the training rows.

        The booster is then grown anew on all training rows.
        """
        if self.stack.stopping == "fixed":
            return self.booster.rounds
        inner = self._inner_rows(seed)
        values = self.matrix.values[np.flatnonzero(self.training)[inner]]
        held_out = (values, self.target[self.training][inner])
        inside = np.isin(indices, inner)
        learnt = self._with_copies(indices[~inside])
        return data.best_rounds(learnt, held_out, seed, self.stack.patience)

    def _inner_rows(self, seed: int) -> Ints:
        """Indices, among the training rows, of those that decide: whole groups."""
        count = self.stack.inner_folds
        known = self.matrix.rows.filter(pl.Series(self.training))
        target, groups = known[TARGET].to_numpy(), known[GROUP].rank("dense").to_numpy()
        with_positive = len(set(groups[target == 1]))
        if with_positive < count or len(set(groups)) < 2 * count:
            raise ConfigError(
                f"stack.stopping='inner' needs {count} groups with a positive in a fold's "
                f"training rows; found {with_positive}. Lower stack.inner_folds, or take "
                "stack.stopping='fixed'."
            )
        splitter = model_selection.StratifiedGroupKFold(
            count, shuffle=True, random_state=seed % 2**31
        )
        _, inner = next(splitter.split(np.zeros(len(known)), target, groups))
        return np.asarray(inner, np.int64)


def _bags(work: _Training, show: Show, threads: int | None) -> list[_Bag]:
    """The boosters of all seeds in the order of their numbers, some at a time."""
    count, data = work.stack.seeds, work.binned(threads)
    bags: list[_Bag] = []
    with ThreadPoolExecutor(min(count, data.side_by_side)) as pool:
        for bag in pool.map(lambda number: work.bag(data, number), range(count)):
            bags.append(bag)
            show(len(bags), count)
    return bags


def _score_table(rows: pl.DataFrame, scores: list[Floats]) -> pl.DataFrame:
    each = np.stack(scores)
    spread = each.std(axis=0, ddof=1) if len(each) > 1 else np.full(each.shape[1], np.nan)
    return rows.select(ID).with_columns(
        pl.Series(SCORE, each.mean(axis=0)), pl.Series(SPREAD, spread).fill_nan(None)
    )


def _importance(columns: tuple[str, ...], gains: list[Floats], shaps: list[Floats]) -> pl.DataFrame:
    shap = np.mean(shaps, axis=0) if shaps else np.full(len(columns), np.nan)
    return pl.DataFrame({"column": columns, "gain": np.mean(gains, axis=0), "shap": shap})
