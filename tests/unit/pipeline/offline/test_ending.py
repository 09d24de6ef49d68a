import json
import signal
from pathlib import Path

import polars as pl
import pytest

from pipeline.offline import ending
from pipeline.offline.ending import asked_of, ended
from tests.bundled import words
from workspace.errors import DataError
from workspace.stopping import Stopped

ORDER = pl.Series("isic_id", ["ISIC_0000001"])
SCORES = pl.DataFrame({"isic_id": ORDER, "score": [0.5]})


@pytest.fixture
def given(tmp_path):
    (tmp_path / "bundle.json").write_text(json.dumps({"pictureless": False}))
    return words(tmp_path, tmp_path, tmp_path / "out.csv")


@pytest.fixture
def call(given, monkeypatch):
    """A call that writes a file or none, and then ends so."""

    def called(error, *, written):
        def follow(asked, desk):
            if written:
                asked.output.write(SCORES, ORDER)
            if isinstance(error, int):
                return error
            raise error

        monkeypatch.setattr(ending, "follow", follow)
        return ended(given)

    return called


@pytest.mark.parametrize(
    ("code", "line"),
    [(0, "done.\n"), (3, "done, with less than was asked for (see above).\n")],
)
def test_how_a_call_ended_is_its_last_line(call, capsys, code, line):
    assert call(code, written=True) == code
    assert capsys.readouterr().out.endswith(f"] {line}")


@pytest.mark.parametrize(("written", "code"), [(False, 2), (True, 3)])
def test_our_error_is_one_line_and_takes_no_file_away(call, given, capsys, written, code):
    assert call(DataError("No row; add some."), written=written) == code
    said, complained = capsys.readouterr()
    assert complained == "submit: No row; add some.\n"
    whole = f"{given['output']} is whole, by what was done before the error."
    assert (whole in said) == written == Path(given["output"]).exists()


@pytest.mark.parametrize(("written", "code"), [(False, 1), (True, 3)])
def test_another_error_keeps_its_traceback_and_takes_no_file_away(call, capsys, written, code):
    assert call(RuntimeError("driver"), written=written) == code
    complained = capsys.readouterr().err
    assert complained.startswith("Traceback")
    assert complained.endswith("RuntimeError: driver\n")


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"]
)
def test_a_stop_says_where_the_next_call_goes_on(call, given, capsys, number, code):
    assert call(Stopped(number), written=True) == code
    assert capsys.readouterr().err == (
        f"submit: stopped by {number.name}; the same command goes on from {given['work']}.\n"
    )


def test_without_a_file_it_is_no_success_whatever_was_done(call, capsys):
    assert call(3, written=False) == 2
    assert capsys.readouterr().err == (
        "submit: There was no time for any fold; give more --minutes, or fewer --folds.\n"
    )


def test_a_file_that_lay_there_before_is_no_answer_of_this_call(call, given):
    Path(given["output"]).write_text("isic_id,target\n")
    assert call(DataError("No row; add some."), written=False) == 2


def test_a_memory_that_is_no_number_is_told_in_one_line(call, capsys, monkeypatch):
    monkeypatch.setenv("DERMSTACK_MEMORY_GB", "much")
    assert call(0, written=False) == 2
    assert capsys.readouterr().err == (
        "submit: DERMSTACK_MEMORY_GB=much is no number of GB; write DERMSTACK_MEMORY_GB=8, or "
        "unset it.\n"
    )


def test_the_time_is_what_the_launcher_says(given):
    asked = asked_of(given | {"minutes": 1.5})
    assert (asked.clock.started, asked.clock.limit_s) == (given["started"], 90.0)
    assert not asked.pictureless


def test_a_call_without_a_limit_has_none(given, tmp_path):
    (tmp_path / "bundle.json").write_text(json.dumps({"pictureless": True}))
    asked = asked_of(given | {"folds": (0, 2), "processes": 2})
    assert asked.clock.limit_s is None
    assert (asked.folds, asked.processes, asked.pictureless) == ((0, 2), 2, True)
