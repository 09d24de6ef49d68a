import logging
from pathlib import Path

import pytest
from rich.console import Console

from pipeline.job import Job
from reports import desk as desks
from reports.desk import LOG, ConsoleDesk, in_words
from reports.table import Table, Words, columns


@pytest.fixture
def logged(caplog, monkeypatch):
    monkeypatch.setattr(LOG, "propagate", True)
    with caplog.at_level(logging.INFO, LOG.name):
        yield caplog


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still but where a test moves it."""
    now = [0.0]
    monkeypatch.setattr(desks.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def console():
    return Console(record=True, width=200, force_terminal=False)


def test_sentences_and_tables_are_shown_in_order_and_sentences_logged(logged):
    console = Console(width=40)
    job = Job("stack", None, None, None, ConsoleDesk(console))
    with console.capture() as capture:
        job.show(["stack: [b] " + "long " * 10, Table(columns("a"), ((Words("1"),),)), "end"])
    lines = [line.strip() for line in capture.get().splitlines()]
    assert lines == ["stack: [b] " + " ".join(["long"] * 10), "", "a", "─", "1", "", "end"]
    assert [record.getMessage().split()[0] for record in logged.records] == ["stack:", "end"]


def test_of_a_private_line_the_log_has_the_facts_alone(console, logged):
    ConsoleDesk(console).say("IP_1 is twice.", private=True, check="twice", count=2)
    assert console.export_text() == "IP_1 is twice.\n"
    [record] = logged.records
    assert record.getMessage() == "twice 2"
    assert record.facts == {"check": "twice", "count": 2}


def test_where_there_is_no_terminal_a_line_says_which_unit_is_being_made(console):
    ConsoleDesk(console).begin("folds", Path("runs/x/folds"), (1, 1), None)
    assert console.export_text() == "folds: making runs/x/folds.\n"


def test_of_several_units_each_line_has_the_time_left_for_all(console):
    desk = ConsoleDesk(console)
    for number, left_s in ((1, None), (2, 180.0), (3, 0.4)):
        folder = Path(f"runs/x/networks/net_fold_{number - 1}")
        desk.begin("train-cnn", folder, (number, 3), left_s)
    assert console.export_text() == (
        "train-cnn: 1 of 3, net_fold_0.\n"
        "train-cnn: 2 of 3, net_fold_1, about 3 min 0 s left.\n"
        "train-cnn: 3 of 3, net_fold_2.\n"
    )


def test_long_work_says_how_far_it_is_every_half_minute(console, clock):
    with ConsoleDesk(console, "train-cnn").progress("Training net") as show:
        show(40, 100)  # what a call before this one left
        for clock[0], done in ((20.0, 44), (40.0, 50), (60.0, 55), (70.0, 60)):
            show(done, 100)
    assert console.export_text() == (
        "train-cnn: Training net: 50 of 100, 3 min 20 s left.\n"
        "train-cnn: Training net: 60 of 100, 2 min 20 s left.\n"
    )


def test_on_a_terminal_bars_come_and_go_and_leave_no_line():
    console = Console(record=True, width=80, force_terminal=True)
    desk = ConsoleDesk(console, "stack")
    desk.begin("stack", Path("runs/x/stack"), (1, 1), None)
    with desk.progress("Folds") as show, desk.progress("Rounds") as inner:
        show(1, 2)
        inner(1, 5)
        desk.say("between")
    assert "stack: making" not in console.export_text(clear=False)
    assert "between" in console.export_text()
    assert desk._bars is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1, "0 s"), (8.4, "8 s"), (59.4, "59 s"), (60, "1 min 0 s"), (200, "3 min 20 s"),
        (3600, "1 h 0 min"), (7500, "2 h 5 min"),
    ],
)  # fmt: skip
def test_time_in_words(seconds, words):
    assert in_words(seconds) == words
