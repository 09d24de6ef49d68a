"""The JSON sheets that stages keep, as far as tables and the page read them.

Whatever else a sheet holds stands in the module that makes it. `NotRequired` is what some makers
of a kind of sheet leave out.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict

Json = Mapping[str, Any]  # where the shape itself decides what is drawn


class Interval(TypedDict):
    """A metric, its interval, and what that rests on."""

    value: float | None
    low: float | None
    high: float | None
    level: NotRequired[float]
    unit: NotRequired[str]
    patients: NotRequired[int]
    replicates: NotRequired[int]
    undefined: NotRequired[int]
    reason: NotRequired[str | None]  # why there is no interval


Metrics = Mapping[str, Interval]


class Subgroup(TypedDict):
    """One level of a column; `reason` says why it has no metrics."""

    column: str
    level: str
    n: int
    patients: int | None
    positives: int
    metrics: Metrics | None
    reason: str | None


class Reliability(TypedDict):
    """How often what was predicted came true."""

    bins: int
    bins_by: str
    points: Sequence[Mapping[str, Any]]


class ScoreSheet(TypedDict):
    """One set of scores."""

    n: int
    positives: int
    patients: int | None
    min_tpr: float
    metrics: Metrics
    reliability: Reliability | None
    subgroups: Sequence[Subgroup]
    notes: Sequence[str]


class Fold(TypedDict):
    """One fold's part of the scores."""

    fold: int | str
    n: int
    positives: int
    patients: int | None
    metrics: Metrics | None  # None: it holds out one class alone


class Folds(TypedDict):
    """Scores fold by fold, and together."""

    folds: Sequence[Fold]
    mean: Mapping[str, float]
    sd: Mapping[str, float | None]
    pooled: Metrics
    pooled_is: str


class Member(TypedDict):
    """A member or a blend, and what the chosen one gains over it; None: it is the chosen one."""

    kind: str
    n: int
    metrics: Metrics
    chosen_minus_this: Metrics | None


class Flagged(TypedDict):
    """Who a member or a blend flags at the wanted sensitivity."""

    metrics: Metrics
    or_rule_minus_this: Metrics | None


class Operating(TypedDict):
    """All of them at one sensitivity."""

    sensitivity: float
    scores: Mapping[str, Flagged]


class Roles(TypedDict):
    """Who ranks and who flags, by name: for each fold, and for rows outside."""

    by_fold: Mapping[str, Mapping[str, str]]
    all_rows: Mapping[str, str]


class Blend(TypedDict):
    """All members and blends of a stack."""

    policy: str
    scores: Mapping[str, Member]
    notes: Sequence[str]
    operating: NotRequired[Operating | None]  # None: one fold
    roles: NotRequired[Roles | None]  # None: nothing to choose from


class Baseline(TypedDict):
    """What a stack is held against."""

    metrics: Metrics
    stack_minus_this: Metrics


class CalibrationMethod(TypedDict):
    """One way to map scores to probabilities."""

    metrics: Metrics
    minus_raw: Metrics | None
    distinct: int
    pauc_pooled: float


class Calibrations(TypedDict):
    """The score as it is and by every method, on rows that its map never saw."""

    n: int
    positives: int
    bins: int
    fitted_on: str
    methods: Mapping[str, CalibrationMethod]


class Stack(TypedDict):
    """A stack's metrics.json."""

    stack: ScoreSheet
    folds: Folds
    baselines: Mapping[str, Baseline]
    group: str
    declared: NotRequired[Sequence[str]]  # what all of it is to be read with
    blend: NotRequired[Blend]
    calibration: NotRequired[Calibrations | None]


class Claim(TypedDict):
    """What others say of their network: precision, recall, F1 and n of each class."""

    source: str
    per_class: Mapping[str, Sequence[float]]
    accuracy: Sequence[float]  # and its n
    macro_f1: float | None  # None: not stated


class Classes(TypedDict):
    """Calls of rows whose class is known."""

    patients: int | None
    report: Mapping[str, Any]
    metrics: Metrics


class Paired(TypedDict):
    """Another score of the same rows, and ours minus it."""

    metrics: Metrics
    ours_minus_this: Metrics


class Network(TypedDict):
    """A network's metrics.json, of all folds."""

    classes: Sequence[str]
    claim: Claim | None
    group: str
    best_epoch: Classes
    last_epoch: Classes
    folds: Sequence[Mapping[str, Any]]
    source_only: NotRequired[Paired]
    declared: NotRequired[Sequence[str]]


class Cascade(Classes):
    """Two networks end to end; `left_out` positives have no class in the second."""

    classes: Sequence[str]
    left_out: int
    declared: NotRequired[Sequence[str]]


class Gain(TypedDict):
    """A variant's score, and that minus the whole's, over seeds."""

    value: Interval
    minus_whole: Interval
    by_seed: Sequence[float]


class Ablation(TypedDict):
    """A network without, or with another of, each of its parts."""

    network: str
    watch: str
    n: int
    seeds: Sequence[int]
    folds: Sequence[int]
    declared: NotRequired[Sequence[str]]
    variants: Mapping[str, Gain]


class Comparison(TypedDict):
    """Ways to stack beside the recipe's own, which stands first in `order`."""

    n: int
    positives: int
    patients: int | None
    group: str
    min_tpr: float
    seeds: Sequence[str]
    order: Sequence[str]
    variants: Mapping[str, Mapping[str, Gain]]
    declared: NotRequired[Sequence[str]]


class BothWays(TypedDict):
    """A score of the same rows cross-validated, with the hospital left out, and that minus this."""

    cross_validated: Metrics
    left_out: Metrics
    minus: Metrics


class Unseen(TypedDict):
    """Codes of categories that rows have and the training without their hospital has not."""

    rows: int
    categories: Mapping[str, int]  # how many, by column


class LeftOut(TypedDict):
    """Hospitals that are left out together, mostly one; `reason` says why there is no score."""

    hospitals: Sequence[str]
    n: int
    positives: int
    patients: int | None
    scores: Mapping[str, BothWays] | None
    reason: str | None
    unseen: NotRequired[Unseen]  # of all hospitals together there is none


class Hospitals(TypedDict):
    """What leaving a hospital out costs each score of a recipe."""

    min_tpr: float
    group: str
    handed_in: str  # of `order`, the scores' names
    order: Sequence[str]
    chosen: str  # why these hospitals
    one_run_alone: Mapping[str, int]  # rows that only one of the runs scores
    overall: LeftOut
    hospitals: Sequence[LeftOut]
    notes: Sequence[str]
    declared: NotRequired[Sequence[str]]


class Study(TypedDict):
    """What one search for values came to."""

    trials: int
    failed: int
    own_inner_pauc: float | None
    best_inner_pauc: float | None
    best_values: Mapping[str, float | bool] | None
    importances: Mapping[str, float]


class TunedByFold(TypedDict):
    """How well each fold's scores order its own rows, in the mean."""

    tuned: Mapping[str, float]
    own: Mapping[str, float]
    tuned_minus_own: Metrics


class NestedTuning(TypedDict):
    """Tuned values and the recipe's own on rows that had no say in either; all folds pooled."""

    n: int
    positives: int
    patients: int | None
    tuned: Metrics
    own: Metrics
    tuned_minus_own: Metrics
    mean_of_folds: NotRequired[TunedByFold]  # runs of before lack it


class Tuning(TypedDict):
    """Studies by name, and what their values are worth."""

    booster: str
    min_tpr: float
    own: Mapping[str, float | bool]  # the recipe's own values
    studies: Mapping[str, Study]
    nested: NestedTuning | None
    flattered: bool  # networks that feed a fold's boosters learnt from its labels
    inner_is: str
    declared: NotRequired[Sequence[str]]


class Check(TypedDict):
    """One way to look for a leak."""

    check: str
    found: str
    holds: bool


class HeldOut(TypedDict):
    """One fold, or rows that no fold holds out."""

    repeat: int
    split: str
    fold: int | None
    rows: int
    positives: int | None
    groups: int
    hospitals: int
    hospital: NotRequired[str | None]  # where there is but one
