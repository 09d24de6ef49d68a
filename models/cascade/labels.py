"""What each row is taught as, in either stage, from the sample table alone."""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from folds.findings import Findings, plural
from folds.schema import DIAGNOSIS, TARGET
from models.cascade.config import Stage2Config
from workspace.errors import DataError, name_some

Ints = NDArray[np.int64]
NONE = -1  # a row that is not of the stage


def first_labels(samples: pl.DataFrame) -> Ints:
    """(rows,): the target; NONE where there is none, as in test rows."""
    return samples[TARGET].cast(pl.Int64).fill_null(NONE).to_numpy()


def second_labels(samples: pl.DataFrame, config: Stage2Config, findings: Findings) -> Ints:
    """(rows,): the class's place, of rows with target 1 and a listed diagnosis; else NONE."""
    positive = samples[TARGET].eq(1).fill_null(value=False)
    diagnosis = samples[DIAGNOSIS].fill_null("")
    known = diagnosis.filter(positive).unique().sort().to_list()
    place = {name: _class_of(name, config) for name in known}
    labels = np.array(
        [
            place[name] if ill else NONE
            for name, ill in zip(diagnosis.to_list(), positive.to_list(), strict=True)
        ],
        np.int64,
    )
    absent = [name for code, name in enumerate(config.classes) if not (labels == code).any()]
    if absent:
        raise DataError(
            f"No row with target 1 has a diagnosis of {name_some(absent)}; mend stage2.diagnoses. "
            f"There are {name_some(known)}."
        )
    apart = sorted({name for name in known if place[name] == NONE})
    if apart:
        count = int(((labels == NONE) & positive.to_numpy()).sum())
        findings.notice(
            "no-class",
            f"{plural(count, 'row')} with target 1 whose diagnosis is in no class of "
            f"stage2.diagnoses are left out of stage 2: {name_some(apart)}.",
            count=count,
        )
    return labels


def lists_of(diagnosis: str, lists: Mapping[str, Sequence[str]]) -> list[int]:
    """Places of the lists that have this diagnosis whole, or a step of it if it is a path."""
    steps = {diagnosis, *diagnosis.split("::")}
    return [place for place, names in enumerate(lists.values()) if steps & set(names)]


def _class_of(diagnosis: str, config: Stage2Config) -> int:
    found = lists_of(diagnosis, config.diagnoses)
    if len(found) > 1:
        names = [config.classes[place] for place in found]
        raise DataError(f"Diagnosis {diagnosis} is of {name_some(names)}; mend stage2.diagnoses.")
    return found[0] if found else NONE
