"""Attempts on other nodes, by an engine whose answers are written down beforehand."""

import json
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError

import pytest

from scripts.engines import other_nodes
from scripts.engines.attempts import DiedError, ShortOfMemoryError, threads_of
from scripts.engines.other_nodes import OtherNodes
from scripts.engines.packing import packed
from tests import makers
from workspace.errors import ArtifactError, ConfigError
from workspace.lock import lock_of, locked
from workspace.orders import Needs
from workspace.progress import Silent
from workspace.stopping import Stopped


class Listening(Silent):
    def __init__(self):
        self.said, self.bars = [], []

    def say(self, message, *, private=False, **facts):
        self.said.append(message)

    @contextmanager
    def progress(self, label):
        self.bars.append(f"open {label}")
        yield lambda done, total: self.bars.append(f"{label} {done} of {total}")
        self.bars.append(f"close {label}")


AT_WORK = "at work"


class Scripted:
    """Answers what it is told to, in that order; a `None` never comes."""

    every_s, by_sigint = 0.001, False

    def __init__(self, *answers):
        self.answers, self.arrays, self.asked = list(answers), [], []
        self.connected, self.closed, self.killed = 0, 0, 0
        self.memory = []

    def side_by_side(self, needs):
        return len(needs)

    def connect(self, folder, probe):
        self.connected += 1
        self.folder = folder

    def environment(self, needs):
        return threads_of(needs.cores)

    def begin(self, attempts):
        self.arrays.append([(attempt.number, set(attempt.avoid)) for attempt in attempts])
        self.memory += [attempt.needs.memory_gb for attempt in attempts]
        for attempt in attempts:
            parcel = attempt.begin.parcel
            letters = [["began", f"node{attempt.number}", f"id{attempt.number}", 7]]
            letters += [["say", "a line", {"private": False}], ["show", "a bar", 1, 2]]
            lines = "".join(json.dumps(line) + "\n" for line in letters)
            Path(parcel["folder"], parcel["letters"]).write_text(lines)
            attempt.handle = self.answers.pop(0) or AT_WORK

    def ended(self, attempts):
        return [attempt for attempt in attempts if attempt.handle != AT_WORK]

    def answer(self, attempt):
        if isinstance(attempt.handle, DiedError):
            raise attempt.handle
        return attempt.handle

    def interrupt(self, attempts):
        for attempt in attempts:
            attempt.handle = ("stopped", 15)

    def kill(self, attempts):
        self.killed += len(attempts)

    def close(self):
        self.closed += 1


@pytest.fixture
def desk():
    return Listening()


@pytest.fixture
def of(desk, tmp_path, monkeypatch):
    monkeypatch.setattr(other_nodes, "DELAY_S", 0.001)
    executors = []

    def begin(engine):
        executors.append(OtherNodes(engine, tmp_path, desk))
        return executors[-1]

    yield begin
    for executor in executors:
        executor.close()
    assert not list(tmp_path.iterdir())  # no trace of the call


DONE = ("done", packed(7))


def test_nothing_is_connected_before_there_is_work_and_once_then(of):
    engine = Scripted(DONE, DONE)
    executor = of(engine)
    assert executor.side_by_side([Needs(), Needs()]) == 2
    with executor.together():
        pass
    assert engine.connected == 0
    assert [executor.submit(makers.process).result() for _ in range(2)] == [7, 7]
    assert engine.connected == 1


def test_what_is_submitted_together_is_begun_as_one(of):
    engine = Scripted(DONE, DONE, DONE)
    executor = of(engine)
    with executor.together():
        futures = [executor.submit(makers.process) for _ in range(2)]
        assert engine.arrays == []
    assert [future.result() for future in (*futures, executor.submit(makers.process))] == [7] * 3
    assert engine.arrays == [[(1, set())] * 2, [(1, set())]]


def test_what_died_is_begun_anew_elsewhere_and_that_is_said(of, desk):
    engine = Scripted(DiedError("its node died"), ("stopped", 15), DONE)
    assert of(engine).submit(makers.process).result() == 7
    assert engine.arrays == [[(1, set())], [(2, {"id1"})], [(3, {"id1", "id2"})]]
    assert [line for line in desk.said if line != "a line"] == [
        "notice: a task died with its process on node1 (its node died); begun anew in 0 s, "
        "attempt 2 of 4.",
        "notice: a task died with its process on node2 (it was asked to stop, not by this call); "
        "begun anew in 0 s, attempt 3 of 4.",
    ]


def test_what_died_for_want_of_memory_asks_for_twice_as_much_and_other_deaths_do_not(of, desk):
    short = ShortOfMemoryError("OUT_OF_MEMORY")
    engine = Scripted(short, DiedError("its node died"), short, DONE)
    assert of(engine).submit(makers.process).result() == 7
    assert engine.memory == [1.0, 2.0, 2.0, 4.0]
    assert [line for line in desk.said if line != "a line"] == [
        "notice: a task died with its process on node1 (OUT_OF_MEMORY); begun anew in 0 s with "
        "twice the memory, attempt 2 of 4.",
        "notice: a task died with its process on node2 (its node died); begun anew in 0 s, "
        "attempt 3 of 4.",
        "notice: a task died with its process on node3 (OUT_OF_MEMORY); begun anew in 0 s with "
        "twice the memory, attempt 4 of 4.",
    ]


def test_what_dies_everywhere_is_given_up_in_one_sentence(of):
    engine = Scripted(*[DiedError("OutOfMemoryError")] * 4)
    with pytest.raises(ArtifactError) as failed:
        of(engine).submit(makers.process).result()
    assert str(failed.value) == (
        "a task was begun 4 times and died each time, last on node4 (OutOfMemoryError); what "
        "others finish is kept, the same command goes on."
    )


@pytest.mark.parametrize("error", [ConfigError("Mend it."), ValueError("our own mistake")])
def test_an_error_comes_back_as_itself_and_is_not_tried_again(of, error):
    engine = Scripted(("failed", packed((error, "Traceback: makers.py"))))
    with pytest.raises(type(error)) as failed:
        of(engine).submit(makers.process).result()
    assert str(failed.value) == str(error)
    assert "Traceback: makers.py" in str(failed.value.__cause__)
    assert len(engine.arrays) == 1


def test_a_node_that_is_not_as_the_caller_is_refused_and_not_tried_again(of):
    engine = Scripted(("refused", "node7 has other code; mend it."))
    with pytest.raises(ArtifactError) as refused:
        of(engine).submit(makers.process).result()
    assert str(refused.value) == "node7 has other code; mend it."
    assert len(engine.arrays) == 1


def test_what_a_worker_says_is_shown_and_its_bars_end_with_it(of, desk):
    assert of(Scripted(DONE)).submit(makers.process).result() == 7
    assert desk.said == ["a line"]
    assert desk.bars == ["open a bar", "a bar 1 of 2", "close a bar"]


def test_a_stop_unwinds_what_is_at_work_and_kills_nothing_that_ended(of):
    engine = Scripted(None, None)
    executor = of(engine)
    futures = [executor.submit(makers.process) for _ in range(2)]
    while not all(attempt.node for attempt in executor._running):
        pass
    executor.stop()
    for future in futures:
        with pytest.raises(Stopped):
            future.result(timeout=0)
    assert (engine.killed, engine.closed) == (0, 1)


def test_what_does_not_unwind_is_killed(of, monkeypatch):
    monkeypatch.setattr(other_nodes, "GRACE_S", 0.0)
    engine = Scripted(None)
    executor = of(engine)
    executor.submit(makers.process)
    executor.stop()
    assert (engine.killed, engine.closed) == (1, 1)


def test_an_engine_that_breaks_leaves_nobody_waiting(of):
    engine = Scripted(None)
    engine.ended = lambda attempts: 1 / 0
    executor = of(engine)
    with pytest.raises(ZeroDivisionError):
        executor.submit(makers.process).result(timeout=10)
    executor.close()
    assert engine.killed == 1  # and nothing at work


def test_a_bug_in_an_answer_is_that_tasks_alone(of):
    executor = of(Scripted(("done", b"no pickle"), DONE))
    futures = [executor.submit(makers.process) for _ in range(2)]
    with pytest.raises(UnpicklingError):
        futures[0].result(timeout=10)
    assert futures[1].result(timeout=10) == 7


def test_an_engine_that_takes_no_further_attempt_leaves_nobody_waiting(of):
    engine = Scripted(DiedError("its node died"))  # of which there is no second
    with pytest.raises(IndexError):
        of(engine).submit(makers.process).result(timeout=10)


def test_what_was_taken_before_another_was_refused_is_stopped_with_the_call(of):
    engine = Scripted(("stopped", 15))  # and no more
    executor = of(engine)
    with pytest.raises(IndexError), executor.together():
        futures = [executor.submit(makers.process) for _ in range(2)]
    assert [attempt.future for attempt in executor._running] == futures[:1]
    executor.stop()
    assert executor._running == []


def test_of_two_that_are_begun_anew_the_one_that_is_taken_goes_on(of, monkeypatch):
    monkeypatch.setattr(other_nodes, "DELAY_S", 0)  # so they begin together
    died = DiedError("its node died")
    engine = Scripted(died, died, DONE)
    executor = of(engine)
    with executor.together():
        futures = [executor.submit(makers.process) for _ in range(2)]
    assert futures[0].result(timeout=10) == 7
    with pytest.raises(IndexError):
        futures[1].result(timeout=10)


def test_what_a_killed_call_left_is_cleared_and_a_living_ones_stays(of, tmp_path):
    dead, living = (tmp_path / ".engine" / name for name in ("dead", "living"))
    for folder in (dead, living):
        folder.mkdir(parents=True)
    with locked(lock_of(living), "the other call"):
        of(Scripted(DONE)).submit(makers.process).result()
        assert (dead.exists(), living.exists()) == (False, True)
    living.rmdir()
