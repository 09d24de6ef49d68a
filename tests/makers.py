"""Makers of small units, which a worker of another process can import."""

import errno
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

from workspace.errors import ConfigError
from workspace.progress import Silent
from workspace.stopping import raise_if_asked


def write(draft, text, log=None):
    """One file; `log` has a line for each time that it is made."""
    if log is not None:
        with Path(log).open("a") as handle:
            handle.write(f"{draft.wanted.settings.get('name', text)}\n")
    draft.text("text.txt", text)


def write_slowly(draft, text, log=None, seconds=1.0):
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        raise_if_asked()
        time.sleep(0.02)
    write(draft, text, log)


def draw(draft, text):
    """A text, and a picture of it for people."""
    write(draft, text)
    draft.show("picture.svg", f"<svg>{text}</svg>")


def copy(draft, folder, log=None):
    """What an upstream wrote, in capitals."""
    write(draft, (Path(folder) / "text.txt").read_text().upper(), log)


def fail(draft, message="It cannot be made; mend it."):
    raise ConfigError(message)


def find_no_room(draft):
    raise OSError(errno.ENOSPC, "No space left on device", "/scratch/x")


def break_down(draft):
    raise ValueError("our own mistake")


def be_killed(draft):
    os.kill(os.getpid(), signal.SIGKILL)


def tell(draft, text):
    """What a worker says on its way."""
    draft.desk.say("a line", private=True, check="c")
    with draft.progress("a bar") as show:
        for done in range(4):
            show(done, 3)
    draft.text("text.txt", text)


def environment(*names, desk):
    return {name: os.environ.get(name) for name in names}


def process(*, desk):
    return os.getpid()


def wait_for(place, *, desk):
    """Ends in its process once the file is there."""
    while not Path(place).exists():
        time.sleep(0.01)
    return os.getpid()


def sleep_until_stopped(place, *, desk):
    """Says that it began; then by small steps, until it is asked to stop."""
    Path(place).write_text(str(os.getpid()))
    try:
        for _ in range(3000):
            raise_if_asked()
            time.sleep(0.02)
    finally:
        time.sleep(0.3)  # as long as a checkpoint takes
        Path(place).with_suffix(".unwound").write_text("clean")


def tell_and_sleep(draft, place):
    sleep_until_stopped(place, desk=draft.desk)


def no_log():
    """The workers' log, of which there is none here."""


class Listening(Silent):
    """Keeps what it is told."""

    def __init__(self):
        self.said, self.begun = [], []

    def say(self, message, *, private=False, **facts):
        self.said.append(message)

    def begin(self, stage, folder, number, left_s):
        self.begun.append((stage, folder.name, *number))
        self.left = left_s


class Threads:
    """An executor of several slots, as several processes are, but in this one."""

    def __init__(self, desk, slots=2):
        self._slots, self._desk, self._pool = slots, desk, ThreadPoolExecutor(slots)
        self.at_work, self.stopped_at_work = [], None

    def side_by_side(self, needs):
        return self._slots

    def together(self):
        return nullcontext()

    def submit(self, function, /, *arguments):
        self.at_work.append(self._pool.submit(function, *arguments, desk=self._desk))
        return self.at_work[-1]

    def stop(self):
        self.stopped_at_work = sum(not future.done() for future in self.at_work)
        self._pool.shutdown(cancel_futures=True)


class Watching:
    """A watcher that keeps what it saw."""

    def __init__(self):
        self.states = []

    def saw(self, states):
        self.states += states
