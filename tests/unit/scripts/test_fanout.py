"""Which engine the words ask for, and one sentence for words that cannot be."""

import re
from pathlib import Path

import pytest

from scripts import fanout
from scripts.engines.other_nodes import OtherNodes
from scripts.engines.processes import ByWork, LocalProcesses
from scripts.fanout import Engine, engine_of, executor_of
from tests import makers
from workspace.errors import ConfigError
from workspace.executors import ThisProcess
from workspace.progress import Silent


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("spark", None, None), "ENGINE=spark is no engine; there are local, ray, slurm."),
        (
            ("ray", "10.0.0.1:6379", 2),
            "JOBS=2 divides this machine, and ENGINE=ray gives work to others, which say "
            "themselves how much they take; leave one of the two out.",
        ),
        (
            (None, "10.0.0.1:6379", None),
            "ADDRESS=10.0.0.1:6379 is for ENGINE=ray, and no engine but this machine is named; add "
            "ENGINE=ray.",
        ),
        (
            (None, "local", None),
            "ADDRESS=local is for ENGINE=slurm, and no engine but this machine is named; add "
            "ENGINE=slurm.",
        ),
        (
            ("ray", None, None),
            "ENGINE=ray needs an ADDRESS=; name the head node, as in ADDRESS=10.0.0.1:6379.",
        ),
        (
            ("ray", "ray://head", None),
            "ADDRESS=ray://head is no host:port; name the head node, as in ADDRESS=10.0.0.1:6379.",
        ),
        (
            ("slurm", "10.0.0.1:6379", None),
            "ADDRESS=10.0.0.1:6379 means nothing to ENGINE=slurm, which asks the SLURM of this "
            "machine; leave it out, or take ADDRESS=local to rehearse without one.",
        ),
    ],
)
def test_words_that_name_no_engine_are_refused(words, sentence):
    with pytest.raises(ConfigError) as refused:
        engine_of(*words)
    assert str(refused.value) == sentence


@pytest.mark.parametrize("library", ["ray", "submitit"])
def test_a_library_that_lacks_is_named_with_the_mend(monkeypatch, library):
    monkeypatch.setattr(fanout, "find_spec", lambda name: None if name == library else object())
    name, address = {"ray": ("ray", "head:1"), "submitit": ("slurm", None)}[library]
    with pytest.raises(ConfigError) as refused:
        engine_of(name, address, None)
    assert str(refused.value) == (
        f"ENGINE={name} needs the library {library}, which is not installed; run "
        "'pip install .[cluster]' in the environment of every node."
    )


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ((None, None, 1), ThisProcess),
        (("local", None, 2), LocalProcesses),
        ((None, "", None), ByWork),
        (("ray", "[::1]:6379", None), OtherNodes),
        (("slurm", "local", None), OtherNodes),
        (("slurm", None, None), OtherNodes),
    ],
)
def test_the_words_choose_the_executor_and_nothing_is_begun(monkeypatch, tmp_path, words, kind):
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    with executor_of(engine_of(*words), Silent(), makers.no_log, tmp_path) as executor:
        assert type(executor) is kind
    assert not list(tmp_path.iterdir())


def test_how_rays_ports_are_kept_must_be_said(monkeypatch):
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    words = re.escape("ENGINE=ray needs RAY_AUTH_MODE to be set: 'token', as docs/cluster.md shows")
    with pytest.raises(ConfigError, match=words):
        executor_of(Engine("ray", "head:6379"), Silent(), makers.no_log, Path()).__enter__()


@pytest.mark.parametrize("name", ["ray", "slurm"])
def test_machines_that_call_themselves_are_not_an_engines(name):
    engine = Engine(name)
    engine.refuse_nodes("")
    engine.refuse_nodes("1")
    Engine().refuse_nodes("2")
    with pytest.raises(ConfigError) as refused:
        engine.refuse_nodes("2")
    assert str(refused.value) == (
        f"NODES=2 is for a call on each of 2 machines, and ENGINE={name} trains a network on one "
        "node; leave one of the two out."
    )
