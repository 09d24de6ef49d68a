import os
import signal

import pytest

from pipeline.offline import desk
from pipeline.offline.desk import PlainDesk, as_time, in_its_words
from workspace.stopping import Stopped, stopping_cleanly


@pytest.fixture
def at(monkeypatch):
    """Set the clock."""
    now = [100.0]
    monkeypatch.setattr(desk.time, "monotonic", lambda: now[0])

    def set_to(seconds):
        now[0] = 100.0 + seconds

    return set_to


def test_a_line_has_the_time_since_the_start(at, capsys):
    plain = PlainDesk(100.0)
    plain.say("begun", private=True, rows=3)
    at(3725.9)
    plain.say("done")
    assert capsys.readouterr().out == "[  0:00] begun\n[ 62:05] done\n"


def test_how_far_something_is_is_said_every_few_seconds_and_at_its_end(at, capsys):
    with PlainDesk(100.0).progress("Looking") as show:
        for second in range(25):
            at(second)
            show(second * 100, 2400)
    assert capsys.readouterr().out == (
        "[  0:10] Looking: 1,000 of 2,400, 14 s left\n"
        "[  0:20] Looking: 2,000 of 2,400, 4 s left\n"
        "[  0:24] Looking: 2,400 of 2,400\n"
    )


def test_what_was_short_says_nothing(at, capsys):
    with PlainDesk(100.0).progress("Looking") as show:
        at(9.9)
        show(5, 10)
        show(10, 10)
    assert capsys.readouterr().out == ""


def test_long_work_ends_where_a_stop_is_asked_for(at):
    with pytest.raises(Stopped), stopping_cleanly(), PlainDesk(100.0).progress("x") as show:
        os.kill(os.getpid(), signal.SIGTERM)
        show(1, 10)


def test_a_table_is_a_mistake_of_ours():
    with pytest.raises(AssertionError, match="nothing here draws tables"):
        PlainDesk(0.0).table(None)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.4, "0 s"), (119.4, "119 s"), (119.5, "2 min"), (149, "2 min"), (5369, "89 min"),
        (7169, "119 min"), (7170, "2 h 0 min"), (43_199, "12 h 0 min"),
    ],
)  # fmt: skip
def test_a_time_is_said_as_people_say_it(seconds, words):
    assert as_time(seconds) == words


@pytest.mark.parametrize(
    ("of_make", "own"),
    [
        ("No table; name its folder with DATA=.", "No table; name its folder with --input."),
        ("Unfinished; run 'make train-cnn FRESH=1'.", "Unfinished; make the bundle anew."),
        ("Of other features; run 'make stack' again.", "Of other features; make the bundle anew."),
        ("DEVICE=cuda is not there.", "--device cuda is not there."),
    ],
)
def test_sentences_of_the_rooms_are_said_in_the_words_of_who_calls(of_make, own):
    assert in_its_words(of_make) == own
