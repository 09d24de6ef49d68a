"""Metadata to features, by one function for training and test rows.

Reads the sample table; gives isic_id and the feature columns, sorted by isic_id. The same rows
give the same bits, whatever their order, the number of threads, and who else is in the table.
"""

from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from operator import itemgetter

import numpy as np
import polars as pl

from features import categories
from features.config import FeatureConfig
from features.distances import threads
from features.feature import Feature
from features.plan import planned
from features.request import Request
from features.rows import Rows
from features.state import State, check_columns, columns_of
from folds.findings import Findings
from folds.schema import CORE, ID, PATIENT
from folds.sources.isic2024_columns import TRAIN_ONLY
from workspace.arrays import Floats32
from workspace.errors import ConfigError, DataError, listed
from workspace.frames import Frame, as_polars, check_words, like


def make_features(table: Frame, config: FeatureConfig | None = None) -> Frame:
    """`isic_id` and the features of these rows, by id, fitted on them: what a notebook asks for.

    The table is of pandas or polars, and so is the result. It has `isic_id`, the clinical columns,
    and `patient_id` for what compares a lesion with the patient's others. Where there is a test,
    `fit` on the training rows and `build` both.
    """
    return build(table, fit(table, config or FeatureConfig()), where="the table")


def fit(samples: object, config: FeatureConfig, *, none_too: bool = False) -> State:
    """Look at the training rows given, and at nothing else: which columns, which words.

    `none_too`: no column at all is no error, there are others besides.

    A column without any value is as one that is not there, and so are the features made from it.
    """
    rows = _checked(samples, "the rows to fit on")
    if rows.is_empty():
        raise DataError("There are no rows to fit the features on.")
    columns = columns_of(rows)
    features = planned(Request(config, columns))
    if not features and not none_too:
        raise ConfigError(
            f"features.families ({', '.join(config.families)}) gives no column on this source; "
            "add 'raw' or 'categories' if they are not there, or stack what networks see "
            "(stack.networks=true)."
        )
    codes = {name: categories.category_codes(rows, name) for name in _coded(features)}
    return State(
        config=config,
        columns=columns,
        category_codes=codes,
        features=tuple(feature.name for feature in features),
    )


def build(
    samples: Frame,
    state: State,
    findings: Findings | None = None,
    where: str = "test rows",
) -> Frame:
    """The features of these rows; numbers are Float32, codes Int16, nothing is infinite.

    Patient features are computed on whole patients: give all rows of a patient in one call, and
    never the training and the test rows of a patient together. Fold by fold or all at once is the
    same as long as patients stay whole.
    """
    table = _checked(samples, where)
    check_columns(table, state, where)
    features = planned(state.request)
    assert tuple(feature.name for feature in features) == state.features, "raise VERSION"
    for name in _coded(features) if findings is not None else ():
        assert findings is not None
        categories.notice_unseen(table, name, state.category_codes[name], where, findings)
    rows = Rows(table, state.columns, state.category_codes)
    ids = rows.frame[ID]
    twice = ids.filter(ids == ids.shift(1)).unique().to_list()
    if twice:
        raise DataError(f"Rows of {where} with the same {ID}: {listed(twice)}; keep one of each.")
    return like(samples, pl.DataFrame([ids, *_make(features, rows)]))


def single_lesion_patients(samples: pl.DataFrame) -> int:
    """Patients with one lesion in these rows, of whom patient-relative columns can say nothing.

    A row without a patient is one.
    """
    counts = samples.select(PATIENT).group_by(PATIENT).len()
    nobody = pl.col(PATIENT).is_null()
    alone = counts.filter(~nobody & (pl.col("len") == 1))
    return len(alone) + int(counts.filter(nobody)["len"].sum())


def _checked(samples: object, where: str) -> pl.DataFrame:
    """The rows as polars; what only training rows of ISIC 2024 have is a label, not a feature."""
    table = as_polars(samples, [ID], where)
    check_words(table, [name for name in (ID, PATIENT) if name in table.columns], where)
    labels = [column.name for column in TRAIN_ONLY if column.name not in CORE]
    if leaks := [name for name in labels if name in table.columns]:
        raise DataError(
            f"Columns of {where} that tell the label: {listed(leaks)}; drop them, only training "
            "rows have them."
        )
    return table


def _coded(features: list[Feature]) -> list[str]:
    return [feature.coded for feature in features if feature.is_code]


def _make(features: list[Feature], rows: Rows) -> list[pl.Series]:
    """In the order of `features`; those of one base after one another, while its values are near.

    All numbers lie in one block, for which numpy asks the system for large pages: touching fresh
    memory costs more than the arithmetic.
    """
    numbers = np.empty((len(features), len(rows)), np.float32)
    together: dict[str, list[int]] = {}
    for index, feature in enumerate(features):
        together.setdefault(feature.base or feature.name, []).append(index)

    def make(indices: list[int]) -> list[tuple[int, pl.Series]]:
        with np.errstate(over="ignore"):  # what overflows is missing, see _column
            return [(index, _column(features[index], rows, numbers[index])) for index in indices]

    with ThreadPoolExecutor(threads()) as pool:
        made = chain.from_iterable(pool.map(make, together.values()))
        return [column for _, column in sorted(made, key=itemgetter(0))]


def _column(feature: Feature, rows: Rows, into: Floats32) -> pl.Series:
    values = feature.make(rows)
    if feature.is_code:
        return pl.Series(feature.name, values, pl.Int64).cast(pl.Int16)
    into[:] = values
    known = np.isfinite(into)
    if known.all():
        return pl.Series(feature.name, into)
    return pl.Series(feature.name, np.where(known, into, np.nan)).fill_nan(None)
