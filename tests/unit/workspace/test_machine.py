import os

import pytest

from workspace.machine import cores, jobs, reading_processes, threads


@pytest.fixture(autouse=True)
def _eight_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    for name in ("DERMSTACK_JOBS", "DERMSTACK_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(("given", "share"), [(None, 8), ("2", 4), ("3", 2), ("20", 1)])
def test_a_worker_has_its_share_of_the_cores_and_one_at_least(monkeypatch, given, share):
    if given:
        monkeypatch.setenv("DERMSTACK_JOBS", given)
    assert cores() == reading_processes() == share
    assert jobs() == int(given or 1)


def test_where_the_allowed_cores_are_unknown_all_count(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert cores() == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cores() == 1


def test_a_network_has_as_many_threads_in_a_worker_as_in_one_process(monkeypatch):
    assert threads() == 8
    monkeypatch.setenv("OMP_NUM_THREADS", "3,1")
    assert threads() == 3
    monkeypatch.setenv("DERMSTACK_JOBS", "2")
    monkeypatch.setenv("OMP_NUM_THREADS", "4")  # as the fanout sets them
    monkeypatch.setenv("DERMSTACK_THREADS", "8")
    assert threads() == 8


@pytest.mark.parametrize("given", ["0", "-2", "many", "", "1.5"])
def test_what_is_no_number_does_not_count(monkeypatch, given):
    for name in ("DERMSTACK_JOBS", "OMP_NUM_THREADS", "DERMSTACK_THREADS"):
        monkeypatch.setenv(name, given)
    assert (jobs(), threads(), cores()) == (1, 8, 8)


def test_more_readers_than_help_there_are_never(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(96)), raising=False)
    assert reading_processes() == 8
