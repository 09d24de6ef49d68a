"""Which errors of the talk among ranks are a death, and which say that there was never any talk."""

import socket

import pytest
from torch import distributed

from models.training.ranks import is_of_lost_rank, join_ranks
from workspace.errors import ConfigError

CLOSED = RuntimeError("[../gloo/transport/tcp/pair.cc:547] Connection closed by peer [127.0.0.1]:1")


@pytest.fixture
def alone(monkeypatch, tmp_path):
    """The only rank there is, and the file in which it meets the others."""
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "1")
    return str(tmp_path / "ranks")


def test_where_gloo_cannot_begin_it_is_said_with_the_mend(alone, monkeypatch):
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "nosuch0")
    with pytest.raises(ConfigError) as refused:
        join_ranks("cpu", alone)
    assert str(refused.value) == (
        f"Ranks on {socket.gethostname()} cannot talk by gloo (ifa != nullptr. Unable to find "
        "address for: nosuch0); name in GLOO_SOCKET_IFNAME a network interface of this machine by "
        "which its ranks reach the others (all on one machine: lo, on macOS lo0), or leave DEVICES "
        "and NODES out."
    )


def test_an_error_of_gloo_is_a_death_also_while_ranks_meet():
    assert is_of_lost_rank(CLOSED)
    assert not is_of_lost_rank(RuntimeError("CUDA error: out of memory"))
    assert not is_of_lost_rank(ValueError("gloo"))


def test_a_store_that_is_gone_is_a_death_at_any_time():
    """It is that of who began the attempt."""
    assert is_of_lost_rank(distributed.DistStoreError("gone"))


def test_what_else_fails_while_they_meet_is_shown_as_it_is(alone, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("our own mistake")

    monkeypatch.setattr(distributed, "init_process_group", broken)
    with pytest.raises(RuntimeError, match=r"^our own mistake$"):
        join_ranks("cpu", alone)
