"""What may be typed after `make`: a word that nothing uses is refused before anything is done."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.nearest import nearest

ROOT = Path(__file__).resolve().parents[3]


def make(*words, **environment):
    """A call of make that does nothing (`-n`) unless it says otherwise."""
    own = {name: text for name, text in os.environ.items() if not name.startswith("MAKE")}
    own["PYTHON"] = sys.executable  # spares the search for one
    return subprocess.run(
        ["make", *words], cwd=ROOT, env={**own, **environment}, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["train"], "There is no target 'train'; the nearest is 'train-cnn'"),
        (["folds", "xyzzy"], "There is no target 'xyzzy'"),
        (
            ["folds", "recipe=x"],
            "Nothing that is asked for uses recipe=; the nearest is 'RECIPE'",
        ),
        (
            ["folds", "RECEIPT=x", "RUN=y"],
            "Nothing that is asked for uses RECEIPT=; the nearest is 'RECIPE'",
        ),
        (["folds", "stack", "FOLD=1"], "Nothing that is asked for uses FOLD="),
        (["test", "RECIPE=x"], "Nothing that is asked for uses RECIPE="),
        (["RECIPE=x"], "Nothing that is asked for uses RECIPE="),
    ],
)
def test_check_169_a_stray_word_is_refused_with_the_nearest(words, sentence):
    done = make("-n", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.split("*** ")[1] == f"{sentence}.  Stop.\n"


def test_words_reach_the_stages_that_use_them(tmp_path):
    done = make(
        "-n", "train-cnn", "predict", "score", "RECIPE=tabular", "DATA=a b", "RUN=r", "SET=a.b=1",
        "FRESH=1", "DEVICE=cpu", "DETERMINISTIC=0", "JOBS=2", "ENGINE=ray", "ADDRESS=h:1", "SEED=3",
        "FOLD=1", "IMAGES=i",
        "SOLUTION=s", "SUBMISSION=u", "VENV=v", "PYTHON=p",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.replace("\\\n", "").splitlines()]
    common = "--recipe 'tabular' --data 'a b' --run 'r' --set \"$SETTINGS\" --fresh --device 'cpu'"
    common = [*common.split(), "--seed", "'3'", "--jobs", "'2'"]
    common += ["--engine", "'ray'", "--address", "'h:1'"]
    stages = {line[2]: line[3:] for line in lines if line[0] == "v/bin/python" and line[1] == "-m"}
    assert stages["scripts.train_cnn"] == [*common, "--fold", "'1'"]
    assert stages["scripts.predict_images"] == [*common, "--images", '"$IMAGES_FOLDER"']
    assert stages["scripts.score"] == [
        *common, "--solution", '"$SOLUTION_FILE"', "--submission", '"$SUBMISSION_FILE"'
    ]  # fmt: skip


def test_runs_and_submissions_reach_the_leaderboard():
    done = make("-n", "leaderboard", "RUNS=a 'b c'", "REFERENCE=a", "VENV=v", "PYTHON=p")
    assert done.returncode == 0, done.stderr
    words = done.stdout.replace("\\\n", "").splitlines()[-1].split()
    assert words[2:] == ["scripts.leaderboard", "--runs", '"$RUN_FOLDERS"', "--reference", "'a'"]
    done = make("-n", "leaderboard", "SUBMISSIONS=a b", "SOLUTION=s", "VENV=v", "PYTHON=p")
    words = done.stdout.replace("\\\n", "").splitlines()[-1].split()
    assert words[3:] == ["--submissions", '"$SUBMISSION_FILES"', "--solution", '"$SOLUTION_FILE"']
    assert make("-n", "score", "RUNS=a").returncode == 2


def test_what_is_left_in_the_shell_steers_no_run():
    done = make("-n", "folds", "VENV=v", RECIPE="tabular", SEED="1", recipe="x")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].split() == ["v/bin/python", "-m", "scripts.folds"]


def test_a_python_that_will_not_do_is_refused_before_anything_is_installed(tmp_path):
    old = tmp_path / "python3.10"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    done = make("setup", f"PYTHON={old}", f"VENV={tmp_path / 'venv'}")
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == (
        f"setup: Python 3.11 to 3.13 is needed and {old} is none; name one with PYTHON=."
    )
    assert done.stdout == ""
    assert not (tmp_path / "venv").exists()


def test_the_nearest_word_does_not_mind_capitals_and_may_be_none():
    assert nearest("recipe", ["RUN", "RECIPE"]) == "; the nearest is 'RECIPE'"
    assert nearest("xyzzy", ["RUN", "RECIPE"]) == ""
    assert nearest("FOLD", ["FOLD"]) == ""  # it is one, of another target
