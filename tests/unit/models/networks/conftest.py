"""The bases that come with the project, and small tables of diagnoses."""

import tomllib

import polars as pl

from pipeline.recipe_files import RECIPES

PHASE = {"epochs": 2, "lr": 1e-3}


def base(name):
    """The values of recipes/networks/<name>.toml."""
    return tomllib.loads((RECIPES / "networks" / f"{name}.toml").read_text())


def table(rows):
    """(target, diagnosis) of each row."""
    return pl.DataFrame(rows, schema={"target": pl.Int8, "diagnosis": pl.String}, orient="row")
