"""Stages in processes of their own, forked from one that has imported already what they need.

A stage that is started as users start it imports torch anew, for seconds, and there are hundreds
here. What a process is for stays: a command line, an environment, an exit code, signals, an end.
"""

import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# The one that is forked never computes: it has no pool of threads that its children would miss.
FORKING = multiprocessing.get_context("forkserver")
FORKING.set_forkserver_preload(["tests.preloaded"])


def become(stage, words, environment, said):
    """From here on this process is `python -m scripts.<stage> <words>`."""
    for number, name in enumerate(said, start=1):
        os.dup2(os.open(name, os.O_WRONLY | os.O_APPEND), number)
    sys.stdout.reconfigure(line_buffering=True)  # so that a test can wait for a line
    os.environ.clear()
    os.environ.update(environment)
    sys.argv[1:] = words
    sys.modules.pop(f"scripts.{stage}", None)  # runpy warns of what it would run twice
    runpy.run_module(f"scripts.{stage}", run_name="__main__", alter_sys=True)


class StageProcess:
    """A stage at work, to be treated as a `subprocess.Popen` whose pipes are files."""

    def __init__(self, stage, words, environment):
        self.stdout, self.stderr = (
            tempfile.NamedTemporaryFile("r", prefix=f"{stage}_")  # noqa: SIM115
            for _ in range(2)
        )
        names = (self.stdout.name, self.stderr.name)
        self._process = FORKING.Process(target=become, args=(stage, words, environment, names))
        self._process.start()
        self.pid = self._process.pid

    @property
    def returncode(self):
        return self._process.exitcode

    poll = returncode.fget

    def wait(self, timeout=None):
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout)
        return self.returncode

    def communicate(self, timeout=None):
        """Wait; what it said that was not read yet."""
        self.wait(timeout)
        said = self.stdout.read(), self.stderr.read()
        self.close()
        return said

    def send_signal(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self):
        self.send_signal(signal.SIGKILL)

    def close(self):
        self.stdout.close()
        self.stderr.close()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if error is not None:
            self.kill()
        self.wait()
        self.close()


def killed(process, folder, changes, moment):
    """Kill -9 a moment after so many files came or went in its folder; whether it was at work.

    Counted in files, not in seconds: a busy machine is hit at the same places.
    """
    before = files_of(folder)
    while process.poll() is None and len(before ^ files_of(folder)) < changes:
        time.sleep(0.005)
    time.sleep(moment)
    process.kill()
    return process.wait() == -signal.SIGKILL


def files_of(folder):
    return {
        (parent, name) for parent, folders, names in os.walk(folder) for name in (*folders, *names)
    }
