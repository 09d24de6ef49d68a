import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.offline import assistant
from pipeline.offline.answers import AnswerFile
from pipeline.offline.assistant import GPU, _environment, _gpu, assisted
from pipeline.offline.clock import Clock
from pipeline.offline.course import Asked
from workspace.machine import CORES, JOBS


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch):
    for name in (JOBS, CORES, GPU):
        monkeypatch.setenv(name, "")  # so that it is as it was afterwards
        monkeypatch.delenv(name)


@pytest.fixture
def asked():
    return Asked(
        Path("bundle"), Path("new"), AnswerFile(Path("out.csv")), Path("work"),
        clock=Clock(5.0, 600.0), device="cuda",
    )  # fmt: skip


@pytest.fixture
def begun(monkeypatch):
    """Processes that only wait take the place of assistants; those that hear no wish to end too."""
    calls, popen, deaf = [], subprocess.Popen, []

    def begin(words, env):
        ignore = (lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN)) if deaf else None
        process = popen(["sleep", "600"], preexec_fn=ignore)
        calls.append((words, env, process))
        return process

    monkeypatch.setattr(assistant.subprocess, "Popen", begin)
    return calls, deaf


def test_who_looks_alone_begins_nobody(asked, begun):
    with assisted(asked, [0], 0):
        pass
    assert begun[0] == []
    assert JOBS not in os.environ


def test_each_further_gpu_has_a_process_that_ends_with_the_block(asked, begun, monkeypatch):
    monkeypatch.setattr(sys, "pycache_prefix", "cache")
    with assisted(asked, [2, 0], 2):
        assert [process.poll() for _, _, process in begun[0]] == [None, None]
    assert [process.returncode for _, _, process in begun[0]] == [-signal.SIGTERM] * 2
    for number, (words, env, _) in enumerate(begun[0], start=1):
        assert words[:-1] == [sys.executable, "-P", "-m", "pipeline.offline.assistant"]
        assert json.loads(words[-1]) == {
            "bundle": "bundle", "input": "new", "work": "work", "output": "out.csv",
            "device": "cuda", "folds": [2, 0], "started": 5.0, "limit_s": 600.0,
        }  # fmt: skip
        assert (env[GPU], env[JOBS]) == (str(number), "3")
        assert env["PYTHONPYCACHEPREFIX"] == "cache"
        assert env["PYTHONPATH"].split(os.pathsep) == sys.path


def test_who_does_not_end_when_asked_is_ended(asked, begun, monkeypatch):
    begun[1].append(True)
    monkeypatch.setattr(assistant, "PATIENCE_S", 0.05)
    with pytest.raises(RuntimeError), assisted(asked, [0], 1):
        raise RuntimeError
    assert [process.returncode for _, _, process in begun[0]] == [-signal.SIGKILL]


@pytest.mark.parametrize(
    ("seen", "number", "own"), [(None, 2, "2"), ("4,7", 1, "7"), ("4,7", 2, ""), ("", 1, "")]
)
def test_a_process_gets_one_of_the_gpus_that_this_one_sees(monkeypatch, seen, number, own):
    if seen is not None:
        monkeypatch.setenv(GPU, seen)
    assert _gpu(number) == own


def test_without_a_folder_for_bytecode_none_is_named(monkeypatch):
    monkeypatch.setattr(sys, "pycache_prefix", None)
    monkeypatch.delenv("PYTHONPYCACHEPREFIX", raising=False)
    own = _environment(1)
    assert "PYTHONPYCACHEPREFIX" not in own
    assert own["PYTHONDONTWRITEBYTECODE"] == "1"
