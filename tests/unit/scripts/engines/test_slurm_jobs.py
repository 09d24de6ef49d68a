"""What sbatch is asked for, by a SLURM that only writes it down; and jobs as real processes."""

import inspect
import os
import shutil
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from submitit.core.utils import FailedJobError, UncompletedJobError
from submitit.local.local import Controller

from scripts.engines.attempts import Attempt, DiedError, ShortOfMemoryError
from scripts.engines.boot import Begin
from scripts.engines.identity import write_identity
from scripts.engines.packing import packed
from scripts.engines.slurm_jobs import JobsHere, SlurmJobs, minutes_of
from tests.stages import ROOT
from workspace.errors import ArtifactError, ConfigError
from workspace.machine import cores
from workspace.orders import Needs

SMALL, LARGE = Needs(cores=2, memory_gb=1.5), Needs(memory_gb=4.0, gpus=1)


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """An `sbatch` that keeps what it is given, and a `srun` that is only there."""
    place = tmp_path / "bin"
    place.mkdir()
    (place / "sbatch").write_text(
        f'#!/bin/sh\nn=$(ls {tmp_path} | grep -c asked)\ncp "$1" {tmp_path}/asked$n\n'
        'echo "Submitted batch job 1$n"\n'
    )
    (place / "srun").write_text("#!/bin/sh\n")
    for name in ("sbatch", "srun"):
        (place / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{place}:{os.environ['PATH']}")
    monkeypatch.delenv("SBATCH_TIMELIMIT", raising=False)
    return tmp_path


def attempt(needs, **values):
    one = Attempt("a task", needs, b"", **values)
    one.begin = Begin({})
    return one


def asked(place):
    """The parameters of each batch."""
    parameters = []
    for path in sorted(place.glob("asked*")):
        lines = [line[10:] for line in path.read_text().splitlines() if line[:8] == "#SBATCH "]
        parameters.append(dict(line.partition("=")[::2] for line in lines))
    return parameters


def submitted(place, attempts, device="auto"):
    jobs = SlurmJobs(device)
    jobs.connect(place / "call", Begin({}))
    jobs.begin(attempts)
    return asked(place)


def test_what_is_ready_and_alike_is_one_array_that_is_put_back_when_its_time_ends(slurm):
    [small, large] = submitted(slurm, [attempt(SMALL), attempt(LARGE), attempt(SMALL)])
    assert {name: small[name] for name in ("array", "cpus-per-task", "mem", "time", "signal")} == {
        "array": "0-1%2", "cpus-per-task": "2", "mem": "1536MB", "time": "1440",
        "signal": "USR2@90",
    }  # fmt: skip
    assert "requeue" in small
    # All of a node; a GPU only where DEVICE=cuda says that there are any.
    assert (large["mem"], "exclusive" in large, "array" in large) == ("0", True, False)
    assert not {"cpus-per-task", "gpus-per-node"} & large.keys()


def test_nobody_else_may_write_where_jobs_are_opened_as_code(slurm):
    submitted(slurm, [attempt(SMALL)])
    assert (slurm / "call").stat().st_mode & 0o777 == 0o700


def test_a_gpu_is_asked_for_where_networks_are_to_compute_on_one(slurm):
    [large, small] = submitted(slurm, [attempt(LARGE), attempt(SMALL)], device="cuda")
    assert (large["gpus-per-node"], small.get("gpus-per-node")) == ("1", None)


def test_as_many_gpus_are_asked_for_as_train_a_network_together(slurm):
    [batch] = submitted(slurm, [attempt(replace(LARGE, gpus=4))], device="cuda")
    assert batch["gpus-per-node"] == "4"


def test_without_end_is_slurms_nought_and_a_year_of_a_process_here(slurm, monkeypatch):
    monkeypatch.setenv("SBATCH_TIMELIMIT", "UNLIMITED")
    [batch] = submitted(slurm, [attempt(SMALL)])
    assert batch["time"] == "0"
    assert JobsHere()._parameters(SMALL, "") == {"timeout_min": 525600}


def test_where_it_died_it_is_not_begun_anew_and_time_is_slurms_own(slurm, monkeypatch):
    monkeypatch.setenv("SBATCH_TIMELIMIT", "2-12")
    [batch] = submitted(slurm, [attempt(SMALL, avoid={"node7", "node3", ""})])
    assert (batch["exclude"], batch["time"]) == ("node3,node7", "3600")


def test_where_there_is_no_other_node_it_is_begun_on_the_same(slurm):
    sbatch = slurm / "bin" / "sbatch"
    _, _, does = sbatch.read_text().partition("\n")
    sbatch.write_text(f'#!/bin/sh\ngrep -q exclude "$1" && exit 1\n{does}')
    [batch] = submitted(slurm, [attempt(SMALL, avoid={"node7"})])
    assert "exclude" not in batch


@pytest.mark.parametrize(
    ("limit", "minutes"),
    [
        (None, 1440), ("", 1440), ("90", 90), ("90:30", 91), ("0:30", 1), ("0", 0),
        ("UNLIMITED", 0), ("infinite", 0), ("2:30", 3), ("2:30:00", 150), ("1-0", 1440),
        ("1-2", 1560), ("1-2:30", 1590), ("1-2:30:59", 1591),
    ],
)  # fmt: skip
def test_times_are_read_as_slurm_writes_them(limit, minutes):
    assert minutes_of(limit) == minutes


def test_a_time_that_is_none_is_refused():
    with pytest.raises(ConfigError) as refused:
        minutes_of("two days")
    assert str(refused.value) == (
        "SBATCH_TIMELIMIT=two days is no time of SLURM's; write minutes, h:m:s or days-hours."
    )


def test_a_slurm_that_takes_no_job_says_why(slurm):
    (slurm / "bin" / "sbatch").write_text(
        "#!/bin/sh\necho 'sbatch: error: no partition' >&2\nexit 1\n"
    )
    with pytest.raises(ArtifactError) as refused:
        submitted(slurm, [attempt(SMALL)])
    assert str(refused.value) == (
        "SLURM does not take the jobs: sbatch: error: no partition; what the partition lacks is "
        "named by SBATCH_PARTITION and its like (docs/cluster.md)."
    )


def test_what_is_taken_before_slurm_refuses_has_a_handle_and_the_rest_has_none(slurm):
    sbatch = slurm / "bin" / "sbatch"
    _, _, does = sbatch.read_text().partition("\n")
    sbatch.write_text(f'#!/bin/sh\ngrep -q exclusive "$1" && exit 1\n{does}')
    attempts = [attempt(SMALL), attempt(SMALL), attempt(LARGE)]
    with pytest.raises(ArtifactError, match="SLURM does not take the jobs"):
        submitted(slurm, attempts)
    assert [one.handle and one.handle.job_id for one in attempts] == ["10_0", "10_1", None]


def test_all_are_cancelled_by_one_call(slurm):
    scancel = slurm / "bin" / "scancel"
    scancel.write_text(f'#!/bin/sh\necho "$@" >> {slurm}/cancelled\n')
    scancel.chmod(0o755)
    attempts = [attempt(SMALL), attempt(SMALL), attempt(LARGE)]
    submitted(slurm, attempts)
    SlurmJobs().interrupt(attempts)
    assert (slurm / "cancelled").read_text() == "10_0 10_1 11\n"


def test_where_there_is_no_slurm_that_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError) as refused:
        submitted(tmp_path, [attempt(SMALL)])
    assert str(refused.value) == (
        "ENGINE=slurm finds no SLURM on this machine (no 'srun'); call from one that submits jobs, "
        "or rehearse with ADDRESS=local."
    )


def ended(state, error):
    """An attempt of which submitit raises this, or hands it back."""

    def result():
        if isinstance(error, tuple):
            return error
        raise error

    return attempt(SMALL, handle=SimpleNamespace(state=state, result=result))


@pytest.mark.parametrize(
    ("state", "line", "kind"),
    [
        ("OUT_OF_MEMORY", "no output", ShortOfMemoryError),
        (
            "FAILED",
            "slurmstepd: error: Detected 1 oom_kill event in StepId=7.0.",
            ShortOfMemoryError,
        ),
        ("NODE_FAIL", "no output", DiedError),
    ],
)
def test_why_a_job_died_is_its_state_and_the_last_line(state, line, kind):
    with pytest.raises(DiedError) as died:
        SlurmJobs().answer(ended(state, UncompletedJobError(f"Job 7\n{line}\n")))
    assert (type(died.value), str(died.value)) == (kind, f"{state}: {line.rstrip('.')}")


NO_MORE = "Job not requeued because: timed-out too many times."


@pytest.mark.parametrize(
    "error",
    [
        FailedJobError(f"Job (task=0) failed during processing with trace:\n{NO_MORE}\nlogs"),
        ("failed", packed((UncompletedJobError(NO_MORE), "Traceback"))),  # amid the task
    ],
)
@pytest.mark.parametrize(("jobs", "times"), [(SlurmJobs(), 11), (JobsHere(), 6)])
def test_a_job_that_submitit_requeues_no_more_is_given_up_in_one_sentence(
    tmp_path, error, jobs, times
):
    one = ended("FAILED", error)
    one.handle.paths = SimpleNamespace(result_pickle=tmp_path)
    with pytest.raises(ArtifactError) as given_up:
        jobs.answer(one)
    assert str(given_up.value) == (
        f"a task ran into its time limit {times} times; its last checkpoint is kept: the same "
        "command goes on, with a longer SBATCH_TIMELIMIT if it must."
    )


def test_another_failure_of_the_task_is_handed_on():
    failed = ("failed", packed((ValueError("a bug"), "Traceback")))
    assert SlurmJobs().answer(ended("COMPLETED", failed)) == failed


def test_a_process_here_is_requeued_as_often_as_its_controller_begins_it():
    begun = inspect.signature(Controller.run).parameters["max_retry"].default
    assert begun == JobsHere.requeues + 1


def test_cores_that_are_asked_for_are_those_that_a_job_may_use():
    assert set(SlurmJobs().environment(SMALL).values()) == {"2"}
    # A whole node; how many it has only it knows.
    assert set(SlurmJobs().environment(LARGE).values()) == {""}
    assert JobsHere().environment(LARGE)["DERMSTACK_CORES"] == str(cores())


@pytest.mark.parametrize("gpus", [None, "", "2,3", "GPU-8932f937"])
def test_jobs_here_see_the_gpus_that_their_caller_sees(tmp_path, monkeypatch, gpus):
    """In a real job, which submitit begins with none of them."""
    if gpus is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", gpus)
    one = attempt(SMALL)
    jobs = JobsHere()
    jobs.connect(tmp_path, one.begin)
    one.begin = Begin(
        {"repository": str(seeing(tmp_path)), "place": str(tmp_path)}
        | {"environment": jobs.environment(SMALL)}
    )
    jobs.begin([one])
    one.handle.wait()
    assert jobs.answer(one) == ("done", gpus)


def seeing(place):
    """Code of which the worker answers with the GPUs that it sees."""
    engines = place / "tree" / "scripts" / "engines"
    engines.mkdir(parents=True)
    for folder in (engines, engines.parent):
        (folder / "__init__.py").touch()
    (engines / "worker.py").write_text(
        "import os\n\n\ndef answer(parcel):\n"
        "    return 'done', os.environ.get('CUDA_VISIBLE_DEVICES')\n"
    )
    return place / "tree"


def test_a_node_with_another_source_tree_refuses_to_work(tmp_path):
    """A real job; the tree is a copy in which one file is another."""
    tree = tmp_path / "tree"
    for room in [path.parent for path in ROOT.glob("*/__init__.py") if path.parent.name != "tests"]:
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(room, tree / room.name, ignore=ignore)
    shutil.copy(ROOT / "requirements.lock", tree)
    with (tree / "folds" / "split.py").open("a") as file:
        file.write("SHIFT = 1\n")
    folder = tmp_path / "run" / ".engine" / "call"
    folder.mkdir(parents=True)
    write_identity(folder, "token")
    one = attempt(SMALL)
    one.begin = Begin(
        {
            "repository": str(tree), "place": str(tmp_path), "folder": str(folder),
            "token": "token", "environment": {}, "sigint": False, "letters": "1", "call": None,
        }
    )  # fmt: skip
    jobs = JobsHere()
    jobs.connect(folder, one.begin)
    jobs.begin([one])
    one.handle.wait()
    assert jobs.answer(one) == (
        "refused",
        f"{socket.gethostname()} has other code folds/split.py; bring its code and its environment "
        "to the caller's, then call again.",
    )


def test_a_whole_node_does_not_compute_with_the_callers_threads(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")  # as SLURM hands it on
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "1")  # of an salloc in which the call is made
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*sys.path])
    folder = tmp_path / "call"
    folder.mkdir()
    parcel = {
        "repository": str(ROOT), "place": str(tmp_path), "folder": str(folder), "token": "gone",
        "environment": SlurmJobs().environment(LARGE),
    }  # fmt: skip
    assert Begin(parcel)()[0] == "refused"
    assert not {"OMP_NUM_THREADS", "SLURM_CPUS_PER_TASK"} & os.environ.keys()


def test_srun_binds_a_task_of_a_whole_node_to_no_few_cores_of_it(slurm):
    submitted(slurm, [attempt(LARGE), attempt(SMALL)])
    large, small = ((slurm / f"asked{number}").read_text() for number in (0, 1))
    before, _, _ = large.partition("\nsrun ")
    assert "\nunset SLURM_CPUS_PER_TASK SRUN_CPUS_PER_TASK\n" in before
    assert "unset" not in small


def test_code_that_cannot_be_read_is_refused_and_paths_do_not_pile_up(tmp_path):
    """In a process of its own, as on a node; twice, as Ray's take one task after another."""
    (seeing(tmp_path) / "scripts" / "engines" / "worker.py").write_text("def answer(\n")
    tree = str(tmp_path / "tree")
    parcel = {"repository": tree, "place": str(tmp_path), "environment": {}}
    code = (
        "import sys; from scripts.engines.boot import Begin\n"
        "del sys.modules['scripts.engines'], sys.modules['scripts']\n"
        f"answers = [Begin({parcel!r})() for _ in range(2)]\n"
        f"print(answers[0] == answers[1], sys.path.count({tree!r})); print(*answers[1])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    counted, answer = done.stdout.splitlines()
    assert counted == "True 1"
    assert answer.startswith(f"refused {socket.gethostname()} cannot import {tree}: ")


def test_a_node_without_the_code_refuses_in_a_sentence_too(tmp_path, monkeypatch):
    begin = Begin({"repository": str(tmp_path / "gone"), "place": str(tmp_path)})
    monkeypatch.setattr("socket.gethostname", lambda: "node7")
    assert begin() == (
        "refused",
        f"node7 has no {tmp_path / 'gone' / 'scripts' / 'engines'}; the code and the run must lie "
        "at the same path on every node.",
    )
    assert Path.cwd() != tmp_path
