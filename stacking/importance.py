"""What the boosters look at: gain and SHAP of each column, over folds."""

from collections.abc import Mapping

import polars as pl

from workspace.units import Unit

FILE = "importance.parquet"


def over_folds(units: Mapping[int, Unit]) -> pl.DataFrame:
    """Mean share of gain, mean absolute SHAP (log odds) and its spread, highest first."""
    tables = [unit.parquet(FILE) for unit in units.values()]
    return (
        pl.concat(tables)
        .group_by("column")
        .agg(
            pl.col("gain").mean(),
            pl.col("shap").mean(),
            pl.col("shap").std().alias("shap_sd_over_folds"),
        )
        .sort("shap", "gain", "column", descending=[True, True, False])
    )
