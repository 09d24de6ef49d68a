"""Folds from Python: a table of pandas or polars in, who is held out back in the same kind.

The schemes are those of `make folds`. What that does besides and this does not: it looks at the
pictures, and joins patients who share one.
"""

from collections.abc import Iterator
from typing import Any

import polars as pl
from pydantic import ValidationError

from folds.findings import Findings
from folds.groups import GROUP, own_groups
from folds.official import ANEW, PUBLISHED
from folds.samples import (
    GROUP_COLUMNS,
    check_group,
    check_target,
    refuse_ignored,
    wider_groups,
)
from folds.schema import CORE, DIAGNOSIS, HOSPITAL, ID, SPLIT, TARGET, TRAIN
from folds.spellings import join_spellings
from folds.split import FoldConfig, assign_folds, rows_to_place
from workspace.errors import ConfigError, DataError, listed
from workspace.frames import Frame, as_polars, check_words, like

FOLD = "fold"


def make_folds(
    table: Frame,
    *,
    scheme: str = "stratified_groups",
    n_folds: int = 5,
    seed: int = 0,
    group: str = "patient",
    findings: Findings | None = None,
    **others: Any,
) -> Frame:
    """`isic_id`, `group_id` and `fold` of every row, by id; the rows' order does not matter.

    The table has `isic_id`, `target`, and the `patient_id` (or `lesion_id`) that `group` keeps
    together; known patients are never left apart, whatever `group` is. `others` are the remaining
    values of a recipe's `[folds]`, such as `stratify`. Where rows are kept out of every fold, one
    more column, `split`, says so. What was read otherwise than written is added to `findings`.
    """
    config, findings = _config(scheme=scheme, n_folds=n_folds, **others), findings or Findings()
    given = as_polars(table, needed := _needed(config, group))
    wider = [name for name in wider_groups(group).values() if name in given.columns]
    rows = _samples(given, list(dict.fromkeys([*needed, *wider])), group, findings)
    ours = rows_to_place(rows, config)
    if config.scheme != PUBLISHED:
        refuse_ignored(ours, group)
    folds = assign_folds(rows, own_groups(ours, group).drop(SPLIT), config, seed, findings)
    apart = (SPLIT,) if (folds[SPLIT] != TRAIN).any() else ()
    return like(table, folds.select(ID, GROUP, FOLD, *apart))


def split_by_fold(table: Frame, folds: Frame) -> Iterator[tuple[int, Frame, Frame]]:
    """Fold by fold its number, the rows to train on and the rows held out, joined by id.

    Rows without a fold are always trained on, but for those that `split` does not call train.
    """
    rows, fold_of = as_polars(table, [ID]), as_polars(folds, [ID, FOLD], "the folds")
    check_words(rows, [ID])
    check_words(fold_of, [ID], "the folds")
    _refuse_repeats(fold_of, "the folds")
    lost = rows.join(fold_of, on=ID, how="anti")[ID].to_list()
    if lost:
        raise DataError(f"Rows of the table that have no fold: {listed(lost)}; make folds of all.")
    if SPLIT in fold_of.columns:
        fold_of = fold_of.filter(pl.col(SPLIT).fill_null(TRAIN) == TRAIN)
    number = pl.col(FOLD).cast(pl.Int64)
    for fold in fold_of.select(number).to_series().drop_nulls().unique().sort():
        out = fold_of.filter(number == fold)
        rest = fold_of.filter(number.ne_missing(fold))
        held_out, training = (rows.join(ids, on=ID, how="semi").sort(ID) for ids in (out, rest))
        yield fold, like(table, training), like(table, held_out)


def _needed(config: FoldConfig, group: str) -> list[str]:
    """The columns that these folds depend on; others of a table are not looked at."""
    if group not in (*GROUP_COLUMNS, "none"):
        raise ConfigError(f"group is '{group}'; it must be patient, lesion or none.")
    named = {
        TARGET: True,
        GROUP_COLUMNS.get(group, ID): True,
        HOSPITAL: config.scheme == "leave_one_hospital_out",
        DIAGNOSIS: config.stratify == "diagnosis" or config.scheme in ANEW,
        SPLIT: config.scheme in (PUBLISHED, *ANEW),
    }
    return list(dict.fromkeys([ID, *(name for name, asked in named.items() if asked)]))


def _config(**values: Any) -> FoldConfig:
    try:
        config = FoldConfig(**values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "folds"
        raise ConfigError(f"{where} cannot be {first['input']!r}: {first['msg']}.") from error
    if config.repeats > 1:
        raise ConfigError("Folds of a table are drawn once; take another seed for another repeat.")
    return config


def _samples(
    table: pl.DataFrame, needed: list[str], group: str, findings: Findings
) -> pl.DataFrame:
    """The columns that folds are drawn from, checked as `make verify` checks them."""
    check_words(table, [name for name in needed if name != TARGET])
    _refuse_repeats(table, "the table")
    split = pl.col(SPLIT).cast(pl.String) if SPLIT in table.columns else pl.lit(None, pl.String)
    lacking = [name for name in CORE if name not in (*needed, SPLIT)]
    rows = table.select(
        *(name for name in needed if name != SPLIT),
        *(pl.lit(None, pl.String).alias(name) for name in lacking),
        split.fill_null(TRAIN).alias(SPLIT),
    )
    number = pl.col(TARGET).cast(pl.Int8) if rows.schema[TARGET] == pl.Boolean else pl.col(TARGET)
    rows = rows.with_columns(number.cast(pl.String))
    rows = join_spellings(rows, findings)
    check_group(rows, group, findings)
    rows = check_target(rows, findings)
    findings.raise_errors()
    return rows


def _refuse_repeats(rows: pl.DataFrame, what: str) -> None:
    missing = rows[ID].null_count()
    if missing:
        raise DataError(f"{missing} rows of {what} have no {ID}; rows are joined by it.")
    repeated = rows.filter(pl.col(ID).is_duplicated())[ID].unique().sort().to_list()
    if repeated:
        raise DataError(f"Rows of {what} with the same {ID}: {listed(repeated)}; keep one of each.")
