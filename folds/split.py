"""Who is held out: the schemes, as pure functions of ids, groups and classes.

One row an image and repeat. `fold` is the fold in which the row is held out for validation, null
where it never is; `split` says why: `train` rows are always trained on, `holdout` rows are kept
for one last look, `test` rows are the source's own.
"""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict, Field, field_validator

from folds.anchors import check_enough, set_aside
from folds.findings import Findings, plural
from folds.groups import GROUP
from folds.schema import (
    ANCHOR,
    HOLDOUT,
    HOSPITAL,
    ID,
    SPLIT,
    TARGET,
    TEST,
    TRAIN,
    VALID,
)
from folds.stratified import PLACED, Parts, deal_groups
from workspace.errors import ConfigError, DataError, listed

Scheme = Literal["stratified_groups", "leave_one_hospital_out", "official", "holdout"]
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
    test_share: float = Field(default=0.2, ge=0.01, le=0.5)  # holdout: of all groups
    valid_share: float = Field(default=0.2, ge=0.01, le=0.5)  # holdout: of those that remain
    anchor_share: float = Field(default=0.0, ge=0, le=0.5)  # stratified_groups: of all groups

    def used(self) -> dict[str, Any]:
        """The values that this scheme looks at: others may change without another result."""
        names = {
            "stratified_groups": ("n_folds", "repeats", "stratify"),
            "holdout": ("repeats", "stratify", "test_share", "valid_share"),
        }.get(self.scheme, ())
        aside = {"anchor_share": self.anchor_share} if self.anchor_share else {}
        return {"scheme": self.scheme, **{name: getattr(self, name) for name in names}, **aside}

    def draws(self) -> bool:
        """Whether there is any randomness, and so a seed that matters."""
        return self.scheme in ("stratified_groups", "holdout")

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
    if config.anchor_share and config.scheme != "stratified_groups":
        raise ConfigError("folds.anchor_share goes with folds.scheme='stratified_groups' alone.")
    rows = _grouped(samples, groups)
    repeats = []
    for repeat in range(config.repeats):
        assigned = _SCHEMES[config.scheme](rows, config, _seed_of(seed, repeat), findings)
        repeats.append(assigned.with_columns(pl.lit(repeat, dtype=pl.Int16).alias("repeat")))
    folds = pl.concat(repeats).select(*FOLD_COLUMNS).sort("repeat", ID)
    folds = folds.cast(pl.Schema(FOLD_COLUMNS))
    _check_sides(folds.join(rows.select(ID, TARGET), on=ID, how="left"), findings)
    return folds


def _stratified(
    rows: pl.DataFrame, config: FoldConfig, seed: int, findings: Findings
) -> pl.DataFrame:
    ours, rest = _without_test(rows)
    if config.anchor_share:
        aside = set_aside(ours, config.anchor_share, seed)
        rest = pl.concat([ours.filter(aside).with_columns(pl.lit(ANCHOR).alias(SPLIT)), rest])
        ours = ours.filter(~aside)
    return pl.concat([_folds_of(ours, config, seed), _never_held_out(rest)])


def _folds_of(ours: pl.DataFrame, config: FoldConfig, seed: int) -> pl.DataFrame:
    besides = " besides those that folds.anchor_share sets aside" if config.anchor_share else ""
    return deal_groups(ours, Parts(config.n_folds, besides=besides), config.stratify, seed)


def check_anchors(
    samples: pl.DataFrame, groups: pl.DataFrame, config: FoldConfig, seed: int, least: int
) -> None:
    """Refuse anchors with fewer pictures than this, with a share that works."""
    ours, _ = _without_test(_grouped(samples, groups))
    number = _seed_of(seed, 0)
    check_enough(
        ours, config.anchor_share, least, number, lambda left: _folds_of(left, config, number)
    )


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


def _official(
    rows: pl.DataFrame, config: FoldConfig, seed: int, findings: Findings
) -> pl.DataFrame:
    """The source's own split: its validation rows are fold 0, its test rows stay apart."""
    if not (rows[SPLIT] == VALID).any():
        raise ConfigError(
            "folds.scheme 'official' needs a source with validation rows of its own; "
            "this one has none. Take 'stratified_groups'."
        )
    _refuse_repeats(config)
    return rows.select(
        ID,
        GROUP,
        pl.when(pl.col(SPLIT) == TEST).then(pl.lit(TEST)).otherwise(pl.lit(TRAIN)).alias(SPLIT),
        pl.when(pl.col(SPLIT) == VALID).then(0).cast(pl.Int16).alias("fold"),
    )


def _leave_one_hospital_out(
    rows: pl.DataFrame, config: FoldConfig, seed: int, findings: Findings
) -> pl.DataFrame:
    """A fold a hospital, in alphabetical order; a group that saw two goes where most rows lie."""
    _refuse_repeats(config)
    ours, rest = _without_test(rows)
    missing = ours.filter(pl.col(HOSPITAL).is_null()).get_column(ID).to_list()
    if missing:
        raise DataError(f"Missing {HOSPITAL} for images: {listed(missing)}.")
    counts = ours.group_by(GROUP, HOSPITAL).len().sort(GROUP, pl.col("len"), HOSPITAL,
                                                       descending=[False, True, False])  # fmt: skip
    homes = counts.unique(GROUP, keep="first", maintain_order=True)
    moved = counts.filter(pl.col(GROUP).is_duplicated())[GROUP].n_unique()
    if moved:
        findings.notice(
            "two-hospitals",
            f"{plural(moved, 'group')} with more than one hospital folded with the one that has "
            "most of its rows.",
            count=moved,
        )
    names = homes[HOSPITAL].unique().sort()
    if len(names) < 2:
        raise ConfigError(f"Leave one hospital out needs at least 2 hospitals; found {len(names)}.")
    fold = pl.col(HOSPITAL).replace_strict(names, pl.Series(range(len(names))))
    placed = homes.select(GROUP, fold.cast(pl.Int16).alias("fold"))
    ours = ours.join(placed, on=GROUP, how="left", maintain_order="left")
    return pl.concat([ours.select(*PLACED, "fold"), _never_held_out(rest)])


_Assign = Callable[[pl.DataFrame, FoldConfig, int, Findings], pl.DataFrame]
_SCHEMES: dict[str, _Assign] = {
    "stratified_groups": _stratified,
    "holdout": _holdout,
    "official": _official,
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
        if one_repeat.filter(out)[TARGET].n_unique() < 2:
            findings.notice(
                "one-class-fold", f"Fold {fold} holds out one class only; it has no score alone."
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
        )
        .sort("repeat", pl.col(SPLIT) == TEST, pl.col("fold").is_null(), "fold")
    )
