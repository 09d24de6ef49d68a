"""What members and blends are worth, in one table, and by how much the chosen one beats each.

Every interval is of the same draws of patients. A blend's weights and every threshold are chosen
for a fold on the rows of the other folds, so nothing here is measured on rows it was chosen on.
"""

from collections.abc import Mapping
from typing import Literal, TypedDict

import numpy as np

from metrics.across_folds import POOLED
from metrics.bootstrap import IntervalSheet, difference, intervals
from metrics.cohort import Cohort, Unit, cohort
from metrics.operating import operating_tally
from metrics.pauc import pauc_above_tpr
from metrics.ranking import ranking_tally
from metrics.score_sheet import ScoreConfig
from metrics.tally import Tally
from stacking.blending.config import BlendConfig
from stacking.blending.members import Members, blended_members
from stacking.blending.policies import (
    RANK_AND_FLAG,
    Blended,
    Flags,
    Rule,
    flag_blend,
    flag_member,
)
from stacking.measure import interval_sheets
from workspace.arrays import Floats
from workspace.progress import Show

Kind = Literal["member", "blend"]
OR_RULE, WEIGHTED, GREEDY = "or_rule", "weighted", "greedy"


class ScoredSheet(TypedDict):
    """A member or blend: pAUC and AUC with intervals, by fold, and what the chosen one gains."""

    kind: Kind
    n: int
    positives: int
    metrics: dict[str, IntervalSheet]
    pauc_by_fold: dict[str, float | None]
    chosen_minus_this: dict[str, IntervalSheet] | None  # None of the chosen one itself


class WeightSheet(TypedDict):
    """Members' weights: of each fold from the other folds' rows, and of all for unseen rows."""

    by_fold: dict[str, dict[str, float]]
    all_rows: dict[str, float]


class Roles(TypedDict):
    """Two members."""

    ranks: str
    flags: str


class RoleSheet(TypedDict):
    """Who ranks and who flags: of each fold from the other folds' rows, and of all."""

    by_fold: dict[str, Roles]
    all_rows: Roles


class FlaggedSheet(TypedDict):
    """Who a member or blend flags at the wanted sensitivity."""

    kind: Kind
    flagged: int
    metrics: dict[str, IntervalSheet]
    thresholds: dict[str, float]  # by fold
    threshold_of_all_rows: float
    or_rule_minus_this: dict[str, IntervalSheet] | None


class OperatingSheet(TypedDict):
    """All of them at one sensitivity."""

    sensitivity: float
    threshold_is: str
    scores: dict[str, FlaggedSheet]


class BlendSheet(TypedDict):
    """Members and blends in one table, ready for JSON."""

    policy: str
    members: list[str]
    blended: list[str]
    n: int
    positives: int
    patients: int | None
    unit: Unit
    scores: dict[str, ScoredSheet]
    pooled_is: str
    weights: WeightSheet | None
    greedy_weights: WeightSheet | None
    roles: RoleSheet | None
    operating: OperatingSheet | None
    notes: list[str]


def blend_sheet(
    members: Members,
    blends: Mapping[str, Blended],
    config: BlendConfig,
    score: ScoreConfig,
    patient: str | None,
    show: Show | None = None,
) -> BlendSheet:
    """What every member and blend is worth.

    `blends` come from `all_blends`; `patient` names the column of whose rows they are.
    """
    ids = None if patient is None else members.rows[patient]
    whose = cohort(ids, members.target)
    some = blended_members(members, config)
    return {
        "policy": config.policy,
        "members": list(members.names),
        "blended": list(some.names),
        "n": len(members.rows),
        "positives": int(members.target.sum()),
        "patients": whose.size if whose.unit == "patient" else None,
        "unit": whose.unit,
        "scores": _scores(members, blends, config.policy, whose, score, show),
        "pooled_is": POOLED,
        "weights": _weights(blends, WEIGHTED),
        "greedy_weights": _weights(blends, GREEDY),
        "roles": _roles(blends),
        "operating": _operating(members, blends, config, whose, score),
        "notes": _notes(members, blends),
    }


def _scores(
    members: Members,
    blends: Mapping[str, Blended],
    chosen: str,
    whose: Cohort,
    config: ScoreConfig,
    show: Show | None,
) -> dict[str, ScoredSheet]:
    scores: dict[str, Floats] = dict(zip(members.names, members.raw, strict=True))
    scores |= {name: blended.score for name, blended in blends.items()}
    tallies = {
        name: ranking_tally(members.target, values, whose, config.min_tpr)
        for name, values in scores.items()
    }
    minus = {
        _minus(name): difference(tally, tallies[chosen])
        for name, tally in tallies.items()
        if name != chosen
    }
    by_name = intervals({**tallies, **minus}, whose, config.bootstrap(), show)
    return {
        name: {
            "kind": _kind(name, blends),
            "n": len(values),
            "positives": int(members.target.sum()),
            "metrics": interval_sheets(by_name[name]),
            "pauc_by_fold": _by_fold(members, values, config.min_tpr),
            "chosen_minus_this": (
                interval_sheets(by_name[_minus(name)]) if name != chosen else None
            ),
        }
        for name, values in scores.items()
    }


def _by_fold(members: Members, values: Floats, min_tpr: float) -> dict[str, float | None]:
    """The pAUC within each fold, where only scores of the same models meet; then their mean."""
    each: dict[str, float | None] = {}
    for fold in members.fold_numbers:
        held = members.folds == fold
        both = 0 < members.target[held].sum() < held.sum()
        each[str(fold)] = (
            pauc_above_tpr(members.target[held], values[held], min_tpr) if both else None
        )
    known = [value for value in each.values() if value is not None]
    return {**each, "mean": float(np.mean(known)) if known else None}


def _weights(blends: Mapping[str, Blended], name: str) -> WeightSheet | None:
    if name not in blends:
        return None
    blended = blends[name]
    return {
        "by_fold": {str(fold): rule.weights for fold, rule in blended.rules.items()},
        "all_rows": blended.last.weights,
    }


def _roles(blends: Mapping[str, Blended]) -> RoleSheet | None:
    if RANK_AND_FLAG not in blends:
        return None
    blended = blends[RANK_AND_FLAG]
    return {
        "by_fold": {str(fold): _of_two(rule) for fold, rule in blended.rules.items()},
        "all_rows": _of_two(blended.last),
    }


def _of_two(rule: Rule) -> Roles:
    assert rule.roles is not None
    ranks, flags = rule.roles
    return {"ranks": ranks, "flags": flags}


def _operating(
    members: Members,
    blends: Mapping[str, Blended],
    config: BlendConfig,
    whose: Cohort,
    score: ScoreConfig,
) -> OperatingSheet | None:
    """By name, at the wanted sensitivity: operating values, and the OR rule's minus these."""
    if len(members.fold_numbers) < 2:
        return None
    some = blended_members(members, config)
    flags = {name: flag_member(members, name, config.sensitivity) for name in members.names}
    flags |= {name: flag_blend(some, each, config.sensitivity) for name, each in blends.items()}
    tallies = {name: _flagged(members, each, whose) for name, each in flags.items()}
    minus = {
        _minus(name): difference(tally, tallies[OR_RULE])
        for name, tally in tallies.items()
        if OR_RULE in tallies and name != OR_RULE
    }
    by_name = intervals({**tallies, **minus}, whose, score.bootstrap())
    return {
        "sensitivity": config.sensitivity,
        "threshold_is": "percentile among the rows that the fold holds out, 0 to 1",
        "scores": {
            name: {
                "kind": _kind(name, blends),
                "flagged": int(each.flagged.sum()),
                "metrics": interval_sheets(by_name[name]),
                "thresholds": {str(fold): value for fold, value in each.thresholds.items()},
                "threshold_of_all_rows": each.last,
                "or_rule_minus_this": (
                    interval_sheets(by_name[_minus(name)]) if _minus(name) in minus else None
                ),
            }
            for name, each in flags.items()
        },
    }


def _flagged(members: Members, flags: Flags, whose: Cohort) -> Tally:
    """The operating values of who is flagged, each fold at its own threshold."""
    return operating_tally(members.target, flags.flagged.astype(np.float64), 0.5, whose)


def _notes(members: Members, blends: Mapping[str, Blended]) -> list[str]:
    notes = []
    if not blends:
        notes.append("One member: there is nothing to blend.")
    if len(members.fold_numbers) < 2:
        notes.append("One fold: there are no other rows to choose weights and thresholds on.")
    return notes


def _minus(name: str) -> str:
    """A tally's name that no member has: names of members are no sentences."""
    return f"chosen minus {name}"


def _kind(name: str, blends: Mapping[str, Blended]) -> Kind:
    return "blend" if name in blends else "member"
