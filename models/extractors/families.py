"""Which family each row's diagnosis is of: targets of the auxiliary layer, from the sample table.

Diagnoses are known of training rows alone. They are never a feature: what learns them is thrown
away when the training ends.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from folds.schema import DIAGNOSIS
from models.cascade.labels import NONE, lists_of
from models.extractors.config import ExtractorConfig
from models.training.auxiliary import Auxiliary
from workspace.errors import DataError, name_some

Ints = NDArray[np.int64]


def auxiliary_of(samples: pl.DataFrame, config: ExtractorConfig) -> Auxiliary | None:
    """What the recipe's families make of these rows; None where it lists none."""
    if not config.families:
        return None
    labels = family_labels(samples, config)
    return Auxiliary(labels, tuple(sorted(config.families)), config.auxiliary_weight)


def family_labels(samples: pl.DataFrame, config: ExtractorConfig) -> Ints:
    """(rows,): the family's place, of rows of either target with a listed diagnosis; else NONE.

    Places are by name: the recipe's order is nothing that a manifest would keep.
    """
    families = dict(sorted(config.families.items()))
    diagnosis = samples[DIAGNOSIS].fill_null("")
    known = diagnosis.unique().sort().to_list()
    place = {name: _family_of(name, families) for name in known}
    labels = diagnosis.replace_strict(place, return_dtype=pl.Int64).to_numpy()
    absent = [name for code, name in enumerate(families) if not (labels == code).any()]
    if absent:
        raise DataError(
            f"No row has a diagnosis of {name_some(absent)}; mend the extractor's families. There "
            f"are {name_some([name for name in known if name])}."
        )
    return labels


def _family_of(diagnosis: str, families: Mapping[str, Sequence[str]]) -> int:
    found = lists_of(diagnosis, families)
    if len(found) > 1:
        names = [list(families)[place] for place in found]
        raise DataError(
            f"Diagnosis {diagnosis} is of {name_some(names)}; mend the extractor's families."
        )
    return found[0] if found else NONE
