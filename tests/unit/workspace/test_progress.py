import inspect
from pathlib import Path

from workspace.progress import Desk, Silent, quietly


def test_at_a_silent_desk_everything_may_be_said_and_nothing_comes_of_it(capsys):
    desk: Desk = Silent()
    desk.say("a line", private=True, check="c")
    desk.table(object())
    desk.begin("stack", Path("one"), (1, 2), 3.0)
    with desk.progress("a bar") as show:
        show(1, 2)
    quietly(1, 2)
    assert capsys.readouterr() == ("", "")


def test_every_desk_is_spoken_to_alike():
    from reports.desk import ConsoleDesk  # noqa: PLC0415 - of a floor above
    from scripts.engines.remote_desk import RemoteDesk  # noqa: PLC0415

    for name in ("say", "table", "progress", "begin"):
        asked = list(inspect.signature(getattr(Desk, name)).parameters)
        for desk in (Silent, ConsoleDesk, RemoteDesk):
            assert list(inspect.signature(getattr(desk, name)).parameters) == asked
