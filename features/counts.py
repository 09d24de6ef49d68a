"""Counts: how many lesions a patient has, in all and of one kind, and on how many visits.

A visit is one value of the patient's age: the table has no dates, and ages come in steps of five
years.
"""

from collections.abc import Callable

import numpy as np

from features.columns import GROUPINGS, Grouping, by, needs, of_whom
from features.family import Family
from features.feature import Feature
from features.references import FIRST_TEN, TENTH
from features.request import Request
from features.rows import Rows
from folds.schema import AGE, PATIENT
from workspace.arrays import Floats

_VISITS = {
    "visit": "age - the patient's least age",
    "visits": "number of the patient's ages",
    "lesions_per_visit": "the patient's lesions / visits",
    "lesions_this_visit": "the patient's lesions of this age",
}


def features(request: Request) -> list[Feature]:
    """`ct_lesions[__by_<grouping>]` and the visits, whatever groupings other families use."""
    del request  # counts cost nothing
    lesions = [
        Feature(f"ct_lesions{by(over)}", "counts", f"number of {of_whom(over)}",
                FIRST_TEN if over == "patient" else TENTH, needs(over), _lesions(over))
        for over in GROUPINGS
    ]  # fmt: skip
    visits = [
        Feature(f"ct_{name}", "counts", text, TENTH, (PATIENT, AGE), _visits(name), "E")
        for name, text in _VISITS.items()
    ]
    return [*lesions, *visits]


def _lesions(over: Grouping) -> Callable[[Rows], Floats]:
    def make(rows: Rows) -> Floats:
        groups = rows.groups(over)
        return groups.spread_out(groups.counts.astype(float))

    return make


def _visits(name: str) -> Callable[[Rows], Floats]:
    def make(rows: Rows) -> Floats:
        return rows.once("visits", lambda: _all_visits(rows))[name]

    return make


def _all_visits(rows: Rows) -> dict[str, Floats]:
    """By name: a row without an age is on no visit, and a patient without one has none."""
    ages, patients, visits = rows.values(AGE), rows.groups("patient"), rows.visits
    known = np.isfinite(ages)
    first = visits.order[visits.starts]  # a row of each visit
    of_patient = np.bincount(patients.codes[first[known[first]]], minlength=patients.size)
    number = patients.spread_out(of_patient.astype(np.float64))
    lesions = patients.spread_out(patients.counts.astype(np.float64))
    together = visits.spread_out(visits.counts.astype(np.float64))
    with np.errstate(divide="ignore"):  # lesions on no visit: infinite, so missing
        each = lesions / number
    return {
        "visit": ages - patients.spread_out(patients.reduce(np.fmin, ages)),
        "visits": number,
        "lesions_per_visit": each,
        "lesions_this_visit": np.where(known, together, np.nan),
    }


COUNTS = Family(
    "counts",
    features,
    "How many lesions and visits; a visit is one value of the patient's age. They say "
    "whether a z-score of 0 means alone.",
    from_others=True,
)
