"""Stages of a finished run: its own recipe and values, and what may only be read."""

import os
import sys

import pytest

from pipeline.asked import OF_NEW_DATA
from scripts.stage import OUT, Call, carry_out, main
from tests.by_hand.units import files_in
from tests.makers import write
from tests.unit.scripts.conftest import speaking
from workspace.errors import CannotWriteError
from workspace.progress import Silent
from workspace.tasks import Task


def test_a_stage_of_a_finished_run_makes_no_folder(call, tmp_path, capfd):
    job, code = call(of_finished_run=(), file="report.py")
    assert (job, code) == (None, 2)
    assert capfd.readouterr().err == (
        f"report: There is no run {tmp_path / 'run'}; name a finished one with RUN=.\n"
    )
    assert not (tmp_path / "run").exists()


def finished(folder, *settings, recipe="tabular"):
    """A run in which one unit was made."""

    def make(job):
        job.make(Task(job.run / "one", "make", write, arguments={"text": "x"}))

    carry_out(make, "make", Call(recipe, settings, folder, "1", {}), Silent())


def test_check_169_a_finished_run_takes_no_recipe_and_no_value_that_it_was_not_made_with(
    call, tmp_path, capfd
):
    finished(tmp_path / "run", "stack.seeds=2")
    for words in ((), ("--recipe", "tabular"), ("--recipe", "tabular", "--set", "stack.seeds=2")):
        _, code = call(*words, of_finished_run=(), file="report.py")
        assert code == 0
    assert capfd.readouterr().err == ""
    _, code = call("--recipe", "sample", of_finished_run=(), file="report.py")
    assert code == 2
    assert "is a run of tabular, not of sample" in capfd.readouterr().err
    words = ("--recipe", "tabular", "--seed", "4", "--set", "predict.overlays=false")
    _, code = call(*words, of_finished_run=("predict",), file="predict_images.py")
    assert code == 2
    assert capfd.readouterr().err.startswith(
        f"predict: Nothing in {tmp_path / 'run'} was made with seed=4, and"
    )


def test_a_stage_of_a_finished_run_has_the_runs_own_recipe(call, tmp_path, capfd):
    finished(tmp_path / "run", "stack.seeds=2")
    (tmp_path / "run" / "one").rename(tmp_path / "run" / "stack")
    asked = {"of_finished_run": OF_NEW_DATA, "file": "predict.py"}
    job, _ = call(**asked)
    assert job.recipe.name == "tabular"
    job, code = call("--recipe", "full_size", "--fresh", **asked)
    assert (job, code) == (None, 2)
    assert capfd.readouterr().err == (
        f"predict: {tmp_path / 'run'} is a run of tabular, not of full_size; leave out RECIPE=, or "
        "name that one's run with RUN=.\n"
    )


def test_a_finished_run_of_a_recipe_elsewhere_is_asked_by_the_path_of_that(call, tmp_path, capfd):
    path = tmp_path / "tuned.toml"
    path.write_text('base = "tabular"\n[stack]\nseeds = 2\n')
    finished(tmp_path / "run", recipe=str(path))
    (tmp_path / "run" / "one").rename(tmp_path / "run" / "stack")
    asked = {"of_finished_run": OF_NEW_DATA, "file": "predict.py"}
    job, _ = call("--recipe", str(path), **asked)
    assert job.recipe.name == "tuned"
    assert call(**asked) == (None, 2)
    assert capfd.readouterr().err == (
        f"predict: {tmp_path / 'run'} is a run of tuned; name its recipe, "
        "RECIPE=<path>/tuned.toml.\n"
    )


def of_finished_run(call, **values):
    return call(file="report.py", of_finished_run=True, files={"out": OUT}, **values)


@pytest.mark.parametrize("writable", [False, True])
def test_a_run_that_may_only_be_read_is_told_the_way_round(
    call, tmp_path, monkeypatch, capfd, writable
):
    run = tmp_path / "run"
    run.mkdir()
    line = f"Cannot write {run}/report: Read-only file system; what was there before is untouched."
    monkeypatch.setattr(os, "access", lambda path, mode: writable)
    _, code = of_finished_run(call, raises=CannotWriteError(line))
    assert code == 2
    told = f"{run} may only be read; name a folder for what is made with OUT=."
    assert capfd.readouterr().err == f"report: {line if writable else told}\n"


def test_with_out_log_and_memory_lie_there_too(tmp_path, monkeypatch):
    run, out = tmp_path / "run", tmp_path / "deep" / "out"
    (run / "folds").mkdir(parents=True)
    before = files_in(run)
    words = ["report.py", "--run", str(run), "--out", str(out)]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as left:
        main(speaking, files={"out": OUT}, of_finished_run=True)
    assert left.value.code == 0
    assert [path.name for path in out.iterdir()] == ["log.jsonl"]
    assert files_in(run) == before


def test_only_stages_of_a_finished_run_take_out(call, capfd):
    job, code = call("--out", "elsewhere")
    assert (job, code) == (None, 2)
    assert "unrecognized arguments: --out elsewhere" in capfd.readouterr().err
