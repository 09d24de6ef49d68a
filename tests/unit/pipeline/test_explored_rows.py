"""Parts of the exploration that hang on the table alone."""

import polars as pl
import pytest

from metrics.bootstrap import BootstrapConfig
from metrics.cohort import cohort
from pipeline.explored_rows import (
    ABOVE,
    LEVELS,
    Looked,
    correlations,
    hospitals,
    lacking,
    numbers,
    words,
)
from tests.by_hand.units import sample_table
from workspace.progress import quietly

QUICK = BootstrapConfig(replicates=50, seeds=(0,))


def looked(**columns):
    size = len(next(iter(columns.values())))
    rows = sample_table(
        isic_id=[f"i{at:03d}" for at in range(size)],
        target=[int(at % 3 == 0) for at in range(size)], **columns,
    )  # fmt: skip
    whose = pl.Series([f"p{at // 2:03d}" for at in range(size)])
    return Looked(rows, whose, cohort(whose, rows["target"].to_numpy()), QUICK, 0)


def test_rare_words_are_counted_as_one_and_missing_stands_last():
    common = [f"w{at:02d}" for at in range(LEVELS)] * 3
    found = words(looked(sex=[*common, "x", "y", "z", None]), "sex")
    assert found["distinct"] == LEVELS + 3
    levels = {one["level"]: one["n"] for one in found["levels"]}
    assert levels["3 others"] == 3
    assert list(levels)[-1] == "missing"
    assert sum(levels.values()) == 3 * LEVELS + 4


def test_one_hospital_is_none_to_compare():
    assert hospitals(looked(hospital=["x"] * 6)) is None
    assert hospitals(looked(hospital=["x"] * 5 + [None])) is None
    assert hospitals(looked(hospital=["x"] * 5 + ["y"]))["distinct"] == 2


def test_a_gap_is_a_kind_of_row_with_its_own_share_nan_like_null():
    [_, _, _, _, age] = lacking(looked(age_approx=[None, float("nan"), 1.0, 2.0, 3.0, 4.0]))
    assert (age["column"], age["missing"]) == ("age_approx", 2)
    assert age["without"]["share"]["value"] == 0.5  # i000 of i000 and i001
    assert age["having"]["share"]["value"] == 0.25  # i003 of four


def test_what_goes_together_is_named_the_strongest_first_and_only_that():
    up = [float(at) for at in range(9)]
    here = looked(a=up, b=[-at for at in up], c=[0.0, 5, 1, 8, 2, 7, 3, 6, 4])
    found = correlations(here, numbers(here, quietly))
    assert found["pairs"] == [("a", "b", -1.0)]
    assert found["above"] == ABOVE
    at = {name: place for place, name in enumerate(found["names"])}
    assert found["matrix"][at["a"]][at["c"]] == pytest.approx(1 - 6 * 76 / (9 * 80))


def test_one_number_goes_together_with_none():
    here = looked(a=[1.0, 2.0, 3.0])
    assert correlations(here, numbers(here, quietly)) is None
