"""The command line: what is parsed into a job, how a stage ends, who leaves no trace."""

import errno
import json
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.plan import planned
from scripts import stage
from scripts.engines.processes import ByWork, LocalProcesses
from scripts.stage import Call, carry_out, main
from tests.by_hand.units import files_in
from tests.makers import write
from tests.unit.scripts.conftest import Said, Seen
from workspace.errors import ArtifactError, ConfigError, DataError
from workspace.progress import Silent
from workspace.stopping import Stopped
from workspace.tasks import Task


def test_a_call_without_words_is_the_sample_by_as_many_processes_as_it_asks_for(call):
    job, code = call()
    assert code == 0
    assert (job.stage, job.recipe.name) == ("train-cnn", "sample")
    assert (job.fresh, job.own_data, job.device, job.deterministic) == (False, False, "auto", False)
    assert (job.files, job.words) == ({}, {})
    assert isinstance(job.executor, ByWork)


def test_words_become_the_job(call, tmp_path):
    job, _ = call(
        "--recipe", "tabular", "--fresh", "--device", "cpu", "--deterministic", "--seed", "5",
        "--set", "folds.n_folds=3  stack.seeds=2", "--set", "data.positive=[\"MEL\", 'BCC']",
        "--data", str(tmp_path / "my data"), "--fold", "1",
        words={"fold": "one fold"},
    )  # fmt: skip
    recipe = job.recipe
    assert (recipe.name, recipe.seed, recipe.folds.n_folds, recipe.stack.seeds) == (
        "tabular", 5, 3, 2,
    )  # fmt: skip
    assert recipe.data.folder == tmp_path / "my data"
    assert tuple(recipe.data.positive) == ("MEL", "BCC")
    assert (job.fresh, job.own_data, job.device, job.deterministic) == (True, True, "cpu", True)
    assert job.words == {"fold": "1"}


def test_named_options_win_over_those_that_are_set(call):
    job, _ = call("--seed", "5", "--set", "seed=7")
    assert job.recipe.seed == 5
    job, _ = call("--set", "seed=7", "--set", "seed=8")
    assert job.recipe.seed == 8  # the last


def test_a_stage_may_say_what_its_own_seed_is(call):
    job, _ = call(
        "--seed", "5", "--rows", "170",
        flags={"seed": "synthetic.seed", "rows": "synthetic.rows"},
    )  # fmt: skip
    assert (job.recipe.synthetic.seed, job.recipe.synthetic.rows) == (5, 170)
    assert job.recipe.seed == 0


def test_files_are_paths_and_only_those_that_were_named(call):
    job, _ = call("--solution", "a b.csv", files={"solution": "truth", "submission": "scores"})
    assert job.files == {"solution": Path("a b.csv")}


def test_several_jobs_are_as_many_processes(call):
    job, code = call("--jobs", "3")
    assert code == 0
    assert isinstance(job.executor, LocalProcesses)
    assert job.executor.side_by_side([]) == 3


@pytest.mark.parametrize("words", [("--fold", "1"), ("--rec", "tabular")])
def test_a_word_that_is_none_is_refused_before_anything_is_written(call, words, tmp_path, capfd):
    job, code = call(*words)
    assert (job, code) == (None, 2)
    assert "usage: python -m scripts.train_cnn" in capfd.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--jobs", "none"), "train-cnn: JOBS=none is no number of processes; take 1 or more.\n"),
        (
            ("--device", "gpu"),
            "train-cnn: DEVICE=gpu is no device; there are auto, cpu, cuda, mps.\n",
        ),
        (("--set", "sead=1"), "train-cnn: Unknown option 'sead' in SET"),
    ],
)
def test_a_mistake_in_a_word_is_one_line(call, capfd, words, said, tmp_path):
    job, code = call(*words)
    assert (job, code) == (None, 2)
    assert not (tmp_path / "run").exists()
    [line] = capfd.readouterr().err.splitlines(keepends=True)
    assert line.startswith(said)


def test_our_errors_end_in_one_line_and_the_log_names_no_patient(call, capfd, tmp_path):
    patient = "IP_123"
    _, code = call(raises=DataError(f"Row {patient} is odd; mend it."))
    assert code == 2
    assert capfd.readouterr().err == "train-cnn: Row IP_123 is odd; mend it.\n"
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [(line["level"], line["message"]) for line in lines] == [
        ("ERROR", "stopped by DataError: Row ... is odd; mend it.")
    ]


@pytest.mark.parametrize(
    ("number", "code", "name"), [(signal.SIGINT, 130, "SIGINT"), (signal.SIGTERM, 143, "SIGTERM")]
)
@pytest.mark.parametrize("fresh", [False, True])
def test_a_stop_says_how_to_go_on(call, capfd, number, code, name, fresh):
    words = ("--fresh",) if fresh else ()
    _, left = call(*words, raises=Stopped(number))
    assert left == code
    without = " without FRESH=1" if fresh else ""
    assert capfd.readouterr().err == (
        f"train-cnn: stopped by {name}; what was finished is kept, the same command{without} "
        "goes on.\n"
    )


def test_a_mistake_of_ours_keeps_its_traceback(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["stack.py", "--run", str(tmp_path / "run")])
    with pytest.raises(ZeroDivisionError):
        main(Seen(ZeroDivisionError()))


def test_after_any_end_the_next_signal_is_python_s_own(call):
    before = signal.getsignal(signal.SIGINT)
    call(raises=Stopped(signal.SIGINT))
    assert signal.getsignal(signal.SIGINT) is before


def test_results_lie_in_runs_under_the_recipes_name_unless_said_otherwise(
    call, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    job, _ = call("--recipe", "tabular", run=False)
    assert job.run == Path("runs") / "tabular"
    assert job.run.is_dir()
    job, _ = call()
    assert job.run == tmp_path / "run"


def test_up_to_date_is_not_all_that_is_said_where_what_was_typed_changes_nothing(tmp_path):
    desk = Said()

    def make(job):
        job.make(Task(job.run / "one", "make", write, arguments={"text": "x"}))

    for settings in (["stack.seeds=2"], ["stack.seeds=2"], [], ["stack.seeds=3", "seed=0"]):
        desk.lines.append("call")
        carry_out(make, "make", Call("tabular", settings, tmp_path / "run", "1", {}), desk)
    assert [line for line in desk.lines if not line.startswith("make: making")] == [
        "call", "call", "call", "call",
        "notice: nothing that 'make' needs depends on stack.seeds=3; what is up to date was made "
        "without.",
    ]  # fmt: skip


def test_a_plan_with_something_to_do_calls_no_value_idle(tmp_path):
    desk, run = Said(), tmp_path / "run"

    def task(name):
        return Task(run / name, "make", write, arguments={"text": name})

    def plan(job):
        planned(job, [("one", lambda job: job.make(task("one"))), ("two", two)])

    def two(job):
        job.make(replace(task("two"), settings={"stack": job.recipe.resolved()["stack"]}))

    def called(*settings, stage=plan):
        carry_out(stage, "plan", Call("tabular", settings, run, "1", {}), desk)

    called(stage=lambda job: (job.make(task("one")), two(job)))
    desk.lines.clear()
    called("stack.seeds=3")  # by which the second is another
    assert desk.lines == []
    called("audit.rounds=3")
    assert desk.lines == [
        "notice: nothing that 'plan' needs depends on audit.rounds=3; what is up to date was made "
        "without."
    ]


def test_a_score_says_what_it_does_not_read(tmp_path):
    desk = Said()

    def score(job):
        job.make(Task(job.run / "scores/a", "score", write, arguments={"text": "x"}))

    for settings in (["score.level=0.9", "lightgbm.rounds=5"], ["score.level=0.9"]):
        desk.lines.append("call")
        carry_out(score, "score", Call("tabular", settings, tmp_path / "run", "1", {}), desk)
    assert desk.lines == [
        "call",
        "notice: 'score' reads nothing of a recipe but [score]; of no effect: lightgbm.rounds=5.",
        "call",
    ]


def test_a_stage_that_does_not_write_leaves_no_trace(call, tmp_path):
    job, code = call(writes=False, file="plan.py")
    assert code == 0
    assert job.stage == "plan"
    assert files_in(tmp_path) == {}
    assert not (tmp_path / "run").exists()
    (tmp_path / "run" / "folds").mkdir(parents=True)
    (tmp_path / "run" / "folds" / ".a.tmp").write_text("of a stopped call")
    before = files_in(tmp_path)
    call(writes=False, file="plan.py")
    assert files_in(tmp_path) == before  # nor does it clear away


def test_leftovers_of_a_stopped_call_are_cleared_and_counted(call, capfd, monkeypatch, tmp_path):
    places = []
    monkeypatch.setattr(stage, "clear_abandoned", lambda place: places.append(place) or 2)
    nested = ("embeddings/net_fold_0", "checkpoints/net_fold_0", "distill/holdout/networks")
    for name in ("folds", "audit", ".hidden", *nested):
        (tmp_path / "run" / name).mkdir(parents=True)
    (tmp_path / "run" / "a_file").write_text("")
    call()
    run = tmp_path / "run"
    names = (
        "audit", "checkpoints", "distill", "distill/holdout", "distill/holdout/networks",
        "embeddings", "embeddings/net_fold_0", "folds",
    )  # fmt: skip
    assert sorted(places) == [run, *(run / name for name in names)]
    assert "train-cnn: cleared 18 unfinished files of a stopped run." in capfd.readouterr().out


def test_what_a_stage_leaves_is_given_back_from_python(tmp_path):
    asked = Call("sample", ["seed=3"], tmp_path / "run", "1", {"fresh": True})
    seen = Seen()
    assert carry_out(seen, "stack", asked, Silent()) == "done"
    assert (seen.job.recipe.seed, seen.job.fresh, seen.job.stage) == (3, True, "stack")


def test_a_run_that_cannot_be_made_is_told_in_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    asked = Call("sample", [], tmp_path / "file" / "run", "1", {})
    with pytest.raises(ArtifactError) as refused:
        carry_out(Seen(), "stack", asked, Silent())
    assert str(refused.value) == (
        f"Cannot write {asked.run}: Not a directory; what was there before is untouched."
    )


def test_hashes_are_remembered_in_the_run(call, tmp_path):
    job, _ = call()
    assert job.hashes._store == tmp_path / "run" / ".hashes.json"
    with pytest.raises(ConfigError):
        carry_out(Seen(), "x", Call("sample", ["seed=-1"], tmp_path / "other", "1", {}), Silent())
    assert not (tmp_path / "other").exists()


def test_a_file_that_may_not_be_read_is_one_line(call, capfd):
    _, code = call(raises=PermissionError(errno.EACCES, "Permission denied", "/data/a.csv"))
    assert code == 2
    assert capfd.readouterr().err == (
        "train-cnn: Cannot open /data/a.csv: Permission denied; give yourself the right to it, or "
        "name another.\n"
    )


def test_a_memory_of_hashes_that_is_a_folder_is_none(call, tmp_path):
    (tmp_path / "run" / ".hashes.json").mkdir(parents=True)
    _, code = call()
    assert code == 0
