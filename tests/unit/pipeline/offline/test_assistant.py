import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from pipeline.offline import assistant
from pipeline.offline.answers import AnswerFile
from pipeline.offline.asked import Asked
from pipeline.offline.assistant import GPU, _gpu, assist, assisted
from pipeline.offline.clock import Clock
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


class Waiting:
    """A process that only waits, in the place of an assistant; one that is deaf to SIGTERM too."""

    deaf = False

    def __init__(self, target, args, daemon):
        assert (target, daemon) == (assist, True)
        self.args, self.pid = args, None

    def start(self):
        ignore = (lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN)) if self.deaf else None
        words = ["sleep", "600"]
        self.process = subprocess.Popen(words, preexec_fn=ignore)  # noqa: PLW1509 - one thread
        self.pid = self.process.pid

    def terminate(self):
        self.process.terminate()

    def kill(self):
        self.process.kill()

    def is_alive(self):
        return self.process.poll() is None

    def join(self, patience_s=None):
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(patience_s)


@pytest.fixture
def begun(monkeypatch):
    made = []

    class Context:
        def Process(self, **asked):  # noqa: N802 - multiprocessing's own name
            made.append(Waiting(**asked))
            return made[-1]

    monkeypatch.setattr(assistant, "get_context", {"spawn": Context()}.__getitem__)
    return made


def test_who_looks_alone_begins_nobody(asked, begun):
    with assisted(asked, [0], 0) as at_work:
        assert at_work() == 1
    assert begun == []
    assert JOBS not in os.environ


def test_each_further_gpu_has_a_process_that_ends_with_the_block(asked, begun):
    os.environ[CORES] = "4"
    with assisted(asked, [2, 0], 2) as at_work:
        assert [one.is_alive() for one in begun] == [True, True]
        assert (os.environ[JOBS], os.environ[CORES], at_work()) == ("3", "1", 3)
        begun[0].kill()
        begun[0].process.wait()
        assert at_work() == 2  # who died looks at nothing
    assert (os.environ.get(JOBS), os.environ[CORES]) == (None, "4")
    assert [one.process.returncode for one in begun] == [-signal.SIGKILL, -signal.SIGTERM]
    words = {
        "bundle": "bundle", "input": "new", "work": "work", "output": "out.csv",
        "device": "cuda", "folds": [2, 0], "started": 5.0, "limit_s": 600.0,
    }  # fmt: skip
    assert [one.args for one in begun] == [(words, "1"), (words, "2")]


def test_who_does_not_end_when_asked_is_ended(asked, begun, monkeypatch):
    monkeypatch.setattr(Waiting, "deaf", True)
    monkeypatch.setattr(assistant, "PATIENCE_S", 0.05)
    with pytest.raises(RuntimeError), assisted(asked, [0], 1):
        raise RuntimeError
    assert [one.process.returncode for one in begun] == [-signal.SIGKILL]


def test_one_that_never_began_has_nothing_to_end(asked, begun, monkeypatch):
    def fail(self):
        raise OSError("no more processes")

    monkeypatch.setattr(Waiting, "start", fail)
    with pytest.raises(OSError, match="no more"), assisted(asked, [0], 1):
        pass


@pytest.mark.parametrize(
    ("seen", "number", "own"), [(None, 2, "2"), ("4,7", 1, "7"), ("4,7", 2, ""), ("", 1, "")]
)
def test_a_process_gets_one_of_the_gpus_that_this_one_sees(monkeypatch, seen, number, own):
    if seen is not None:
        monkeypatch.setenv(GPU, seen)
    assert _gpu(number) == own
