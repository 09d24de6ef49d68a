"""What `make eda` measures of the table: rows, groups, columns by themselves and together.

Each number comes of a room that measures; here they are only put together to parts of the sheet.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from features.beside import numbers_beside
from features.correlations import spearman
from folds.explored import missing, positives_by_group, size_of_own_group, words_of
from folds.schema import CORE, HOSPITAL, ID, PATIENT, TARGET
from metrics.bootstrap import BootstrapConfig
from metrics.cohort import Cohort
from metrics.inputs import as_positive
from metrics.separability import separability
from metrics.shares import Share, auc_of_words, shares_by_level
from reports.eda.sheets import Correlations, Groups, Lacking, Number, Words
from workspace.arrays import Bools
from workspace.progress import Show

LEVELS = 12  # of a column of words: the commonest; all others are one
MATRIX = 20  # columns of the drawn matrix
ABOVE = 0.95  # a correlation that is named


@dataclass(frozen=True)
class Looked:
    """The rows that are looked at, by id, whose they are, and how intervals are drawn."""

    rows: pl.DataFrame
    whose: pl.Series | None  # None: nobody says
    cohort: Cohort
    draws: BootstrapConfig
    seed: int

    @property
    def positive(self) -> Bools:
        return as_positive(self.rows[TARGET].to_numpy())

    @property
    def own_groups(self) -> pl.Series:
        """Whose each row is; where nobody says, each is its own."""
        return self.rows[ID] if self.whose is None else self.whose


def share_of_all(looked: Looked) -> Share:
    """The share of positives."""
    words = ["all rows"] * len(looked.rows)
    [share] = shares_by_level(looked.positive, words, looked.cohort, looked.draws)
    return share


def lacking(looked: Looked) -> list[Lacking]:
    """The columns with gaps, the emptiest first."""
    found: list[Lacking] = []
    for one in missing(looked.rows):
        if one["missing"] == 0:
            continue
        column = looked.rows[one["column"]]
        gaps = column.is_null() | (column.is_nan() if column.dtype.is_float() else False)
        known = gaps.fill_null(value=True).replace_strict({True: "without", False: "having"})
        shares = shares_by_level(looked.positive, known, looked.cohort, looked.draws)
        by = {share["level"]: share for share in shares}
        found.append({**one, "without": by.get("without"), "having": by.get("having")})
    return sorted(found, key=lambda one: (-one["missing"], one["column"]))


def groups(looked: Looked) -> Groups | None:
    """By patient or lesion; None where nobody says whose rows are."""
    if looked.whose is None:
        return None
    sizes = looked.whose.value_counts(name="n")["n"]
    bins = size_of_own_group(looked.whose)
    shares = shares_by_level(looked.positive, bins, looked.cohort, looked.draws)
    order = {word: place for place, word in enumerate(words_of())}
    return {
        "median": float(np.median(sizes.to_numpy())),
        "largest": int(np.max(sizes.to_numpy())),
        "sizes": sorted(shares, key=lambda share: order[share["level"]]),
        "positives": positives_by_group(looked.rows, looked.whose),
    }


def hospitals(looked: Looked) -> Words | None:
    """None where no hospital is known, or one alone."""
    return words(looked, HOSPITAL) if looked.rows[HOSPITAL].drop_nulls().n_unique() > 1 else None


def described(looked: Looked) -> list[str]:
    """The clinical columns."""
    return [name for name in looked.rows.columns if name not in CORE]


def categories(looked: Looked) -> list[Words]:
    """Every clinical column of words."""
    rows = looked.rows
    return [words(looked, name) for name in described(looked) if rows[name].dtype == pl.String]


def words(looked: Looked, name: str) -> Words:
    """One column of words."""
    column = looked.rows[name]
    counted = column.drop_nulls().value_counts(name="n")
    common = counted.sort("n", name, descending=[True, False])
    rare = common[name].to_list()[LEVELS:]
    others = {word: f"{len(rare)} others" for word in rare}
    return {
        "name": name,
        "distinct": len(common),
        "levels": shares_by_level(
            looked.positive, column.replace(others), looked.cohort, looked.draws
        ),
        "elsewhere": auc_of_words(
            looked.positive, column, looked.cohort, looked.draws, looked.seed
        ),
    }


def numbers(looked: Looked, show: Show) -> list[Number]:
    """Every number by itself, and beside its z-score within the patient, the best first."""
    ids, columns = numbers_beside(looked.rows)
    assert ids.equals(looked.rows[ID])
    found: list[Number] = []
    for at, one in enumerate(columns, start=1):
        sheet = separability(looked.positive, one.values, looked.cohort, looked.draws, one.relative)
        gaps = int(np.count_nonzero(~np.isfinite(one.values)))
        found.append({**sheet, "name": one.name, "missing": gaps})
        show(at, len(columns))
    return sorted(found, key=lambda one: (-_worth(one), one["name"]))


def correlations(looked: Looked, found: list[Number]) -> Correlations | None:
    """Of all numbers; the matrix of the best. None where there are not two."""
    _, columns = numbers_beside(looked.rows)
    if len(columns) < 2:
        return None
    names, matrix = [one.name for one in columns], spearman([one.values for one in columns])
    at = [names.index(one["name"]) for one in found[:MATRIX]]
    pairs = [
        (names[i], names[j], float(matrix[i, j]))
        for i in range(len(names))
        for j in range(i + 1, len(names))
        if abs(matrix[i, j]) > ABOVE
    ]
    return {
        "n": len(looked.rows),
        "names": [names[i] for i in at],
        "matrix": [[_known(matrix[i, j]) for j in at] for i in at],
        "above": ABOVE,
        "pairs": sorted(pairs, key=lambda pair: (-abs(pair[2]), pair[:2])),
    }


def are_compared(looked: Looked) -> bool:
    """Whether patients are known, within whom numbers can be compared."""
    return looked.rows[PATIENT].null_count() < len(looked.rows)


def _worth(one: Number) -> float:
    value = one["auc"] and one["auc"]["value"]
    return value or 0.0


def _known(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)
