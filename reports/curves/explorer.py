"""The explorer of operating points: a slider over the thresholds of a score, and what each does.

All counts come from the metrics room and lie in the page; its script moves a slider over them, and
repeats for another prevalence the sum of `metrics.operating`. Without scripts a table of some
thresholds stands alone.
"""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

import polars as pl

from metrics.operating import OperatingPoint, at_threshold, threshold_for_sensitivity
from metrics.thresholds import flagged_from
from reports.pages.elements import Explorer
from reports.table import Cell, Number, Table, Words, columns, count, percent

SCRIPT, TEMPLATE = "curves/explorer.js", "curves/explorer.html.jinja"
FILES = (SCRIPT, TEMPLATE)
USUAL = 0.8
SENSITIVITIES = (0.6, USUAL, 0.9, 0.95)
HEADS = (
    "finds at least", "threshold", "found", "missed", "flagged in vain", "specificity", "PPV",
    "NPV", "flagged per 1,000", "biopsies per cancer found",
)  # fmt: skip
LEAD = (
    "Move the slider to a threshold, or take one from the table below: rows that score as much or "
    "more are flagged. Here a positive row is called a cancer, and whatever is flagged is taken to "
    "be biopsied. The slider stops at scores of positives out of fold: a threshold between two "
    "of them finds as many as the higher one does and may flag more. What these rows say of a "
    "threshold that they chose is optimistic."
)


def explorer(rows: pl.DataFrame, sensitivity: float) -> Explorer:
    """Of target and score; at first it stands where this share of the positives is found.

    A share of none, which a recipe may score above, names no threshold: it then stands at 80 %.
    """
    sensitivity = sensitivity or USUAL
    target, score = rows["target"].to_numpy(), rows["score"].to_numpy()
    found = flagged_from(target, score, wanted(sensitivity))
    thresholds = found.thresholds.tolist()
    points = {
        "thresholds": thresholds, "tp": found.tp.tolist(), "fp": found.fp.tolist(),
        "positives": found.positives, "negatives": found.negatives,
    }  # fmt: skip
    return Explorer(points, thresholds.index(threshold_for_sensitivity(target, score, sensitivity)))


def wanted(sensitivity: float) -> list[float]:
    """The sensitivities that the table has: some, and the recipe's."""
    return sorted({*SENSITIVITIES, *([sensitivity] if sensitivity > 0 else [])})


def threshold_table(rows: pl.DataFrame, sensitivities: Sequence[float]) -> Table:
    """What the highest threshold does that finds so many."""
    target, score = rows["target"].to_numpy(), rows["score"].to_numpy()
    points = [
        at_threshold(target, score, threshold_for_sensitivity(target, score, one))
        for one in sensitivities
    ]
    return Table(
        columns(*HEADS),
        tuple(_row(one, point) for one, point in zip(sensitivities, points, strict=True)),
        caption="As common as cancers are in these rows.",
    )


def _row(least: float, point: OperatingPoint) -> tuple[Cell, ...]:
    values, counts = point["values"], point["counts"]
    of = f"of {point['positives']:,}"
    return (
        Number(percent(least), repr(least)),
        Number(f"{point['threshold']:.4g}", repr(point["threshold"])),
        Number(f"{counts['tp']:,}", str(counts["tp"]), of),
        Number(f"{counts['fn']:,}", str(counts["fn"]), of),
        count(counts["fp"]),
        *(_share(values[name]) for name in ("specificity", "ppv", "npv")),
        *(_one_digit(values[name]) for name in ("flagged_per_1000", "biopsies_per_cancer")),
    )


def _share(value: float | None) -> Cell:
    return Words("–") if value is None else Number(f"{one_digit(100 * value)}%", repr(value))


def _one_digit(value: float | None) -> Cell:
    return Words("–") if value is None else Number(one_digit(value), repr(value))


def one_digit(value: float) -> str:
    """Halves go up, as `toFixed` of the page's script has them."""
    return f"{Decimal(value).quantize(Decimal('0.1'), ROUND_HALF_UP):,}"
