"""One lesion's own measurements, as `les_<formula>`, and its colours pair by pair.

A new column is an entry of `features.formulas.LESION`.
"""

from functools import partial

from features.family import Family
from features.feature import Feature
from features.formulas import FORMULAS
from features.request import Request
from features.rows import Rows
from workspace.arrays import Floats


def formula_features(request: Request, family: str) -> list[Feature]:
    """All formulas of a family; those whose columns a source lacks are left out later."""
    del request
    return [
        Feature(
            f"les_{name}", family, formula.text, formula.reference, formula.inputs,
            partial(_value, name=name), formula.sign, name,
        )
        for name, formula in FORMULAS.items()
        if formula.family == family
    ]  # fmt: skip


def _value(rows: Rows, name: str) -> Floats:
    return rows.values(name)


LESION = Family(
    "lesion",
    partial(formula_features, family="lesion"),
    "One lesion's own measurements, by the ABCDE rule (A asymmetry, B border, C colour, "
    "D diameter). A ratio by zero is null; the public 1e-5 in denominators is left out.",
)
COLOUR_PAIRS = Family(
    "colour_pairs",
    partial(formula_features, family="colour_pairs"),
    "Ratio and difference of colours within the lesion, within the skin around "
    "it, and of one against the other.",
    on_request=True,
)
