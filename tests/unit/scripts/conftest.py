"""What the tests of stages share: calls on a run of which nothing is made."""

import logging
import sys

import pytest

from reports.desk import LOG
from scripts.stage import main
from tests.by_hand.calls import Calls
from tests.by_hand.disk import unflushed
from workspace.progress import Silent

__all__ = ["blank", "unflushed"]


@pytest.fixture
def blank(tmp_path):
    return Calls(tmp_path)


@pytest.fixture(autouse=True)
def _log_given_back(monkeypatch):
    for name in ("handlers", "level", "propagate"):
        monkeypatch.setattr(LOG, name, getattr(LOG, name))
    yield
    for handler in LOG.handlers:
        if isinstance(handler, logging.FileHandler):
            handler.close()


class Seen:
    """A stage that keeps the job it was given, and then does what is asked of it."""

    def __init__(self, raises=None):
        self.job, self.raises = None, raises

    __module__ = "scripts.stage"  # whose text is shown as help

    def __call__(self, job):
        self.job = job
        if self.raises is not None:
            raise self.raises
        return "done"


class Said(Silent):
    """A desk that keeps the lines."""

    def __init__(self):
        self.lines = []

    def say(self, message, *, private=False, **facts):
        self.lines.append(message)


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Call a stage as the shell does; gives its job and its exit code."""

    def called(*words, raises=None, file="train_cnn.py", run=True, **wanted):
        seen = Seen(raises)
        where = ("--run", str(tmp_path / "run")) if run else ()
        monkeypatch.setattr(sys, "argv", [f"/scripts/{file}", *where, *words])
        with pytest.raises(SystemExit) as left:
            main(seen, **wanted)
        return seen.job, left.value.code

    return called


def speaking(job):
    """A stage with something for the log to write."""
    job.say("one")
    job.say("two")


speaking.__module__ = "scripts.stage"
