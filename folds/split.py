"""Who is held out: the schemes, as pure functions of ids, groups and classes.

One row an image and repeat. `fold` is the fold in which the row is held out for validation, null
where it never is; `split` says why: `train` rows are always trained on, `holdout` rows are kept
for one last look, `test` rows are the source's own.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict, Field, field_validator

from folds.anchors import check_enough, set_aside
from folds.findings import Findings
from folds.groups import GROUP
from folds.hospitals import anchor_rows, hospital_folds
from folds.official import ANEW, by_lesion, corrected, official
from folds.schema import (
    ANCHOR,
    HOLDOUT,
    HOSPITAL,
    ID,
    SPLIT,
    TARGET,
    TEST,
    TRAIN,
)
from folds.stratified import PLACED, Parts, deal_groups
from workspace.choices import Names, once_each
from workspace.errors import ConfigError, DataError

Scheme = Literal[
    "stratified_groups", "leave_one_hospital_out", "official", "holdout", "corrected", "by_lesion",
    "by_image",
]  # fmt: skip
WITH_ANCHORS: tuple[Scheme, ...] = ("stratified_groups", "leave_one_hospital_out")
DRAWN: tuple[Scheme, ...] = ("stratified_groups", "holdout", "by_lesion", "by_image")
LEAKY: tuple[Scheme, ...] = ("official", "by_image")  # groups may lie on several sides
FOLD_COLUMNS = {
    ID: pl.String, GROUP: pl.String, "repeat": pl.Int16, SPLIT: pl.String, "fold": pl.Int16,
}  # fmt: skip


class FoldConfig(BaseModel):
    """The recipe's `[folds]` section."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    scheme: Scheme = "stratified_groups"
    n_folds: int = Field(default=5, ge=2, le=100)
    repeats: int = Field(default=1, ge=1, le=100)
    stratify: Literal["target", "diagnosis"] = "target"
    # holdout: of all groups; by_image: of all images.
    test_share: float = Field(default=0.2, ge=0.01, le=0.5)
    valid_share: float = Field(default=0.2, ge=0.01, le=0.5)  # likewise, of those that remain
    # leave_one_hospital_out: each of these by itself, all others together; none named: each alone.
    hospitals: Annotated[Names, once_each("a hospital")] = ()
    # stratified_groups: of all groups; leave_one_hospital_out: of those without a positive, of
    # hospitals that are not held out alone.
    anchor_share: float = Field(default=0.0, ge=0, le=0.5)

    def used(self) -> dict[str, Any]:
        """The values that this scheme looks at: others may change without another result."""
        names = {
            "stratified_groups": ("n_folds", "repeats", "stratify"),
            "holdout": ("repeats", "stratify", "test_share", "valid_share"),
            "by_image": ("repeats", "stratify", "test_share", "valid_share"),
            "by_lesion": ("repeats",),
        }.get(self.scheme, ())
        aside = {"anchor_share": self.anchor_share} if self.anchor_share else {}
        alone = self.scheme == "leave_one_hospital_out" and sorted(self.hospitals)
        own = {"hospitals": alone} if alone else {}
        used = {name: getattr(self, name) for name in names}
        return {"scheme": self.scheme, **used, **own, **aside}

    def draws(self) -> bool:
        """Whether there is any randomness, and so a seed that matters."""
        return self.scheme in DRAWN or self.anchor_share > 0

    @field_validator("test_share", "valid_share")
    @classmethod
    def _one_over_a_number(cls, share: float) -> float:
        if abs(1 / share - round(1 / share)) > 1e-6:
            raise ValueError("must be one over a whole number, such as 0.5, 0.25, 0.2 or 0.1")
        return share


def assign_folds(
    samples: pl.DataFrame, groups: pl.DataFrame, config: FoldConfig, seed: int, findings: Findings
) -> pl.DataFrame:
    """Every sample once a repeat, by id, with its group, split and fold."""
    if config.anchor_share and config.scheme not in WITH_ANCHORS:
        raise ConfigError(
            f"folds.anchor_share goes with folds.scheme={' or '.join(map(repr, WITH_ANCHORS))}."
        )
    rows = _grouped(samples, groups)
    repeats = []
    for repeat in range(config.repeats):
        assigned = _SCHEMES[config.scheme](rows, config, _seed_of(seed, repeat), findings)
        repeats.append(assigned.with_columns(pl.lit(repeat, dtype=pl.Int16).alias("repeat")))
    folds = pl.concat(repeats).select(*FOLD_COLUMNS).sort("repeat", ID)
    folds = folds.cast(pl.Schema(FOLD_COLUMNS))
    _check_sides(folds.join(rows.select(ID, TARGET, HOSPITAL), on=ID, how="left"), findings)
    return folds


def _stratified(
    rows: pl.DataFrame, config: FoldConfig, seed: int, findings: Findings
) -> pl.DataFrame:
    ours, rest = _without_anchors(rows, config, seed)
    return pl.concat([_folds_of(ours, config, seed), _never_held_out(rest)])


def _without_anchors(
    rows: pl.DataFrame, config: FoldConfig, seed: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows to fold, and those that never are: anchors and the source's own test rows."""
    ours, rest = _without_test(rows)
    if not config.anchor_share:
        return ours, rest
    some = _may_be_anchors(ours, config)
    names = some.filter(set_aside(some, config.anchor_share, seed))[GROUP].unique()
    aside = ours[GROUP].is_in(names.implode())
    anchors = ours.filter(aside).with_columns(pl.lit(ANCHOR).alias(SPLIT))
    return ours.filter(~aside), pl.concat([anchors, rest])


def _may_be_anchors(ours: pl.DataFrame, config: FoldConfig) -> pl.DataFrame:
    """Of whose groups a share is set aside."""
    if config.scheme == "leave_one_hospital_out":
        return anchor_rows(ours, config.hospitals)
    return ours


def _folds_of(ours: pl.DataFrame, config: FoldConfig, seed: int) -> pl.DataFrame:
    besides = " besides those that folds.anchor_share sets aside" if config.anchor_share else ""
    return deal_groups(ours, Parts(config.n_folds, besides=besides), config.stratify, seed)


def check_anchors(
    samples: pl.DataFrame, groups: pl.DataFrame, config: FoldConfig, seed: int, least: int
) -> None:
    """Refuse anchors with fewer pictures than this, with a share that works."""
    ours, _ = _without_test(_grouped(samples, groups))
    number = _seed_of(seed, 0)
    some = _may_be_anchors(ours, config)

    def fold(left: pl.DataFrame) -> None:
        if config.scheme == "stratified_groups":
            _folds_of(left, config, number)

    check_enough(some, config.anchor_share, least, number, fold)


def rows_to_place(samples: pl.DataFrame, config: FoldConfig) -> pl.DataFrame:
    """The samples; the source's test rows are called ours where the scheme places them too."""
    if config.scheme not in ANEW:
        return samples
    return samples.with_columns(pl.lit(TRAIN).alias(SPLIT))


def _grouped(samples: pl.DataFrame, groups: pl.DataFrame) -> pl.DataFrame:
    return samples.join(groups, on=ID, how="left", maintain_order="left").sort(ID)


def _seed_of(seed: int, repeat: int) -> int:
    return int(np.random.SeedSequence([seed, repeat]).generate_state(1)[0])


def _holdout(rows: pl.DataFrame, config: FoldConfig, seed: int, findings: Findings) -> pl.DataFrame:
    """One share of the groups is the test, one share of the remaining ones validates."""
    ours, rest = _without_test(rows)
    tests = Parts(round(1 / config.test_share), "folds.test_share")
    tested = deal_groups(ours, tests, config.stratify, seed)
    is_test = tested["fold"] == 0
    others = ours.filter(~is_test)
    valid = Parts(round(1 / config.valid_share), "folds.valid_share")
    validated = deal_groups(others, valid, config.stratify, seed + 1)
    validated = validated.with_columns(
        pl.when(pl.col("fold") == 0).then(0).cast(pl.Int16).alias("fold")
    )
    aside = ours.filter(is_test).with_columns(pl.lit(HOLDOUT).alias(SPLIT))
    return pl.concat([validated, _never_held_out(aside), _never_held_out(rest)])


def _by_image(
    rows: pl.DataFrame, config: FoldConfig, seed: int, findings: Findings
) -> pl.DataFrame:
    """As `holdout`, but of images one by one: to show what the scores of such a split are worth."""
    alone = _holdout(rows.with_columns(pl.col(ID).alias(GROUP)), config, seed, findings)
    return alone.drop(GROUP).join(rows.select(ID, GROUP), on=ID, maintain_order="left")


def _official(
    rows: pl.DataFrame, config: FoldConfig, seed: int, findings: Findings
) -> pl.DataFrame:
    _refuse_repeats(config)
    return official(rows)


def _corrected(
    rows: pl.DataFrame, config: FoldConfig, seed: int, findings: Findings
) -> pl.DataFrame:
    _refuse_repeats(config)
    return corrected(rows)


def _by_lesion(
    rows: pl.DataFrame, config: FoldConfig, seed: int, findings: Findings
) -> pl.DataFrame:
    return by_lesion(rows, seed, findings)


def _leave_one_hospital_out(
    rows: pl.DataFrame, config: FoldConfig, seed: int, findings: Findings
) -> pl.DataFrame:
    _refuse_repeats(config)
    ours, rest = _without_anchors(rows, config, seed)
    placed = hospital_folds(ours, config.hospitals, findings)
    return pl.concat([placed.select(*PLACED, "fold"), _never_held_out(rest)])


_Assign = Callable[[pl.DataFrame, FoldConfig, int, Findings], pl.DataFrame]
_SCHEMES: dict[str, _Assign] = {
    "stratified_groups": _stratified,
    "holdout": _holdout,
    "by_image": _by_image,
    "official": _official,
    "corrected": _corrected,
    "by_lesion": _by_lesion,
    "leave_one_hospital_out": _leave_one_hospital_out,
}


def _without_test(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows to fold, all called `train` now, and the source's own test rows."""
    is_test = pl.col(SPLIT) == TEST
    return rows.filter(~is_test).with_columns(pl.lit(TRAIN).alias(SPLIT)), rows.filter(is_test)


def _never_held_out(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(*PLACED, pl.lit(None, dtype=pl.Int16).alias("fold"))


def _check_sides(rows: pl.DataFrame, findings: Findings) -> None:
    """Nothing is learnt from one class; a fold that holds out only one has no score of its own."""
    ours = rows.filter(pl.col(SPLIT) == TRAIN)
    for repeat, fold in (
        ours.select("repeat", "fold").drop_nulls().unique().sort("repeat", "fold").iter_rows()
    ):
        one_repeat = ours.filter(pl.col("repeat") == repeat)
        out = pl.col("fold").eq_missing(fold)
        if one_repeat.filter(~out)[TARGET].n_unique() < 2:
            raise DataError(
                f"Fold {fold} would train on one class only: the other lies in that fold alone. "
                "Take another folds.scheme, or fewer folds."
            )
        held_out = one_repeat.filter(out)
        if held_out[TARGET].n_unique() < 2:
            hospitals = held_out[HOSPITAL].drop_nulls().unique().sort().to_list()
            whose = f" ({hospitals[0]})" if len(hospitals) == 1 else ""
            findings.notice(
                "one-class-fold",
                f"Fold {fold}{whose} holds out one class only; it has no score alone.",
            )


def _refuse_repeats(config: FoldConfig) -> None:
    if config.repeats > 1:
        raise ConfigError(
            f"folds.repeats is {config.repeats}, but scheme '{config.scheme}' has no randomness "
            "to repeat; set folds.repeats=1."
        )


def balance(folds: pl.DataFrame, samples: pl.DataFrame) -> pl.DataFrame:
    """Per repeat and fold: rows, positives, patients (groups) and hospitals, for people to see."""
    return (
        folds.join(samples.select(ID, TARGET, HOSPITAL), on=ID, how="left")
        .group_by("repeat", SPLIT, "fold")
        .agg(
            pl.len().alias("rows"),
            pl.when(pl.col(TARGET).is_not_null().any())
            .then(pl.col(TARGET).cast(pl.Int64).sum())
            .alias("positives"),
            pl.col(GROUP).n_unique().alias("groups"),
            pl.col(HOSPITAL).drop_nulls().n_unique().alias("hospitals"),
            pl.when(pl.col(HOSPITAL).n_unique() == 1).then(pl.col(HOSPITAL).first()),
        )
        .sort("repeat", pl.col(SPLIT) == TEST, pl.col("fold").is_null(), "fold", SPLIT)
    )
