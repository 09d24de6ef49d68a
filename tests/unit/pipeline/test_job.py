"""One call of a stage: what it needs is asked for once, what it finds is told and logged."""

import io
import logging
from contextlib import nullcontext

import pytest
from rich.console import Console

from folds.findings import Findings
from pipeline.job import Job
from pipeline.notices import NOTICES, stop_on_errors
from pipeline.recipe import load_recipe
from reports.desk import LOG, ConsoleDesk
from reports.table import Column, Table, Words
from tests.by_hand.units import made
from tests.makers import Listening, Watching, write
from workspace.errors import CannotWriteError, DataError
from workspace.hashing import HashMemory
from workspace.sentences import unnamed
from workspace.tasks import Task, UnknownYetError


@pytest.fixture
def job(tmp_path):
    def call(**values):
        desk = values.pop("desk", None) or ConsoleDesk(Console(file=io.StringIO(), width=200))
        return Job("stack", load_recipe("sample"), tmp_path / "run", HashMemory(), desk, **values)

    return call


def said(job):
    return job.desk.console.file.getvalue()


def task(job, name="one", **values):
    values = {"arguments": {"text": name}, **values}
    return Task(job.run / name, "write", write, **values)


def two_findings():
    findings = Findings()
    for name in ("first", "second", "third"):
        findings.error(f"{name}-check", f"The {name} of patient IP_7.", ["IP_7"])
    findings.notice("odd", "Something odd about IP_7.", ["IP_7", "IP_8"])
    return findings


def test_a_stage_is_asked_for_once_a_call_and_its_like_of_another_call_again(job):
    calls = []

    def stage(one):
        calls.append(one)
        return len(calls)

    first = job()
    assert [first.need(stage), first.need(stage)] == [1, 1]
    assert job().need(stage) == 2


def test_what_others_need_is_kept_under_fresh_and_what_is_asked_for_is_not(job):
    fresh = job(fresh=True)

    def inner(one):
        return one.make(task(one, "inner"))[1]

    assert fresh.need(lambda one: one.fresh) is False
    assert fresh.need(inner)
    assert not job(fresh=True).need(inner)
    assert job(fresh=True).make(task(fresh, "inner"))[1]


def test_stages_share_what_was_left_and_said_in_their_call(job):
    outer = job()
    outer.noticed.add("once")
    outer.need(lambda one: one.need(inner))
    assert outer.need(lambda one: one.noticed) == {"once"}
    assert outer.made[inner] == "left"


def inner(one):
    return "left"


def test_a_stage_that_hangs_on_what_is_not_there_is_asked_once_and_stops_all_who_need_it(job):
    watched, calls = job(watcher=Watching()), []

    def stage(one):
        calls.append(one)
        return one.make(task(one))

    for _ in range(2):
        with pytest.raises(UnknownYetError) as unknown:
            watched.need(stage)
        assert [state.why for state in unknown.value.states] == ["not made yet"]
    assert len(calls) == len(watched.watcher.states) == 1
    assert not watched.run.exists()


def test_tasks_are_made_and_then_left_and_known_with_their_recipe(job):
    first = job()
    [(one, new), (two, _)] = first.carry_out(task(first), task(first, "two"))
    assert (one.text("text.txt"), two.text("text.txt"), new) == ("one", "two", True)
    assert one.manifest.recipe == first.recipe.resolved()
    assert first.make(task(first))[1] is False
    assert first.state_of(task(first)).done
    assert first.state_of(task(first, settings={"a": 1})).why == "made from other values: a"
    assert said(first) == "write: 1 of 2, one.\nwrite: 2 of 2, two.\n"


def test_another_executor_is_given_the_work(job):
    class Refusing:
        slots, stopped = 1, False

        def submit(self, function, /, *arguments):
            raise DataError("no room")

        def side_by_side(self, needs):
            return 1

        def together(self):
            return nullcontext()

        def stop(self):
            self.stopped = True

    executor = Refusing()
    with pytest.raises(DataError, match="no room"):
        job(executor=executor).make(task(job()))
    assert executor.stopped


def test_findings_are_told_whole_and_logged_without_a_patient(job, caplog):
    one = job()
    with caplog.at_level(logging.INFO, LOG.name):
        one.show_notices(two_findings())
    assert said(one) == "notice: Something odd about IP_7.\n"
    [record] = caplog.records
    assert "IP_7" not in record.getMessage()
    assert record.facts == {"finding": "notice", "check": "odd", "count": 2}


def test_every_error_but_the_first_is_shown_and_the_first_is_raised(job):
    one = job()
    with pytest.raises(DataError) as raised:
        stop_on_errors(one.desk, two_findings())
    assert str(raised.value) == "The first of patient IP_7."
    assert unnamed(raised.value) == "check 'first-check', count 1."  # as the log has all others
    assert said(one) == "error: The second of patient IP_7.\nerror: The third of patient IP_7.\n"
    stop_on_errors(one.desk, Findings())


def test_what_a_maker_noticed_is_told_of_its_unit(job, tmp_path):
    def keep(draft):
        draft.json(NOTICES, two_findings().as_json()["notices"])

    one = job()
    one.show_notices_of(made(tmp_path / "unit", keep, stage="folds"))
    assert said(one) == "notice: Something odd about IP_7.\n"


def test_a_report_is_said_in_its_order(job):
    listening = Listening()
    listening.table = listening.said.append
    shown = Table((Column("a"),), ((Words("b"),),))
    job(desk=listening).show(["before", shown, "after"])
    assert listening.said == ["before", shown, "after"]


def test_a_line_goes_to_the_person_and_with_its_facts_to_the_log(job, caplog):
    one = job()
    with caplog.at_level(logging.INFO, LOG.name):
        one.say("stack: done.", pauc=0.1)
    assert said(one) == "stack: done.\n"
    assert (caplog.records[0].getMessage(), caplog.records[0].facts) == (
        "stack: done.", {"pauc": 0.1}
    )  # fmt: skip


@pytest.mark.parametrize("name", ["checkpoints", "working"])
def test_what_a_killed_maker_kept_of_a_unit_that_is_whole_is_cleared_by_the_next_call(job, name):
    so_far = job().run / "checkpoints" / "one"
    resuming = task(job(), arguments={"text": "one", name: so_far})
    job().make(task(job()))
    so_far.mkdir(parents=True)
    (so_far / "half").write_text("x")
    job(watcher=Watching()).make(resuming)
    assert so_far.is_dir()  # a plan writes nothing
    job().make(resuming)
    assert not so_far.exists()
    assert job().make(resuming)[1] is False


def test_what_cannot_be_cleared_stops_nobody(job, monkeypatch):
    def refuse(folder):
        raise CannotWriteError("Read-only file system.")

    job().make(task(job()))
    monkeypatch.setattr("pipeline.job.remove_folder", refuse)
    assert not job().make(task(job(), arguments={"text": "one", "working": job().run}))[1]
