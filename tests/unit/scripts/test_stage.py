import json

import pytest

from reports.desk import LOG
from scripts.log import log_to
from scripts.stage import _jobs, _words
from workspace.errors import ConfigError


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


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", ""])
def test_jobs_are_a_number_of_processes(text):
    assert _jobs("3") == 3
    with pytest.raises(ConfigError) as refused:
        _jobs(text)
    assert str(refused.value) == f"JOBS={text} is no number of processes; take 1 or more."


def test_the_log_has_a_line_of_json_for_each_message_with_its_facts(tmp_path, monkeypatch):
    for name in ("handlers", "level", "propagate"):
        monkeypatch.setattr(LOG, name, getattr(LOG, name))  # given back at the end
    log_to(tmp_path / "log.jsonl", "stack")
    assert not (tmp_path / "log.jsonl").exists()  # before there is something to say
    LOG.info("done", extra={"facts": {"rows": 7}})
    line = json.loads((tmp_path / "log.jsonl").read_text())
    assert line.pop("time")
    assert line == {"level": "INFO", "stage": "stack", "message": "done", "rows": 7}
    [handler] = LOG.handlers
    handler.close()
