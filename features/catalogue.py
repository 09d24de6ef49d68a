"""Every column that can be had, as a page: name, formula, where it was read, its group.

Written from the same lists that the build works through, so that the page cannot tell otherwise.
`python -m features.catalogue` prints it.
"""

from collections.abc import Iterable
from itertools import groupby

from features.config import FAMILIES, GROUPINGS, ON_REQUEST, Family, FeatureConfig
from features.feature import Feature, Kind
from features.plan import planned
from features.request import CORE, NOT_RELATIVE, Request
from folds.schema import HOSPITAL, PATIENT
from folds.sources.isic2024_columns import ATTRIBUTION, TEST_COLUMNS

TOLD: dict[Family, str] = {
    "raw": "Every number of the table, as read; of another source's table likewise.",
    "categories": "Words as numbers: 0 for a word that the fit never saw and for none, else the "
    "place among the sorted words. Another source's words become `cat_<column>` too.",
    "provenance": "What tells the hospital or table a row came from.",
    "lesion": "One lesion's own measurements, by the ABCDE rule (A asymmetry, B border, C colour, "
    "D diameter). A ratio by zero is null; the public 1e-5 in denominators is left out.",
    "colour_pairs": "Ratio and difference of colours within the lesion, within the skin around "
    "it, and of one against the other.",
    "z": "How many spreads (ddof 1) from the mean of the patient's lesions. Alone or all alike "
    "(spread below 1e-6 of the group's mean): 0.",
    "ranks": "Percentile rank among the patient's lesions, ties shared. Alone: 0.5.",
    "ugly_duckling": "Of the |z| of the `main` columns of one lesion, in its group.",
    "counts": "How many lesions and visits; a visit is one value of the patient's age. They say "
    "whether a z-score of 0 means alone.",
    "aggregates": "What the patient's lesions are like. The std of one value and the skew of "
    "fewer than three are null, of values all alike 0; a ratio by what is zero but for float "
    "noise is null.",
    "context": "A lesion among the patient's other lesions; distances are null without others; a "
    "lone lesion is its own anchor.",
    "outlier": "How much sparser it is around a lesion than around its neighbours.",
}


def every_feature() -> list[Feature]:
    """All families over all groupings on the ISIC 2024 table, by patient over `main`."""
    over = {**dict.fromkeys(GROUPINGS, "core"), "patient": "main"}
    config = FeatureConfig.model_validate(
        {
            "families": FAMILIES,
            "z_over": over,
            "ranks_over": over,
            "ugly_over": GROUPINGS,
            "aggregates_over": {"patient": "core", "site": "core"},
        }
    )
    return planned(Request(config, isic2024_columns()))


def default_features() -> list[Feature]:
    """What a recipe that says nothing gets on the ISIC 2024 table."""
    return planned(Request(FeatureConfig(), isic2024_columns()))


def isic2024_columns() -> dict[str, Kind]:
    """The source columns of the ISIC 2024 sample table that features may read."""
    kinds: dict[str, Kind] = {PATIENT: "key", HOSPITAL: "key"}
    for column in TEST_COLUMNS:
        if column.feature and column.name != ATTRIBUTION:
            kinds[column.name] = "number" if column.kind == "number" else "category"
    return dict(sorted(kinds.items()))


def page() -> str:
    """docs/features.md."""
    defaults = {feature.name for feature in default_features()}
    features = every_feature()
    lines = [*_head(len(defaults), len(features))]
    for family, made in groupby(features, key=lambda feature: feature.family):
        lines += _family(family, list(made), defaults)
    return "\n".join(lines)


def _head(defaults: int, count: int) -> Iterable[str]:
    base = ", ".join(f"`{name}`" for name in CORE)
    plain = ", ".join(f"`{name}`" for name in NOT_RELATIVE)
    return (
        "# Features",
        "",
        "<!-- Written by `python -m features.catalogue > docs/features.md`; a test compares. -->",
        "",
        f"{defaults} columns by default on the ISIC 2024 table (marked *), {count} listed here. "
        "A recipe chooses families and groupings in `[features]`; columns whose source columns a "
        "table lacks are left out at the fit and never asked for again.",
        "",
        "Numbers are computed in double precision and kept as Float32, codes are Int16. Nothing "
        "is infinite: what Float32 cannot hold, NaN and a division by zero are null. A missing "
        "value is null in its own row and as if absent for the others of its group. A row without "
        "a patient is a patient of its own; rows of a patient without a location (site, tile, "
        "hospital) are one group.",
        "",
        "**Transductive.** Columns of the families `z`, `ranks`, `ugly_duckling`, `counts`, "
        "`aggregates`, `context` and `outlier` are made from all of the patient's lesions that "
        "are given together, without any label. So whole patients are given at once, test "
        "patients are seen with their own rows only, and a patient with one lesion gets the "
        "stated answers.",
        "",
        f"Column sets: `core` is {base}. `main` is every number but {plain}, and every row "
        "formula but multiples and logarithms of others, angles, places and products with age. "
        "`all` is every number and formula. Any grouping takes any set; z-scores and ranks "
        "are listed here over `main` by patient and over `core` by others, aggregates over `core`.",
        "",
    )


def _family(family: Family, made: list[Feature], defaults: set[str]) -> list[str]:
    on_request = " (on request)" if family in ON_REQUEST else ""
    return [
        f"## {family}{on_request}",
        "",
        TOLD[family],
        "",
        "| column | formula | ABCDE | source |",
        "|---|---|---|---|",
        *(
            f"| `{one.name}`{' *' if one.name in defaults else ''} | {_cell(one.formula)} | "
            f"{one.sign} | {one.source} |"
            for one in made
        ),
        "",
    ]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*")


if __name__ == "__main__":
    print(page(), end="")
