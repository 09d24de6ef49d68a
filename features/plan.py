"""Which columns a recipe gives on a source: every family's list, less what the source lacks."""

import re

from features.families import FAMILIES
from features.feature import Feature
from features.request import Request


def planned(request: Request) -> list[Feature]:
    """The columns in their order; LightGBM allows no more than these letters in a name."""
    asked = [family for family in FAMILIES if family.name in request.settings.families]
    listed = [made for family in asked for made in family.features(request)]
    there = [feature for feature in listed if request.there(feature.inputs)]
    names = [feature.name for feature in there]
    assert len(set(names)) == len(names), "two features of one name"
    assert all(re.fullmatch("[A-Za-z0-9_]+", name) for name in names), "a name LightGBM refuses"
    return there
