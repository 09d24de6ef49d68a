"""The page of boosters: ratios turn by turn, pAUC paired by id."""

import polars as pl

from metrics.pauc import pauc_above_tpr
from tests.bench.bench_boosters import Cost, rows_of, scored


def test_ratios_are_of_the_same_turn_and_the_peak_is_the_highest() -> None:
    """Turn by turn 4, 2 and 3 times LightGBM's, whose median is 3; of the medians it were 2."""
    turns = [
        {"lightgbm": Cost(1, 2, 0.5), "xgboost": Cost(4, 2, 1.0)},
        {"lightgbm": Cost(4, 2, 0.75), "xgboost": Cost(8, 6, 1.5)},
        {"lightgbm": Cost(5, 2, 0.5), "xgboost": Cost(15, 8, 1.25)},
    ]
    first, second = rows_of(turns, {"lightgbm": ("a", None), "xgboost": ("b", "c")})
    assert first == {
        "booster": "lightgbm", "processor s": 4, "times lightgbm's": 1, "s on the wall": 2,
        "times lightgbm's on the wall": 1, "peak GB": 0.75, "pAUC": "a",
        "pAUC minus lightgbm's": "-",
    }  # fmt: skip
    assert second == {
        "booster": "xgboost", "processor s": 8, "times lightgbm's": 3, "s on the wall": 6,
        "times lightgbm's on the wall": 3, "peak GB": 1.5, "pAUC": "b",
        "pAUC minus lightgbm's": "c",
    }  # fmt: skip


def test_scores_are_joined_by_id_and_held_against_lightgbm() -> None:
    held = pl.DataFrame({
        "isic_id": ["a", "b", "c", "d"], "target": [1, 0, 1, 0], "group_id": ["p", "q", "r", "s"],
    })  # fmt: skip
    right = pl.DataFrame({"isic_id": ["d", "c", "b", "a"], "score": [0.1, 0.9, 0.2, 0.8]})
    wrong = right.with_columns(score=pl.Series([0.1, 0.9, 0.85, 0.8]))
    worth = scored(held, {"lightgbm": right, "xgboost": wrong})
    lower = pauc_above_tpr([1, 0, 1, 0], [0.8, 0.85, 0.9, 0.1])
    assert worth["lightgbm"][0].value == pauc_above_tpr([1, 0, 1, 0], [1, 0, 1, 0])
    assert worth["lightgbm"][1] is None
    assert worth["xgboost"][0].value == lower
    assert worth["xgboost"][1] is not None
    assert worth["xgboost"][1].value == lower - worth["lightgbm"][0].value
