"""Pairs of pictures that a person takes for one lesion: `accept.csv` in the data folder.

Two columns, `a` and `b`, of ids; written by hand from the list of look-alikes, or from anywhere
else. A pair that cannot be meant stops, since whoever wrote it expects that it joins something.
"""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from folds.findings import Findings, plural
from folds.groups import A, B
from folds.schema import identifier
from folds.tables import is_there, read_table
from workspace.errors import listed

FILE = "accept.csv"
COLUMNS = (identifier("a"), identifier("b"))


def accepted_file(folder: Path) -> list[Path]:
    """The file, if a person wrote one."""
    path = folder / FILE
    return [path] if is_there(path) else []


def accepted_pairs(
    folder: Path, ids: pl.Series, findings: Findings, *, some: bool = False
) -> pl.DataFrame:
    """The pairs, lower id first; `some` says that `ids` are not all: others may be named then."""
    pairs = pl.DataFrame(schema={A: pl.String, B: pl.String})
    for path in accepted_file(folder):
        raw = read_table(path, COLUMNS, findings).rename({"a": A, "b": B})
        pairs = _checked(raw, ids, findings, some=some)
    return pairs


def _checked(raw: pl.DataFrame, ids: pl.Series, findings: Findings, *, some: bool) -> pl.DataFrame:
    named = pl.concat([raw[A], raw[B]]).drop_nulls().unique(maintain_order=True)
    unknown = [] if some else named.filter(~named.is_in(ids.implode())).sort().to_list()
    pairs = raw.drop_nulls().select(
        pl.min_horizontal(A, B).alias(A), pl.max_horizontal(A, B).alias(B)
    )
    _refuse(
        findings, "without-id", len(raw) - len(pairs), (),
        f"{plural(len(raw) - len(pairs), 'line')} of {FILE} without two ids; write both, or take "
        "the line out.",
    )  # fmt: skip
    _refuse(
        findings, "unknown", len(unknown), unknown,
        f"{FILE} names {plural(len(unknown), 'image')} that no row has: {listed(unknown)}; correct "
        "them, or take the lines out.",
    )  # fmt: skip
    alone = pairs.filter(pl.col(A) == pl.col(B))[A].unique(maintain_order=True).to_list()
    _refuse(
        findings, "of-one", len(alone), alone,
        f"{FILE} pairs {plural(len(alone), 'image')} with itself: {listed(alone)}; name two.",
    )  # fmt: skip
    twice = pairs.filter(pairs.is_duplicated()).unique(maintain_order=True)
    names = [f"{a} = {b}" for a, b in twice.iter_rows()]
    _refuse(
        findings, "twice", len(names), names,
        f"{FILE} has {plural(len(names), 'pair')} more than once: {listed(names)}; keep one line "
        "of each.",
    )  # fmt: skip
    return pairs.filter(pl.col(A) != pl.col(B)).unique(maintain_order=True)


def _refuse(findings: Findings, what: str, count: int, ids: Sequence[str], message: str) -> None:
    if count:
        findings.error(f"accepted-{what}", message, ids, count)
