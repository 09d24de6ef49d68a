"""What `make plan` says last: how much is to do, how long it takes, what would stop."""

import pytest

from reports.plan import PlannedTask, Unknown, tables


def task(name, seconds=None, **values):
    state = {"done": False, "why": "not made yet", "stops": False, "other_code": False}
    return PlannedTask(
        stage="stack", name=name, seconds=seconds, measured=False, **(state | values)
    )


def said(*tasks, unknown=()):
    table, *lines = tables(tasks, unknown)
    return table, lines


DONE = task("folds", 3.0, done=True, why="")
STOPS = task("folds", 3.0, why="made from other values: folds.n_folds", stops=True)
LATER = Unknown("stack", ["data/sample"])


def test_where_all_is_done_there_is_nothing_to_do():
    assert said(DONE)[1] == ["plan: nothing to do."]


@pytest.mark.parametrize(
    ("tasks", "unknown", "line"),
    [
        ([task("a", 5.0), task("b", 2.0), DONE], [], "2 tasks to do: about 7 s."),
        ([task("a")], [], "1 task to do: nobody knows how long."),
        ([task("a", 5.0), task("b")], [],
         "2 tasks to do: at least 5 s, and 1 task whose like was never timed."),
        ([task("a", 5.0)], [LATER], "1 task to do: at least 5 s, and what is not known yet."),
        ([STOPS, task("a", 5.0)], [], "1 task would stop, 1 task to do: about 5 s."),
        ([STOPS], [LATER], "1 task would stop, 0 tasks to do, and what is not known yet."),
    ],
)  # fmt: skip
def test_what_stops_is_not_counted_as_to_do_and_what_is_not_known_is_not_left_out(
    tasks, unknown, line
):
    assert said(*tasks, unknown=unknown)[1][-1] == f"plan: {line}"


def test_a_stage_that_is_not_known_says_what_for():
    two = Unknown("embed", ["data/sample", "samples"])
    lines = said(task("a"), unknown=[LATER, two])[1]
    assert lines[:2] == [
        "stack: its tasks are known once data/sample is there.",
        "embed: its tasks are known once data/sample, samples are there.",
    ]


def test_what_would_stop_is_named_with_the_ways_out():
    assert said(STOPS)[1][0] == (
        "notice: folds would stop its stage: restore the values, take another RUN=, or FRESH=1."
    )


def test_tasks_alike_are_one_row_and_those_at_work_another():
    rows = said(
        task("boosters/a_0", 5.0, peak_gb=0.4), task("boosters/a_1", 6.0, peak_gb=1.26),
        task("boosters/a_2", 5.0, why="being made by pid 7 on here"),
    )[0].rows  # fmt: skip
    assert [[word.words for word in row] for row in rows] == [
        ["stack", "boosters/a_0 ... (2)", "to do: not made yet", "~11", "~1.3"],
        ["stack", "boosters/a_2", "to do: being made by pid 7 on here", "~5", "?"],
    ]
