"""The AUC of each of several classes against the rest, and their mean."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from metrics import curve
from metrics.classification import Labels, coded, probability_table
from metrics.cohort import Cohort, fewer, positives_each
from metrics.inputs import Scored
from metrics.tally import Tally, Values, side_by_side, tally_rows
from workspace.arrays import Floats
from workspace.errors import DataError, name_some

SLACK = 1e-6  # a softmax in float32 may end at 1.0000001


def macro_auc(true: Labels, probability: ArrayLike, classes: Sequence[str]) -> float:
    """The mean over the classes that have rows of the AUC of each against the rest.

    Each class ranks the rows by its own column: probabilities, since logits rank them otherwise.
    """
    code = coded(true, classes)
    rows = Cohort(np.arange(len(code)), code, "row")
    return one_vs_rest_tally(np.array(classes)[code], probability, classes, rows).point()[
        "macro_auc"
    ]


def one_vs_rest_tally(
    true: Labels, probability: ArrayLike, classes: Sequence[str], cohort: Cohort
) -> Tally:
    """`auc[MEL]` of each class against the rest, and `macro_auc`, as sums over patients.

    A class without rows has AUC NaN and no part in the mean. A resample that lacks one of the
    others has macro AUC NaN: a mean over fewer classes would be another metric.
    """
    code = coded(true, classes)
    table = probability_table(probability)
    if table.shape != (len(code), len(classes)):
        raise DataError(
            f"The probabilities are {table.shape[0]} rows of {table.shape[1]}; {len(code)} labels "
            f"of {len(classes)} classes need one row for each label and one column for each class."
        )
    present = np.unique(code)
    if len(present) < 2:
        only = name_some([classes[number] for number in present])
        raise DataError(f"Macro AUC needs rows of two classes at least; found only {only}.")
    if table.min() < -SLACK or table.max() > 1 + SLACK:
        raise DataError(
            "One-vs-rest AUC compares rows, and logits of different rows do not compare; give "
            "probabilities from 0 to 1."
        )
    tally = side_by_side(
        {
            classes[number]: _rest_tally(Scored(code == number, table[:, number]), cohort)
            for number in present
        },
        lambda parts: _macro(parts, classes),
    )
    behind = {f"auc[{classes[number]}]": fewer(code == number, cohort) for number in present}
    # One patient more of every class at once would be several: none for the mean of them.
    margins = tally.margins and replace(tally.margins, of=frozenset(behind))
    behind["macro_auc"] = rarest = min(behind.values())
    return replace(tally, behind=behind, margins=margins, shares={"macro_auc": rarest})


def _rest_tally(scored: Scored, cohort: Cohort) -> Tally:
    column, width = curve.columns(scored)
    tally = tally_rows(
        cohort, column, width, lambda sums: {"auc": curve.area(curve.from_sums(sums))}
    )
    each = positives_each(scored.positive, cohort)
    return replace(tally, margins=curve.margins(width, each, ["auc"]))


def _macro(parts: Mapping[str, Values], classes: Sequence[str]) -> dict[str, Floats]:
    areas = np.stack([values["auc"] for values in parts.values()])
    none = np.full(areas.shape[1:], np.nan)
    each = {f"auc[{name}]": parts[name]["auc"] if name in parts else none for name in classes}
    return {**each, "macro_auc": areas.mean(axis=0)}
