"""Every column that can be had, as a page: name, formula, where it was read, its group.

Written from the same lists that the build works through, so that the page cannot tell otherwise.
`python -m features.catalogue` prints it.
"""

from collections.abc import Iterable
from itertools import groupby

from features.columns import GROUPINGS, Kind
from features.config import FAMILY_NAMES, FeatureConfig
from features.families import FAMILIES
from features.family import Family
from features.feature import Feature
from features.plan import planned
from features.request import CORE, NOT_RELATIVE, Request
from folds.schema import HOSPITAL, PATIENT
from folds.sources.isic2024_columns import ATTRIBUTION, TEST_COLUMNS


def every_feature() -> list[Feature]:
    """All families over all groupings on the ISIC 2024 table, by patient over `main`."""
    over = {**dict.fromkeys(GROUPINGS, "core"), "patient": "main"}
    config = FeatureConfig.model_validate(
        {
            "families": FAMILY_NAMES,
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
    families = {family.name: family for family in FAMILIES}
    for name, made in groupby(features, key=lambda feature: feature.family):
        lines += _family(families[name], list(made), defaults)
    return "\n".join(lines)


def _head(defaults: int, count: int) -> Iterable[str]:
    base = ", ".join(f"`{name}`" for name in CORE)
    plain = ", ".join(f"`{name}`" for name in NOT_RELATIVE)
    *others, last = [f"`{family.name}`" for family in FAMILIES if family.from_others]
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
        f"**Transductive.** Columns of the families {', '.join(others)} and {last} are made from "
        "all of the patient's lesions that "
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
    on_request = " (on request)" if family.on_request else ""
    return [
        f"## {family.name}{on_request}",
        "",
        family.about,
        "",
        "| column | formula | ABCDE | read in |",
        "|---|---|---|---|",
        *(
            f"| `{one.name}`{' *' if one.name in defaults else ''} | {_cell(one.formula)} | "
            f"{one.sign} | {one.reference} |"
            for one in made
        ),
        "",
    ]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*")


if __name__ == "__main__":
    print(page(), end="")
