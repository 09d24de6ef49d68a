"""What holds for every booster that is known, whichever it is."""

import numpy as np
import pytest

from stacking.boosters import booster
from stacking.boosters.known import BOOSTERS, load_boosters
from tests.unit.stacking.conftest import drawn
from workspace.errors import ArtifactError
from workspace.manifest import Wanted
from workspace.units import making, open_unit

WANTED = Wanted(stage="stack", settings={}, inputs={}, recipe={}, seed=0)
ROUNDS = 12
QUICK = {
    "lightgbm": {"min_data_in_leaf": 5},
    "set_attention": {"rate": 0.02, "hidden": 8, "batch": 64},
}  # for these few rows; a booster not here: defaults
WITHOUT_CHANCE = {"logistic"}  # boosters that grow the same model from any seed


@pytest.fixture(params=BOOSTERS)
def name(request):
    return request.param


@pytest.fixture
def config(name):
    return BOOSTERS[name].model_validate(QUICK.get(name, {}))


@pytest.fixture(scope="module")
def rows():
    matrix = drawn()
    return matrix, matrix.rows["target"].to_numpy().astype(np.float64)


@pytest.fixture
def data(config, rows):
    matrix, target = rows
    return config.bin_rows([matrix.values[:200], matrix.values[200:]], target, matrix.columns, 2)


def unit_of(tmp_path, **files):
    with making(tmp_path / "fold", WANTED) as draft:
        for name, text in files.items():
            draft.text(name, text)
    return open_unit(tmp_path / "fold", "stack")


def test_no_two_boosters_call_their_models_alike():
    files = [config.file.format(0) for config in BOOSTERS.values()]
    assert len(set(files)) == len(files)
    assert all(file.endswith((".txt", ".json")) for file in files)  # see `BoosterConfig.file`


def test_it_learns_what_there_is_to_learn_and_says_from_which_columns(data, rows):
    matrix, target = rows
    grown = data.grow(np.arange(600), 0, ROUNDS)
    scores = grown.log_odds(matrix.values)
    assert scores.dtype == np.float64
    assert scores[target == 1].mean() > scores[target == 0].mean()
    assert grown.gain().sum() == pytest.approx(1)
    assert grown.gain().argmax() == grown.contributions(matrix.values).argmax() == 0  # pz_signal


def test_rows_that_come_more_often_and_gaps_and_unseen_categories_are_taken(data, rows):
    matrix, _ = rows
    grown = data.grow(np.sort(np.r_[np.arange(600), np.arange(50)]), 0, ROUNDS)
    strange = np.array([[np.nan] * 4, [0, 0, -1, 0], [0, 0, 99, 0]], dtype=np.float32)
    assert np.isfinite(grown.log_odds(strange)).all()
    assert grown.log_odds(matrix.values[:0]).shape == (0,)


def test_threads_change_neither_a_bit_of_a_score_nor_a_byte_of_a_model(config, rows):
    matrix, target = rows
    texts, scores = set(), set()
    for threads in (1, 2, 3, None):
        data = config.bin_rows([matrix.values], target, matrix.columns, threads)
        assert data.side_by_side >= 1
        assert threads is None or data.side_by_side * (data.threads or 1) <= threads
        grown = data.grow(np.arange(600), 1, ROUNDS)
        texts.add(grown.save())
        scores.add(grown.log_odds(matrix.values, threads).tobytes())
        scores.add(grown.log_odds(matrix.values, 1).tobytes())
    assert len(texts) == len(scores) == 1


def test_the_seed_alone_decides_between_models(name, data):
    one, again, other = (data.grow(np.arange(600), seed, ROUNDS).save() for seed in (0, 0, 1))
    assert one == again
    assert (one == other) == (name in WITHOUT_CHANCE), "put it right there, or use the seed"


def test_inner_rows_choose_the_rounds_and_never_more_than_the_recipe_has(config, data, rows):
    matrix, target = rows
    held_out = (matrix.values[500:], target[500:])
    rounds = data.best_rounds(np.arange(500), held_out, 0, 3)
    assert 1 <= rounds <= config.rounds
    assert data.best_rounds(np.arange(500), held_out, 0, 3) == rounds


def test_models_come_back_by_number_and_score_to_the_bit(config, data, rows, tmp_path):
    matrix, _ = rows
    grown = [data.grow(np.arange(600), seed, ROUNDS) for seed in (0, 1)]
    files = {config.file.format(number): one.save() for number, one in enumerate(grown)}
    loaded = load_boosters(unit_of(tmp_path, **files), 2, matrix.columns)
    for one, again in zip(grown, loaded, strict=True):
        assert again.log_odds(matrix.values).tobytes() == one.log_odds(matrix.values).tobytes()
        assert again.gain().tolist() == one.gain().tolist()


def test_models_of_other_columns_are_refused(config, data, rows, tmp_path):
    unit = unit_of(tmp_path, **{config.file.format(0): data.grow(np.arange(600), 0, 2).save()})
    with pytest.raises(ArtifactError, match="was trained on other columns than those at hand"):
        load_boosters(unit, 1, rows[0].columns[::-1])


def test_a_fold_with_a_model_too_few_is_refused(config, data, rows, tmp_path):
    unit = unit_of(tmp_path, **{config.file.format(0): data.grow(np.arange(600), 0, 2).save()})
    name = config.file.format(1)
    with pytest.raises(ArtifactError, match=f"has no {name}; delete the folder"):
        load_boosters(unit, 2, rows[0].columns)


def test_models_of_a_booster_that_nobody_knows_are_refused(tmp_path):
    unit = unit_of(tmp_path, **{"seed_0.cbm": "..."})
    with pytest.raises(ArtifactError) as error:
        load_boosters(unit, 1, ["a"])
    assert str(error.value) == (
        f"{unit.folder} has no model of a booster that is known here ({', '.join(BOOSTERS)}); run "
        "'make stack FRESH=1'."
    )


def test_whoever_says_no_number_gets_as_many_threads_as_are_lent(monkeypatch):
    monkeypatch.setattr(booster, "lent_cores", lambda: 3)
    assert [booster.number_of(threads) for threads in (None, 1, 8)] == [3, 1, 8]
