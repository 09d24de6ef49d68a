import ctypes
import resource
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from workspace import allocation
from workspace.allocation import freed_memory_kept

SIZE = 2**25 + 2**20  # beyond the threshold from which on arrays are mappings of their own
FEWEST = 16  # page faults of SIZE that is new: 8,448, or 16 where pages are huge
# Another C library has no mallopt: there the code does nothing, and there is nothing to show.
needs_glibc = pytest.mark.skipif(allocation._glibc() is None, reason="only glibc is told")


def faults_of_a_step():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    _ = b"x" * SIZE
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def alone(function, *arguments):
    """In a process of its own: what others have freed before is no one's here."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def two_steps():
    with freed_memory_kept():
        return faults_of_a_step(), faults_of_a_step()


def work_and_after():
    @freed_memory_kept()
    def work():
        return faults_of_a_step()

    return work(), faults_of_a_step(), work()


@needs_glibc
def test_a_step_finds_the_memory_of_the_step_before():
    _, second = alone(two_steps)
    assert second < FEWEST / 2


@needs_glibc
def test_afterwards_what_is_freed_is_given_back():
    assert min(alone(work_and_after)) >= FEWEST  # in the second work nothing of the first is left


def test_the_options_are_mallopts_own_and_all_are_set_back():
    assert allocation.KEEPING.keys() == allocation.GIVING.keys()


def test_where_there_is_no_glibc_nothing_changes(monkeypatch):
    for library in (object(), OSError("no such library")):

        def opened(name, library=library):
            if isinstance(library, OSError):
                raise library
            return library

        monkeypatch.setattr(ctypes, "CDLL", opened)
        with freed_memory_kept():
            pass
