import numpy as np
import polars as pl
import pytest

from stacking.boosters.known import BOOSTERS, load_boosters
from stacking.boosters.logistic import LogisticConfig
from stacking.explained import Explained, explain, some_rows, summary, together
from stacking.fold import train_fold
from stacking.matrix import Matrix
from tests.unit.stacking.conftest import QUICK, STACK, drawn
from workspace.manifest import Wanted
from workspace.units import making, open_unit

WANTED = Wanted(stage="stack", settings={}, inputs={}, recipe={}, seed=0)
OF_TREES = [name for name in ("lightgbm", "xgboost", "catboost") if name in BOOSTERS]


def trained(tmp_path, booster, fold=1):
    """A fold's models as they are kept, and its matrix."""
    matrix = drawn()
    made = train_fold(matrix, fold, STACK, booster, 0, lambda *_: None)
    with making(tmp_path / "fold", WANTED) as draft:
        for name, text in made.models.items():
            draft.text(name, text)
    unit = open_unit(tmp_path / "fold", "stack")
    models = load_boosters(unit, len(made.models), matrix.columns)
    keep = (matrix.rows["fold"] == fold).to_numpy()
    held = Matrix(matrix.rows.filter(pl.Series(keep)), matrix.columns, matrix.values[keep].copy())
    return held, models, made


@pytest.mark.parametrize("name", OF_TREES)
def test_what_columns_add_and_where_they_begin_is_the_raw_score(tmp_path, name):
    booster = QUICK if name == "lightgbm" else BOOSTERS[name].model_validate({})
    held, models, made = trained(tmp_path, booster)
    before = held.values.copy()
    found = explain(held, models, made.use)
    assert found is not None
    np.testing.assert_array_equal(held.values, before)  # the fold's codes are gone again
    np.testing.assert_array_equal(found.values, before)
    odds = [
        model.log_odds(held.values) + shift
        for model, shift in zip(models, made.use["shifts"], strict=True)
    ]
    assert len(odds) == STACK.seeds
    np.testing.assert_allclose(found.log_odds, np.mean(odds, axis=0), rtol=0, atol=1e-4)
    # Of the shares that are handed in: each is the mean of the models' probabilities.
    shares = np.mean([1 / (1 + np.exp(-one)) for one in odds], axis=0)
    kept = made.scores.sort("isic_id")["score"].to_numpy()
    np.testing.assert_allclose(shares[np.argsort(np.array(found.ids))], kept, atol=1e-9)
    assert np.abs(found.added).mean(axis=0).argmax() == 0  # pz_signal


def test_codes_of_a_fold_are_those_that_its_models_know(tmp_path):
    held, models, made = trained(tmp_path, QUICK)
    held.values[:, 2] = 77.0  # a site that nobody has seen: code 0, the same as no word
    unseen = explain(held, models, made.use)
    held.values[:, 2] = 0.0
    nothing = explain(held, models, made.use)
    np.testing.assert_array_equal(unseen.added, nothing.added)
    assert unseen.values[0, 2] == 77.0


def test_boosters_that_cannot_be_taken_apart_say_nothing(tmp_path):
    held, models, made = trained(tmp_path, LogisticConfig())
    assert explain(held, models, made.use) is None


def test_rows_are_joined_by_id_whatever_their_order():
    def part(ids, start):
        count = len(ids)
        return Explained(
            ids, ("a",), np.full((count, 1), start, np.float32), np.full((count, 1), start + 0.5),
            np.full(count, 1.0),
        )  # fmt: skip

    found = together([part(("c", "a"), 1), part(("b",), 2)])
    assert found.ids == ("a", "b", "c")
    assert found.values[:, 0].tolist() == [1, 2, 1]
    assert found.log_odds.tolist() == [2.5, 3.5, 2.5]


def test_positives_come_first_and_negatives_are_drawn_by_the_seed_whatever_the_order():
    rows = pl.DataFrame(
        {"isic_id": [f"i{n}" for n in range(50)], "target": [n % 10 == 3 for n in range(50)]}
    )
    chosen = some_rows(rows, 7, 12)
    assert len(chosen) == 12
    assert chosen.to_list() == sorted(chosen)
    assert {"i3", "i13", "i23", "i33", "i43"} <= set(chosen)
    assert some_rows(rows.sample(fraction=1, shuffle=True, seed=1), 7, 12).equals(chosen)
    assert not some_rows(rows, 8, 12).equals(chosen)
    assert len(some_rows(rows, 7, 2000)) == 50


def test_a_column_is_summed_up_from_low_values_to_high():
    values = np.array([[n, 1.0, n % 3] for n in range(10)], np.float32)
    values[0, 1] = np.nan
    added = np.array([[n / 10, 0.0, -2.0] for n in range(10)])
    found = summary(
        Explained(tuple("abcdefghij"), ("les_x", "les_same", "cat_y"), values, added, np.zeros(10)),
        2,
    )
    assert [one["column"] for one in found] == ["cat_y", "les_x"]
    codes, x = found
    assert (codes["ordered"], len(codes["fifths"]), codes["mean_size"]) == (False, 1, 2.0)
    assert [one["n"] for one in x["fifths"]] == [2] * 5
    assert x["fifths"][0] == {
        "n": 2, "middle": 0.5, "mean": pytest.approx(0.05),
        "low": pytest.approx(0.01), "high": pytest.approx(0.09),
    }  # fmt: skip
    same = summary(Explained(tuple("abcdefghij"), ("les_same",), values[:, 1:2], added[:, :1],
                             np.zeros(10)), 1)[0]  # fmt: skip
    assert [one["n"] for one in same["fifths"]] == [9]  # equal values lie together
    assert same["missing"] == 1
