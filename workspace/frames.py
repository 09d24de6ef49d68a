"""The border where a notebook's tables come in: pandas or polars, and the same kind goes out.

Inside, every table is polars. pandas is no dependency: it is never imported here, and met only
where a caller who has it hands a frame in. Its index is not read, rows are joined by their ids;
what it holds as NaN, None or NA is null. Whole numbers stay whole on the way out.
"""

import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any, TypeVar, cast

import numpy as np
import polars as pl

from workspace.errors import DataError, listed, shorten

Frame = TypeVar("Frame")  # pandas.DataFrame or polars.DataFrame

_NULLABLE = {"i": "Int", "u": "UInt"}  # pandas' own names of whole numbers that may be missing


def as_polars(frame: object, needs: Sequence[str] = (), what: str = "the table") -> pl.DataFrame:
    """The frame as polars, categories as their words; `needs` are columns that must be there."""
    if isinstance(frame, pl.DataFrame):
        table = frame.with_columns(pl.col(pl.Categorical, pl.Enum).cast(pl.String))
    elif is_pandas(frame):
        table = _from_pandas(frame, what)
    else:
        mend = ".collect() it" if isinstance(frame, pl.LazyFrame) else "give a pandas or polars one"
        raise DataError(f"{_capital(what)} is a {type(frame).__name__}, not a DataFrame; {mend}.")
    missing = [name for name in needs if name not in table.columns]
    if missing:
        index = (
            " (an index is not read: reset_index() makes it columns)" if is_pandas(frame) else ""
        )
        raise DataError(f"Missing columns in {what}: {listed(missing)}{index}.")
    return table


def check_words(table: pl.DataFrame, names: Sequence[str], what: str = "the table") -> None:
    """Ids that are numbers have lost their leading zeros, and would not join what is text."""
    wrong = [name for name in names if table.schema[name] not in (pl.String, pl.Null)]
    if wrong:
        raise DataError(
            f"Columns of ids in {what} that are no text: {listed(wrong)}; read them as text "
            "(dtype=str), so that leading zeros stay."
        )


def like(frame: Frame, result: pl.DataFrame) -> Frame:
    """The result as the kind of frame that was handed in."""
    if not is_pandas(frame):
        return cast(Frame, result)
    pandas = sys.modules["pandas"]
    columns = {column.name: _to_pandas(column, pandas) for column in result}
    return cast(Frame, pandas.DataFrame(columns, columns=result.columns))


def is_pandas(frame: object) -> bool:
    """Whether it is a DataFrame of pandas, without importing pandas to ask."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(frame, pandas.DataFrame)


def _from_pandas(frame: Any, what: str) -> pl.DataFrame:
    names = list(frame.columns)
    if odd := [name for name in names if not isinstance(name, str)]:
        raise DataError(f"Column names in {what} that are no text: {listed(odd)}; rename them.")
    if twice := sorted(name for name, times in Counter(names).items() if times > 1):
        raise DataError(f"Columns that are in {what} twice: {listed(twice)}; rename one of them.")
    return pl.DataFrame([_column(name, frame[name], what) for name in names])


def _column(name: str, values: Any, what: str) -> pl.Series:
    """By dtype; what pandas holds as objects by what the objects are."""
    if isinstance(values.dtype, np.dtype) and values.dtype.kind in "iufbM":
        return pl.Series(name, values.to_numpy(), nan_to_null=True)
    missing = values.isna().tolist()
    plain = [v.item() if isinstance(v, np.generic) else v for v in values.tolist()]
    objects = [None if gone else v for v, gone in zip(plain, missing, strict=True)]
    kinds = {type(value) for value in objects if value is not None}
    if kinds <= {str}:
        return pl.Series(name, objects, pl.String)
    if kinds == {bool}:
        return pl.Series(name, objects, pl.Boolean)
    if kinds == {int}:
        return pl.Series(name, objects, pl.Int64)
    if kinds <= {int, float}:
        floats = [None if value is None else float(value) for value in objects]
        return pl.Series(name, floats, pl.Float64).fill_nan(None)
    found = ", ".join(sorted(kind.__name__ for kind in kinds))
    raise DataError(
        f"Column {shorten(name)} of {what} holds {found}; make it numbers, or text with "
        "astype(str), or drop it."
    )


def _to_pandas(column: pl.Series, pandas: Any) -> Any:
    """Plain numpy dtypes wherever they can say it; whole numbers and truths with gaps cannot."""
    gaps = column.null_count() > 0
    if column.dtype.is_integer() and gaps:
        kind = column.drop_nulls().to_numpy().dtype
        return pandas.array(column.to_list(), dtype=f"{_NULLABLE[kind.kind]}{kind.itemsize * 8}")
    if column.dtype == pl.Boolean and gaps:
        return pandas.array(column.to_list(), dtype="boolean")
    if column.dtype.is_numeric() or column.dtype == pl.Boolean or column.dtype.is_temporal():
        return column.to_numpy(writable=True)
    return pandas.Series(column.to_list(), dtype=None if len(column) else object)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
