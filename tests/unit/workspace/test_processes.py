"""Processes beside this one: they answer in order, and end with whoever began them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from workspace.errors import ArtifactError
from workspace.processes import mapping

ROOT = Path(__file__).resolve().parents[3]
PARENT = """
import time
from workspace.processes import mapping

with mapping(2) as each:
    print(*each({function}, {items}), flush=True)
    time.sleep(60)
"""


def test_one_is_this_process_and_python_s_own_map():
    with mapping(1) as each:
        assert each is map


def test_several_answer_in_the_order_of_the_items_and_are_other_processes():
    with mapping(2) as each:
        assert list(each(abs, range(-9, 0))) == list(range(9, 0, -1))
        assert str(os.getpid()) not in each(os.readlink, ["/proc/self"] * 4)


def test_an_error_is_raised_as_it_is_and_one_that_is_killed_is_one_sentence():
    with pytest.raises(FileNotFoundError), mapping(2) as each:
        list(each(os.readlink, ["/proc/nobody"]))
    with (
        pytest.raises(
            ArtifactError,
            match=r"^A process beside this one was killed, perhaps for want of memory; the same "
            r"command goes on, and with JOBS=1 it needs less\.$",
        ),
        mapping(2) as each,
    ):
        list(each(signal.raise_signal, [signal.SIGKILL]))


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_they_end_with_their_parent(number):
    words = PARENT.format(function="__import__('os').readlink", items=["/proc/self"] * 2)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", words], stdout=subprocess.PIPE, text=True, env=environment
    ) as parent:
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        for pid in pids:
            os.kill(pid, signal.SIGINT)  # a terminal sends it to all; this is the parent's affair
            os.kill(pid, signal.SIGTERM)
        assert all(map(is_alive, pids))
        parent.send_signal(number)
    until = time.monotonic() + 20
    while any(map(is_alive, pids)) and time.monotonic() < until:
        time.sleep(0.01)
    assert pids
    assert not any(map(is_alive, pids))
