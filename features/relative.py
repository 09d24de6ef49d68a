"""Patient-relative columns: z-scores and percentile ranks among the patient's own lesions.

The largest gain that public solutions report. Alone in a group: z 0 and rank 0.5, and the count
columns tell; all alike: z 0; missing: null, and the others as if it were not there.
"""

from functools import partial

import numpy as np

from features.columns import Columns, Grouping, by, needs, of_whom
from features.family import Family
from features.feature import Feature
from features.groups import ranks, z_scores
from features.references import FIRST_TEN, GUNES, SECOND_TENTH, TENTH
from features.request import Request, inputs_of
from features.rows import Rows
from workspace.arrays import Floats

_REFERENCES: dict[Grouping, str] = {
    "patient": FIRST_TEN,
    "location": SECOND_TENTH,
    "location_simple": SECOND_TENTH,
    "site": SECOND_TENTH,
    "tile": TENTH,
    "hospital": TENTH,
}


def z_features(request: Request) -> list[Feature]:
    """`pz_<column>[__by_<grouping>]`."""
    return [
        Feature(
            f"pz_{base}{by(over)}", "z", f"({base} - mean) / std over {of_whom(over)}",
            _REFERENCES[over], (*needs(over), *inputs_of(base)),
            partial(_z, base=base, over=over), base=base,
        )
        for over, base in _asked(request, request.settings.z_over)
    ]  # fmt: skip


def rank_features(request: Request) -> list[Feature]:
    """`pr_<column>[__by_<grouping>]`."""
    return [
        Feature(
            f"pr_{base}{by(over)}", "ranks", f"(rank of {base} - 1/2) / count over {of_whom(over)}",
            GUNES, (*needs(over), *inputs_of(base)),
            partial(_ranks, base=base, over=over), base=base,
        )
        for over, base in _asked(request, request.settings.ranks_over)
    ]  # fmt: skip


def _asked(request: Request, over: dict[Grouping, Columns]) -> list[tuple[Grouping, str]]:
    return [(grouping, base) for grouping, which in over.items() for base in request.base(which)]


def _z(rows: Rows, base: str, over: Grouping) -> Floats:
    # In the precision of the table at once: nobody computes with it further.
    return z_scores(rows.values(base), rows.groups(over), np.float32, rows.scale(base, over))


def _ranks(rows: Rows, base: str, over: Grouping) -> Floats:
    return ranks(rows.values(base), rows.groups(over))


Z = Family(
    "z",
    z_features,
    "How many spreads (ddof 1) from the mean of the patient's lesions. Alone or all alike "
    "(spread below 1e-6 of the group's mean, or of what the column is a difference of): 0.",
    setting="z_over",
    from_others=True,
)
RANKS = Family(
    "ranks",
    rank_features,
    "Percentile rank among the patient's lesions, ties shared. Alone: 0.5.",
    setting="ranks_over",
    from_others=True,
)
