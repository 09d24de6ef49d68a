"""The run's log: a line for each thing said, and no log ends the work."""

import errno
import json
import logging
import os
import sys
from pathlib import Path

import pytest

from reports.desk import LOG
from scripts.log import log_to
from scripts.stage import main
from tests.unit.scripts.conftest import speaking


def spoken(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(sys, "argv", ["stack.py", "--run", str(tmp_path / "run")])
    with pytest.raises(SystemExit) as left:
        main(speaking)
    assert left.value.code == 0
    out, err = capfd.readouterr()
    assert out == "one\ntwo\n"
    return err


@pytest.mark.parametrize("put", [Path.mkdir, os.mkfifo])
def test_a_log_that_is_no_file_is_said_once_and_the_work_goes_on(tmp_path, monkeypatch, capfd, put):
    (tmp_path / "run").mkdir()
    put(tmp_path / "run" / "log.jsonl")
    assert spoken(tmp_path, monkeypatch, capfd) == (
        f"notice: Cannot write {tmp_path / 'run' / 'log.jsonl'}: it is no file; the work goes on "
        "without a log.\n"
    )


def test_a_full_disk_under_the_log_does_not_end_the_work(tmp_path, monkeypatch, capfd):
    def refuse(self):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(logging.FileHandler, "flush", refuse)
    assert spoken(tmp_path, monkeypatch, capfd) == (
        f"notice: Cannot write {tmp_path / 'run' / 'log.jsonl'}: No space left on device; the "
        "work goes on without a log.\n"
    )


def test_the_log_has_a_line_of_json_for_each_message_with_its_facts(tmp_path):
    log_to(tmp_path / "log.jsonl", "stack")
    assert not (tmp_path / "log.jsonl").exists()  # before there is something to say
    LOG.info("done", extra={"facts": {"rows": 7}})
    line = json.loads((tmp_path / "log.jsonl").read_text())
    assert line.pop("time")
    assert line == {"level": "INFO", "stage": "stack", "message": "done", "rows": 7}
    [handler] = LOG.handlers
    handler.close()
