"""Every family of columns, in the order in which their columns stand in the table.

A new family is a file beside these and a line in this list.
"""

from features import aggregates, categories, context, counts, lesion, relative, ugly_duckling
from features.family import Family

FAMILIES: tuple[Family, ...] = (
    categories.RAW,
    categories.CATEGORIES,
    categories.PROVENANCE,
    lesion.LESION,
    lesion.COLOUR_PAIRS,
    relative.Z,
    relative.RANKS,
    ugly_duckling.UGLY_DUCKLING,
    counts.COUNTS,
    aggregates.AGGREGATES,
    context.CONTEXT,
    context.OUTLIER,
)
