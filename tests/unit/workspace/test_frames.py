"""Tables of notebooks: what pandas holds in its many ways becomes polars and goes back."""

import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from workspace.errors import DataError
from workspace.frames import as_polars, check_words, is_pandas, like

POLARS = pl.DataFrame(
    {
        "isic_id": ["ISIC_1", "ISIC_2", "ISIC_3"],
        "sex": ["male", None, "female"],
        "size": [1.5, None, 3.0],
        "count": [1, None, 3],
        "seen": [True, None, False],
        "row": [7, 8, 9],
    }
)


def pandas_frame(**columns: object) -> pd.DataFrame:
    plain = {
        "isic_id": POLARS["isic_id"].to_list(),
        "sex": pd.Categorical(["male", None, "female"]),
        "size": [1.5, np.nan, 3.0],
        "count": pd.array([1, None, 3], dtype="Int64"),
        "seen": pd.array([True, None, False], dtype="boolean"),
        "row": [7, 8, 9],
    }
    return pd.DataFrame(plain | columns, index=[40, 10, 20])


def test_pandas_becomes_what_polars_would_be() -> None:
    assert_frame_equal(as_polars(pandas_frame()), POLARS)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["a", None, np.nan], pl.Series("x", ["a", None, None], pl.String)),
        ([None, None, None], pl.Series("x", [None, None, None], pl.String)),
        ([1, None, 2.5], pl.Series("x", [1.0, None, 2.5])),
        ([np.int64(1), pd.NA, np.int64(2)], pl.Series("x", [1, None, 2])),
        ([True, None, False], pl.Series("x", [True, None, False])),
    ],
)
def test_objects_are_what_they_hold(values: list[object], expected: pl.Series) -> None:
    frame = pd.DataFrame({"x": np.array(values, dtype=object)})
    assert_frame_equal(as_polars(frame), expected.to_frame())


def test_narrow_numbers_stay_narrow() -> None:
    frame = pd.DataFrame({"x": np.array([1.5], np.float32), "y": np.array([2], np.int8)})
    assert as_polars(frame).schema == {"x": pl.Float32, "y": pl.Int8}


def test_what_comes_back_is_pandas_with_plain_dtypes_where_they_can_say_it() -> None:
    back = like(pandas_frame(), POLARS.with_columns(pl.col("count").cast(pl.Int16)))
    assert list(back.columns) == POLARS.columns
    assert list(back.index) == [0, 1, 2]
    kinds = {name: str(kind) for name, kind in back.dtypes.items()}
    assert kinds["count"] == "Int16"
    assert kinds["seen"] == "boolean"
    assert (kinds["size"], kinds["row"]) == ("float64", "int64")
    assert back["isic_id"].tolist() == POLARS["isic_id"].to_list()
    assert back["sex"].isna().tolist() == [False, True, False]


def test_there_and_back_is_the_same() -> None:
    assert_frame_equal(as_polars(like(pandas_frame(), POLARS)), POLARS)


def test_an_empty_frame_keeps_its_columns() -> None:
    back = like(pandas_frame(), POLARS.clear())
    assert list(back.columns) == POLARS.columns
    assert len(back) == 0


def test_polars_stays_polars_and_its_categories_become_words() -> None:
    table = POLARS.with_columns(pl.col("sex").cast(pl.Categorical))
    assert_frame_equal(as_polars(table), POLARS)
    assert like(table, POLARS) is POLARS


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (POLARS.lazy(), "The table is a LazyFrame, not a DataFrame; .collect() it."),
        ([1, 2], "The table is a list, not a DataFrame; give a pandas or polars one."),
        (
            POLARS.drop("isic_id"),
            "Missing columns in the table: [isic_id].",
        ),
        (
            pandas_frame().set_index("isic_id"),
            "Missing columns in the table: [isic_id] (an index is not read: reset_index() makes "
            "it columns).",
        ),
        (
            pandas_frame().rename(columns={"row": 3}),
            "Column names in the table that are no text: [3]; rename them.",
        ),
        (
            pandas_frame().rename(columns={"row": "size"}),
            "Columns that are in the table twice: [size]; rename one of them.",
        ),
        (
            pandas_frame(row=np.array(["a", 1, 2.0], dtype=object)),
            "Column row of the table holds float, int, str; make it numbers, or text with "
            "astype(str), or drop it.",
        ),
    ],
)
def test_a_wrong_frame_is_one_sentence(frame: object, message: str) -> None:
    with pytest.raises(DataError) as caught:
        as_polars(frame, ["isic_id"])
    assert str(caught.value) == message


def test_ids_that_are_numbers_are_refused() -> None:
    check_words(POLARS, ["isic_id", "sex"])
    with pytest.raises(DataError) as caught:
        check_words(POLARS, ["isic_id", "row"], "the scores")
    assert str(caught.value) == (
        "Columns of ids in the scores that are no text: [row]; read them as text (dtype=str), so "
        "that leading zeros stay."
    )


def test_pandas_is_not_imported_to_ask_for_it() -> None:
    assert is_pandas(pandas_frame())
    code = (
        "import sys, polars as pl; from workspace.frames import as_polars, like; "
        "table = pl.DataFrame({'a': [1]}); like(table, as_polars(table)); "
        "assert 'pandas' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
