import numpy as np
import polars as pl
import pytest

from stacking.matrix import Matrix, assemble, lazily, used_columns
from workspace.errors import ConfigError, DataError

IDS = pl.DataFrame({"isic_id": ["c", "a", "b"]})


def source(name, frame, *columns):
    return lazily(name, columns, pl.DataFrame(frame).lazy)


def test_sources_are_joined_by_id_in_the_order_of_the_rows():
    matrix = assemble(
        IDS,
        [
            source("one", {"isic_id": ["a", "b", "c", "d"], "x": [1.0, 2, 3, 4]}, "x"),
            source(
                "two", {"isic_id": ["b", "c", "a"], "y": [20, 30, None], "z": [0, 1, 2]}, "y", "z"
            ),
        ],
    )
    assert matrix.columns == ("x", "y", "z")
    assert matrix.values.dtype == np.float32
    np.testing.assert_array_equal(matrix.values, [[3, 30, 1], [1, np.nan, 2], [2, 20, 0]])


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ({"isic_id": ["a", "b"], "x": [1, 2]}, "one has no row for images: [c]."),
        (
            {"isic_id": ["a", "b", "c", "a"], "x": [1, 2, 3, 1]},
            "Rows of one with the same isic_id: [a].",
        ),
        (
            {"isic_id": ["a", "b", "c"], "x": [1.0, np.inf, 3]},
            "Infinite values in columns of one: x.",
        ),
    ],
)
def test_a_source_that_does_not_fit_is_refused(frame, message):
    with pytest.raises(DataError) as error:
        assemble(IDS, [source("one", frame, "x")])
    assert str(error.value) == message


def test_two_sources_with_one_name_are_refused():
    frame = {"isic_id": ["a", "b", "c"], "x": [1, 2, 3]}
    with pytest.raises(ConfigError) as error:
        assemble(IDS, [source("one", frame, "x"), source("two", frame, "x")])
    assert str(error.value) == "Columns with the same name in two sources: x."


def test_training_blocks_are_views(matrix):
    fold = matrix.rows["fold"].to_numpy()
    blocks = matrix.blocks(fold != 1)
    assert [len(block) for block in blocks] == [(fold == 0).sum(), (fold == 2).sum()]
    assert all(np.shares_memory(block, matrix.values) for block in blocks)
    np.testing.assert_array_equal(np.concatenate(blocks), matrix.values[fold != 1])


def test_columns_are_left_out_by_name_and_pattern():
    columns = ["meta_age", "pz_area", "pz_hue"]
    assert used_columns(columns, ["pz_*"]) == ["meta_age"]
    assert used_columns(columns, []) == columns
    with pytest.raises(ConfigError, match=r"^stack\.leave_out names no column: pz_red\.$"):
        used_columns(columns, ["pz_red"])
    with pytest.raises(ConfigError, match=r"^There is no column to learn from: no feature, and "):
        used_columns([], [])
    with pytest.raises(ConfigError, match=r"^stack\.leave_out leaves no column to learn from\.$"):
        used_columns(columns, ["*"])


@pytest.mark.parametrize(
    ("whose", "numbers"),
    [
        ({"patient_id": ["B", "A", None, "B", None], "group_id": ["A"] * 5}, [4, 3, 1, 4, 2]),
        ({"group_id": ["B", "A", "B", "B", "A"]}, [2, 1, 2, 2, 1]),
        ({}, [5, 4, 3, 2, 1]),
    ],
)
def test_rows_know_whose_they_are_and_a_row_of_nobody_is_alone(whose, numbers):
    rows = pl.DataFrame({"isic_id": ["e", "d", "c", "b", "a"], **whose})
    patients = Matrix(rows, (), np.empty((5, 0), np.float32)).patients
    same = patients[:, None] == patients[None, :]
    expected = np.array(numbers)
    assert (same == (expected[:, None] == expected[None, :])).all()
