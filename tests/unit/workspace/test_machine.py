import os
import subprocess
import sys

import pytest

from tests.stages import ROOT
from workspace import machine
from workspace.errors import ConfigError
from workspace.machine import (
    Memory,
    begin_process,
    cores,
    divide,
    jobs,
    lent_cores,
    lent_memory,
    lent_memory_gb,
    reading_processes,
    refuse_odd_numbers,
)


@pytest.fixture(autouse=True)
def _eight_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(machine, "cpu_quota", lambda: None)
    monkeypatch.setattr(machine, "memory_left", lambda: None)
    for name in ("DERMSTACK_JOBS", "DERMSTACK_CORES", "DERMSTACK_MEMORY_GB", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    for name in [name for name in os.environ if name.startswith("SLURM_")]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize(("given", "share"), [(None, 8), ("2", 4), ("3", 2), ("20", 1)])
def test_a_worker_has_its_share_of_the_cores_and_one_at_least(monkeypatch, given, share):
    if given:
        monkeypatch.setenv("DERMSTACK_JOBS", given)
    assert cores() == reading_processes() == share
    assert jobs() == int(given or 1)


@pytest.mark.parametrize(("quota", "allowed"), [(0.5, 1), (2.0, 2), (2.5, 3), (64.0, 8)])
def test_a_containers_quota_counts(monkeypatch, quota, allowed):
    monkeypatch.setattr(machine, "cpu_quota", lambda: quota)
    assert cores() == allowed


@pytest.mark.parametrize(
    ("given", "allowed"),
    [
        ({"SLURM_CPUS_PER_TASK": "2", "SLURM_CPUS_ON_NODE": "4"}, 2),
        ({"SLURM_CPUS_ON_NODE": "4", "SLURM_JOB_CPUS_PER_NODE": "3"}, 4),
        ({"SLURM_JOB_CPUS_PER_NODE": "72(x2),6,7(x3)"}, 6),
        ({"SLURM_CPUS_PER_TASK": "64"}, 8),
        ({"SLURM_CPUS_PER_TASK": "", "SLURM_CPUS_ON_NODE": "all"}, 8),
        ({"SLURM_CPUS_PER_TASK": "6", "DERMSTACK_JOBS": "3"}, 2),
    ],
)
def test_in_a_slurm_job_the_task_has_its_cores_or_the_job_those_of_the_node(
    monkeypatch, given, allowed
):
    for name, text in given.items():
        monkeypatch.setenv(name, text)
    assert cores() == allowed


@pytest.mark.parametrize(
    ("given", "jobs", "allowed"),
    [("3", None, 3), ("64", None, 8), ("0", None, 8), ("3", "2", 3), ("6", "2", 4)],
)
def test_an_engine_says_how_many_cores_a_process_has_which_nobody_divides(
    monkeypatch, given, jobs, allowed
):
    monkeypatch.setenv("DERMSTACK_CORES", given)
    if jobs:
        monkeypatch.setenv("DERMSTACK_JOBS", jobs)
    assert cores() == lent_cores() == allowed


@pytest.mark.parametrize(
    ("given", "count", "each"), [(None, 2, 4), ("4", 2, 2), ("4", 3, 1), ("1", 2, 1)]
)
def test_ranks_share_the_cores_that_were_lent_to_their_task(monkeypatch, given, count, each):
    """Of eight; what an engine said too."""
    monkeypatch.setattr(os, "environ", {"DERMSTACK_CORES": given} if given else {})
    divide(count)
    assert (cores(), jobs()) == (each, count)


def test_where_the_allowed_cores_are_unknown_all_count(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert cores() == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cores() == 1


@pytest.mark.parametrize(
    ("given", "lent"), [("3,1", 3), ("1", 1), ("64", 8), ("many", 8), ("0", 8)]
)
def test_processes_side_by_side_fill_what_openmp_may_use(monkeypatch, given, lent):
    assert lent_cores() == 8
    monkeypatch.setenv("OMP_NUM_THREADS", given)
    assert lent_cores() == lent
    assert cores() == 8


@pytest.mark.parametrize("given", ["0", "-2", "many", "", "1.5"])
def test_what_is_no_number_does_not_count(monkeypatch, given):
    monkeypatch.setenv("DERMSTACK_JOBS", given)
    assert (jobs(), cores()) == (1, 8)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("DERMSTACK_JOBS", "-2"), ("DERMSTACK_CORES", "x"), ("OMP_NUM_THREADS", "0"),
        ("POLARS_MAX_THREADS", "1.5"),
    ],
)  # fmt: skip
def test_a_stated_number_that_nobody_could_follow_is_refused(monkeypatch, name, given):
    monkeypatch.setattr(os, "environ", {name: given})
    with pytest.raises(ConfigError) as refused:
        refuse_odd_numbers()
    assert str(refused.value) == (
        f"{name}={given} is no whole number of 1 or more; mend or unset it."
    )


@pytest.mark.parametrize("given", ["8GB", "-1", "0", "inf", "nan"])
def test_memory_that_nobody_could_lend_is_refused(monkeypatch, given):
    monkeypatch.setattr(os, "environ", {"DERMSTACK_MEMORY_GB": given})
    with pytest.raises(ConfigError) as refused:
        refuse_odd_numbers()
    assert str(refused.value) == (
        f"DERMSTACK_MEMORY_GB={given} is no number of GB; write DERMSTACK_MEMORY_GB=8, or unset it."
    )


def test_what_is_unset_or_can_be_followed_is_not_refused(monkeypatch):
    for stated in (
        {"DERMSTACK_MEMORY_GB": "", "OMP_NUM_THREADS": ""},
        {"DERMSTACK_MEMORY_GB": "0.5", "OMP_NUM_THREADS": "4,2", "DERMSTACK_CORES": "3"},
    ):
        monkeypatch.setattr(os, "environ", stated)
        refuse_odd_numbers()


def test_readers_take_what_is_not_computed_with_and_are_never_more_than_help(monkeypatch):
    assert [reading_processes(busy) for busy in (0, 1, 4, 8, 9)] == [8, 7, 4, 1, 1]
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(96)), raising=False)
    assert reading_processes(1) == 8


@pytest.fixture
def meminfo(monkeypatch, tmp_path):
    """9 GB, of which 6 are free, and 2 of swap."""
    monkeypatch.setattr(machine, "MEMORY", tmp_path / "meminfo")
    machine.MEMORY.write_text(
        "MemTotal:  9437184 kB\nMemAvailable:  6291456 kB\nSwapFree: 2097152 kB\n"
    )


def test_memory_is_endless_where_nobody_says(monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "MEMORY", tmp_path / "none")
    assert lent_memory_gb() == float("inf")


def test_memory_is_lent_by_whoever_lends_least(monkeypatch, meminfo):
    monkeypatch.setattr(machine, "held_gb", lambda: 0.5)
    assert lent_memory() == Memory(6, "what is free")
    assert lent_memory(swapping=True).gb == 8
    monkeypatch.setenv("SLURM_MEM_PER_NODE", "4096")
    assert lent_memory() == Memory(3.5, "SLURM's limit of the job")
    monkeypatch.setattr(machine, "memory_left", lambda: 2**31)
    assert lent_memory(swapping=True) == Memory(2, "its container's limit")
    assert lent_memory_gb() == 2
    monkeypatch.setenv("DERMSTACK_MEMORY_GB", "12.5")
    assert lent_memory() == Memory(12.5, "DERMSTACK_MEMORY_GB")


@pytest.mark.parametrize(
    ("given", "gb"),
    [
        ({"SLURM_MEM_PER_CPU": "1024", "SLURM_CPUS_ON_NODE": "3"}, 3),
        ({"SLURM_MEM_PER_CPU": "512"}, 4),  # of eight cores
        ({"SLURM_MEM_PER_NODE": "0", "SLURM_MEM_PER_CPU": "1024"}, 6),  # all there is
        ({"SLURM_MEM_PER_NODE": "much"}, 6),
        ({"DERMSTACK_MEMORY_GB": "inf"}, 6),
        ({"DERMSTACK_MEMORY_GB": "-1"}, 6),
    ],
)
def test_slurm_says_memory_in_mb_by_node_or_by_core(monkeypatch, meminfo, given, gb):
    monkeypatch.setattr(machine, "held_gb", lambda: 0.0)
    for name, text in given.items():
        monkeypatch.setenv(name, text)
    assert lent_memory_gb() == gb


def test_a_stage_waits_asleep_and_solves_on_one_thread_unless_the_user_says_otherwise():
    code = (
        "import sys, scripts, os, workspace.machine as machine; "
        "assert not {'numpy', 'torch', 'polars'} & set(sys.modules); "
        "print(*(os.environ[name] for name in machine.ENVIRONMENT))"
    )
    clean = {k: v for k, v in os.environ.items() if k not in machine.ENVIRONMENT}
    said = [
        subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env={**clean, **given},
            capture_output=True, text=True, check=True,
        ).stdout
        for given in ({}, dict(zip(machine.ENVIRONMENT, ("ACTIVE", "3", "2"), strict=True)))
    ]  # fmt: skip
    assert said == ["PASSIVE 1 1\n", "ACTIVE 3 2\n"]


@pytest.mark.parametrize(
    ("given", "openmp", "polars"),
    [
        ({}, "3", "3"),
        ({"OMP_NUM_THREADS": "2", "POLARS_MAX_THREADS": "1"}, "2", "1"),
        ({"DERMSTACK_CORES": "2"}, "2", "2"),
        ({"SLURM_CPUS_PER_TASK": "1", "POLARS_MAX_THREADS": "2"}, "1", "2"),
    ],
)
def test_pools_begin_with_as_many_threads_as_are_lent_unless_somebody_says_otherwise(
    monkeypatch, given, openmp, polars
):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(3)), raising=False)
    monkeypatch.setattr(os, "environ", dict(given))
    begin_process()
    assert (os.environ["OMP_NUM_THREADS"], os.environ["POLARS_MAX_THREADS"]) == (openmp, polars)
