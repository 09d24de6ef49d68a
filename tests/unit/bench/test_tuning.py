"""The pages of tuning: what random search is, best so far, workers' rates by turns."""

from collections import OrderedDict

import optuna
import polars as pl
import pytest

from pipeline import tuning
from pipeline.stack_rows import StackFiles, open_stack
from stacking.boosters.lightgbm import LightGBMConfig
from stacking.config import StackConfig
from stacking.tuning.config import TuneConfig
from stacking.tuning.space import Setting, Space
from stacking.tuning.study import Study, open_storage
from tests.bench import tuning_workers
from tests.bench.bench_tuning_search import best_so_far, columns_met
from tests.bench.tuning_bins import met
from tests.by_hand.stack import stack_units

TRIALS = pl.DataFrame({
    "study": ["a", "a", "a", "b", "b", "b"],
    "number": [0, 1, 2, 0, 1, 2],
    "pauc": [0.125, None, 0.25, 0.5, 0.375, 0.0],
    "use.les": [True, True, True, True, False, True],
    "use.pz": [True, False, True, True, False, True],
    "lightgbm.rounds": [1, 2, 3, 4, 5, 6],
})  # fmt: skip


def drawn(tmp_path, random):
    space = Space.of("lightgbm", StackConfig(), LightGBMConfig(), ("pz_a", "les_b"), TuneConfig())
    storage = open_storage(f"sqlite:///{tmp_path / f'{random}.db'}")
    study = Study.open(storage, "run/fold_0", space, {}, 0, random)
    tried = []
    for _ in range(9):
        trial = study.ask()
        study.tell(trial.number, trial.values["lightgbm.learning_rate"])
        tried.append(dict(trial.values))
    return tried


def test_as_many_at_random_as_there_are_trials_is_random_search(tmp_path, monkeypatch):
    """The same values as Optuna's own sampler of random search draws from the same seeds."""
    mostly, ours = drawn(tmp_path, 3), drawn(tmp_path, 9)
    assert ours[:3] == mostly[:3]
    assert ours[4:] != mostly[4:]

    def plain(seed=None, **_):
        return optuna.samplers.RandomSampler(seed)

    monkeypatch.setattr(optuna.samplers, "TPESampler", plain)
    assert drawn(tmp_path, 99) == ours


def test_best_so_far_is_the_mean_over_studies_and_a_failed_trial_is_none() -> None:
    """After one .125 and .5, after all .25 and .5."""
    assert best_so_far(TRIALS, 1) == 0.3125
    assert best_so_far(TRIALS, 2) == 0.3125
    assert best_so_far(TRIALS, 3) == 0.375


def test_two_of_six_trials_have_columns_of_an_earlier_one_of_their_study() -> None:
    assert columns_met(TRIALS) == pytest.approx(2 / 6)


def test_rates_are_of_the_same_turn() -> None:
    """40 trials, turn by turn at 4, 2 and 3 times the pace; of the median rates it were 2."""
    row = tuning_workers.row_of([(1, 4), (4, 8), (5, 15)], 40)
    assert (row["ours"], row["theirs"], row["ratio"], row["pairs"]) == (10, 5, 3, 3)


def test_without_postgresql_the_row_says_so(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(tuning_workers, "programs", lambda: None)
    row = tuning_workers.measured(tmp_path)
    assert str(row["what"]).endswith(": not measured, this machine has no PostgreSQL")
    assert (row["ours"], row["theirs"], row["ratio"], row["pairs"]) == ("-", "-", "-", 0)


def test_bins_are_met_where_there_is_room_for_those_of_every_study(tmp_path, monkeypatch) -> None:
    """Four studies by turns; with room for two, each is dropped before it is asked for again."""
    units, _ = stack_units(tmp_path, block=False)
    files = StackFiles.of(units["samples"], units["folds"], units["features"], (), ())
    matrix = open_stack(files).matrix
    setting = Setting(StackConfig(), LightGBMConfig(), matrix.columns)
    assert met(files, setting) == 1
    monkeypatch.setattr(tuning, "_KEPT", OrderedDict())
    two = matrix.values.nbytes + 2 * 3 * matrix.values.size * tuning.BYTES_A_BIN
    free = (two + 1) / tuning.KEPT_SHARE / 2**30
    monkeypatch.setattr(tuning, "lent_memory_gb", lambda: free)
    assert met(files, setting) == 0
