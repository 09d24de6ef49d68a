"""`make score` as users meet it: files in, a table and a JSON out, or one sentence."""

import json

import numpy as np
import polars as pl
import pytest

from metrics.pauc import pauc_above_tpr
from tests.stages import Place

ROWS = 3000


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return Place(tmp_path_factory.mktemp("score"))


@pytest.fixture(scope="module")
def files(place):
    """A solution with patients, and a submission of logits squeezed far below 1e-7."""
    rng = np.random.default_rng(0)
    target = (rng.random(ROWS) < 0.05).astype(int)
    ids = [f"ISIC_{number:07d}" for number in rng.permutation(ROWS)]
    score = np.exp(-15 + 2 * rng.normal(size=ROWS) + 3 * target)
    place.folder.mkdir(exist_ok=True)
    solution, submission = place.folder / "truth.csv", place.folder / "sub.csv"
    pl.DataFrame(
        {
            "isic_id": ids,
            "target": target,
            "patient_id": [f"IP_{number // 20:07d}" for number in range(ROWS)],
            "sex": [["male", "female", None][number // 20 % 3] for number in range(ROWS)],
        }
    ).write_csv(solution)
    pl.DataFrame({"isic_id": ids, "target": score}).write_csv(submission)
    return solution, submission, pauc_above_tpr(target, score)


def call(place, solution, submission, code=0, *extra):
    quick = ("score.replicates=100",)
    return place.call(
        "score", "--solution", str(solution), "--submission", str(submission), *extra,
        code=code, settings=quick,
    )  # fmt: skip


def sheet_of(place, submission):
    [folder] = (place.run / "scores").glob(f"{submission.stem}-*")
    return json.loads((folder / "score.json").read_text())


def changed(files, name, change):
    path = files[1].with_name(name)
    change(pl.read_csv(files[1])).write_csv(path)
    return path


def test_a_submission_is_scored_with_intervals_and_by_subgroup(place, files):
    solution, submission, expected = files
    shown = call(place, solution, submission).stdout
    sheet = sheet_of(place, submission)
    found = sheet["metrics"]["pauc"]
    assert found["value"] == pytest.approx(expected, abs=1e-12)
    assert f"{found['value']:.4f}" in shown
    assert f"{found['low']:.4f} to {found['high']:.4f}" in shown
    assert "3000 rows, 160 positives, 150 patients" in shown
    assert {entry["level"] for entry in sheet["subgroups"]} == {"male", "female", "missing"}
    assert "Traceback" not in shown


def test_the_same_call_computes_nothing_anew_and_prints_the_same(place, files):
    solution, submission, _ = files
    first = call(place, solution, submission).stdout
    [folder] = (place.run / "scores").glob("sub-*")
    before = (folder / "manifest.json").stat().st_mtime_ns
    assert call(place, solution, submission).stdout == first
    assert (folder / "manifest.json").stat().st_mtime_ns == before


def test_a_shuffled_submission_scores_the_same(place, files):
    solution, submission, _ = files
    shuffled = changed(files, "shuffled.csv", lambda f: f.sample(fraction=1, shuffle=True, seed=0))
    call(place, solution, shuffled)
    assert sheet_of(place, shuffled) == sheet_of(place, submission)


def test_seven_decimals_are_scored_as_written_with_a_warning_about_ties(place, files):
    solution, _, expected = files
    rounded = files[1].with_name("rounded.csv")
    frame = pl.read_csv(files[1])
    lines = [f"{name},{score:.7f}" for name, score in frame.iter_rows()]
    rounded.write_text("\n".join(["isic_id,target", *lines]) + "\n")
    shown = call(place, solution, rounded).stdout
    truth = pl.read_csv(solution).join(pl.read_csv(rounded), on="isic_id", how="left")
    value = sheet_of(place, rounded)["metrics"]["pauc"]["value"]
    expected_now = pauc_above_tpr(truth["target"].to_numpy(), truth["target_right"].to_numpy())
    assert value == pytest.approx(expected_now, abs=1e-12)
    assert value != pytest.approx(expected, abs=1e-6)
    assert "scores are tied with another" in shown
    assert "write full float64 precision." in shown


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (
            "duplicated.csv",
            lambda f: pl.concat([f, f.head(1)]),
            "score: Duplicate image rows detected in duplicated.csv: [{first}].",
        ),
        (
            "short.csv",
            lambda f: f.slice(1),
            "score: Missing images in short.csv: [{first}] (1 of 3000).",
        ),
        (
            "nan.csv",
            lambda f: f.with_columns(
                pl.when(pl.int_range(pl.len()) == 0)
                .then(float("nan"))
                .otherwise(pl.col("target"))
                .alias("target")
            ),
            "score: Missing value(s) in nan.csv for images: [{first}].",
        ),
    ],
)
def test_what_a_scorer_refuses_is_one_sentence_and_nothing_is_written(
    place, files, name, change, message
):
    faulty = changed(files, name, change)
    ended = call(place, files[0], faulty, code=2)
    first = pl.read_csv(files[1])["isic_id"][0]
    assert ended.stderr == message.format(first=first) + "\n"
    assert not list((place.run / "scores").glob(f"{faulty.stem}-*"))


def test_many_submissions_of_one_solution_stand_side_by_side(place, files):
    solution, mine, _ = files
    noisy = changed(files, "noisy copy.csv", lambda f: f.with_columns(pl.col("target").reverse()))
    words = ("--solution", str(solution), "--submissions", f"'{noisy}' {mine}")
    done = place.call("leaderboard", *words, settings=("score.replicates=100",))
    [folder] = place.run.glob("noisy_copy-sub-*")
    sheet = json.loads((folder / "leaderboard.json").read_text())
    own = sheet_of(place, mine)["metrics"]
    assert sheet["reference"] == "noisy copy"
    assert sheet["entries"]["sub"]["sheet"]["metrics"] == own
    minus = sheet["entries"]["sub"]["beside"]["minus"]["pauc"]
    assert minus["low"] > 0
    assert f"{minus['value']:.3f} {minus['low']:.3f}-{minus['high']:.3f}" in done.stdout
    assert f"leaderboard: see {folder / 'leaderboard.html'}." in done.stdout.splitlines()
    assert repr(minus["value"]) in (folder / "leaderboard.html").read_text()
    ended = place.call("leaderboard", *words[:2], "--submissions", str(mine), code=2)
    assert ended.stderr == "leaderboard: sub stands beside nothing; name two or more.\n"


def test_both_files_must_be_named_and_be_there(place, files):
    ended = place.call("score", "--solution", str(files[0]), code=2)
    assert ended.stderr == ("score: Name both files: make score SOLUTION=a.csv SUBMISSION=b.csv.\n")
    ended = call(place, files[0], place.folder / "gone.csv", code=2)
    assert ended.stderr == f"score: gone.csv is not there (looked in {place.folder}).\n"
