"""A task that took more than is lent is refused before it begins, by what was measured alone."""

import json
from contextlib import ExitStack

import pytest

from tests.manifests import rewrite
from workspace import orders
from workspace.errors import ConfigError
from workspace.lock import lock_of, locked, owner_of
from workspace.machine import Memory
from workspace.manifest import load_manifest
from workspace.orders import Needs, measured_needs
from workspace.work import carry_out


@pytest.fixture
def lent(monkeypatch):
    """Says what is lent at each look, and by whom; this process holds half a GB."""
    looks = []

    def say(*several, by="its container's limit"):
        looks[:] = [Memory(gb, by) for gb in several]
        rest = iter(looks)
        monkeypatch.setattr(orders, "lent_memory", lambda swapping: next(rest))

    monkeypatch.setattr(orders, "held_gb", lambda: 0.5)
    monkeypatch.setattr(orders, "LOOK_S", 0.0)
    return say


@pytest.fixture
def one(make, context):
    """A task that is to make anew, after it took 12 GB."""
    task = make("net_fold_0", settings={"fold": 0})
    carry_out([task], context)
    rewrite(task.folder, lambda values: values | {"peak_gb": 12.0})
    (task.folder / "text.txt").unlink()
    return make("net_fold_0", settings={"fold": 0}, on_damage="redo")


@pytest.mark.parametrize("known", [0.125, None])
def test_a_unit_keeps_how_much_memory_it_took_where_that_is_known(
    make, context, monkeypatch, known
):
    monkeypatch.setattr("workspace.units.watched_peak", lambda: lambda: known)
    [(unit, _)] = carry_out([make("one")], context)
    assert load_manifest(unit.folder).peak_gb == known
    values = json.loads((unit.folder / "manifest.json").read_text())
    assert ("peak_gb" in values) is (known is not None)


@pytest.mark.parametrize("gb", [9.1, 12.0, float("inf")])
def test_what_fits_within_a_quarter_is_begun(one, context, lent, gb):
    lent(gb)  # 12 <= 1.25 * (9.1 + 0.5)
    [(_, made)] = carry_out([one], context)
    assert made


def test_what_others_hold_for_a_moment_refuses_nothing(one, context, lent):
    lent(1.0, 2.0, 1.0, 1.5, 20.0)
    [(_, made)] = carry_out([one], context)
    assert made


def test_what_took_more_than_is_lent_is_refused_before_it_begins(one, make, context, lent):
    lent(*[9.0] * 5)
    with pytest.raises(ConfigError) as refused:
        carry_out([one], context)
    assert str(refused.value) == (
        "net_fold_0 would take 12.0 GB of memory, as the last time it did, and 9.0 GB are lent "
        "now, by its container's limit; take fewer JOBS=, free some, or a larger machine "
        "(DERMSTACK_MEMORY_GB=n says that n GB are there)."
    )
    assert len(make.log()) == 1
    lent(*[2.0] * 5, by="what is free")
    with pytest.raises(ConfigError) as refused:
        carry_out([make("net_fold_1", settings={"fold": 1})], context)
    assert str(refused.value).startswith(
        "net_fold_1 would take 12.0 GB of memory, as net_fold_0 did, and 2.0 GB are lent now, by "
        "what is free; "
    )


def test_what_was_never_measured_or_is_of_other_settings_is_begun(one, make, context, lent):
    lent()  # nobody is asked
    rewrite(one.folder, lambda values: values | {"settings": {"fold": 0, "batch": 64}})
    assert carry_out([one, make("other", settings={"fold": 0})], context)[0][1]


def test_who_says_how_much_is_lent_is_believed(one, context, monkeypatch):
    monkeypatch.setattr(orders, "LOOK_S", 0.0)
    monkeypatch.setenv("DERMSTACK_MEMORY_GB", "1")
    with pytest.raises(ConfigError, match=r"1\.0 GB are lent now, by DERMSTACK_MEMORY_GB;"):
        carry_out([one], context)
    monkeypatch.setenv("DERMSTACK_MEMORY_GB", "12")
    assert carry_out([one], context)[0][1]


@pytest.mark.parametrize(("thought", "asked"), [(4.0, 12.0), (16.0, 16.0)])
def test_needs_grow_to_what_was_measured_and_never_shrink(one, thought, asked):
    for needs in (Needs(2, thought), lambda: Needs(2, thought)):
        known = measured_needs(needs, one.folder, "stack", {"fold": 0})
        assert known == Needs(2, asked)
    assert measured_needs(needs, one.folder, "stack", {"fold": 1}) == Needs(2, thought)


def test_what_is_asked_side_by_side_is_what_was_measured(one, context, monkeypatch):
    asked = []
    monkeypatch.setattr(
        context.executor, "side_by_side", lambda needs: asked.append(needs) or 1, raising=False
    )
    monkeypatch.setattr(orders, "lent_memory", lambda swapping: Memory(64.0, "what is free"))
    carry_out([one], context)
    assert [need.memory_gb for needs in asked for need in needs] == [12.0]


def test_who_finds_a_unit_busy_helps_there_and_then_finds_it_done(make, context):
    """The owner's call makes it while the other helps; that one makes nothing."""
    helped, owner = [], ExitStack()

    def join(folder, wanted, desk, **arguments):
        helped.append((folder, wanted.settings["name"], arguments["text"], owner_of(lock)))
        owner.close()
        carry_out([make("one")], context)

    task = make("one", join=join)
    lock = lock_of(task.folder)
    owner.enter_context(locked(lock, "one"))
    [(unit, _)] = carry_out([task], context)
    [(folder, name, text, held)] = helped
    assert (folder, name, text, held is not None) == (task.folder, "one", "x", True)
    assert make.log() == ["one"]
    assert unit.folder == task.folder
