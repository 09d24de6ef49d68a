"""`make bundle`, and what the bundle answers elsewhere: the submission's own bytes, killed or not,
what folds said of rows that they held out, and what it refuses.
"""

import io
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from pipeline.new_scores import choose
from pipeline.offline import assistant
from pipeline.offline.answers import AnswerFile
from pipeline.offline.asked import Asked, open_work
from pipeline.offline.views import scorer_of, view_of
from scripts import bundle, submission
from tests.bundled import (
    SAMPLE,
    TABLE,
    answer,
    answer_aside,
    bundle_of,
    change_pictures,
    hidden_rows,
    rows_as_input,
    words,
)
from tests.launcher import FORKING
from tests.multimodal import again, table
from workspace.hashing import sha256_file
from workspace.machine import JOBS

IMAGE = os.environ.get("DERMSTACK_IMAGE")
PINS = Path(__file__).resolve().parents[2] / "image.txt"
SHARDS = "*/embeddings/*/new_*/manifest.json"
# What no bundle may need is not there; and whoever reaches for the network is named.
ELSEWHERE = """
import socket
from importlib.machinery import PathFinder

LACKING = {"sklearn", "optuna", "scripts", "reports", "rich", "jinja2", "matplotlib"}
found = PathFinder.find_spec

def find(name, path=None, target=None):
    return None if name.partition(".")[0] in LACKING else found(name, path, target)

def refuse(*_):
    raise AssertionError("reached for the network")

PathFinder.find_spec = find
socket.socket.connect = socket.getaddrinfo = refuse
"""


def submitted(place):
    return (place.run / "submission" / "submission.csv").read_bytes()


def shell(handed, folder, *words, **environment):
    """`python submit.py` as a person calls it, in a folder of theirs."""
    own = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [sys.executable, handed / "submit.py", *words], cwd=folder, env=own | environment,
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip


def stamp_of(path):
    status = path.stat()
    return status.st_ino, status.st_mtime_ns


def files_below(folder):
    return {path: stamp_of(path) for path in folder.rglob("*") if path.is_file()}


def test_elsewhere_and_offline_it_writes_the_very_file_of_make_submission(
    run, handed, new, tmp_path
):
    (tmp_path / "lacking").mkdir()
    (tmp_path / "lacking" / "sitecustomize.py").write_text(ELSEWHERE)
    (tmp_path / "empty").mkdir()
    before = files_below(handed)
    ended = shell(
        handed, tmp_path / "empty", "--input", str(new), "--device", "cpu",
        PYTHONPATH=str(tmp_path / "lacking"),
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (0, "")
    assert (tmp_path / "empty" / "submission.csv").read_bytes() == submitted(run)
    assert files_below(handed) == before
    assert {path.name for path in (tmp_path / "empty").iterdir()} == {
        "submission.csv", "dermstack_work"
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.skipif(IMAGE is None, reason="DERMSTACK_IMAGE names no folder with tests/image.txt")
def test_on_the_competitions_own_versions_the_file_is_the_same(run, handed, new, tmp_path):
    (tmp_path / "empty").mkdir()
    ended = shell(
        handed, tmp_path / "empty", "--input", new, "--device", "cpu", PYTHONPATH=str(IMAGE)
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert (tmp_path / "empty" / "submission.csv").read_bytes() == submitted(run)
    versions = (
        "from importlib.metadata import version as v; import sys; print(*map(v, sys.argv[1:]))"
    )
    pins = [line for line in PINS.read_text().splitlines() if not line.startswith("#")]
    names, wanted = zip(*(line.split("==") for line in pins), strict=True)
    asked = subprocess.run(
        [sys.executable, "-c", versions, *names], env=os.environ | {"PYTHONPATH": str(IMAGE)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert asked.stdout.split() == list(wanted)


@pytest.mark.slow
def test_a_blend_is_handed_out_with_all_its_members(multimodal, tmp_path):
    """Networks are members as they are: their last bits hang on who else is in a batch."""
    place, handed = bundle_of(multimodal, tmp_path, "blend.policy=rank_average")
    again(place, "blend.policy=rank_average", stage=submission)
    assert answer(handed, hidden_rows(place, tmp_path / "new"), tmp_path / "out.csv") == 0
    ours, theirs = pl.read_csv(tmp_path / "out.csv"), pl.read_csv(io.BytesIO(submitted(place)))
    assert ours["isic_id"].equals(theirs["isic_id"])
    assert ours["target"].to_list() == pytest.approx(theirs["target"].to_list(), abs=1e-6)
    # Networks are members of rows that they have seen alone; others are where tables put them.
    gone = hidden_rows(place, tmp_path / "gone")
    rows = pl.read_csv(gone / TABLE).select("isic_id", "patient_id")
    blind, patient = rows.row(0)
    change_pictures(gone, **{blind: None})
    for _ in range(2):  # made, and gone on with
        assert answer(handed, gone, tmp_path / "gone.csv") == 3
        filled = pl.read_csv(tmp_path / "gone.csv")
        assert len(filled) == len(ours)
        both = ours.join(filled, on="isic_id").join(rows, on="isic_id")
        seen = both.filter(pl.col("patient_id") != patient)
        assert len(seen) > len(ours) / 2
        assert seen["target_right"].to_list() == pytest.approx(seen["target"].to_list(), abs=1e-6)


def test_a_second_call_makes_nothing_and_a_changed_value_makes_it_anew(run):
    again(run, stage=bundle)
    before = files_below(run.run / "bundle")
    again(run, stage=bundle)
    assert files_below(run.run / "bundle") == before
    again(run, "bundle.form=zip", stage=bundle)
    made = run.run / "bundle"
    assert {path.name for path in made.iterdir()} == {"bundle.zip", "manifest.json"}


def test_rows_held_out_are_seen_as_they_were_out_of_fold(run, handed, output, tmp_path):
    """Of whole patients: features, what networks say, what the stack makes of it."""
    folds = table(run, "folds/folds.parquet").filter(pl.col("fold") == 0).sort("isic_id")
    ids = folds["isic_id"].to_list()
    folder = rows_as_input(run, tmp_path / "rows", ids)
    assert answer(handed, folder, output, folds=(0,)) == 0
    work = open_work(Asked(handed, folder, AnswerFile(output), output.parent / "work"))
    scorer = scorer_of(work, choose(work.stacked, work.data, work.rows()), [0])
    made = table(run, "features/features.parquet").filter(pl.col("isic_id").is_in(ids))
    assert scorer.features.equals(made.sort("isic_id").select(scorer.features.columns))
    assert len(scorer.features.columns) == 235
    for name in ("small", "stage1", "stage2"):
        ours = scorer.networks[name].table(0)
        block = table(run, f"blocks/{name}/oof.parquet").filter(pl.col("fold") == 0)
        assert set(block.columns) - set(ours.columns) == {"fold", "maker"}
        assert ours.sort("isic_id").equals(block.sort("isic_id").select(ours.columns))
    view = view_of(work.folder / "views" / "stack_fold_0", ["stack"])["stack"]
    held_out = table(run, "stack/oof_stack.parquet").filter(pl.col("fold") == 0)
    assert view.select("isic_id", "score").equals(held_out.select("isic_id", "score"))


def test_killed_it_goes_on_to_the_same_file_and_nothing_is_looked_at_twice(
    run, handed, new, output, tmp_path
):
    output.parent.mkdir()
    work = output.parent / "work"
    asked = (words(handed, new, output), str(tmp_path / "log"))
    process = FORKING.Process(target=answer_aside, args=asked)
    process.start()
    try:
        while process.is_alive() and not list(work.glob(SHARDS)):
            time.sleep(0.005)
    finally:
        process.kill()
        process.join()
    assert process.exitcode == -signal.SIGKILL
    assert set(pl.read_csv(output)["isic_id"]) == set(pl.read_csv(new / SAMPLE)["isic_id"])
    assert output.read_bytes() != submitted(run)
    seen = {path: stamp_of(path) for path in work.glob(SHARDS)}
    assert 0 < len(seen) < 9
    assert answer(handed, new, output) == 0
    assert output.read_bytes() == submitted(run)
    assert {path: stamp_of(path) for path in seen} == seen


def test_an_assistant_looks_at_what_is_not_looked_at_yet(handed, new, output, monkeypatch):
    monkeypatch.setenv(assistant.GPU, "")  # so that it is as it was afterwards
    monkeypatch.setattr(assistant, "begin_process", lambda: None)
    assert answer(handed, new, output, folds=(1,)) == 0
    work = output.parent / "work"
    [seen] = {path.parent for path in work.glob("*/embeddings")}
    shards = {path: path.read_bytes() for path in seen.glob("embeddings/*/*/*.parquet")}
    shutil.rmtree(seen / "embeddings")
    assistant.assist(words(handed, new, output, folds=[1]) | {"limit_s": None}, "")
    assert {path: path.read_bytes() for path in shards} == shards
    assert len(shards) == 3


@pytest.mark.slow
def test_two_processes_come_to_the_same_file(run, handed, new, output, monkeypatch):
    monkeypatch.setenv(JOBS, "1")  # of which the call leaves the half to each
    assert answer(handed, new, output, processes=2) == 0
    assert output.read_bytes() == submitted(run)


def turned(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    "file",
    [
        "run/boosters/stack_fold_0/seed_0.txt", "run/networks/small_fold_1/best.safetensors",
        "code/pipeline/offline/course.py", "bundle.json",
    ],
)  # fmt: skip
def test_a_bundle_that_was_tampered_with_is_refused(handed, new, tmp_path, file):
    sha256 = sha256_file(handed / "bundle.json")
    theirs = shutil.copytree(handed, tmp_path / "theirs")
    turned(theirs / file)
    ended = shell(theirs, tmp_path, "--input", str(new), "--sha256", sha256)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("submit: ")
    assert ended.stderr.count("\n") == 1
    assert file in ended.stderr
    assert not (tmp_path / "submission.csv").exists()
