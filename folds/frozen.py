"""folds.parquet: written once, checked at every load, never made again silently.

The file explains itself: scheme, seed, scikit-learn version and a hash of its content travel
inside it. Another library version would draw other folds from the same seed, so the version is
kept with the folds and a later one leaves them as they are.
"""

import hashlib
import json
from importlib import metadata

import polars as pl

from folds.groups import check_disjoint
from folds.schema import ID, SPLIT, TRAIN
from folds.split import FOLD_COLUMNS, LEAKY, FoldConfig
from workspace.errors import ArtifactError, listed
from workspace.units import Draft, Unit

FILE = "folds.parquet"


def fold_hash(folds: pl.DataFrame) -> str:
    """SHA-256 of the rows as text in sorted order: the same on every machine and version."""
    text = folds.select(*FOLD_COLUMNS).sort("repeat", ID).write_csv(null_value="-")
    return hashlib.sha256(text.encode()).hexdigest()


def save_folds(draft: Draft, folds: pl.DataFrame, config: FoldConfig, seed: int) -> dict[str, str]:
    """Write the file and its facts; returns the facts."""
    if config.scheme not in LEAKY:
        check_disjoint(folds)
    facts = {
        "fold_hash": fold_hash(folds),
        "scheme": config.scheme,
        "seed": str(seed),
        "scikit_learn": metadata.version("scikit-learn"),
        "config": json.dumps(config.model_dump(), sort_keys=True),
    }
    draft.parquet(FILE, folds, facts)
    draft.facts.update(facts)
    return facts


def load_folds(unit: Unit, samples: pl.DataFrame) -> pl.DataFrame:
    """The folds, after the file, its rows, its groups and its ids have been checked."""
    folds, facts = unit.parquet(FILE), unit.parquet_facts(FILE)
    if dict(folds.schema) != FOLD_COLUMNS:
        raise ArtifactError(
            f"{FILE} does not have the columns {list(FOLD_COLUMNS)}; run 'make folds FRESH=1'."
        )
    if facts.get("scheme") not in LEAKY:
        check_disjoint(folds)
    if not fold_hash(folds) == facts.get("fold_hash") == unit.facts["fold_hash"]:
        raise ArtifactError(
            f"{FILE} does not match the hash it was written with; restore it, or run "
            "'make folds FRESH=1'."
        )
    _check_ids(folds, samples)
    return folds


def splits(folds: pl.DataFrame, repeat: int = 0) -> list[tuple[int, pl.Series, pl.Series]]:
    """(fold, training ids, held-out ids) of one repeat; holdout and test rows are in neither."""
    rows = folds.filter((pl.col("repeat") == repeat) & (pl.col(SPLIT) == TRAIN))
    numbers = rows["fold"].drop_nulls().unique().sort().to_list()
    held = [rows["fold"].eq_missing(number) for number in numbers]
    return [
        (number, rows.filter(~out)[ID], rows.filter(out)[ID])
        for number, out in zip(numbers, held, strict=True)
    ]


def _check_ids(folds: pl.DataFrame, samples: pl.DataFrame) -> None:
    for _, rows in folds.group_by("repeat", maintain_order=True):
        only = [rows.join(samples, on=ID, how="anti"), samples.join(rows, on=ID, how="anti")]
        strange = sorted(name for side in only for name in side[ID].to_list())
        if strange or len(rows) != len(samples):
            raise ArtifactError(
                f"{FILE} and samples.parquet do not hold the same images: "
                f"{listed(strange)}; run 'make folds FRESH=1'."
            )
