"""Named ways to make one score of several members', and what is chosen for each of them.

Whatever is chosen for a fold's rows is chosen on the rows of the other folds; for unseen
rows it is chosen on all. Members' percentiles among their fold's held-out rows are averaged, not
their scores, but by `mean`. Nothing depends on the order of rows or members.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from folds.schema import ID
from metrics.operating import threshold_for_sensitivity
from metrics.pauc import MIN_TPR, pauc_above_tpr
from stacking.blending.config import BLENDS, SENSITIVITY, Blend, BlendConfig
from stacking.blending.greedy import greedy_shares
from stacking.blending.members import STACK, Members, Scores, blended_members
from stacking.blending.percentiles import Reference
from stacking.blending.roles import best_ranker, most_sensitive
from stacking.blending.weights import EVEN, best_shares
from stacking.calibration.kept import Calibrated
from stacking.unseen import spreads
from stacking.use import SCORE
from workspace.arrays import Bools, Floats, Ints
from workspace.errors import ConfigError

RANK_AND_FLAG = "rank_and_flag"
CHOSEN = ("weighted", "greedy", RANK_AND_FLAG)  # by the rows of other folds
FLAG = "flag_"  # before columns of scores by which is flagged, where they are not those that rank


@dataclass(frozen=True)
class Rule:
    """A blend of these members, ready to be used."""

    blend: Blend
    names: tuple[str, ...]
    shares: tuple[int, ...]  # even, or chosen; whole numbers, so that equal sums are equal
    flag_shares: tuple[int, ...] = ()  # those of who flags, if it is not by the same score

    @property
    def flagging(self) -> "Rule":
        """The rule whose scores a threshold is held against."""
        return replace(self, shares=self.flag_shares, flag_shares=()) if self.flag_shares else self

    @property
    def roles(self) -> tuple[str, str] | None:
        """The member that ranks and the one that flags; None: all members do both."""
        if not self.flag_shares:
            return None
        ranker, flagger = (np.argmax(shares) for shares in (self.shares, self.flag_shares))
        return self.names[ranker], self.names[flagger]

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
        return self.blend in ("rank_average", "weighted", "greedy")


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
    if len(members.fold_numbers) < 2:
        wanted = [how for how in wanted if how not in CHOSEN or how == config.policy]
    return {how: blend(some, how, min_tpr, config.sensitivity) for how in wanted}


def blend(
    members: Members, how: Blend, min_tpr: float = MIN_TPR, sensitivity: float = SENSITIVITY
) -> Blended:
    """The members' out-of-fold scores as one, chosen for each fold without its rows."""
    aims = min_tpr, sensitivity
    last = _chosen(members, how, np.ones(len(members.rows), dtype=np.bool_), aims)
    if how not in CHOSEN:
        return Blended(last.of(members), dict.fromkeys(members.fold_numbers, last), last)
    _need_folds(members, "Roles" if how == RANK_AND_FLAG else "Weights of a blend")
    score, rules = np.empty(len(members.rows)), {}
    for fold in members.fold_numbers:
        held = members.folds == fold
        rules[fold] = _chosen(members, how, ~held, aims)
        score[held] = rules[fold].of(members)[held]
    return Blended(score, rules, last)


def blend_unseen(
    members: Members, ids: pl.Series, by_fold: Mapping[int, Floats], rule: Rule,
    calibrated: Calibrated | None = None,
) -> pl.DataFrame:  # fmt: skip
    """(ID, score, fold_sd) of unseen rows: every fold's scores blended, then averaged.

    And the same of the flagger's scores, where one member flags; and a probability, if calibrated.

    `by_fold` comes from `join_unseen`, `rule` is the `last` of the blend.
    """
    each = np.stack(rule.unseen(members, by_fold))
    table = pl.DataFrame({ID: ids}, schema={ID: pl.String}).with_columns(_averaged(each))
    if rule.flagging is not rule:
        flagger = _averaged(np.stack(rule.flagging.unseen(members, by_fold)))
        table = table.with_columns(one.alias(f"{FLAG}{one.name}") for one in flagger)
    return table if calibrated is None else calibrated.beside(table, list(each))


def flag_scores(unseen: pl.DataFrame) -> pl.DataFrame:
    """The scores that a threshold is held against, called as scores are."""
    own = {name: name.removeprefix(FLAG) for name in unseen.columns if name.startswith(FLAG)}
    return unseen.select(ID, *own).rename(own) if own else unseen


def with_a_say(members: Members, rule: Rule) -> tuple[Members, Rule]:
    """The members that unseen rows need for a rule, and the rule of these alone.

    Where two members have roles it is they; of other blends all, also those without a weight.
    """
    if rule.roles is None:
        return members, rule
    some = members.select(sorted(set(rule.roles)))
    at = [rule.names.index(name) for name in some.names]
    shares, flag_shares = (tuple(s[n] for n in at) for s in (rule.shares, rule.flag_shares))
    return some, Rule(rule.blend, some.names, shares, flag_shares)


def flag_blend(members: Members, blended: Blended, sensitivity: float) -> Flags:
    """Who a blend flags; a fold's threshold and weights are those of the other folds' rows.

    Of the OR rule the threshold is each member's own: the percentile from which on it flags.
    One for all members, so each may raise as many alarms; lowered until the rule as a whole finds
    the share of positives that is wanted. Where one member flags, it is flagged by its percentiles.
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


def _chosen(members: Members, how: Blend, rows: Bools, aims: tuple[float, float]) -> Rule:
    """The rule that these rows speak for; `aims` are the lowest TPR and the wanted sensitivity."""
    min_tpr, sensitivity = aims
    names, target = members.names, members.target[rows]
    if how not in CHOSEN:
        return Rule(how, names, (EVEN,) * len(names))
    ranks, counts = members.scores.doubled_ranks[:, rows], members.scores.doubled_counts[rows]
    if how == RANK_AND_FLAG:
        ranker = best_ranker(target, ranks / counts, min_tpr)
        flagger = most_sensitive(target, ranks / counts, sensitivity, min_tpr)
        return Rule(how, names, _alone(ranker, names), _alone(flagger, names))

    def worth(shares: Ints) -> float:
        return pauc_above_tpr(target, _weighted(shares, ranks, counts), min_tpr)

    search = best_shares if how == "weighted" else greedy_shares
    return Rule(how, names, tuple(search(worth, len(names)).tolist()))


def _alone(member: int, names: tuple[str, ...]) -> tuple[int, ...]:
    """All shares are this member's."""
    return tuple(int(number == member) for number in range(len(names)))


def _averaged(each: Floats) -> list[pl.Series]:
    """Score and spreads of rows of which there is a view a fold."""
    return [pl.Series(SCORE, each.mean(axis=0), dtype=pl.Float64), *spreads(each)]


def _weighted(shares: Ints, ranks: Floats, counts: Floats) -> Floats:
    """The weighted mean of percentiles, divided once: equal sums are tied, not nearly tied."""
    total: Floats = np.zeros(len(counts))
    for share, row in zip(shares, ranks, strict=True):
        total += share * row
    mean: Floats = total / (int(shares.sum()) * counts)
    return mean


def _thresholded(members: Members, rule: Rule) -> Floats:
    """What a threshold is set on: percentiles: two folds' models have two scales."""
    scores = rule.flagging.of(members)
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
