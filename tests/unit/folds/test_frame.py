"""Folds of a notebook's table: as the stage draws them, in the kind of frame that came in."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from folds.findings import Findings
from folds.frame import make_folds, split_by_fold
from folds.groups import own_groups
from folds.split import FoldConfig, assign_folds
from tests.unit.folds.test_split import table as samples
from workspace.errors import DermstackError
from workspace.frames import as_polars, like


def table(**columns):
    rows = samples().select("isic_id", "target", "patient_id", "hospital", "diagnosis")
    return rows.with_columns(**columns)


def as_pandas(rows):
    return like(pd.DataFrame(), rows)


def refused(message, call, *given, **named):
    with pytest.raises(DermstackError) as caught:
        call(*given, **named)
    assert str(caught.value) == message


def test_folds_are_those_of_the_stage():
    rows = samples()
    staged = assign_folds(
        rows, own_groups(rows, "patient").drop("split"), FoldConfig(n_folds=4), 7, Findings()
    )
    folds = make_folds(table(), n_folds=4, seed=7)
    assert_frame_equal(folds, staged.select("isic_id", "group_id", "fold"))


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"stratify": "diagnosis", "n_folds": 3},
        {"scheme": "leave_one_hospital_out"},
        {"scheme": "holdout"},
    ],
)
def test_pandas_comes_back_as_pandas_and_is_equal(values):
    folds = make_folds(as_pandas(table()), **values)
    assert isinstance(folds, pd.DataFrame)
    expected = make_folds(table(), **values)
    assert_frame_equal(as_polars(folds).cast({"fold": pl.Int16}), expected)
    gaps = expected["fold"].null_count()
    assert str(folds["fold"].dtype) == ("Int16" if gaps else "int16")


def test_the_order_of_rows_and_their_index_do_not_matter():
    shuffled = table().sample(fraction=1, shuffle=True, seed=3)
    assert_frame_equal(make_folds(shuffled), make_folds(table()))
    frame = as_pandas(shuffled)
    frame.index = np.arange(len(frame))[::-1] + 5
    pd.testing.assert_frame_equal(make_folds(frame), make_folds(as_pandas(table())))


@pytest.mark.parametrize("kind", [pl.Boolean, pl.Float64, pl.Int64, pl.String])
def test_a_target_may_be_written_in_several_ways(kind):
    other = table(target=pl.col("target").cast(kind))
    assert_frame_equal(make_folds(other), make_folds(table()))


def test_a_column_that_folds_do_not_need_may_be_anything():
    assert_frame_equal(make_folds(table(lesion_id=pl.lit(None, pl.Float64))), make_folds(table()))


def test_a_holdout_says_which_rows_it_keeps():
    folds = make_folds(table(), scheme="holdout")
    assert folds.columns == ["isic_id", "group_id", "fold", "split"]
    assert set(folds["split"]) == {"train", "holdout"}
    ((fold, training, held_out),) = split_by_fold(table(), folds)
    kept = folds.filter(pl.col("split") == "holdout")
    assert fold == 0
    assert len(training) + len(held_out) + len(kept) == len(folds)
    assert kept.join(training, on="isic_id", how="semi").is_empty()


@pytest.mark.parametrize("word", ["holdout", "anchor", "test"])
def test_no_fold_has_rows_that_split_does_not_call_train(word):
    first, rest = table()[:20], table()[20:]
    folds = pl.concat(
        [
            make_folds(rest).with_columns(split=pl.lit("train")),
            first.select("isic_id", group_id="patient_id", fold=None, split=pl.lit(word)),
        ],
        how="vertical_relaxed",
    )
    for _, training, held_out in split_by_fold(table(), folds):
        assert len(training) + len(held_out) == len(rest)
        assert not set(first["isic_id"]) & {*training["isic_id"], *held_out["isic_id"]}


def test_every_row_is_held_out_once_and_trained_on_otherwise():
    rows, folds = table(), make_folds(table())
    seen = []
    for fold, training, held_out in split_by_fold(rows, folds):
        assert fold == len(seen)
        assert len(training) + len(held_out) == len(rows)
        assert not set(training["patient_id"]) & set(held_out["patient_id"])
        seen.append(held_out)
    assert_frame_equal(pl.concat(seen).sort("isic_id"), rows)


def test_splits_of_pandas_are_pandas_joined_by_id():
    rows, folds = as_pandas(table()), make_folds(as_pandas(table()))
    shuffled = folds.sample(frac=1, random_state=0)
    theirs = list(split_by_fold(rows, shuffled))
    ours = list(split_by_fold(table(), make_folds(table())))
    for (number, *sides), (expected, *others) in zip(theirs, ours, strict=True):
        assert number == expected
        for side, other in zip(sides, others, strict=True):
            assert isinstance(side, pd.DataFrame)
            assert_frame_equal(as_polars(side), other)


def test_what_was_read_otherwise_is_told():
    findings = Findings()
    spelt = pl.when(pl.int_range(pl.len()) == 1).then(pl.lit("ip_0000000 ")).otherwise("patient_id")
    make_folds(table(patient_id=spelt), findings=findings)
    assert [finding.check for finding in findings.notices] == ["spelling"]


def test_wrong_tables_are_one_sentence():
    rows = table()
    refused("Missing columns in the table: [patient_id].", make_folds, rows.drop("patient_id"))
    refused(
        "Missing columns in the table: [hospital].",
        make_folds,
        rows.drop("hospital"),
        scheme="leave_one_hospital_out",
    )
    refused(
        "Columns of ids in the table that are no text: [patient_id]; read them as text "
        "(dtype=str), so that leading zeros stay.",
        make_folds,
        as_pandas(rows.with_columns(patient_id=pl.int_range(pl.len()))),
    )
    refused(
        "Rows of the table with the same isic_id: [ISIC_0000000]; keep one of each.",
        make_folds,
        pl.concat([rows, rows.head(1)]),
    )
    refused(
        "1 rows of the table have no isic_id; rows are joined by it.",
        make_folds,
        rows.with_columns(isic_id=pl.col("isic_id").replace("ISIC_0000003", None)),
    )
    refused(
        "Target must be 0 or 1; found [2] for images: [ISIC_0000001].",
        make_folds,
        rows.with_columns(
            target=pl.when(pl.col("isic_id") == "ISIC_0000001").then(2).otherwise("target")
        ),
    )
    refused(
        "Missing patient_id for images: [ISIC_0000000].",
        make_folds,
        rows.with_columns(
            patient_id=pl.when(pl.col("isic_id") != "ISIC_0000000").then("patient_id")
        ),
    )
    refused(
        "Rows of the table that have no fold: [ISIC_0000000]; make folds of all.",
        lambda: list(split_by_fold(rows, make_folds(rows)[1:])),
    )


def test_a_known_patient_is_never_left_apart():
    refused(
        "data.group='none' does not keep 20 patients with more than one image together: "
        "IP_0000000, IP_0000001, IP_0000002, IP_0000003, IP_0000004 (+15 more); take "
        "data.group='patient'.",
        make_folds, table(), group="none",
    )  # fmt: skip
    assert len(make_folds(table().drop("patient_id"), group="none")) == len(table())


def test_wrong_values_are_one_sentence():
    refused("group is 'family'; it must be patient, lesion or none.", make_folds, table(),
            group="family")  # fmt: skip
    refused(
        "n_folds cannot be 1: Input should be greater than or equal to 2.",
        make_folds,
        table(),
        n_folds=1,
    )
    refused(
        "Folds of a table are drawn once; take another seed for another repeat.",
        make_folds,
        table(),
        repeats=2,
    )


def test_a_published_split_is_mended_from_a_notebook_too():
    rows = table(
        lesion_id=pl.col("patient_id").str.replace("IP", "IL"),
        split=pl.Series((["train"] * 4 + ["valid", "test"]) * 20),
    ).drop("patient_id")
    drawn = make_folds(rows, scheme="by_lesion", group="lesion")
    assert drawn.columns == ["isic_id", "group_id", "fold", "split"]
    sides = drawn.group_by("group_id").agg(pl.struct("fold", "split").n_unique().alias("sides"))
    assert sides["sides"].to_list() == [1] * 20
    assert set(drawn["split"]) == {"train", "holdout"}
    # Every lesion has several images.
    refused(
        "folds.scheme 'corrected' leaves no row to validate on, so large are the groups for this "
        "split; take folds.scheme='stratified_groups'.",
        make_folds, rows, scheme="corrected", group="lesion",
    )  # fmt: skip
