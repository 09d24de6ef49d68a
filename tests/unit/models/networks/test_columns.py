import numpy as np
import polars as pl
import pytest

from models.networks.columns import TargetColumns, probability_columns, shares_of, target_columns


def test_of_two_classes_the_second_has_a_column_and_of_more_each():
    assert probability_columns("net", ("benign", "malignant")) == ["oof_net_malignant"]
    assert probability_columns("net", ("MEL", "a b", "x/y")) == [
        "oof_net_MEL", "oof_net_a_b", "oof_net_x_y"
    ]  # fmt: skip
    assert probability_columns("net", ()) == []


def test_one_column_is_the_share_of_the_second_class():
    assert shares_of(np.array([[0.25], [1.0]])).tolist() == [[0.75, 0.25], [0.0, 1.0]]
    three = np.array([[0.2, 0.3, 0.5]])
    assert shares_of(three).tolist() == three.tolist()


@pytest.mark.parametrize(
    ("columns", "target", "expected"),
    [
        (["p"], (1,), TargetColumns(("p",))),
        (["p"], (0,), TargetColumns(("p",), of_zero=True)),
        (["a", "b", "c"], (0, 2), TargetColumns(("a", "c"))),
        (["a", "b", "c"], None, None),
    ],
)
def test_which_columns_speak_of_the_target(columns, target, expected):
    assert target_columns(columns, target) == expected


def test_the_targets_probability_is_the_sum_and_null_without_a_picture():
    table = pl.DataFrame({"a": [0.5, 0.7, None], "b": [0.25, 0.4, None]})
    assert TargetColumns(("a", "b")).of(table).to_list() == [0.75, 1.0, None]
    assert TargetColumns(("a",)).of(table).to_list() == [0.5, 0.7, None]
    assert TargetColumns(("b",), of_zero=True).of(table).to_list() == [0.75, 0.6, None]
