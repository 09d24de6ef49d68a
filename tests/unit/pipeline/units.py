"""What tests of tasks and of their makers share: units made here and now, small tables by hand."""

import pickle
from inspect import signature

import numpy as np
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


def made(place, maker, /, *, stage, desk=None, settings=None, inputs=None, **arguments):
    """The unit that a maker leaves."""
    wanted = Wanted(
        stage=stage, settings=settings or {}, inputs=inputs or {}, recipe={}, seed=0
    )  # fmt: skip
    with making(place, wanted, desk) as draft:
        maker(draft, **arguments)
    return open_unit(place, stage)


def kept(folder, stage, tables, facts=None, **values):
    """A unit of these tables."""

    def write(draft):
        for name, table in tables.items():
            draft.parquet(name, table)
        draft.facts |= facts or {}

    return made(folder, write, stage=stage, **values)


def sample_table(**columns):
    """A sample table by hand; what is not named is lacking. Training rows, if not said otherwise."""
    size = len(columns["isic_id"])
    given = {"split": ["train"] * size, **columns}
    core = {name: given.get(name, [None] * size) for name in CORE}
    return pl.DataFrame(core | given, schema_overrides=STRINGS)


def pair_table(*pairs):
    """Duplicates by hand: with the same bytes."""
    rows = [(a, b, "bytes", *[None] * (len(PAIR_SCHEMA) - 3)) for a, b in pairs]
    return pl.DataFrame(rows, schema=PAIR_SCHEMA, orient="row")


def samples_of(folder, table, *pairs):
    return kept(folder, "verify", {SAMPLES: table, DUPLICATES: pair_table(*pairs)})


def folds_of(folder, table, folds, scheme="stratified_groups"):
    """Row for row these folds, of patients; null is held out never."""
    rows = table.select(
        "isic_id", pl.col("patient_id").alias("group_id"), "split", pl.Series("fold", folds),
        repeat=0,
    )  # fmt: skip
    rows = rows.select(*FOLD_COLUMNS).cast(pl.Schema(FOLD_COLUMNS)).sort("isic_id")
    return made(
        folder, save_folds, stage="folds", folds=rows, config=FoldConfig(scheme=scheme), seed=0
    )  # fmt: skip


def features_of(folder, samples, *families, none_too=False):
    config = FeatureConfig(families=families or ("raw", "categories"))
    return made(
        folder, build_features, stage="features", samples=samples.folder, config=config,
        none_too=none_too,
    )  # fmt: skip


def depends_on(task):
    """By what a finished unit is known to be the wanted one."""
    inputs = {
        name: one if isinstance(one, str) else (one.task.folder, one.file)
        for name, one in task.inputs.items()
    }
    return dict(task.settings), inputs


def check_travels(task):
    """Another process can carry it out: it is all picklable, named as asked, and of no call."""
    packed = pickle.dumps((task.make, dict(task.arguments)))
    assert b"pipeline.job" not in packed
    make, arguments = pickle.loads(packed)
    assert make is task.make
    assert ["draft", *arguments] == list(signature(make).parameters)
    assert arguments == dict(task.arguments)


def stack_table():
    """30 patients of three rows, folded by threes; beyond them two for a last look, two of a test.

    Age tells the target a little, and so does what the network of `block_of` says.
    """
    rng = np.random.default_rng(0)
    patient = np.arange(102) // 3
    target = (rng.random(102) < 0.3).astype(int)
    table = sample_table(
        isic_id=[f"r{number:03d}" for number in range(102)],
        patient_id=[f"p{number:02d}" for number in patient],
        target=[*target[:96].tolist(), *[None] * 6],
        split=np.select([patient < 30, patient < 32], ["train", "holdout"], "test").tolist(),
        age_approx=(50 + 5 * rng.normal(size=102) + 8 * target).tolist(),
        sex=rng.choice(["female", "male"], 102).tolist(),
    )
    folds = [int(number % 3) if number < 30 else None for number in patient]
    return table, folds, (rng.normal(size=102) + target).tolist()


def block_of(folder, table, folds, says, fold_hash, **facts):
    """A network's block: its rows stand in another order than the stack's."""
    columns = {
        "emb_net_0000": pl.Series(says, dtype=pl.Float64),
        "oof_net_probability": pl.Series(1 / (1 + np.exp(-np.array(says)))),
    }
    rows = table.select("isic_id", fold=pl.Series(folds, dtype=pl.Int16)).with_columns(**columns)
    held = rows.filter(pl.col("fold").is_not_null())
    outside = rows.filter(pl.col("fold").is_null())
    each = [
        outside.with_columns(
            fold=pl.lit(fold, dtype=pl.Int16),
            oof_net_probability=pl.col("oof_net_probability") * (1 - fold / 10),
        )
        for fold in sorted(set(held["fold"]))
    ]
    maker = (pl.lit("m") + pl.col("fold").cast(pl.String)).alias("maker")
    makers = {str(fold): f"m{fold}" for fold in sorted(set(held["fold"]))}
    oof = held.with_columns(maker).sample(fraction=1.0, shuffle=True, seed=1)
    test = pl.concat(each).with_columns(maker).reverse()
    return kept(folder, "embed", {"oof.parquet": oof, "test.parquet": test},
                {"fold_hash": fold_hash, "makers": makers, **facts})  # fmt: skip


def stack_units(folder, block=True):
    """The units of a stack by hand, by name, and its blocks."""
    table, folds, says = stack_table()
    samples = samples_of(folder / "samples", table)
    units = {
        "samples": samples,
        "folds": folds_of(folder / "folds", table, folds),
        "features": features_of(folder / "features", samples),
    }
    held_out = units["folds"].facts["fold_hash"]
    return units, [block_of(folder / "blocks" / "net", table, folds, says, held_out)] * block
