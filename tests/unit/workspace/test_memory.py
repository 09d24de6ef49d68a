import subprocess
import sys

import pytest

from workspace import memory
from workspace.memory import held_gb, watching_peak

MIB = 2**20


def test_the_peak_is_of_what_was_held_meanwhile_and_not_before():
    large = bytearray(300 * MIB)
    held = held_gb()
    assert held > 0.3
    del large
    with watching_peak() as peak:
        small = bytearray(100 * MIB)
        del small
    assert 0.08 < peak() < 0.15


def test_the_largest_process_that_ended_meanwhile_counts():
    with watching_peak() as peak:
        subprocess.run([sys.executable, "-c", f"bytearray({600 * MIB})"], check=True)
    assert 0.55 < peak() < 0.7
    with watching_peak() as peak:
        subprocess.run([sys.executable, "-c", ""], check=True)  # nor one smaller than this
    assert peak() < 0.1  # of those before nobody counts again


def test_one_within_another_says_nothing_and_takes_nothing_from_it():
    with watching_peak() as peak:
        large = bytearray(200 * MIB)
        del large
        with watching_peak() as inner:
            pass
        assert inner() is None
    assert 0.15 < peak() < 0.25


@pytest.mark.parametrize("lacking", ["RESET", "STATUS"])
def test_where_the_system_cannot_say_nothing_is_said(monkeypatch, tmp_path, lacking):
    monkeypatch.setattr(memory, lacking, tmp_path / "none" / "here")
    with watching_peak() as peak:
        pass
    assert peak() is None
    assert (held_gb() == 0) is (lacking == "STATUS")
