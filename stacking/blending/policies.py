"""Named ways to make one score of several members', and what is chosen for each of them.

Whatever is chosen for a fold's rows is chosen on the rows of the other folds; for unseen
rows it is chosen on all. Members' percentiles among their fold's held-out rows are averaged, not
their scores, but by `mean`. Nothing depends on the order of rows or members.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import permutations

import numpy as np
import polars as pl

from folds.schema import ID
from metrics.operating import threshold_for_sensitivity
from metrics.pauc import MIN_TPR, pauc_above_tpr
from stacking.blending.config import BLENDS, Blend, BlendConfig
from stacking.blending.greedy import DIGITS, greedy_shares
from stacking.blending.members import STACK, Members, Scores, blended_members
from stacking.blending.percentiles import Reference
from stacking.calibration.kept import Calibrated
from stacking.fold import SCORE
from stacking.unseen import spreads
from workspace.arrays import Bools, Floats, Ints
from workspace.errors import ConfigError

CHOSEN = ("weighted", "greedy")  # by the rows of other folds
EVEN = 12  # shares of each member before the search; 12 has halves, thirds and quarters
STEPS = (6, 3, 1)  # shares moved from one member to another, coarse steps first


@dataclass(frozen=True)
class Rule:
    """A blend of these members, ready to be used."""

    blend: Blend
    names: tuple[str, ...]
    shares: tuple[int, ...]  # even, or chosen; whole numbers, so that equal sums are equal

    @property
    def weights(self) -> dict[str, float]:
        """Of each member; together 1."""
        total = sum(self.shares)
        return {name: share / total for name, share in zip(self.names, self.shares, strict=True)}

    def plain(self, scores: Scores) -> Floats:
        """(rows,): the rows blended, each by itself."""
        if self.blend == "mean":
            mean: Floats = scores.raw.mean(axis=0)
            return mean
        if self.blend == "or_rule":
            highest: Floats = scores.doubled_ranks.max(axis=0) / scores.doubled_counts
            return highest
        return _weighted(np.array(self.shares), scores.doubled_ranks, scores.doubled_counts)

    def of(self, members: Members) -> Floats:
        """(rows,): all rows that folds hold out, by this one rule, as they may be pooled.

        An average of percentiles is ranked once more in its fold: under other weights it is spread
        otherwise, and the folds' rows would no longer be comparable.
        """
        assert members.names == self.names
        blended = self.plain(members.scores)
        return within_folds(members, blended) if self._spread_anew else blended

    def unseen(self, members: Members, by_fold: Mapping[int, Floats]) -> list[Floats]:
        """One (rows,) a fold: unseen rows by the same steps as the fold's own rows."""
        assert members.names == self.names
        known = self.plain(members.scores)
        blended = []
        for fold, raw in by_fold.items():
            scores = self.plain(members.scored_by(fold, raw))
            reference = Reference.of(known[members.folds == fold])
            blended.append(reference.percentiles(scores) if self._spread_anew else scores)
        return blended

    @property
    def _spread_anew(self) -> bool:
        return self.blend in ("rank_average", *CHOSEN)


@dataclass(frozen=True)
class Blended:
    """A blend's out-of-fold score, and the rule of each fold, chosen on the rows of the others."""

    score: Floats  # (rows,) of the members
    rules: Mapping[int, Rule]
    last: Rule  # chosen on all rows, for unseen ones


@dataclass(frozen=True)
class Flags:
    """Who is flagged at a wanted sensitivity, each fold at what the other folds' rows say."""

    flagged: Bools  # (rows,)
    thresholds: Mapping[int, float]
    last: float  # chosen on all rows, for unseen ones


def all_blends(
    members: Members, config: BlendConfig, min_tpr: float = MIN_TPR
) -> dict[str, Blended]:
    """Every blend of the members that the recipe names; of one member or fold, what there can be.

    What is handed in must be among them, or it is refused.
    """
    some = blended_members(members, config)
    wanted: list[Blend] = [how for how in BLENDS if len(some.names) > 1]
    if config.policy == STACK:
        if STACK not in members.names:
            raise ConfigError("blend.policy is 'stack', and no member is called so.")
    elif not wanted:
        raise ConfigError(
            f"blend.policy is '{config.policy}', and there is one member, {some.names[0]}; a "
            "blend needs two."
        )
    if len(members.fold_numbers) < 2 and config.policy not in CHOSEN:
        wanted = [how for how in wanted if how not in CHOSEN]
    return {how: blend(some, how, min_tpr) for how in wanted}


def blend(members: Members, how: Blend, min_tpr: float = MIN_TPR) -> Blended:
    """The members' out-of-fold scores as one, chosen for each fold without its rows."""
    last = _chosen(members, how, np.ones(len(members.rows), dtype=np.bool_), min_tpr)
    if how not in CHOSEN:
        return Blended(last.of(members), dict.fromkeys(members.fold_numbers, last), last)
    _need_folds(members, "Weights of a blend")
    score, rules = np.empty(len(members.rows)), {}
    for fold in members.fold_numbers:
        held = members.folds == fold
        rules[fold] = _chosen(members, how, ~held, min_tpr)
        score[held] = rules[fold].of(members)[held]
    return Blended(score, rules, last)


def blend_unseen(
    members: Members, ids: pl.Series, by_fold: Mapping[int, Floats], rule: Rule,
    calibrated: Calibrated | None = None,
) -> pl.DataFrame:  # fmt: skip
    """(ID, score, fold_sd) of unseen rows: every fold's scores blended, then averaged.

    And a probability, if calibrated.

    `by_fold` comes from `join_unseen`, `rule` is the `last` of the blend.
    """
    each = np.stack(rule.unseen(members, by_fold))
    table = pl.DataFrame(
        {ID: ids, SCORE: each.mean(axis=0)}, schema={ID: pl.String, SCORE: pl.Float64}
    ).with_columns(spreads(each))
    return table if calibrated is None else calibrated.beside(table, list(each))


def flag_blend(members: Members, blended: Blended, sensitivity: float) -> Flags:
    """Who a blend flags; a fold's threshold and weights are those of the other folds' rows.

    Of the OR rule the threshold is each member's own: the percentile from which on it flags.
    One for all members, so each may raise as many alarms; lowered until the rule as a whole finds
    the share of positives that is wanted.
    """
    by_rule = {rule: _thresholded(members, rule) for rule in set(blended.rules.values())}
    return _flags(
        members,
        {fold: by_rule[rule] for fold, rule in blended.rules.items()},
        _thresholded(members, blended.last),
        sensitivity,
    )


def flag_member(members: Members, name: str, sensitivity: float) -> Flags:
    """Who one member alone flags at the same sensitivity, by its percentiles within the folds."""
    percentiles = within_folds(members, members.raw[members.names.index(name)])
    return _flags(
        members, dict.fromkeys(members.fold_numbers, percentiles), percentiles, sensitivity
    )


def within_folds(members: Members, score: Floats) -> Floats:
    """Each row's percentile, 0 to 1, among the rows that its fold holds out."""
    percentiles = np.empty(len(score))
    for fold in members.fold_numbers:
        held = members.folds == fold
        percentiles[held] = Reference.of(score[held]).percentiles(score[held])
    return percentiles


def best_shares(worth: Callable[[Ints], float], members: int) -> Ints:
    """How many shares each member gets, so that `worth` of them is highest.

    From even ones on, the best single move of some shares from one member to another, until none
    is better; then smaller moves. Of equals the more even, then what favours the first names.
    """

    def key(shares: Ints) -> tuple[float, int, tuple[int, ...]]:
        return round(worth(shares), DIGITS), -int(np.sum(shares**2)), tuple(shares.tolist())

    current = np.full(members, EVEN)
    best = key(current)
    for step in STEPS:
        while True:
            moves = []
            for giver, taker in permutations(range(members), 2):
                if current[giver] >= step:
                    moves.append(current.copy())
                    moves[-1][[giver, taker]] += [-step, step]
            highest = max(map(key, moves), default=best)
            if highest <= best:
                break
            best, current = highest, np.array(highest[2])
    return current


def _chosen(members: Members, how: Blend, rows: Bools, min_tpr: float) -> Rule:
    """The rule that these rows speak for."""
    shares = np.full(len(members.names), EVEN)
    if how in CHOSEN:
        target, counts = members.target[rows], members.scores.doubled_counts[rows]
        ranks = members.scores.doubled_ranks[:, rows]

        def worth(shares: Ints) -> float:
            return pauc_above_tpr(target, _weighted(shares, ranks, counts), min_tpr)

        search = best_shares if how == "weighted" else greedy_shares
        shares = search(worth, len(members.names))
    return Rule(how, members.names, tuple(shares.tolist()))


def _weighted(shares: Ints, ranks: Floats, counts: Floats) -> Floats:
    """The weighted mean of percentiles, divided once: equal sums are tied, not nearly tied."""
    total: Floats = np.zeros(len(counts))
    for share, row in zip(shares, ranks, strict=True):
        total += share * row
    mean: Floats = total / (int(shares.sum()) * counts)
    return mean


def _thresholded(members: Members, rule: Rule) -> Floats:
    """What a threshold is set on: percentiles: two folds' models have two scales."""
    scores = rule.of(members)
    return within_folds(members, scores) if rule.blend == "mean" else scores


def _flags(
    members: Members, by_fold: Mapping[int, Floats], overall: Floats, sensitivity: float
) -> Flags:
    """`by_fold` has all rows' scores by what was chosen for the fold."""
    _need_folds(members, "Thresholds")
    flagged, thresholds = np.zeros(len(members.rows), dtype=np.bool_), {}
    for fold, scores in by_fold.items():
        held = members.folds == fold
        threshold = threshold_for_sensitivity(members.target[~held], scores[~held], sensitivity)
        flagged[held] = scores[held] >= threshold
        thresholds[fold] = threshold
    last = threshold_for_sensitivity(members.target, overall, sensitivity)
    return Flags(flagged, thresholds, last)


def _need_folds(members: Members, what: str) -> None:
    if len(members.fold_numbers) < 2:
        raise ConfigError(
            f"{what} are chosen on the rows of other folds, and there is one fold; take more "
            "folds, or blend.policy='rank_average'."
        )
