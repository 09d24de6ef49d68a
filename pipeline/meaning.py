"""What scores meant among the rows that a run held out: how many with such a score were of it.

Bins hold about equally many of whichever is rarer, those of a class or all others: where the rare
ones are few rows lie apart, and a score of .95 is not told by those of .03.
"""

from collections.abc import Sequence

import numpy as np

from metrics.calibration import observed_between
from pipeline.distances import NOT_CHECKED
from reports.predictions.page import Meaning, Speaker
from workspace.arrays import Bools, Floats

DRAWN = "What answers here learnt from data that 'make sample' drew: it knows nothing of skin."
LEAST = 100  # rows held out, or nothing is said
RARER, MOST = 15, 20  # of the rarer a bin at least, but for ties; bins at most
MEANING = (
    "A network's score is the mean of its folds. What such scores meant is counted among the rows "
    "that the run held out, each scored by who never saw it, and holds where classes are as "
    "frequent as there; intervals (95 %, Wilson's) take rows for independent of one another."
)


def meaning(positive: Bools, score: Floats) -> Meaning:
    """How many of the rows with such a score were positive; or why that is not said."""
    if len(score) < LEAST:
        return f"Too few rows held out ({len(score)}) to say what such scores meant."
    if not ((score >= 0) & (score <= 1)).all():
        return "The score is a place in an order, not a share of 1."
    rarer = score[positive if 2 * positive.sum() <= len(positive) else ~positive]
    bins = min(MOST, len(rarer) // RARER)
    if not bins:
        return (
            f"Too few rows held out of one side ({len(rarer)} of {len(score)}) to say what such "
            "scores meant."
        )
    inner = np.sort(rarer)[np.arange(1, bins) * len(rarer) // bins - 1]
    low, high = score.min(), score.max()
    edges = np.concatenate([[low], np.unique(inner[inner < high]), [high]])
    return observed_between(positive, score, edges)


def notes_of(speakers: Sequence[Speaker], measured_by: str | None, *, drawn: bool) -> list[str]:
    """What is to be known of all that is said: what it learnt from, and how to read it."""
    counted = any(not isinstance(one, str) for each in speakers for one in each.meaning)
    notes = {DRAWN: drawn, MEANING: counted, NOT_CHECKED: measured_by is None}
    return [note for note, is_so in notes.items() if is_so]
