from types import SimpleNamespace

import pytest

from pipeline.offline import pace
from pipeline.offline.clock import Clock, OutOfTimeError
from pipeline.offline.pace import InTime, Rates
from tests.by_hand.units import kept
from tests.said import Said


def shard(folder, network, number, pictures):
    """A shard that is to do."""
    where = folder / network / f"new_{number:05d}"
    return SimpleNamespace(folder=where, arguments={"some": (None, range(pictures))})


def test_a_cost_is_of_what_is_not_done(tmp_path):
    rates = Rates()
    rates.note("net_fold_0", 10.0, 100)
    done, waiting = (shard(tmp_path, "net_fold_0", number, 50) for number in (0, 1))
    kept(done.folder, "embed", {})
    assert rates.cost_of([done, waiting]) == pytest.approx(5.0)


def test_an_untimed_fold_costs_what_its_other_folds_do_in_the_mean(tmp_path):
    rates = Rates()
    rates.note("net_fold_0", 1.0, 10)
    rates.note("net_fold_1", 3.0, 10)
    rates.note("network_fold_2", 90.0, 10)  # another network
    assert rates.cost_of_one(shard(tmp_path, "net_fold_2", 0, 100)) == pytest.approx(20.0)
    assert rates.cost_of_one(shard(tmp_path, "net_fold_1", 0, 100)) == pytest.approx(30.0)
    assert rates.cost_of_one(shard(tmp_path, "strange_fold_0", 0, 100)) == 0.0


def test_encoders_which_have_no_fold_are_each_of_their_own_kind(tmp_path):
    rates = Rates()
    rates.note("dino", 10.0, 10)
    assert not rates.knows("eva")
    assert rates.cost_of_one(shard(tmp_path, "dino", 0, 3)) == pytest.approx(3.0)
    assert rates.cost_of_one(shard(tmp_path, "eva", 0, 3)) == 0.0


def test_processes_share_the_cost_and_no_picture_is_no_fault(tmp_path):
    rates = Rates()
    rates.at_work = lambda: 2
    rates.note("net_fold_0", 4.0, 10)
    assert rates.cost_of([shard(tmp_path, "net_fold_0", 0, 10)]) == pytest.approx(2.0)
    rates.note("net_fold_0", 0.5, 0)
    assert rates.cost_of([shard(tmp_path, "net_fold_0", 0, 0)]) == 0.0


def test_a_rate_is_of_the_last_shards_and_older_ones_fade(tmp_path):
    rates = Rates()
    assert not rates.knows("net_fold_0")
    rates.note("net_fold_0", 10.0, 10)
    rates.note("net_fold_0", 3.0, 10)
    assert rates.cost_of_one(shard(tmp_path, "net_fold_0", 0, 18)) == pytest.approx(11.0)
    assert rates.knows("net_fold_1")
    assert not rates.knows("network_fold_0")


@pytest.fixture
def work(tmp_path, monkeypatch):
    """Two shards of ten pictures; `spend` is what each takes, by a clock of the test's own."""
    now = [0.0]
    monkeypatch.setattr(pace.time, "monotonic", lambda: now[0])
    shards = [shard(tmp_path, "net_fold_0", number, 10) for number in (0, 1)]
    rates, desk = Rates(), Said()
    clock = Clock(0.0, 130.0, now=lambda: now[0])  # 100 s but for the half minute to end
    executor = InTime(desk, clock, rates, 5.0, lambda: rates.cost_of(shards))
    executor.knows(shards)

    def carry_out(number, spend, *, elsewhere=False):
        def function(order, desk):
            now[0] += spend
            if not elsewhere:
                kept(order.folder, "embed", {})

        executor.submit(function, SimpleNamespace(folder=shards[number].folder))

    return SimpleNamespace(carry_out=carry_out, rates=rates, desk=desk, shards=shards)


def test_a_shard_tells_its_networks_rate_and_what_is_left(work):
    work.carry_out(0, 30.0)
    assert work.rates.cost_of_one(work.shards[1]) == pytest.approx(30.0)
    assert work.desk.lines == ["about 30 s left in all"]
    work.carry_out(1, 39.0)  # (.8 * 30 + 39) / 18 a picture
    assert work.rates.cost_of_one(work.shards[1]) == pytest.approx(35.0)
    assert work.desk.lines == ["about 30 s left in all"]  # nothing is left now


def test_no_shard_begins_that_would_end_too_late(work):
    work.carry_out(0, 52.0)
    with pytest.raises(OutOfTimeError):  # 1.1 * (52 + 5 of the view) is more than 48
        work.carry_out(1, 1.0)
    assert not work.shards[1].folder.exists()


def test_a_shard_that_another_process_is_at_tells_nothing_of_the_pace(work):
    work.carry_out(0, 0.001, elsewhere=True)
    assert work.rates.cost_of(work.shards) == 0.0
