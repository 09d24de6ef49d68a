"""Ranks begun by torch's agent: what one of them fails with is whole, and a death is survived."""

import os
import signal
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline.machine import Machine, devices_of, nodes_of
from pipeline.ranks import Team, train_among
from workspace.errors import ConfigError
from workspace.progress import Silent


class Heard(Silent):
    def __init__(self):
        self.said = []

    def say(self, message, **_):
        self.said.append(message)


def refusing(ranks, desk):
    desk.say(f"{ranks.number} of {ranks.count} speaks")
    if not ranks.is_first:
        raise ConfigError("the second has no such thing.")
    ranks.wait()


def dying(folder, ranks, desk):
    """The second is killed the first time."""
    died = folder / "died"
    if not ranks.is_first and not died.exists():
        died.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    ranks.wait()
    (folder / f"done_{ranks.number}").touch()


def test_what_a_rank_refuses_ends_all_of_them_with_its_own_sentence():
    desk = Heard()
    with pytest.raises(ConfigError) as refused:
        train_among(Team(2, "cpu", refusing, "flag, fold 0"), desk)
    assert str(refused.value) == "the second has no such thing."
    assert desk.said == ["0 of 2 speaks"]


def test_ranks_that_cannot_talk_at_all_are_no_death_and_are_not_begun_again(monkeypatch):
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "nosuch0")
    desk = Heard()
    with pytest.raises(ConfigError, match=r"cannot talk by gloo \(.*nosuch0\); name in GLOO_"):
        train_among(Team(2, "cpu", refusing, "flag, fold 0"), desk)
    assert desk.said == []


def listening(pid):
    """The addresses at which a process waits for others, as the kernel writes them."""
    ours = set()
    for one in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            ours.add(one.readlink().name)
    addresses = set()
    for name in ("tcp", "tcp6"):
        for line in Path("/proc/net", name).read_text().splitlines()[1:]:
            _, address, _, state, *rest = line.split()
            if state == "0A" and f"socket:[{rest[5]}]" in ours:
                addresses.add(address.partition(":")[0])
    return addresses


def looking(ranks, desk):
    for pid in (os.getpid(), os.getppid()):
        desk.say(" ".join(sorted(listening(pid) - {"0100007F"})))
    ranks.wait()


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="only Linux says who listens")
def test_nobody_on_another_machine_can_speak_to_ranks_of_this_one():
    """What torch's own store is given it unpacks as a pickle, and it listens everywhere."""
    desk = Heard()
    train_among(Team(2, "cpu", looking, "flag, fold 0"), desk)
    assert desk.said == ["", ""]


@pytest.mark.slow
def test_check_66_a_killed_rank_takes_the_others_with_it_and_all_begin_again(tmp_path):
    desk = Heard()
    train_among(Team(2, "cpu", partial(dying, tmp_path), "flag, fold 0"), desk)
    assert {path.name for path in tmp_path.iterdir()} == {"died", "done_0", "done_1"}
    [said] = desk.said
    assert said.startswith("WARNING: ")
    assert said.endswith(
        "as when memory is short; all go on from the last checkpoint (1 of 3 times)."
    )


@pytest.mark.parametrize("text", ["0", "two", "-1", "1.5"])
def test_devices_that_are_no_number_are_refused(text):
    with pytest.raises(ConfigError) as refused:
        devices_of(SimpleNamespace(words={"devices": text}))
    assert str(refused.value) == f"DEVICES={text} is no number of devices; take 1 or more."


def test_machines_are_counted_and_fresh_would_delete_what_others_have_begun(tmp_path, monkeypatch):
    monkeypatch.setenv("DERMSTACK_PRIVATE_NETWORK", "1")

    def job(text, fresh=False):
        return SimpleNamespace(words={"nodes": text}, fresh=fresh, run=tmp_path)

    assert (nodes_of(job("")), nodes_of(job("3")), nodes_of(job("1", fresh=True))) == (1, 3, 1)
    with pytest.raises(ConfigError) as refused:
        nodes_of(job("none"))
    assert str(refused.value) == "NODES=none is no number of machines; take 1 or more."
    with pytest.raises(ConfigError) as refused:
        nodes_of(job("2", fresh=True))
    assert str(refused.value) == (
        "FRESH=1 would delete what other machines of NODES=2 have begun; delete the networks in "
        f"{tmp_path / 'networks'} that are to be trained anew, and leave FRESH out."
    )
    monkeypatch.delenv("DERMSTACK_PRIVATE_NETWORK")
    with pytest.raises(ConfigError) as refused:
        nodes_of(job("2"))
    assert str(refused.value) == (
        "NODES=2 needs DERMSTACK_PRIVATE_NETWORK=1: machines meet by torch's store, and whoever "
        "else reaches its port runs there what they like (docs/cluster.md)."
    )


def test_more_than_there_are_is_refused_on_gpus_and_not_on_cpus(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    Machine("cpu", devices=4).check_devices()
    Machine("cuda", devices=2).check_devices()
    with pytest.raises(ConfigError) as refused:
        Machine("cuda", devices=4).check_devices()
    assert str(refused.value) == (
        "DEVICES=4 are asked for, and this machine lends 2 of kind cuda; take as many, or "
        "DEVICE=cpu."
    )
