"""The out-of-fold table of a notebook: by id, without leaks, in the kind of frame that came in."""

import pandas as pd
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from stacking.cross_fit import cross_fit
from stacking.fold import train_fold
from tests.unit.stacking.conftest import QUICK, STACK, drawn
from workspace.errors import ConfigError, DataError
from workspace.progress import quietly


def tables(seed=0):
    matrix = drawn(seed=seed)
    ids = matrix.rows.select("isic_id")
    features = ids.hstack(pl.DataFrame(matrix.values, schema=list(matrix.columns)))
    return (
        features,
        matrix.rows.select("isic_id", "fold", "group_id"),
        matrix.rows.select("isic_id", "target"),
    )


def fit(features, folds, labels, stack=STACK, **more):
    return cross_fit(features, folds, labels, stack, QUICK, **more)


def shuffled(table, seed):
    return table.sample(fraction=1, shuffle=True, seed=seed)


def turned(labels, ids):
    """The labels, those of these rows turned round."""
    these, target = pl.col("isic_id").is_in(ids.implode()), pl.col("target")
    return labels.with_columns(target=pl.when(these).then(1 - target).otherwise(target))


def to_pandas(table):
    return pd.DataFrame(table.to_dict(as_series=False)).iloc[::-1]


def test_it_is_what_the_folds_of_a_stack_say():
    table = fit(*tables())
    assert table.schema == {
        "isic_id": pl.String, "fold": pl.Int16, "score": pl.Float64, "seed_sd": pl.Float64
    }  # fmt: skip
    matrix = drawn()
    assert table["isic_id"].to_list() == sorted(matrix.rows["isic_id"].to_list())
    assert matrix.rows.equals(matrix.rows.sort("fold", "isic_id"))
    for fold in (0, 1, 2):
        scores = train_fold(matrix, fold, STACK, QUICK, 0, quietly).scores.sort("isic_id")
        own = table.filter(pl.col("fold") == fold).drop("fold")
        assert_frame_equal(own, scores, check_exact=True)


def test_rows_are_joined_by_id_whatever_order_they_come_in():
    features, folds, labels = tables()
    more = pl.concat([labels, labels[:1].with_columns(isic_id=pl.lit("x"))])
    mixed = fit(shuffled(features, 1), shuffled(folds, 2), shuffled(more, 3))
    assert_frame_equal(mixed, fit(features, folds, labels), check_exact=True)


def test_what_a_fold_holds_out_has_no_say_in_its_scores():
    features, folds, labels = tables()
    before = fit(features, folds, labels)
    held = folds.filter(pl.col("fold") == 1)["isic_id"]
    after = fit(features, folds, turned(labels, held))
    own = pl.col("fold") == 1
    assert after.filter(own).equals(before.filter(own))
    assert not after.filter(~own).equals(before.filter(~own))


def test_rows_of_no_fold_are_trained_on_by_all_and_not_scored():
    features, folds, labels = tables()
    never = folds.with_columns(pl.col("fold").replace({2: None}))
    table = fit(features, never, labels)
    assert table["fold"].unique().sort().to_list() == [0, 1]
    assert len(table) == 400
    of_none = folds.filter(pl.col("fold") == 2)["isic_id"]
    other = fit(features, never, turned(labels, of_none))
    for fold in (0, 1):
        own = pl.col("fold") == fold
        assert not other.filter(own).equals(table.filter(own))


@pytest.mark.parametrize("apart", ["holdout", "anchor", "test"])
def test_rows_that_split_keeps_for_a_last_look_are_neither_learnt_nor_scored(apart):
    features, folds, labels = tables()
    last = folds["fold"] == 2
    kept = folds.with_columns(
        fold=pl.when(last).then(None).otherwise("fold"),
        split=pl.when(last).then(pl.lit(apart)).otherwise(pl.lit("train")),
    )
    table = fit(features, kept, labels)
    assert table.equals(fit(features, folds.filter(~last), labels))
    assert table["fold"].unique().sort().to_list() == [0, 1]
    without = labels.filter(~pl.col("isic_id").is_in(folds.filter(last)["isic_id"].implode()))
    assert table.equals(fit(features, kept, without))  # nor is anything asked of them
    always = kept.with_columns(split=pl.lit(None, pl.String))
    assert not table.equals(fit(features, always, labels))


def test_pandas_comes_in_and_goes_out():
    frames = tables()
    table = fit(*map(to_pandas, frames))
    assert isinstance(table, pd.DataFrame)
    assert list(table.columns) == ["isic_id", "fold", "score", "seed_sd"]
    assert_frame_equal(pl.DataFrame(table.to_dict("list")), fit(*frames), check_dtypes=False)
    features, folds, labels = frames
    assert isinstance(fit(features, to_pandas(folds), to_pandas(labels)), pl.DataFrame)


def test_threads_seeds_and_progress_are_the_caller_s():
    frames, shown = tables(), []
    one = fit(*frames, threads=1, show=lambda done, total: shown.append((done, total)))
    assert shown == [(1, 2), (2, 2)] * 3
    assert one.equals(fit(*frames, threads=3))
    assert not one.equals(fit(*frames, seed=1))


def test_groups_are_needed_only_where_rows_are_split_once_more():
    features, folds, labels = tables()
    plain = folds.drop("group_id")
    assert fit(features, plain, labels).equals(fit(features, folds, labels))
    inner = STACK.model_copy(update={"stopping": "inner", "patience": 3})
    assert len(fit(features, folds, labels, inner)) == 600
    with pytest.raises(ConfigError) as error:
        fit(features, plain, labels, inner)
    assert str(error.value) == (
        "stack.stopping='inner' splits by groups, and folds has no group_id; add it, or take "
        "stack.stopping='fixed'."
    )


FIRST = "ISIC_0000000"


@pytest.mark.parametrize(
    ("features", "folds", "labels", "message"),
    [
        (
            None,
            lambda t: t.with_columns(pl.when(pl.col("isic_id") == FIRST).then(2)
                                     .otherwise(pl.col("fold")).alias("fold")),
            None,
            "Groups that lie in more than one fold: [IP_0000000].",
        ),
        (
            None,
            lambda t: t.with_columns(fold=None),
            None,
            "folds holds out no row: no fold is 0 or more.",
        ),
        (
            None,
            lambda t: pl.concat([t, t[:1]]),
            None,
            "Rows of folds with the same isic_id: [ISIC_0000000].",
        ),
        (
            None,
            None,
            lambda t: pl.concat([t, t[:1]]),
            "Rows of labels with the same isic_id: [ISIC_0000000].",
        ),
        (
            None,
            None,
            lambda t: t.filter(pl.col("isic_id") != FIRST),
            "labels has no target that is 0 or 1 for images: [ISIC_0000000].",
        ),
        (
            None,
            None,
            lambda t: t.with_columns(target=pl.lit(0)),
            "Outside fold 0 there are not both classes to learn from.",
        ),
        (
            lambda t: t.filter(pl.col("isic_id") != FIRST),
            None,
            None,
            "features has no row for images: [ISIC_0000000].",
        ),
        (
            lambda t: t.with_columns(sex=pl.lit("male")),
            None,
            None,
            "Columns of features that are no numbers: sex; drop them, or make them codes that are "
            "called cat_<name>.",
        ),
        (
            lambda t: t.with_columns(target=pl.lit(1)),
            None,
            None,
            "features has columns that say what is to be learnt: target.",
        ),
        (lambda t: t.select("isic_id"), None, None, "features has no column besides isic_id."),
        (
            None,
            lambda t: t.drop("fold"),
            None,
            "Missing columns in folds: [fold].",
        ),
    ],
)  # fmt: skip
def test_tables_that_do_not_fit_are_one_sentence(features, folds, labels, message):
    frames = [
        change(table) if change else table
        for change, table in zip((features, folds, labels), tables(), strict=True)
    ]
    with pytest.raises(DataError) as error:
        fit(*frames)
    assert str(error.value) == message


def test_a_blind_pattern_that_means_no_code_is_refused():
    with pytest.raises(
        ConfigError, match=r"^stack.blind names no column of codes: cat_typo; there "
    ):
        fit(*tables(), stack=STACK.model_copy(update={"blind": ("cat_typo",)}))
