"""What two nodes must have in common, and the sentence where they do not."""

import subprocess
import sys
from dataclasses import replace

import pytest

from scripts.engines import identity
from scripts.engines.identity import FILE, refusal, write_identity
from tests.stages import ROOT
from workspace.identity import Identity

ONE = Identity(
    python="3.11.7", lock="a", versions={"numpy": "2.0"}, sources={"folds/split.py": "c"}
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Of a call, written by a caller of this identity."""
    place = tmp_path / "run" / ".engine" / "call"
    place.mkdir(parents=True)
    monkeypatch.setattr(identity, "of_this_process", lambda: ONE)
    write_identity(place, "token")
    return place


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({}, ""),
        ({"python": "3.12.1"}, "Python 3.12.1 where the caller has 3.11.7"),
        ({"lock": "b"}, "another requirements.lock"),
        ({"versions": {"numpy": "2.1"}}, "other versions of numpy"),
        ({"versions": {}}, "other versions of numpy"),
        ({"sources": {"folds/split.py": "d"}}, "other code folds/split.py"),
        (
            {"lock": "b", "sources": {"folds/split.py": "c", "folds/new.py": "e"}},
            "another requirements.lock; other code folds/new.py",
        ),
    ],
)
def test_whatever_differs_is_named_with_the_node(folder, monkeypatch, other, words):
    monkeypatch.setattr(identity, "of_this_process", lambda: replace(ONE, **other))
    sentence = words and (
        f"node7 has {words}; bring its code and its environment to the caller's, then call again."
    )
    assert refusal(folder, "token", "node7") == sentence


@pytest.mark.parametrize("what", ["another folder of that name", "nothing", "no JSON"])
def test_another_folder_at_the_same_path_is_refused(folder, what):
    if what == "nothing":
        (folder / FILE).unlink()
    elif what == "no JSON":
        (folder / FILE).write_text("{")
    assert refusal(folder, "another", "node7") == (
        f"node7 does not see the run's folder of the caller at {folder.parents[1]}; mount the same "
        "shared folder there on every node."
    )


def test_a_worker_looks_before_it_loads_what_computes():
    """Polars and torch take their threads when they are loaded."""
    code = (
        "import sys, scripts.engines.worker; "
        "print({'numpy', 'polars', 'torch', 'pydantic'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("set()\n", "")
