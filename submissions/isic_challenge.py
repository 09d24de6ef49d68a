"""A prediction in the form that ISIC's challenges of 2018 and 2019 score (isic-challenge-scoring).

A row a picture, a column a category, each a probability from 0 to 1 written with its decimal point:
the scorer refuses whole numbers, missing or further columns, empty cells and names that it has
twice, once `.jpg` is taken off them.
"""

import re
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from workspace.arrays import Floats
from workspace.errors import ConfigError, DataError, listed, name_some

FILE = "isic_challenge.csv"
IMAGE = "image"
CATEGORIES = ("MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC")  # of 2018, task 3
_SUFFIX = re.compile(r"\.jpg$", re.IGNORECASE)
EMPTY = ("", "nan", "null", "none", "na", "n/a")  # what a reader of tables takes for no name


def categories_of(classes: Sequence[str], named: Mapping[str, str]) -> dict[str, str] | None:
    """Each category's class: as a recipe names it, or where names agree ignoring case.

    None where some category has no class, so that nothing can be handed in.
    """
    unknown = sorted(set(named) - set(CATEGORIES))
    if unknown:
        raise ConfigError(
            f"predict.challenge names {name_some(unknown)}, which is no category of the challenge; "
            f"there are {', '.join(CATEGORIES)}."
        )
    own = {name.lower(): name for name in classes}
    found = {key: named.get(key, own.get(key.lower(), "")) for key in CATEGORIES}
    return found if set(found.values()) <= set(classes) else None


def challenge_table(
    ids: Sequence[str], probability: ArrayLike, classes: Sequence[str],
    categories: Mapping[str, str],
) -> pl.DataFrame:  # fmt: skip
    """The rows as they are handed in; a picture is called by its name without its folders."""
    shares: Floats = np.clip(np.asarray(probability, np.float64), 0.0, 1.0)
    if not np.isfinite(shares).all():
        raise DataError("The probabilities hold NaN or infinity; ISIC's scorer takes none.")
    names = [_SUFFIX.sub("", name.rsplit("/", 1)[-1]) for name in ids]
    twice = [name for number, name in enumerate(names) if name in set(names[:number])]
    if twice:
        raise DataError(
            f"Several pictures are called {listed(list(dict.fromkeys(twice)))}, and ISIC's scorer "
            "tells them by their names alone; rename them."
        )
    empty = [name for name in names if name.lower() in EMPTY]
    if empty:
        raise DataError(f"ISIC's scorer takes {listed(empty)} for no name; rename the picture.")
    column = {name: number for number, name in enumerate(classes)}
    return pl.DataFrame(
        {IMAGE: names} | {key: shares[:, column[name]] for key, name in categories.items()}
    )
