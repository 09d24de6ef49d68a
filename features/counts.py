"""Counts: how many lesions a patient has, in all and of one kind, and on how many visits.

A visit is one value of the patient's age: the table has no dates, and ages come in steps of five
years.
"""

from collections.abc import Callable

import polars as pl

from features.config import GROUPINGS, Grouping
from features.feature import FIRST_TEN, TENTH, Feature, Floats, by, needs, of_whom
from features.request import Request
from features.rows import Rows
from folds.schema import AGE, PATIENT

_AGE = pl.col(AGE)
_CODE = "patient_code"
_DISTINCT = _AGE.drop_nulls().n_unique().over(_CODE)
_VISITS: dict[str, tuple[str, pl.Expr]] = {
    "visit": ("age - the patient's least age", _AGE - _AGE.min().over(_CODE)),
    "visits": ("number of the patient's ages", _DISTINCT),
    "lesions_per_visit": (
        "the patient's lesions / visits",
        pl.when(_DISTINCT > 0).then(pl.len().over(_CODE) / _DISTINCT),
    ),
    "lesions_this_visit": (
        "the patient's lesions of this age",
        pl.when(_AGE.is_not_null()).then(pl.len().over(_CODE, AGE)),
    ),
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
        for name, (text, _) in _VISITS.items()
    ]
    return [*lesions, *visits]


def _lesions(over: Grouping) -> Callable[[Rows], Floats]:
    def make(rows: Rows) -> Floats:
        groups = rows.groups(over)
        return groups.spread_out(groups.counts.astype(float))

    return make


def _visits(name: str) -> Callable[[Rows], Floats]:
    def make(rows: Rows) -> Floats:
        return rows.once("visits", lambda: _all_visits(rows))[name].cast(pl.Float64).to_numpy()

    return make


def _all_visits(rows: Rows) -> pl.DataFrame:
    """Whole numbers only, so that no order of summing can show."""
    ages = rows.frame.lazy().select(pl.col(AGE).fill_nan(None), pl.Series(_CODE, rows.patients))
    wanted = {name: expression.cast(pl.Float64) for name, (_, expression) in _VISITS.items()}
    return ages.select(**wanted).collect()
