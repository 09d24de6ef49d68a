from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl
import pytest

from metrics.ranking import auc
from stacking.boosters import lightgbm
from stacking.boosters.known import BOOSTERS
from stacking.fold import train_fold
from stacking.matrix import Matrix
from stacking.use import probabilities
from tests.unit.stacking.conftest import QUICK, STACK, drawn, model_of
from workspace.errors import ConfigError
from workspace.progress import quietly


def train(matrix, fold=0, stack=STACK, booster=QUICK, seed=0, threads=None):
    return train_fold(matrix, fold, stack, booster, seed, quietly, threads=threads)


def texts(trained):
    return list(trained.models.values())


def changed(matrix, rows=None, **columns):
    """The matrix with other values or other columns of `rows`."""
    values = matrix.values.copy()
    if rows is not None:
        held = (matrix.rows["fold"] == rows).to_numpy()
        values[held] = -7 * values[held] + 3
    return Matrix(matrix.rows.with_columns(**columns), matrix.columns, values)


def test_a_fold_scores_its_held_out_rows_and_only_them(matrix):
    trained = train(matrix, 1)
    held = matrix.rows.filter(pl.col("fold") == 1)
    assert trained.scores["isic_id"].to_list() == held["isic_id"].to_list()
    assert auc(held["target"].to_numpy(), trained.scores["score"].to_numpy()) > 0.65
    assert (trained.scores["seed_sd"] > 0).any()
    assert trained.importance["column"].to_list() == list(matrix.columns)
    assert trained.importance["gain"].sum() == pytest.approx(1)
    top = trained.importance.sort("shap", descending=True)["column"][0]
    assert top == "pz_signal"


@pytest.mark.parametrize("stopping", ["fixed", "inner"])
@pytest.mark.parametrize("sampling", ["ratios", "shards", "all"])
def test_check_86_labels_and_values_of_held_out_rows_change_nothing_that_is_fitted(
    matrix, stopping, sampling
):
    stack = STACK.model_copy(update={"stopping": stopping, "sampling": sampling, "patience": 5})
    before = train(matrix, 0, stack)
    held = pl.col("fold") == 0
    flipped = pl.when(held).then(1 - pl.col("target")).otherwise(pl.col("target"))
    for other in (changed(matrix, target=flipped), changed(matrix, rows=0)):
        after = train(other, 0, stack)
        assert texts(after) == texts(before)
        assert after.use == before.use
        assert after.rounds == before.rounds
    assert texts(train(changed(matrix, rows=1), 0, stack)) != texts(before)


def test_a_category_that_only_held_out_rows_have_moves_no_code():
    matrix = drawn()
    before = train(matrix)
    held = (matrix.rows["fold"] == 0).to_numpy()
    matrix.values[held, 2] = -5  # a code below all others
    after = train(matrix)
    assert texts(after) == texts(before)
    assert after.use["levels"] == {"cat_site": [0, 1, 2, 3]}
    assert (matrix.values[held, 2] == -5).all()  # the matrix is as it was


@pytest.mark.parametrize("small", [True, False])
@pytest.mark.parametrize("stopping", ["fixed", "inner"])
def test_check_72_the_same_bytes_for_any_number_of_threads(matrix, monkeypatch, small, stopping):
    """Side by side with one thread each, or one after another with all of them."""
    monkeypatch.setattr(lightgbm, "SMALL", len(matrix.rows) * 4 if small else 0)
    stack = STACK.model_copy(update={"stopping": stopping, "patience": 5})
    kept = [train(matrix, 0, stack, threads=threads) for threads in (1, 2, 4, None)]
    for other in kept[1:]:
        assert other.models == kept[0].models
        assert other.scores.equals(kept[0].scores)
        assert other.importance.equals(kept[0].importance)
    assert f"[num_threads: {int(small)}]" in texts(kept[0])[0]


def test_no_more_boosters_are_grown_at_a_time_than_there_are_threads(matrix, monkeypatch):
    pools = []

    class Pool(ThreadPoolExecutor):
        def __init__(self, workers):
            pools.append(workers)
            super().__init__(workers)

    monkeypatch.setattr("stacking.fold.ThreadPoolExecutor", Pool)
    for threads in (1, 2, 64):
        train(matrix, threads=threads)
    assert pools == [1, 2, 2]  # there are two seeds


def test_seeds_differ_and_the_same_seed_does_not(matrix):
    first = train(matrix)
    assert len(set(texts(first))) == 2
    assert texts(train(matrix)) == texts(first)
    assert texts(train(matrix, seed=1)) != texts(first)


def test_probabilities_mean_all_rows_whatever_the_sample_was(matrix):
    """The sample has a positive in three rows, all rows one in seven."""
    stack = STACK.model_copy(update={"seeds": 5})
    mean = train(matrix, 0, stack, QUICK.model_copy(update={"rounds": 60})).scores["score"].mean()
    assert mean == pytest.approx(matrix.rows["target"].mean(), abs=0.05)


def held_out_of(matrix, fold):
    held = (matrix.rows["fold"] == fold).to_numpy()
    return Matrix(matrix.rows.filter(held), matrix.columns, matrix.values[held])


def test_unseen_rows_are_scored_as_held_out_rows_are(matrix):
    trained = train(matrix, 2)
    held = held_out_of(matrix, 2)
    models = [model_of(text) for text in texts(trained)]
    each = probabilities(held, models, trained.use)
    assert np.mean(each, axis=0) == pytest.approx(trained.scores["score"].to_numpy(), abs=1e-12)


def test_inner_stopping_of_too_few_groups_is_refused(matrix):
    stack = STACK.model_copy(update={"stopping": "inner", "inner_folds": 20})
    lone = matrix.rows.with_columns(target=(pl.col("group_id") < "IP_0000003").cast(pl.Int8))
    with pytest.raises(ConfigError) as error:
        train(Matrix(lone, matrix.columns, matrix.values), 0, stack)
    assert str(error.value) == (
        "stack.stopping='inner' needs 20 groups with a positive in a fold's training rows; found "
        "2. Lower stack.inner_folds, or take stack.stopping='fixed'."
    )


def test_inner_stopping_chooses_a_number_of_rounds_and_trains_on_all_training_rows(matrix):
    stack = STACK.model_copy(update={"stopping": "inner", "patience": 3})
    booster = QUICK.model_copy(update={"rounds": 300})
    trained = train(matrix, 0, stack, booster)
    assert all(1 <= rounds < 300 for rounds in trained.rounds)
    for text, rounds in zip(texts(trained), trained.rounds, strict=True):
        assert text.count("\nTree=") == rounds


def hospitals(rows=600):
    """Where only the hospital tells: positives of hospital 1 are many, of hospital 3 few."""
    rng = np.random.default_rng(0)
    hospital = rng.integers(1, 4, rows)
    target = (rng.random(rows) < np.choose(hospital - 1, [0.6, 0.2, 0.02])).astype(np.int8)
    fold = np.sort(np.arange(rows) % 3).astype(np.int16)
    table = pl.DataFrame({
        "isic_id": [f"ISIC_{number:07d}" for number in range(rows)],
        "fold": fold, "target": target, "group_id": [f"IP_{number:07d}" for number in range(rows)],
    })  # fmt: skip
    values = np.stack([rng.normal(size=rows), hospital], axis=1).astype(np.float32)
    return Matrix(table, ("meta_noise", "cat_hospital"), values)


BLIND = STACK.model_copy(update={"blind": ("cat_hosp*",), "sampling": "all", "seeds": 1})


def test_rows_of_a_hospital_that_is_new_are_scored_like_the_mean_where_copies_were_blind():
    """Without copies, what is unknown counts as the lowest code, that of hospital 1."""
    matrix = hospitals()
    matrix.values[(matrix.rows["fold"] == 0).to_numpy(), 1] = 9
    known = matrix.rows.filter(pl.col("fold") != 0)["target"].mean()
    plain = train(matrix, stack=BLIND.model_copy(update={"blind": ()})).scores["score"].mean()
    blind = train(matrix, stack=BLIND).scores["score"].mean()
    assert plain > known + 0.15
    assert abs(blind - known) < 0.03


@pytest.mark.parametrize("booster", ["lightgbm", "xgboost", "catboost", "logistic"])
def test_copies_are_rows_like_any_other_but_for_the_code(booster):
    """The same model grows where the copies lie in the matrix, as rows of no fold."""
    matrix, settings = hospitals(), BOOSTERS[booster]()
    first = matrix.rows["fold"].to_numpy() != 0
    copies = matrix.values[first].copy()
    copies[:, 1] = 0  # no word: below all codes, as what was never seen
    rows = matrix.rows.filter(pl.Series(first)).with_columns(fold=pl.lit(-1, pl.Int16))
    rows = rows.with_columns(
        isic_id="copy_" + pl.col("isic_id"), group_id="copy_" + pl.col("group_id")
    )
    twin = Matrix(pl.concat([matrix.rows, rows]), matrix.columns, np.r_[matrix.values, copies])
    other = train(matrix, stack=BLIND, booster=settings)
    slow = train(twin, stack=BLIND.model_copy(update={"blind": ()}), booster=settings)
    assert slow.use["levels"] == {"cat_hospital": [0, 1, 2, 3]}
    assert other.use["levels"] == {"cat_hospital": [1, 2, 3]}
    np.testing.assert_allclose(
        other.scores["score"].to_numpy(), slow.scores["score"].to_numpy(), rtol=1e-5
    )


def test_inner_rows_that_decide_have_no_copy_among_those_that_learn(matrix, monkeypatch):
    seen = []

    def best_rounds(self, indices, held_out, seed, patience):
        seen.append((self.data.num_data(), np.asarray(indices), len(held_out[0])))
        return 5

    monkeypatch.setattr(lightgbm.LightGBMRows, "best_rounds", best_rounds)
    stack = BLIND.model_copy(update={"blind": ("cat_site",), "stopping": "inner"})
    train(matrix, stack=stack)
    [(rows, indices, decide)] = seen
    count = int((matrix.rows["fold"] != 0).sum())
    assert rows == 2 * count
    assert len(set(indices % count)) == count - decide
    assert len(indices) == 2 * (count - decide)


def test_where_no_code_is_blind_settings_are_those_of_before():
    assert "blind" not in STACK.model_dump(mode="json")
    assert BLIND.model_dump(mode="json")["blind"] == ["cat_hosp*"]
