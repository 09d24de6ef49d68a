"""Two calls at one unit: who makes it, who waits, who takes over."""

import os
import signal
import socket
import subprocess
import sys
from dataclasses import replace

import pytest

from tests.stages import ROOT
from workspace.errors import ArtifactError
from workspace.executors import ThisProcess
from workspace.lock import lock_of
from workspace.orders import Busy
from workspace.work import carry_out

HOLD = """
import sys, time
from pathlib import Path
from tests.makers import write
from workspace.lock import lock_of, locked
from workspace.manifest import Wanted
from workspace.units import making
folder, text, finishes = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])
settings = {"name": folder.name, "text": text}
with locked(lock_of(folder), "it"):
    print("held", flush=True)
    time.sleep(finishes)
    wanted = Wanted(stage="stack", settings=settings, inputs={}, recipe={}, seed=0)
    with making(folder, wanted) as draft:
        write(draft, text, sys.argv[4])
"""


@pytest.fixture
def other_process(tmp_path):
    """Another process that makes a unit and takes its time."""
    processes = []

    def start(folder, text="x", finishes=0.6):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, folder, text, str(finishes), tmp_path / "log"],
            cwd=ROOT, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        processes.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()


def test_the_free_lock_of_a_unit_that_is_done_is_cleared(make, context):
    task = make("a")
    carry_out([task], context)
    lock_of(task.folder).write_text("{}")  # its maker was killed just before it took it away
    carry_out([task], context)
    assert not lock_of(task.folder).exists()


def test_what_another_process_makes_is_waited_for_and_not_made_twice(
    make, context, desk, other_process
):
    one, two = make("one"), make("two")
    process = other_process(one.folder)
    found = carry_out([one, two], context)
    assert [unit.folder.name for unit, _ in found] == ["one", "two"]
    assert [new for _, new in found] == [False, True]
    assert make.log() == ["two", "one"]  # the other one first; then it was there
    assert desk.said == [
        f"{one.folder} is being made by pid {process.pid} on {socket.gethostname()}; going on "
        "with others."
    ]
    assert [name for _, name, *_ in desk.begun] == ["one", "two"]  # said once, not at every look


def test_what_another_call_is_at_is_submitted_once_and_then_only_looked_at(
    make, context, desk, other_process
):
    one = make("one")
    other_process(one.folder)
    submitted = []

    class Counting(ThisProcess):
        def submit(self, function, /, *arguments):
            submitted.append(arguments[0].folder.name)
            return super().submit(function, *arguments)

    carry_out([one], replace(context, executor=Counting(desk)))
    assert submitted == ["one"]  # an engine would begin a job for each


def test_what_another_process_made_of_other_values_is_refused(make, context, other_process):
    one = make("one", on_change="stop")
    other_process(one.folder, "other")
    with pytest.raises(ArtifactError, match=r"made from other values \(text\)"):
        carry_out([one], context)
    assert (one.folder / "text.txt").read_text() == "other"


def test_fresh_takes_what_another_process_made_meanwhile(make, context, other_process):
    one = make("one")
    carry_out([one], context)
    other_process(one.folder)
    assert carry_out([one], replace(context, fresh=True))[0][1] is False
    assert make.log() == ["one", "one"]


def test_what_a_killed_process_was_at_is_taken_over(make, context, desk, other_process):
    one = make("one")
    process = other_process(one.folder, finishes=60)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert lock_of(one.folder).is_file()
    carry_out([one], context)
    assert make.log() == ["one"]
    assert desk.said == [
        f"{one.folder}: took over from pid {process.pid} on {socket.gethostname()}, which is gone."
    ]
    assert not lock_of(one.folder).exists()


def test_busy_is_no_error_and_says_who(make, context, desk, other_process):
    one = make("one")
    process = other_process(one.folder, finishes=60)
    orders = []

    class Keeping(ThisProcess):
        def submit(self, function, /, *arguments):
            orders.append((function, arguments))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        carry_out([one], replace(context, executor=Keeping(desk)))
    [(function, arguments)] = orders
    assert function(*arguments, desk=desk) == Busy(f"pid {process.pid} on {socket.gethostname()}")


def test_who_comes_late_to_the_lock_finds_it_made(make, context, desk):
    """Between the look and the lock another call made it: of the same values, or not."""
    one = make("one", on_change="stop")

    class Late(ThisProcess):
        def __init__(self, meanwhile):
            super().__init__(desk)
            self.meanwhile = meanwhile

        def submit(self, function, /, *arguments):
            carry_out([self.meanwhile], context)
            return super().submit(function, *arguments)

    carry_out([one], replace(context, executor=Late(make("one"))))
    assert make.log() == ["one"]
    two = make("two", on_change="stop")
    with pytest.raises(ArtifactError, match=r"two was made from other values \(text\)"):
        carry_out([two], replace(context, executor=Late(make("two", "other"))))
    assert (two.folder / "text.txt").read_text() == "other"
