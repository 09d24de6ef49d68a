import numpy as np
import polars as pl
import pytest

from metrics.ranking import auc
from stacking import boosters
from stacking.fold import scored, train_fold
from stacking.matrix import Matrix
from tests.unit.stacking.conftest import QUICK, STACK, drawn
from workspace.errors import ConfigError


def silent(done, total):
    pass


def train(matrix, fold=0, stack=STACK, booster=QUICK, seed=0):
    return train_fold(matrix, fold, stack, booster, seed, silent)


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


def test_a_level_that_only_held_out_rows_have_moves_no_code():
    matrix = drawn()
    before = train(matrix)
    held = (matrix.rows["fold"] == 0).to_numpy()
    matrix.values[held, 2] = -5  # a code below all others
    after = train(matrix)
    assert texts(after) == texts(before)
    assert after.use["levels"] == {"cat_site": [0, 1, 2, 3]}
    assert (matrix.values[held, 2] == -5).all()  # the matrix is as it was


def test_check_72_the_same_trees_for_any_number_of_threads(matrix, monkeypatch):
    alike = set()
    for threads in (1, 2, 4):
        training = boosters.Binned.training
        monkeypatch.setattr(
            boosters.Binned,
            "training",
            lambda rows, seed, t=threads, o=training: {**o(rows, seed), "num_threads": t},
        )
        trained = train(matrix)
        monkeypatch.undo()
        assert f"[num_threads: {threads}]" in texts(trained)[0]
        trees = [text.split("\nparameters:")[0] for text in texts(trained)]
        alike.add((tuple(trees), trained.scores.write_csv()))
    assert len(alike) == 1


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


def test_rows_elsewhere_are_scored_as_held_out_rows_are(matrix):
    trained = train(matrix, 2)
    held = matrix.values[(matrix.rows["fold"] == 2).to_numpy()]
    models = [boosters.lgb.Booster(model_str=text) for text in texts(trained)]
    each = scored(held, models, trained.use)
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
