import resource
import subprocess
import sys

import pytest

from workspace import memory
from workspace.memory import GB, held_gb, watched_peak

MIB = 2**20


@pytest.fixture
def unused():
    """Bytes between what this process holds and the most that it ever held."""
    return lambda: max(0, peak_of(resource.RUSAGE_SELF) - int(held_gb() * GB))


def peak_of(whom):
    return resource.getrusage(whom).ru_maxrss * 1024


def test_a_peak_above_all_before_is_of_this_time(unused):
    grown, peak_gb = unused() + 200 * MIB, watched_peak()
    assert held_gb() > 0.02
    large = bytearray(grown)
    del large
    assert peak_gb() == pytest.approx(grown / GB, abs=0.03)
    assert peak_of(resource.RUSAGE_SELF) > grown  # nobody outside is misled


def test_a_peak_below_one_before_is_not_known(unused):
    large = bytearray(unused() + 200 * MIB)
    del large
    peak_gb = watched_peak()
    small = bytearray(50 * MIB)
    del small
    assert peak_gb() is None


def test_a_process_that_ended_meanwhile_counts_where_it_was_larger_than_any():
    size = max(peak_of(resource.RUSAGE_SELF), peak_of(resource.RUSAGE_CHILDREN)) + 200 * MIB
    peak_gb = watched_peak()
    subprocess.run([sys.executable, "-c", f"bytearray({size})"], check=True)
    assert peak_gb() == pytest.approx(size / GB, abs=0.05)
    peak_gb = watched_peak()
    subprocess.run([sys.executable, "-c", f"bytearray({size // 2})"], check=True)
    assert peak_gb() is None


def test_where_the_system_cannot_say_nothing_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "STATUS", tmp_path / "none")
    assert watched_peak()() is None
    assert held_gb() == 0
