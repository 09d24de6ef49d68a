from types import SimpleNamespace

import pytest

from pipeline.offline.clock import Clock
from pipeline.offline.forecast import PICTURES, TABLES, Forecast
from pipeline.offline.pace import Rates

LIMIT_S = 130.0  # 100 s but for the half minute to end


def shard(folder, pictures):
    return SimpleNamespace(folder=folder, arguments={"some": (None, range(pictures))})


@pytest.fixture
def forecast():
    """A picture costs a second, and so does what an encoder, which all folds share, looks at."""
    rates = Rates()
    for network in ("net_fold_0", "net_fold_1", "net_fold_2", "encoder"):
        rates.note(network, 1.0, 1)
    return Forecast(Clock(0.0, LIMIT_S, now=lambda: 0.0), rates)


@pytest.fixture
def shards(tmp_path):
    shared = shard(tmp_path / "encoder" / "new_00000", 40)
    return {
        fold: [shared, shard(tmp_path / f"net_fold_{fold}" / "new_00000", 10 + 10 * fold)]
        for fold in (0, 1, 2)
    }


def test_what_folds_share_is_looked_at_once(forecast, shards):
    assert forecast.cost_of(shards) == 40 + 10 + 20 + 30
    assert forecast.cost_of({1: shards[1]}) == 40 + 20


def test_a_view_costs_what_the_last_did_or_some_times_one_by_tables(forecast, shards):
    assert forecast.view_s == 0
    forecast.seconds[TABLES] = 3.0
    assert forecast.cost_of({0: shards[0], 1: shards[1]}) == 70 + 2 * 6.0
    forecast.seconds[PICTURES] = 4.0
    assert forecast.cost_of({0: shards[0]}) == 50 + 4.0


def test_folds_are_chosen_quickest_first_and_those_without_time_are_named(forecast, shards):
    assert forecast.chosen(shards) == (0, 1)  # 1.1 * 70 of 100 s, and 1.1 * 100 are too many
    assert list(forecast.sentences(shards, (0, 1))) == [
        "looking at pictures with folds 0, 1: about 70 s of 2 min.",
        "no time is foreseen for fold 2.",
    ]


def test_without_time_for_one_all_are_dropped(forecast, shards):
    forecast.seconds[PICTURES] = 60.0
    assert forecast.chosen(shards) == ()
    assert list(forecast.sentences(shards, ())) == ["no time for folds 0, 1, 2: dropped."]


def test_of_networks_that_nobody_has_timed_no_time_is_told(forecast, shards):
    untimed = Forecast(forecast.clock, Rates())
    assert list(untimed.sentences(shards, (0, 1, 2))) == ["looking at pictures with folds 0, 1, 2."]


def test_where_nothing_is_left_to_look_at_nothing_is_said(forecast):
    assert forecast.chosen({}) == ()
    assert list(forecast.sentences({}, ())) == []


def test_without_a_limit_there_is_time_for_all(shards, forecast):
    endless = Forecast(Clock(0.0, None), forecast.rates)
    assert endless.chosen(shards) == (0, 1, 2)
    assert list(endless.sentences({2: shards[2]}, (2,))) == [
        "looking at pictures with fold 2: about 70 s."
    ]
