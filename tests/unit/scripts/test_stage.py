import logging

import pytest
from rich.console import Console

from reports.table import Table, Words, columns
from scripts.stage import LOG, Job, _words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a.b=1 c.d=2", ["a.b=1", "c.d=2"]),
        ("a=[\"x\",'y']  b=3", ["a=[\"x\",'y']", "b=3"]),
        ("a=[1, 2] b=1", ["a=[1, 2]", "b=1"]),
        ('a="two words" b=1', ['a="two words"', "b=1"]),
        ("folder=/data/isic#1", ["folder=/data/isic#1"]),
        ("", []),
    ],
)
def test_settings_are_split_where_a_new_key_begins(text, words):
    assert _words(text) == words


def test_sentences_and_tables_are_shown_in_order_and_sentences_logged(caplog, monkeypatch):
    monkeypatch.setattr(LOG, "propagate", True)
    console = Console(width=40)
    job = Job("stack", None, None, None, console)
    with console.capture() as capture, caplog.at_level(logging.INFO, LOG.name):
        job.show(["stack: [b] " + "long " * 10, Table(columns("a"), ((Words("1"),),)), "end"])
    lines = [line.strip() for line in capture.get().splitlines()]
    assert lines == ["stack: [b] " + " ".join(["long"] * 10), "", "a", "─", "1", "", "end"]
    assert [record.getMessage().split()[0] for record in caplog.records] == ["stack:", "end"]
