"""A plan: every task as far as it is known, why it is to do, what it or its like took."""

import os
import socket

import pytest

from pipeline.plan import planned
from reports.plan import Unknown
from tests.by_hand.units import files_in
from tests.makers import copy, write
from tests.manifests import rewrite
from workspace.lock import lock_of, locked
from workspace.tasks import Output, Task


def task(job, name, **values):
    return Task(job.run / name, "write", write, arguments={"text": name}, **values)


def timed(folder, seconds, peak_gb=None):
    """As if the unit had taken so long, and so much memory."""
    rewrite(folder, lambda manifest: manifest | {"seconds": seconds, "peak_gb": peak_gb})


def stage_of(*names, **values):
    def stage(job):
        return job.carry_out(*(task(job, name, **values) for name in names))

    return stage


def one_by_name(job, stage, name="write"):
    tasks, unknown = planned(job, [(name, stage)])
    assert unknown == []
    return {one.name: one for one in tasks}


def test_what_is_done_is_told_with_its_seconds_and_what_is_not_with_the_reason(blank):
    blank.job().make(task(blank.job(), "boosters/one"))
    timed(blank.run / "boosters" / "one", 7.5)
    planned = one_by_name(blank.job(), stage_of("boosters/one", "stack"))
    done, to_do = planned["boosters/one"], planned["stack"]
    assert (done.stage, done.done, done.why, done.seconds, done.measured) == (
        "write", True, "", 7.5, True,
    )  # fmt: skip
    assert (to_do.done, to_do.why, to_do.seconds, to_do.measured) == (
        False, "not made yet", None, False,
    )  # fmt: skip


@pytest.mark.parametrize("on_change", ["redo", "stop"])
def test_a_changed_value_is_the_reason_and_stops_where_it_would(blank, on_change):
    values = {"on_change": on_change}
    blank.job().make(task(blank.job(), "one", settings={"seed": 0}, **values))
    one = one_by_name(blank.job(), stage_of("one", settings={"seed": 1}, **values))["one"]
    assert (one.done, one.stops) == (False, on_change == "stop")
    assert "seed" in one.why


def test_nothing_is_made_said_or_written_for_a_plan_even_under_fresh(blank):
    blank.job().make(task(blank.job(), "one"))
    before = files_in(blank.run.parent)
    blank.lines()
    planned = one_by_name(blank.job(fresh=True), stage_of("one", "two"))
    assert [planned[name].done for name in ("one", "two")] == [True, False]
    assert blank.lines() == []
    assert files_in(blank.run.parent) == before


def test_a_stage_whose_tasks_hang_on_what_is_not_there_is_named_with_what_for(blank):
    def upstream(job):
        [(unit, _)] = job.carry_out(task(job, "samples"))
        return unit

    def hanging(job):
        text = job.need(upstream).text("text.txt")
        return job.carry_out(
            Task(job.run / f"{text}_later", "later", write, arguments={"text": "x"})
        )

    tasks, unknown = planned(blank.job(), [("write", upstream), ("later", hanging)])
    assert [one.name for one in tasks] == ["samples"]
    assert unknown == [Unknown("later", ["samples"])]
    upstream(blank.job())
    tasks, unknown = planned(blank.job(), [("write", upstream), ("later", hanging)])
    assert ([one.name for one in tasks], unknown) == (["samples", "samples_later"], [])
    assert [one.done for one in tasks] == [True, False]


def test_tasks_that_are_known_without_their_inputs_results_are_planned_before_these(blank):
    def stage(job):
        first = task(job, "first")
        return job.carry_out(
            Task(job.run / "second", "write", copy, inputs={"it": Output(first)}), first
        )

    found = one_by_name(blank.job(), stage)
    assert list(found) == ["second", "first"]
    assert not any(one.done for one in found.values())


def test_a_task_that_two_stages_declare_is_planned_once(blank):
    tasks, _ = planned(blank.job(), [("a", stage_of("one")), ("write", stage_of("one", "two"))])
    assert [one.name for one in tasks] == ["one", "two"]


def test_a_task_takes_what_its_like_took_its_own_run_before_others(blank):
    for name, seconds in (("net_fold_0", 10.0), ("net_fold_1", 30.0), ("net_fold_2", 31.0)):
        blank.job().make(task(blank.job(), f"networks/{name}"))
        timed(blank.run / "networks" / name, seconds)
    other = blank.run.parent / "other"
    for name, seconds in (("networks/net_fold_3", 900.0), ("stack", 60.0), ("blocks/net_9", 5.0)):
        folder = other / name
        blank.job().make(Task(folder, "write", write, arguments={"text": name}))
        timed(folder, seconds)
    asked = (
        "networks/net_fold_4", "networks/net_fold_0_1", "networks/other_fold_0", "stack",
        "embeddings/net_9",
    )  # fmt: skip
    found = one_by_name(blank.job(), stage_of(*asked))
    assert [found[name].seconds for name in asked] == [30.0, 30.0, None, 60.0, None]
    assert not any(one.measured for one in found.values())


def test_a_task_takes_as_much_memory_as_the_largest_of_its_like(blank):
    for name, peak_gb in (("net_fold_0", 1.5), ("net_fold_1", None), ("net_fold_2", 2.5)):
        blank.job().make(task(blank.job(), f"networks/{name}"))
        timed(blank.run / "networks" / name, 1.0, peak_gb)
    names = ("networks/net_fold_0", "networks/net_fold_1", "networks/net_fold_3", "stack")
    found = one_by_name(blank.job(), stage_of(*names))
    assert [found[name].peak_gb for name in names] == [1.5, None, 2.5, None]


def test_what_another_wrote_beside_the_run_is_passed_over(blank):
    strange = blank.run.parent / "strange" / "stack"
    strange.mkdir(parents=True)
    (strange / "manifest.json").write_text("{")
    assert one_by_name(blank.job(), stage_of("stack"))["stack"].seconds is None


def test_what_another_call_makes_now_is_said(blank):
    with locked(lock_of(blank.run / "two"), "two"):
        found = one_by_name(blank.job(), stage_of("one", "two"))
    assert found["one"].why == "not made yet"
    assert found["two"].why == f"being made by pid {os.getpid()} on {socket.gethostname()}"


def test_a_task_outside_the_run_is_shown_by_its_whole_path(blank):
    def stage(job):
        return job.carry_out(Task(blank.data, "write", write, arguments={"text": "x"}))

    assert list(one_by_name(blank.job(), stage)) == [str(blank.data)]


def test_a_run_within_the_run_takes_what_the_run_took_and_the_other_way(blank):
    job = blank.job()
    for name, seconds in (("stack", 60.0), ("hospitals/run/boosters/one_fold_0", 4.0)):
        job.make(task(job, name))
        timed(blank.run / name, seconds)
    found = one_by_name(job, stage_of("hospitals/run/stack", "boosters/one_fold_1"))
    assert found["hospitals/run/stack"].seconds == 60.0
    assert found["boosters/one_fold_1"].seconds == 4.0
