import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from math import inf
from pathlib import Path

import pytest

from scripts.engines.processes import ByWork, LocalProcesses
from scripts.fanout import Engine, executor_of
from tests import makers
from tests.stages import ROOT
from workspace.errors import ArtifactError, ConfigError
from workspace.executors import ThisProcess
from workspace.hashing import HashMemory
from workspace.orders import Needs
from workspace.progress import Silent
from workspace.stopping import Stopped
from workspace.tasks import Context, Output, Task
from workspace.work import carry_out


class Listening(Silent):
    def __init__(self):
        self.said, self.shown, self.open, self.closed = [], [], [], []

    def say(self, message, *, private=False, **facts):
        self.said.append((message, private, facts))

    @contextmanager
    def progress(self, label):
        self.open.append(label)
        yield lambda done, total: self.shown.append((label, done, total))
        self.closed.append(label)


@pytest.fixture
def desk():
    return Listening()


@pytest.fixture
def two(desk):
    with executor_of(Engine(jobs=2), desk, makers.no_log, Path()) as executor:
        yield executor


def context(executor, desk):
    return Context({}, 0, HashMemory(), desk, executor)


def task(place, maker, **arguments):
    return Task(place, "stack", maker, arguments=arguments)


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as handle:
        return handle.read().rpartition(")")[2].split()[0] != "Z"


def wait_until(holds, seconds=20.0):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if holds():
            return True
        time.sleep(0.02)
    return False


def test_one_job_is_this_process(desk):
    with executor_of(Engine(jobs=1), desk, makers.no_log, Path()) as executor:
        assert isinstance(executor, ThisProcess)


def test_workers_leave_what_one_process_would(two, desk, tmp_path):
    written = []
    for executor in (ThisProcess(desk), two):
        place = tmp_path / type(executor).__name__
        first = task(place / "first", makers.write, text="word")
        second = replace(
            task(place / "second", makers.copy, folder=first.folder), inputs={"it": Output(first)}
        )
        others = [task(place / f"t{n}", makers.write, text=str(n)) for n in range(3)]
        units = carry_out([second, *others, first], context(executor, desk))
        assert [unit.folder.name for unit, _ in units] == ["second", "t0", "t1", "t2", "first"]
        written.append([(u.content(), u.manifest.inputs, u.manifest.sources) for u, _ in units])
        assert not list(place.glob(".*"))
    assert written[0] == written[1]


def test_a_worker_has_its_share_of_the_machine(desk, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    monkeypatch.setattr("scripts.engines.processes.cores", lambda: 8)
    names = ("DERMSTACK_JOBS", "OMP_NUM_THREADS", "POLARS_MAX_THREADS", "OPENBLAS_NUM_THREADS")
    with executor_of(Engine(jobs=2), desk, makers.no_log, Path()) as executor:
        lent = executor.submit(makers.environment, *names).result()
    assert lent == dict(zip(names, ("2", "4", "4", "1"), strict=True))
    assert os.environ["OMP_NUM_THREADS"] == "3"
    assert "DERMSTACK_JOBS" not in os.environ


ONE, TWO, ALL = Needs(cores=1, memory_gb=2.0), Needs(cores=2, memory_gb=2.0), Needs()
LARGE = Needs(cores=4, memory_gb=30.0)


@pytest.mark.parametrize(
    ("needs", "cores", "memory_gb", "count"),
    [
        ([ONE] * 15, 4, 64.0, 4),
        ([ONE] * 3, 16, 64.0, 3),
        ([ONE] * 15, 16, 7.0, 3),
        ([ONE] * 15, 16, 0.5, 1),
        ([TWO, ONE, ONE], 4, 64.0, 3),
        ([ONE, ONE, ONE, LARGE, LARGE], 8, 64.0, 4),
        ([ONE] * 5, 8, inf, 5),  # where no /proc/meminfo says what is free
        ([TWO] * 5, 1, 64.0, 1),
        ([ONE, ALL], 4, 64.0, 1),
        ([ONE, ONE, ONE, ALL], 4, 64.0, 3),  # a join that is ready holds up no training
        ([ALL, ONE, ONE], 4, 64.0, 1),
        ([ONE], 4, 64.0, 1),
    ],
)
def test_small_networks_fill_the_cores_and_the_memory_that_are_lent(
    monkeypatch, desk, needs, cores, memory_gb, count
):
    monkeypatch.setattr("scripts.engines.processes.lent_cores", lambda: cores)
    monkeypatch.setattr("scripts.engines.processes.lent_memory_gb", lambda: memory_gb)
    with executor_of(Engine(jobs=None), desk, makers.no_log, Path()) as executor:
        assert executor.side_by_side(needs) == count


class AtWork:
    """Processes that are at work until they are told that they are not."""

    def __init__(self, slots, desk, log):
        self.slots, self.idle, self.closed = slots, False, False

    def close(self):
        self.closed = True


def test_while_trainings_are_at_work_only_what_fits_beside_them_begins(monkeypatch, desk):
    free_gb = [16.0]
    monkeypatch.setattr("scripts.engines.processes.LocalProcesses", AtWork)
    monkeypatch.setattr("scripts.engines.processes.lent_cores", lambda: 8)
    monkeypatch.setattr("scripts.engines.processes.lent_memory_gb", lambda: free_gb[-1])
    by_work = ByWork(desk, makers.no_log)
    assert by_work.side_by_side([ONE] * 5) == 5
    free_gb.append(6.0)  # what five took of it is no reason for others to wait
    assert by_work.side_by_side([ONE] * 9) == 5  # the machine was divided among five
    assert by_work.side_by_side([ONE, ONE, ONE, ALL]) == 3  # the join waits for all three
    assert by_work.side_by_side([*[ONE] * 5, ALL]) == 5  # and holds up no training before it
    assert by_work.side_by_side([ONE, ONE, ONE, LARGE, LARGE]) == 3  # for want of memory
    assert by_work.side_by_side([TWO, TWO, TWO, LARGE]) == 3  # for want of cores
    processes = by_work._processes
    assert (processes.slots, processes.closed) == (5, False)
    processes.idle = True
    assert by_work.side_by_side([ALL]) == 1
    assert (by_work._processes, processes.closed) == (None, True)


def test_the_work_decides_whether_it_goes_to_workers(monkeypatch, desk):
    monkeypatch.setattr("scripts.engines.processes.lent_cores", lambda: 2)
    monkeypatch.setattr("scripts.engines.processes.lent_memory_gb", lambda: 64.0)
    with executor_of(Engine(jobs=None), desk, makers.no_log, Path()) as executor:
        assert executor.side_by_side([ALL, ALL]) == 1
        assert executor.submit(makers.process).result() == os.getpid()
        assert executor.side_by_side([ONE, ONE]) == 2
        worker = executor.submit(makers.process).result()
        assert worker != os.getpid()
        assert executor.side_by_side([ALL]) == 1
        assert wait_until(lambda: not is_alive(worker))  # its memory is given back
        assert executor.submit(makers.process).result() == os.getpid()


def test_what_takes_the_whole_machine_waits_for_the_last_training_and_ends_none(
    monkeypatch, desk, tmp_path
):
    monkeypatch.setattr("scripts.engines.processes.lent_cores", lambda: 2)
    monkeypatch.setattr("scripts.engines.processes.lent_memory_gb", lambda: 64.0)
    with executor_of(Engine(jobs=None), desk, makers.no_log, Path()) as executor:
        assert executor.side_by_side([ONE, ONE, ALL]) == 2
        training = executor.submit(makers.wait_for, tmp_path / "go on")
        assert executor.side_by_side([ONE, ALL]) == 1
        (tmp_path / "go on").touch()
        assert training.result() != os.getpid()


def test_workers_are_used_again_and_never_more_than_there_is_to_do(two):
    first = two.submit(makers.process).result()
    assert wait_until(lambda: not two._workers[0].busy)
    assert two.submit(makers.process).result() == first != os.getpid()
    assert len(two._workers) == 1


def test_what_a_worker_says_comes_to_the_persons_desk(desk, tmp_path):
    with executor_of(Engine(jobs=2), desk, makers.no_log, Path()) as executor:
        [(unit, _)] = carry_out(
            [task(tmp_path / "one", makers.tell, text="x")], context(executor, desk)
        )
    assert unit.text("text.txt") == "x"
    assert desk.said == [("a line", True, {"check": "c"})]
    assert desk.shown == [("a bar", done, 3) for done in range(4)]
    assert desk.open == desk.closed == ["a bar"]


def test_an_error_in_a_worker_comes_back_as_itself(two, desk, tmp_path):
    bad = task(tmp_path / "bad", makers.fail, message="Nine of ten are ill; mend them.")
    with pytest.raises(ConfigError) as failed:
        carry_out([bad], context(two, desk))
    assert str(failed.value) == "Nine of ten are ill; mend them."
    with pytest.raises(ValueError, match="our own mistake") as own:
        carry_out([task(tmp_path / "worse", makers.break_down)], context(two, desk))
    assert "break_down" in str(own.value.__cause__)  # with the worker's traceback


def test_a_killed_worker_loses_its_task_alone(two, desk, tmp_path):
    slow = task(tmp_path / "slow", makers.write_slowly, text="x", seconds=1.0)
    killed = task(tmp_path / "killed", makers.be_killed)
    with pytest.raises(ArtifactError) as failed:
        carry_out([killed, slow], context(two, desk))
    assert str(failed.value) == (
        f"The process that made {killed.folder} was killed, perhaps for want of memory; what "
        "others finish is kept. The same command goes on; fewer JOBS= need less memory."
    )
    assert (slow.folder / "manifest.json").is_file()
    assert not killed.folder.exists()
    well = task(tmp_path / "killed", makers.write, text="x")
    carry_out([well, slow], context(two, desk))  # by another worker
    [(line, *_)] = desk.said
    assert "killed: took over from pid " in line
    assert not list(tmp_path.glob(".*"))


def test_an_asked_stop_unwinds_the_worker_and_leaves_no_process(desk, tmp_path):
    executor = LocalProcesses(2, desk, makers.no_log)
    future = executor.submit(makers.sleep_until_stopped, tmp_path / "began")
    assert wait_until((tmp_path / "began").is_file)
    pid = executor._workers[0].pid
    # A terminal sends Ctrl-C to all processes; the worker has the news from its parent alone.
    os.kill(pid, signal.SIGINT)
    time.sleep(0.1)
    assert not future.done()
    began = time.monotonic()
    executor.stop()
    assert time.monotonic() - began < 5
    with pytest.raises(Stopped):
        future.result()
    assert (tmp_path / "began.unwound").is_file()
    assert wait_until(lambda: not is_alive(pid))


def test_workers_begin_side_by_side(two):
    futures = [two.submit(makers.process) for _ in range(2)]
    assert not any(worker.began.done() for worker in two._workers)  # each imports for a second
    assert {future.result() for future in futures} == {worker.pid for worker in two._workers}


def test_a_stop_reaches_a_worker_that_has_not_begun_yet(desk, tmp_path):
    executor = LocalProcesses(2, desk, makers.no_log)
    executor.submit(makers.process).result()
    worker = executor._workers[0]
    assert wait_until(lambda: not worker.busy)
    os.kill(worker.pid, signal.SIGTERM)
    time.sleep(0.1)
    future = executor.submit(makers.sleep_until_stopped, tmp_path / "began")
    with pytest.raises(Stopped):
        future.result(timeout=10)
    executor.close()
    assert not (tmp_path / "began").exists()


PARENT = """
import sys
from pathlib import Path
from scripts.fanout import Engine, executor_of
from tests import makers
from workspace.progress import Silent
from workspace.hashing import HashMemory
from workspace.stopping import Stopped, stopping_cleanly
from workspace.tasks import Context, Task
from workspace.work import carry_out

if __name__ == "__main__":
    place, desk = Path(sys.argv[1]), Silent()
    tasks = [
        Task(place / n, "stack", makers.tell_and_sleep, arguments={"place": place / f"{n}.pid"})
        for n in ("one", "two")
    ]
    try:
        two = executor_of(Engine(jobs=2), desk, makers.no_log, place)
        with stopping_cleanly(), two as executor:
            carry_out(tasks, Context({}, 0, HashMemory(), desk, executor))
    except Stopped as stopped:
        sys.exit(stopped.exit_code)
"""


@pytest.fixture
def parent(tmp_path):
    (tmp_path / "parent.py").write_text(PARENT)
    process = subprocess.Popen(
        [sys.executable, tmp_path / "parent.py", tmp_path],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    pids = [tmp_path / "one.pid", tmp_path / "two.pid"]
    assert wait_until(lambda: all(path.is_file() and path.read_text() for path in pids), 60)
    yield process, [int(path.read_text()) for path in pids]
    process.kill()
    process.wait()
    process.stderr.close()


@pytest.mark.parametrize("to_all", [False, True])  # as a terminal does, and a scheduler
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_call_ends_all_its_workers_cleanly(parent, tmp_path, number, to_all):
    process, pids = parent
    for pid in (*pids, process.pid)[0 if to_all else -1 :]:
        os.kill(pid, number)
    assert process.wait(timeout=15) == 128 + number
    assert wait_until(lambda: not any(map(is_alive, pids)))
    assert len(list(tmp_path.glob("*.unwound"))) == 2
    assert not list(tmp_path.glob(".*"))  # no lock, no draft
    assert process.stderr.read() == ""


def test_workers_of_a_killed_call_end_too(parent):
    process, pids = parent
    process.kill()
    process.wait()
    assert wait_until(lambda: not any(map(is_alive, pids)), 10)
