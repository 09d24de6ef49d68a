"""Yes/no questions about a training row, which a network may learn besides its task.

The answers are in what a sample table knows of training rows alone: target, diagnosis, whether the
lesion has an id. A new question is a function of the table and its line in `QUESTIONS`.
"""

from collections.abc import Callable, Mapping, Sequence

import polars as pl

from folds.schema import DIAGNOSIS, LESION, TARGET
from models.networks.auxiliary import ANSWERS, AuxiliaryTarget
from models.networks.diagnoses import NONE

Question = Callable[[pl.DataFrame], pl.Series]  # (rows,) of yes and no; null where unknown

INDETERMINATE = "Indeterminate"  # a step of ISIC 2024's paths, beside Benign and Malignant


def is_suspicious(rows: pl.DataFrame) -> pl.Series:
    """Malignant, indeterminate, or diagnosed beyond the path's first step.

    In ISIC 2024 a second step (iddx_2) stands where somebody looked closer; `Benign` alone is what
    all other lesions are called. A row with target 0 and no diagnosis is unknown.
    """
    diagnosis = pl.col(DIAGNOSIS).fill_null("")
    steps = diagnosis.str.split("::")
    second = steps.list.get(1, null_on_oob=True).fill_null("")
    yes = pl.col(TARGET).eq(1) | steps.list.contains(INDETERMINATE) | second.ne("")
    known = pl.col(TARGET).is_not_null() & diagnosis.ne("")
    return rows.select(pl.when(yes).then(True).when(known).then(False)).to_series()


def has_lesion_id(rows: pl.DataFrame) -> pl.Series:
    """Whether the lesion has an id, as in ISIC 2024 those have that a clinician picked out.

    Unknown where there is no target: of test rows nobody says whether a lesion has an id.
    """
    given = pl.col(LESION).fill_null("").ne("")
    return rows.select(pl.when(pl.col(TARGET).is_not_null()).then(given)).to_series()


QUESTIONS: Mapping[str, Question] = {"suspicious": is_suspicious, "has_lesion_id": has_lesion_id}


def answers_to(
    rows: pl.DataFrame, questions: Sequence[str], weight: float
) -> tuple[AuxiliaryTarget, ...]:
    """What these rows answer to each question."""
    return tuple(
        AuxiliaryTarget(name, codes.to_numpy(), ANSWERS, weight, is_question=True)
        for name in questions
        for codes in [QUESTIONS[name](rows).cast(pl.Int64).fill_null(NONE)]
    )
