"""What a cascade calls a picture, and what its calls are worth end to end."""

from typing import Any

import numpy as np

from metrics.bootstrap import intervals
from metrics.classification import classification_report, classification_tally, predicted_class
from metrics.cohort import cohort
from metrics.sheet import ScoreConfig
from models.networks.measure import Patients
from workspace.arrays import Bools, Floats, Ints


def cascade_calls(goes_on: Bools, second: Floats) -> Ints:
    """(rows,): 0 where the first network lets a picture go, else 1 + the class the second calls."""
    return np.where(goes_on, 1 + predicted_class(second), 0)


def cascade_sheet(
    true: Ints, called: Ints, classes: tuple[str, ...], patient: Patients, config: ScoreConfig
) -> dict[str, Any]:
    """Both networks end to end: nobody is helped by one alone."""
    names = np.array(classes)
    labels, calls = names[true].tolist(), names[called].tolist()
    whose = cohort(patient, true)
    found = intervals(
        {"calls": classification_tally(labels, calls, classes, whose)}, whose, config.bootstrap()
    )
    return {
        "patients": whose.size if whose.unit == "patient" else None,
        "report": classification_report(labels, calls, classes),
        "metrics": {k: v.as_json() for k, v in found["calls"].items()},
    }
