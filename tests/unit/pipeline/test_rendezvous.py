"""Offered, awaited, joined in threads of one process; whole trainings are in tests/e2e."""

import json
import os
import socket
import threading
from dataclasses import asdict, replace

import pytest

from pipeline import rendezvous
from pipeline.rendezvous import Crew, Offer
from tests.makers import Listening
from workspace.errors import ArtifactError, ConfigError
from workspace.identity import Identity
from workspace.lock import locked

ONE = Identity(
    python="3.11.7", lock="a", versions={"numpy": "2.0"}, sources={"folds/split.py": "c"}
)
TERMS = {"NODES": "2", "DEVICES": "1"}
OWNER = f"pid {os.getpid()} on {socket.gethostname()}"


@pytest.fixture(autouse=True)
def _known(monkeypatch):
    monkeypatch.setattr(rendezvous, "of_this_process", lambda: ONE)
    monkeypatch.setattr(rendezvous, "LOOK_S", 0.01)


@pytest.fixture
def crew(tmp_path):
    return Crew(2, tmp_path / ".net.offer", TERMS)


@pytest.fixture
def lock(tmp_path):
    return tmp_path / ".net.lock"


def offered(crew, **values):
    offer = replace(Offer.of_this_process(1, 0, TERMS), **values)
    crew.offer.write_text(json.dumps(asdict(offer)))
    return offer


def until(crew, met, go_on):
    """What a joiner does, in a thread: take the first offer, and hold the meeting."""
    for offer in crew.offers(crew.offer.with_name(".net.lock")):
        with crew.joined(offer, crew.offer.with_name(".net.lock")) as meeting:
            met.append(meeting)
            go_on.wait(60)


def test_the_owner_is_number_0_the_other_1_and_both_know_the_same_place(crew, lock):
    met, go_on, desk = [], threading.Event(), Listening()
    with locked(lock, "net"):
        other = threading.Thread(target=until, args=(crew, met, go_on))
        other.start()
        with crew.gathered(0, desk, "net, fold 0") as ours:
            assert not crew.offer.exists()  # nobody comes too late
            while not met:
                threading.Event().wait(0.01)
            [theirs] = met
            assert (ours.number, theirs.number, ours.nodes, theirs.nodes) == (0, 1, 2, 2)
            assert (ours.id, ours.address) == (theirs.id, theirs.address)
            assert theirs.launch()["rdzv_configs"]["rank"] == 1
            with ours.losing() as lose:
                lose()
            with pytest.raises(ConfigError), theirs.losing():
                theirs.refuse(ConfigError("the second has no such thing."))
                raise ConfigError("the second has no such thing.")
            with pytest.raises(ArtifactError) as refused:
                ours.raise_if_refused()
        assert str(refused.value) == "Another machine stopped: the second has no such thing."
        go_on.set()
    other.join(60)
    assert not other.is_alive()


def test_who_waits_for_machines_says_so_and_leaves_no_offer_when_stopped(crew, monkeypatch):
    monkeypatch.setattr(rendezvous, "TOLD_S", 0.0)

    class Stopping(Listening):
        def say(self, message, **facts):
            super().say(message, **facts)
            raise KeyboardInterrupt

    desk = Stopping()
    with pytest.raises(KeyboardInterrupt), crew.gathered(0, desk, "net, fold 0"):
        pass
    assert desk.said == [
        "net, fold 0: 0 s, and 1 of 2 machines are missing; call the same there, or stop this "
        "with Ctrl-C."
    ]
    assert not crew.offer.exists()


def test_what_a_dead_owner_offered_is_nobodys(crew, lock):
    """It lies there still, and somebody else has the lock by now."""
    offered(crew, owner="pid 1 on another")
    with locked(lock, "net"):
        offers = crew.offers(lock)
        waiting = threading.Thread(target=lambda: results.append(next(offers)))
        results = []
        waiting.start()
        waiting.join(0.2)
        assert not results
        offered(crew)
        waiting.join(60)
        assert [one.owner for one in results] == [OWNER]
    assert list(offers) == []  # once the lock is free


def test_who_comes_when_all_are_there_has_no_number(crew, lock):
    store = rendezvous._store(rendezvous.LOOPBACK, 0, is_ours=True)
    store.add(rendezvous.COME, 1)
    with (
        locked(lock, "net"),
        crew.joined(offered(crew, port=store.port), lock) as meeting,
    ):
        assert meeting is None


@pytest.mark.parametrize(
    ("terms", "sentence"),
    [
        (
            {**TERMS, "DEVICES": "4"},
            f"{OWNER} trains this network with DEVICES=1, and this call has DEVICES=4; call the "
            "same on all machines.",
        ),
        (
            {"NODES": "3", "DEVICES": "2"},
            f"{OWNER} trains this network with NODES=2, DEVICES=1, and this call has NODES=3, "
            "DEVICES=2; call the same on all machines.",
        ),
    ],
)
def test_other_words_are_refused_before_any_rank_begins(crew, lock, terms, sentence):
    offered(crew)
    with locked(lock, "net"), pytest.raises(ConfigError) as refused:
        next(replace(crew, terms=terms).offers(lock))
    assert str(refused.value) == sentence


def test_other_code_is_refused_by_name(crew, lock, monkeypatch):
    offered(crew)
    other = replace(ONE, sources={"folds/split.py": "d"})
    monkeypatch.setattr(rendezvous, "of_this_process", lambda: other)
    with locked(lock, "net"), pytest.raises(ArtifactError) as refused:
        next(crew.offers(lock))
    assert str(refused.value) == (
        f"{socket.gethostname()} has other code folds/split.py ({OWNER}); bring its code and its "
        "environment to the caller's, then call again."
    )


@pytest.mark.parametrize(
    ("silent_s", "told", "ended"), [(0.0, False, True), (60.0, True, True), (60.0, False, False)]
)
def test_a_machine_without_a_sign_of_life_or_that_says_it_is_lost_ends_the_ranks_of_others(
    monkeypatch, silent_s, told, ended
):
    store = rendezvous._store(rendezvous.LOOPBACK, 0, is_ours=True)
    monkeypatch.setattr(rendezvous, "SILENT_S", silent_s)
    monkeypatch.setattr(rendezvous, "BEAT_S", 0.01)
    values = {
        "GROUP_WORLD_SIZE": "2", "GROUP_RANK": "0", "LOCAL_RANK": "0",
        "MASTER_ADDR": rendezvous.LOOPBACK, "MASTER_PORT": str(store.port),
    }  # fmt: skip
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    if told:
        store.add(rendezvous.LOST, 1)
    seen = threading.Event()
    rendezvous.watch_others(seen.set)
    assert seen.wait(30.0 if ended else 0.3) is ended
    store.add(rendezvous.LOST, 1)
    assert seen.wait(30.0)


@pytest.mark.parametrize(("nodes", "local"), [("1", "0"), ("2", "1")])
def test_one_rank_of_each_of_several_machines_watches(monkeypatch, nodes, local):
    for name, value in (("GROUP_WORLD_SIZE", nodes), ("GROUP_RANK", "0"), ("LOCAL_RANK", local)):
        monkeypatch.setenv(name, value)
    before = threading.active_count()
    rendezvous.watch_others(lambda: None)
    assert threading.active_count() == before
