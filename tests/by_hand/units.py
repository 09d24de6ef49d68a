"""Units written here and now, of tables that a test states: any, or as a stage leaves them."""

from pathlib import Path

import polars as pl

from features.config import FeatureConfig
from folds.audit.duplicates import PAIR_SCHEMA
from folds.frozen import save_folds
from folds.schema import CORE
from folds.split import FOLD_COLUMNS, FoldConfig
from pipeline.feature_table import build_features
from pipeline.samples import DUPLICATES, SAMPLES
from workspace.manifest import Wanted
from workspace.units import making, open_unit

STRINGS = dict.fromkeys(CORE, pl.String) | {"target": pl.Int8}


def drafting(place, stage, *, desk=None, settings=None, inputs=None, of_recipe=None):
    """The draft of a unit, for the test to fill."""
    wanted = Wanted(
        stage=stage, settings=settings or {}, inputs=inputs or {}, recipe=of_recipe or {}, seed=0
    )
    return making(place, wanted, desk)


def made(
    place, maker, /, *, stage, desk=None, settings=None, inputs=None, of_recipe=None, **arguments
):
    """The unit that a maker leaves."""
    given = {"desk": desk, "settings": settings, "inputs": inputs, "of_recipe": of_recipe}
    with drafting(place, stage, **given) as draft:
        maker(draft, **arguments)
    return open_unit(place, stage)


def kept(folder, stage, tables, facts=None):
    """A unit of these tables."""
    with drafting(folder, stage) as draft:
        for name, table in tables.items():
            draft.parquet(name, table)
        draft.facts |= facts or {}
    return open_unit(folder, stage)


def sample_table(**columns):
    """A sample table; what is not named is lacking, and the split is `train`."""
    size = len(columns["isic_id"])
    given = {"split": ["train"] * size, **columns}
    core = {name: given.get(name, [None] * size) for name in CORE}
    return pl.DataFrame(core | given, schema_overrides=STRINGS)


def pair_table(*pairs):
    """Duplicates by hand: with the same bytes."""
    rows = [(a, b, "bytes", *[None] * (len(PAIR_SCHEMA) - 3)) for a, b in pairs]
    return pl.DataFrame(rows, schema=PAIR_SCHEMA, orient="row")


def samples_of(folder, table, *pairs):
    """As `make verify` leaves it: `pairs` are duplicates."""
    return kept(folder, "verify", {SAMPLES: table, DUPLICATES: pair_table(*pairs)})


def folds_of(folder, table, folds, **config):
    """Row for row these folds, of patients; null is held out never. In the table's order."""
    rows = table.select(
        "isic_id", pl.col("patient_id").alias("group_id"), "split", pl.Series("fold", folds),
        repeat=0,
    )  # fmt: skip
    rows = rows.select(*FOLD_COLUMNS).cast(pl.Schema(FOLD_COLUMNS))
    return made(
        folder, save_folds, stage="folds", folds=rows, config=FoldConfig(**config), seed=0
    )  # fmt: skip


def features_of(folder, samples, *families, none_too=False):
    config = FeatureConfig(families=families or ("raw", "categories"))
    return made(
        folder, build_features, stage="features", samples=samples.folder, config=config,
        none_too=none_too,
    )  # fmt: skip


def files_in(folder):
    """Every file below with its bytes, to see that nothing was written."""
    return {p.relative_to(folder): p.read_bytes() for p in Path(folder).rglob("*") if p.is_file()}


def wanted_by(job, stage, settings, inputs):
    """What a call wants of a unit."""
    return Wanted(
        stage=stage, settings=settings, inputs=inputs,
        recipe=job.recipe.resolved(), seed=job.recipe.seed,
    )  # fmt: skip
