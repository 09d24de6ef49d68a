import io
import json
import logging
import threading
from pathlib import Path

import pytest
from rich.console import Console

from pipeline.job import Job
from reports import desk as desks
from reports.desk import LOG, ConsoleDesk, in_words
from reports.table import Column, Table, Words, columns
from workspace.stopping import Stopped


class Clock:
    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(desks, "time", clock)
    return clock


def plain(**values):
    return ConsoleDesk(Console(file=io.StringIO(), width=40), "stack", **values)


def at_terminal():
    console = Console(file=io.StringIO(), width=100, force_terminal=True, _environ={})
    return ConsoleDesk(console, "stack")


def said(desk):
    return desk.console.file.getvalue().splitlines()


def test_a_unit_of_its_own_is_named_with_its_place():
    desk = plain()
    desk.begin("folds", Path("runs/a/folds"), (1, 1), None)
    assert said(desk) == ["folds: making runs/a/folds."]


@pytest.mark.parametrize(
    ("left", "about"),
    [(None, ""), (0.4, ""), (20.0, ", about 20 s left"), (200, ", about 3 min 20 s left")],
)
def test_one_of_many_is_counted_with_the_time_left(left, about):
    desk = plain()
    desk.begin("train-cnn", Path("runs/a/networks/stage1_fold_2"), (3, 16), left)
    assert said(desk) == [f"train-cnn: 3 of 16, stage1_fold_2{about}."]


def test_a_shard_is_named_with_what_it_is_a_shard_of():
    desk = plain()
    desk.begin("verify", Path("runs/a/audit/00001"), (2, 3), None)
    assert said(desk) == ["verify: 2 of 3, audit/00001."]


def test_plain_lines_come_now_and_then_with_the_pace_of_this_call(clock):
    desk = plain(every_s=30.0)
    with desk.progress("fold 1") as show:
        show(40, 100)  # 40 were done before: they say nothing of the pace
        clock.now += 29
        show(50, 100)
        assert said(desk) == []
        clock.now += 1
        show(60, 100)
        show(61, 100)
    assert said(desk) == ["stack: fold 1: 60 of 100, 1 min 0 s left."]


def test_without_a_pace_no_time_is_promised(clock):
    desk = plain(every_s=1.0)
    with desk.progress("fold 1") as show:
        for _ in range(2):
            clock.now += 1
            show(0, 3)
    assert said(desk) == ["stack: fold 1: 0 of 3."] * 2


def test_long_lines_and_brackets_are_left_as_they_are():
    desk = plain()
    desk.say("[bold]/a/[0]" + "x" * 60)
    assert said(desk) == ["[bold]/a/[0]" + "x" * 60]


def test_a_terminal_has_bars_and_no_lines():
    desk = at_terminal()
    desk.begin("stack", Path("one"), (1, 3), None)
    assert said(desk) == []
    with desk.progress("Drawing") as show:
        show(1, 4)
        desk._bars.refresh()
        [task] = desk._bars.tasks
        assert (task.description, task.completed, task.total) == ("Drawing", 1, 4)
    assert desk._bars is None
    assert "Drawing" in desk.console.file.getvalue()
    assert "1/4" in desk.console.file.getvalue()


def test_bars_of_several_workers_stand_together_and_go_one_by_one():
    desk = at_terminal()
    both, one_left = threading.Barrier(3, timeout=20), threading.Barrier(3, timeout=20)
    errors = []

    def work(label, leaves_first):
        try:
            with desk.progress(label) as show:
                show(1, 2)
                both.wait()
                both.wait()
                if not leaves_first:
                    one_left.wait()
                    one_left.wait()
            if leaves_first:
                one_left.wait()
                one_left.wait()
        except Exception as error:  # a thread's own would only be printed
            errors.append(error)

    threads = [threading.Thread(target=work, args=each) for each in (("a", True), ("b", False))]
    for thread in threads:
        thread.start()
    both.wait()
    assert {task.description for task in desk._bars.tasks} == {"a", "b"}
    both.wait()
    one_left.wait()
    assert [task.description for task in desk._bars.tasks] == ["b"]
    one_left.wait()
    for thread in threads:
        thread.join()
    assert (errors, desk._bars, desk._open) == ([], None, 0)


def test_a_bar_goes_where_its_work_breaks_down():
    desk = at_terminal()
    with pytest.raises(ZeroDivisionError), desk.progress("x"):
        _ = 1 / 0
    assert desk._bars is None


@pytest.mark.parametrize("make", [plain, at_terminal])
def test_who_shows_is_told_of_a_stop(make, monkeypatch):
    def ask():
        raise Stopped(15)

    monkeypatch.setattr(desks, "raise_if_asked", ask)
    with pytest.raises(Stopped), make().progress("x") as show:
        show(0, 1)


def test_a_private_line_is_for_the_person_and_its_facts_for_the_log(caplog):
    desk = plain()
    with caplog.at_level(logging.INFO, logger=LOG.name):
        desk.say("notice: IP_0000001 is young.", private=True, check="age", count=1)
        desk.say("folds: wrote them.", fold_hash="abc")
    assert said(desk) == ["notice: IP_0000001 is young.", "folds: wrote them."]
    assert [record.message for record in caplog.records] == ["age 1", "folds: wrote them."]
    facts = [record.facts for record in caplog.records]
    assert facts == [{"check": "age", "count": 1}, {"fold_hash": "abc"}]
    assert "IP_0000001" not in json.dumps(facts)


def test_sentences_and_tables_are_shown_in_order_and_sentences_logged(caplog):
    desk = plain()
    with caplog.at_level(logging.INFO, logger=LOG.name):
        job = Job("stack", None, None, None, desk)
        job.show(["stack: [b] " + "long " * 10, Table(columns("a"), ((Words("1"),),)), "end"])
    lines = [line.strip() for line in said(desk)]
    assert lines == ["stack: [b] " + " ".join(["long"] * 10), "", "a", "─", "1", "", "end"]
    assert [record.message.split()[0] for record in caplog.records] == ["stack:", "end"]


def test_a_table_is_drawn():
    desk = plain()
    desk.table(Table((Column("Title"),), ((Words("a"),),)))
    assert any("Title" in line for line in said(desk))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-3, "0 s"), (8.4, "8 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")],
)
def test_seconds_in_words(seconds, words):
    assert in_words(seconds) == words
