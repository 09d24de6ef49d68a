"""What is blended: one out-of-fold score a row from each member, checked and joined by id.

Reads the rows that the folds hold out and a table of each member (id, fold of the model that gave
the score, score). Of unseen rows a member has a score from the models of every fold.
"""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from folds.groups import GROUP
from folds.schema import ID, TARGET
from stacking.blending.config import BLENDS, BlendConfig
from stacking.blending.percentiles import Reference
from stacking.matrix import NEVER
from stacking.oof import check_oof
from stacking.use import FOLD, SCORE
from workspace.arrays import Floats, Ints
from workspace.errors import ArtifactError, ConfigError, listed, shorten

STACK = "stack"
COLUMN = "member_"  # before a member's name, which may be any word


@dataclass(frozen=True)
class Scores:
    """Some rows as members see them: scores, and what makes percentiles among their fold's rows."""

    raw: Floats  # (members, rows)
    doubled_ranks: Floats  # (members, rows)
    doubled_counts: Floats  # (rows,)

    @property
    def percentiles(self) -> Floats:
        """(members, rows): from 0 to 1."""
        return self.doubled_ranks / self.doubled_counts


@dataclass(frozen=True)
class Members:
    """The rows by id, and what each member, by name, says of them."""

    names: tuple[str, ...]
    rows: pl.DataFrame  # ID, fold, target, group
    raw: Floats  # (members, rows)

    @cached_property
    def folds(self) -> Ints:
        """The fold that holds each row out."""
        return self.rows[FOLD].to_numpy().astype(np.int64)

    @cached_property
    def target(self) -> Ints:
        """0 or 1 for each row."""
        return self.rows[TARGET].to_numpy().astype(np.int64)

    @cached_property
    def fold_numbers(self) -> tuple[int, ...]:
        """Lowest first."""
        return tuple(np.unique(self.folds).tolist())

    @cached_property
    def scores(self) -> Scores:
        """All rows, each ranked among the rows of its own fold."""
        ranks, counts = np.empty_like(self.raw), np.empty(len(self.rows))
        for fold in self.fold_numbers:
            held = self.folds == fold
            counts[held] = 2 * np.count_nonzero(held)
            for number, reference in enumerate(self.references[fold]):
                ranks[number, held] = reference.doubled_ranks_of(self.raw[number, held])
        return Scores(self.raw, ranks, counts)

    @cached_property
    def references(self) -> Mapping[int, tuple[Reference, ...]]:
        """By fold, each member's scores of the rows that the fold holds out."""
        return {
            fold: tuple(Reference.of(member[self.folds == fold]) for member in self.raw)
            for fold in self.fold_numbers
        }

    def scored_by(self, fold: int, raw: Floats) -> Scores:
        """Unseen rows, scored by this fold's models: ranked among the rows it holds out."""
        references = self.references[fold]
        ranks = [one.doubled_ranks_of(row) for one, row in zip(references, raw, strict=True)]
        counts = np.full(raw.shape[1], float(references[0].doubled_count))
        return Scores(raw, np.stack(ranks), counts)

    def select(self, names: Sequence[str]) -> "Members":
        """The same rows with these members alone."""
        some = tuple(sorted(names))
        return Members(some, self.rows, self.raw[[self.names.index(name) for name in some]])

    def table(self) -> pl.DataFrame:
        """All of it as one table: the rows, and a column of each member."""
        scores = [pl.Series(f"{COLUMN}{n}", r) for n, r in zip(self.names, self.raw, strict=True)]
        return self.rows.hstack(scores)

    @classmethod
    def of_table(cls, table: pl.DataFrame, names: Sequence[str]) -> "Members":
        """What `table` gave, to the bit."""
        raw = np.stack([table[f"{COLUMN}{name}"].to_numpy() for name in names])
        return cls(tuple(names), table.select(ID, FOLD, TARGET, GROUP), raw)


def join_members(rows: pl.DataFrame, tables: Mapping[str, pl.DataFrame]) -> Members:
    """Each member's score of each row that a fold holds out, or a refusal with the ids.

    `rows` has id, fold, target and group; a table has id, fold and score. Rows are sorted by id
    and members by name, so that no order of theirs changes a result.
    """
    taken = sorted(set(tables) & set(BLENDS))
    if taken:
        raise ConfigError(f"A member is called '{taken[0]}', as a blend is; name it otherwise.")
    assert tables
    held = rows.filter(pl.col(FOLD) != NEVER).select(ID, FOLD, TARGET, GROUP).sort(ID)
    names = tuple(sorted(tables))
    raw = []
    for name in names:
        check_oof(tables[name], held, f"member {name}")
        raw.append(_by_id(held, tables[name], name))
    return Members(names, held, np.stack(raw))


def join_unseen(
    members: Members, ids: pl.Series, tables: Mapping[str, pl.DataFrame],
    folds: Sequence[int] | None = None,
) -> dict[int, Floats]:  # fmt: skip
    """By fold, (members, rows): what its models say of unseen rows, as `ids` has them.

    A table has id, fold and score: a row for each id and fold. `folds`: those that had time.
    """
    absent = sorted(set(members.names) - set(tables))
    if absent:
        raise ArtifactError(
            f"Member {absent[0]} has no scores of rows outside the folds; finish the stage that "
            "makes them."
        )
    wanted = pl.DataFrame({ID: ids}, schema={ID: pl.String})
    by_fold = {}
    for fold in members.fold_numbers if folds is None else folds:
        raw = []
        for name in members.names:
            scored = tables[name].filter(pl.col(FOLD) == fold)
            _check_ids(wanted, scored, f"member {name}, fold {fold}")
            raw.append(_by_id(wanted, scored, name))
        by_fold[fold] = np.stack(raw)
    return by_fold


def blended_members(members: Members, config: BlendConfig) -> Members:
    """The members that the recipe names, or all."""
    for name in config.members:
        if name not in members.names:
            near = difflib.get_close_matches(name, members.names, 1)
            raise ConfigError(
                f"blend.members names '{shorten(name)}', which is no member; there are "
                f"{', '.join(members.names)}" + (f"; meant {near[0]}?" if near else ".")
            )
    names = tuple(dict.fromkeys(config.members)) or members.names
    return members.select(names)


def _check_ids(wanted: pl.DataFrame, scored: pl.DataFrame, where: str) -> None:
    repeated = scored.filter(scored[ID].is_duplicated())[ID].unique().sort().to_list()
    lacking = wanted.join(scored, on=ID, how="anti")[ID].sort().to_list()
    strange = scored.join(wanted, on=ID, how="anti")[ID].sort().to_list()
    for ids, words in (
        (lacking, "lack images"),
        (repeated, "have images more than once"),
        (strange, "have images that nobody asked for"),
    ):
        if ids:
            raise ArtifactError(
                f"Scores of {where} outside the folds {words}: {listed(ids)}; make them anew."
            )


def _by_id(rows: pl.DataFrame, table: pl.DataFrame, name: str) -> Floats:
    """The member's scores in the order of the rows; each must be a probability."""
    joined = rows.select(ID).join(
        table.select(ID, pl.col(SCORE).cast(pl.Float64)),
        on=ID,
        how="left",
        validate="1:1",
        maintain_order="left",
    )
    score = joined[SCORE]
    for wrong, words in (
        (~score.is_finite().fill_null(value=False), "that are no number"),
        ((score < 0) | (score > 1), "outside 0 to 1"),
    ):
        if wrong.any():
            ids = joined.filter(wrong)[ID].sort().to_list()
            raise ArtifactError(
                f"Member {name} has scores {words} for images {listed(ids)}; a member gives each "
                "image a probability."
            )
    return score.to_numpy()
