"""How often a call looks at its tasks, and what it makes of those that another call is at."""

from contextlib import ExitStack
from dataclasses import replace

import pytest

from tests.makers import Threads
from workspace import work
from workspace.errors import ArtifactError
from workspace.executors import ThisProcess
from workspace.lock import lock_of, locked
from workspace.work import carry_out


class Beside(ThisProcess):
    """While this executor begins a unit, something happens beside it."""

    def __init__(self, desk, **meanwhile):
        super().__init__(desk)
        self.meanwhile, self.submitted = meanwhile, []

    def submit(self, function, /, *arguments):
        name = arguments[0].folder.name
        self.submitted.append(name)
        self.meanwhile.pop(name, lambda: None)()
        return super().submit(function, *arguments)


@pytest.fixture
def looks(monkeypatch):
    """The names of the tasks whose state was asked for, one for each time."""
    names, state_of = [], work.state_of

    def counted(task, context):
        names.append(task.name)
        return state_of(task, context)

    monkeypatch.setattr(work, "state_of", counted)
    return names


def test_tasks_are_looked_at_twice_at_the_most_however_many_there_are(make, context, desk, looks):
    """At every end all that waited were: 20,100 looks at 200 tasks, 3 million at 2,442 shards."""
    many = [make(f"t{n}", arguments={"text": "x"}) for n in range(200)]
    carry_out(many, replace(context, executor=Threads(desk)))
    assert [name for _, name, *_ in desk.begun] == [task.name for task in many]
    assert len(looks) <= 2 * len(many)


def test_what_another_call_made_of_those_that_wait_is_not_begun(make, context, desk):
    beside = Beside(desk, one=lambda: carry_out([make("two")], context))
    units = carry_out([make("one"), make("two")], replace(context, executor=beside))
    assert [new for _, new in units] == [True, False]
    assert beside.submitted == ["one"]  # an engine would begin a job for the other
    assert make.log() == ["two", "one"]


def test_what_another_call_made_otherwise_of_those_that_wait_is_refused(make, context, desk):
    tasks = [make(name, on_change="stop") for name in ("one", "two", "three")]
    beside = Beside(desk, one=lambda: carry_out([make("two", "other")], context))
    with pytest.raises(ArtifactError, match=r"two was made from other values \(text\)"):
        carry_out(tasks, replace(context, executor=beside))
    assert beside.submitted == ["one"]  # nothing begins after an error
    assert (tasks[0].folder / "manifest.json").is_file()


def test_what_another_call_leaves_undone_comes_before_those_that_wait(
    make, context, desk, monkeypatch
):
    monkeypatch.setattr(work, "RETRY_S", 0.0)
    tasks = [make(name) for name in ("one", "two", "three")]
    with ExitStack() as other_call:
        other_call.enter_context(locked(lock_of(tasks[0].folder), "one"))
        beside = Beside(desk, two=other_call.close)
        carry_out(tasks, replace(context, executor=beside))
    assert beside.submitted == ["one", "two", "one", "three"]
    assert [name for _, name, *_ in desk.begun] == ["one", "two", "three"]
