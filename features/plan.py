"""Which columns a recipe gives on a source: every family's list, less what the source lacks."""

import re
from collections.abc import Callable, Mapping
from functools import partial

from features import (
    aggregates,
    categories,
    context,
    counts,
    lesion,
    relative,
    ugly_duckling,
)
from features.config import Family
from features.feature import Feature
from features.request import Request

# In the order in which their columns stand in the table.
_LISTS: Mapping[Family, Callable[[Request], list[Feature]]] = {
    "raw": categories.raw_features,
    "categories": partial(categories.code_features, family="categories"),
    "provenance": partial(categories.code_features, family="provenance"),
    "lesion": lambda _: lesion.features("lesion"),
    "colour_pairs": lambda _: lesion.features("colour_pairs"),
    "z": relative.z_features,
    "ranks": relative.rank_features,
    "ugly_duckling": ugly_duckling.features,
    "counts": counts.features,
    "aggregates": aggregates.features,
    "context": context.features,
    "outlier": context.outlier_features,
}


def planned(request: Request) -> list[Feature]:
    """The columns in their order; LightGBM allows no more than these letters in a name."""
    listed = [made for family in request.config.families for made in _LISTS[family](request)]
    there = [feature for feature in listed if request.there(feature.inputs)]
    names = [feature.name for feature in there]
    assert len(set(names)) == len(names), "two features of one name"
    assert all(re.fullmatch("[A-Za-z0-9_]+", name) for name in names), "a name LightGBM refuses"
    return there
