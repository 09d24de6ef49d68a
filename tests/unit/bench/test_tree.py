"""What a command costs is what all its processes have at one time, not only the first."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.bench.record import in_child
from tests.bench.tree import Peak, peak_of, size_of, tree_of

HELD_MB = 128
# A process that starts another; each holds memory of its own until it hears a line.
TWO = f"""
import subprocess, sys
held = b"\\1" * ({HELD_MB} * 2**20)
if sys.argv[1:]:
    print("ready", flush=True)
    sys.stdin.readline()
else:
    sys.exit(subprocess.run([sys.executable, "-S", "-c", {{own}}, "below"]).returncode)
"""
CODE = TWO.format(own="open('/proc/self/cmdline').read().split('\\0')[3]")


@pytest.fixture
def two() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-S", "-c", CODE]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        if process.returncode is None:
            process.communicate("\n")


def test_a_tree_is_a_process_and_all_below(two: subprocess.Popen[str]) -> None:
    tree = tree_of(two.pid)
    assert tree[0] == two.pid
    assert len(tree) == 2
    assert set(tree) < set(tree_of(os.getpid()))


def test_the_peak_adds_up_what_each_has_for_itself(two: subprocess.Popen[str]) -> None:
    peak = Peak()
    peak.look(two.pid)
    assert peak.processes == 2
    assert 2 * HELD_MB < peak.own_gb * 1024 < 3 * HELD_MB
    assert peak.with_files_gb >= peak.own_gb


def test_a_peak_is_not_lowered_by_a_later_look(two: subprocess.Popen[str]) -> None:
    peak = Peak()
    peak.look(two.pid)
    before = peak.own_gb
    two.communicate("\n")
    peak.look(two.pid)
    assert (peak.own_gb, peak.processes) == (before, 2)


def test_looking_ends_with_what_is_looked_at() -> None:
    with peak_of(os.getpid()) as peak:
        pass
    assert peak._done.is_set()


def test_the_size_of_a_folder_is_that_of_all_its_files(tmp_path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "a").write_bytes(b"x" * 10)
    (tmp_path / "below" / "b").write_bytes(b"x" * 5)
    assert size_of(tmp_path) == 15
    assert size_of(tmp_path / "not there") == 0


def test_bytes_that_a_command_writes_are_counted(tmp_path) -> None:
    """Where the file system has a disk: what lies in memory alone is written nowhere."""
    code = f"open({str(tmp_path / 'a')!r}, 'wb').write(b'x' * 2**24)"
    child = in_child([sys.executable, "-S", "-c", code])
    assert 0 <= child.written_gb < 0.1
