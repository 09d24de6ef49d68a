"""The table's words as whole numbers, by those that the fit saw, and its numbers as read.

Code 0 is for what the fit knows nothing about: a word it never saw, or no word. The others are
1, 2, ... in the order of the sorted words.
"""

from collections.abc import Callable, Sequence
from functools import partial

import polars as pl

from features.family import Family
from features.feature import Feature
from features.references import FIRST_TEN, TABLE
from features.request import Request
from features.rows import Rows
from folds.findings import Findings, plural
from folds.schema import HOSPITAL, SITE
from workspace.arrays import Floats, Ints
from workspace.errors import name_some

UNKNOWN = 0
LOCATION = "tbp_lv_location"
SITE_LOCATION = "site_location"  # two columns as one word

# They tell the hospital or the table a row came from, which says nothing of another hospital.
TELLS_ORIGIN = (HOSPITAL, "copyright_license", "image_type", "dataset")


def code_features(request: Request, family: str) -> list[Feature]:
    """`cat_<column>`; provenance apart, because a recipe must ask for it."""
    words = request.of_kind("category")
    ours = [name for name in words if (name in TELLS_ORIGIN) == (family == "provenance")]
    hospital = [HOSPITAL] if family == "provenance" else []
    made = [
        Feature(
            f"cat_{name}", family, f"code of {name}, 0 for unknown", TABLE, (name,),
            _codes(name), coded=name,
        )
        for name in (*hospital, *ours)
    ]  # fmt: skip
    if family == "categories":
        text = f"code of {SITE} and {LOCATION} together, 0 for unknown"
        made.append(
            Feature(f"cat_{SITE_LOCATION}", family, text, FIRST_TEN, (SITE, LOCATION),
                    _codes(SITE_LOCATION), coded=SITE_LOCATION)
        )  # fmt: skip
    return made


def raw_features(request: Request) -> list[Feature]:
    """`meta_<column>`: every number of the table."""
    return [
        Feature(f"meta_{name}", "raw", name, TABLE, (name,), partial(_value, name=name), base=name)
        for name in request.of_kind("number")
    ]


def _value(rows: Rows, name: str) -> Floats:
    return rows.values(name)


def category_codes(samples: pl.DataFrame, name: str) -> tuple[str, ...]:
    """The words of a column that occur, sorted: the first has code 1."""
    return tuple(samples.select(_word(name)).to_series().drop_nulls().unique().sort().to_list())


def notice_unseen(samples: pl.DataFrame, name: str, known: Sequence[str], where: str,
                  findings: Findings) -> None:  # fmt: skip
    """Say how many rows have a word that the fit never saw."""
    words = samples.select(_word(name)).to_series().drop_nulls()
    unseen = words.filter(~words.is_in(list(known)))
    if len(unseen):
        findings.notice(
            "unseen-category",
            f"{plural(len(unseen), 'row')} of {where} whose {name} the features were not fitted on "
            f"({name_some(unseen.unique().sort().to_list())}) coded as unknown.",
            count=len(unseen),
        )


def _word(name: str) -> pl.Expr:
    if name == SITE_LOCATION:
        return pl.concat_str(SITE, LOCATION, separator=", ").alias(name)
    return pl.col(name).cast(pl.String)


def _codes(name: str) -> Callable[[Rows], Ints]:
    def make(rows: Rows) -> Ints:
        known = rows.category_codes[name]
        code = _word(name).replace_strict(
            list(known), list(range(1, len(known) + 1)), default=UNKNOWN, return_dtype=pl.Int64
        )
        return rows.frame.select(code).to_series().fill_null(UNKNOWN).to_numpy()

    return make


RAW = Family(
    "raw", raw_features, "Every number of the table, as read; of another source's table likewise."
)
CATEGORIES = Family(
    "categories",
    partial(code_features, family="categories"),
    "Words as numbers: 0 for a word that the fit never saw and for none, else the "
    "place among the sorted words. Another source's words become `cat_<column>` too.",
)
PROVENANCE = Family(
    "provenance",
    partial(code_features, family="provenance"),
    "What tells the hospital or table a row came from.",
    on_request=True,
)
