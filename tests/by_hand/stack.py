"""What a stack is made of: ninety rows in three folds, their features, a network's block."""

import numpy as np
import polars as pl

from tests.by_hand.units import features_of, folds_of, kept, sample_table, samples_of


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
