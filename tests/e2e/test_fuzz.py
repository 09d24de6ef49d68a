"""Damaged files of strangers: a fixed number of each format, by a fixed seed."""

import resource

import pytest

from tests.faults.formats import FORGED, FORMATS, samples_of
from tests.faults.fuzz import LIMIT_MEMORY, Child, damaged, fuzz, outcome

NUMBER = 150
FORGED_NUMBER = 8
SUMMED = ("arrays.npz", "model.txt")  # a checksum finds nearly all damage


@pytest.mark.parametrize("name", FORMATS | FORGED)
def test_whole_files_are_read(name):
    assert {outcome(name, data) for data in samples_of(name)} == {"result"}


@pytest.mark.parametrize("name", FORMATS)
def test_a_number_is_always_the_same_damage(name):
    assert damaged(name, 0, 7) == damaged(name, 0, 7) != damaged(name, 0, 8)
    assert damaged(name, 1, 7) != damaged(name, 0, 7)


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_whatever_is_damaged_ends_in_a_result_or_in_a_sentence(name):
    read = fuzz(name, range(NUMBER))
    assert read.finds == []
    assert read.outcomes["refused"] > 0
    if name not in SUMMED:
        assert read.outcomes["result"] > 0  # not all are refused for one and the same reason


@pytest.mark.slow
@pytest.mark.parametrize("name", FORGED)
def test_a_forged_manifest_can_end_the_process_and_is_none_of_what_a_stranger_may_do(name):
    """Out of scope, and said: what its manifest vouches for is trusted. Else none comes by."""
    read = fuzz(name, range(FORGED_NUMBER), limit_s=5.0)
    assert sum(read.outcomes.values()) == FORGED_NUMBER
    assert read.finds  # so the hash is all that keeps such a file from the native reader
    honest = fuzz(name.partition(",")[0], range(FORGED_NUMBER))
    assert honest.outcomes == {"refused": FORGED_NUMBER}


@pytest.mark.slow
def test_a_child_has_a_limit_of_memory_and_what_takes_too_long_is_a_find():
    child = Child("json", 0)
    try:
        limit, _ = resource.prlimit(child.pid, resource.RLIMIT_AS)
        assert LIMIT_MEMORY < limit < 100 * LIMIT_MEMORY
        assert child.read(0, 0.0) == "it hangs"
    finally:
        child.end()
