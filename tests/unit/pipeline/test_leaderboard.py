"""Runs and submissions side by side: what is named, what is read of each, in what they differ."""

import json
from pathlib import Path

import polars as pl
import pytest

from metrics.score_sheet import ScoreConfig
from pipeline.leaderboard import (
    FILE,
    PAGE,
    asked,
    differing,
    line_up_runs,
    line_up_submissions,
    lining_up,
)
from tests.by_hand.tasks import check_travels, depends_on
from tests.by_hand.units import drafting, made
from workspace.errors import ArtifactError, ConfigError, DataError
from workspace.hashing import sha256_file, sha256_text

QUICK = ScoreConfig(replicates=100, seeds=(0,))
IDS = [f"r{number:03d}" for number in range(120)]
TARGET = [int(number % 4 == 0) for number in range(120)]
RECIPE = {"name": "mine", "about": "x", "seed": 0, "lightgbm": {"rounds": 5}, "networks": {}}


def run_of(
    folder, name, weight, recipe=RECIPE, *, group="patient", notices=(), declared=(), shift=0
):
    """A finished run whose score tells the target with this weight."""
    rows = pl.DataFrame({
        "isic_id": IDS, "target": TARGET, "fold": [number // 2 % 3 for number in range(120)],
        "group_id": [f"p{(number + shift) // 2}" for number in range(120)],
        "score": [number % 7 + float(weight * target) for number, target in enumerate(TARGET)],
    })  # fmt: skip
    with drafting(folder / name / "stack", "stack", of_recipe=recipe,
                  inputs={"samples.parquet": "a" * 64}) as draft:  # fmt: skip
        draft.parquet("oof_stack.parquet", rows.reverse())
        draft.json("metrics.json", {"group": group, **({"declared": declared} if declared else {})})
    with drafting(folder / name / "samples", "verify") as draft:
        draft.json("verify.json", {"notices": list(notices)})
        draft.facts["synthetic"] = True
    return folder / name


def sheet_of(folder, paths, reference):
    unit = made(folder / "sheet", line_up_runs, stage="leaderboard", paths=paths,
                reference=reference, config=QUICK)  # fmt: skip
    return unit.json(FILE), unit.text(PAGE)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Where runs/ is looked for."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(blank, **words):
    files = {"solution": Path("truth.csv")} if words.pop("solution", False) else {}
    return asked(blank.job(stage="leaderboard", words=words, files=files))


def test_runs_are_named_by_folder_or_by_name_and_the_first_is_the_reference(blank, place):
    run_of(place / "runs", "a", 1)
    run_of(place, "b c", 1)
    found = call(blank, runs="a 'b c'")
    assert (found.kind, found.reference) == ("runs", "a")
    assert dict(found.paths) == {"a": Path("runs/a"), "b c": Path("b c")}
    assert call(blank, runs="a 'b c'", reference="b c").reference == "b c"


def test_two_runs_of_one_name_are_named_by_their_paths(blank, place):
    run_of(place / "runs", "a", 1)
    run_of(place / "other", "a", 1)
    assert list(call(blank, runs="a other/a").paths) == ["runs/a", "other/a"]


HOW = (
    'Name runs, make leaderboard RUNS="a b", or submissions with their truth, '
    'make leaderboard SUBMISSIONS="a.csv b.csv" SOLUTION=solution.csv.'
)
UNENDED = (
    "opens a quote, or begins an escape, that never ends; put each name that has a blank, an "
    "apostrophe or a backslash in double quotes, with \\\\ for each backslash."
)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({}, HOW),
        (
            {"runs": "a b", "submissions": "c d", "solution": True},
            "RUNS= and SUBMISSIONS= never stand on one leaderboard; name either.",
        ),
        (
            {"submissions": "c d"},
            "SUBMISSIONS= are held against a truth; name it with SOLUTION=solution.csv.",
        ),
        (
            {"runs": "a b", "solution": True},
            "Runs have a truth of their own; leave SOLUTION= out, or name SUBMISSIONS=, not RUNS=.",
        ),
        (
            {"solution": True},
            'SOLUTION= is a truth of no submissions; name these, SUBMISSIONS="a.csv b.csv".',
        ),
        ({"runs": "a 'b"}, f"RUNS=a 'b {UNENDED}"),
        ({"submissions": "c.csv it's", "solution": True}, f"SUBMISSIONS=c.csv it's {UNENDED}"),
        ({"runs": "a b\\"}, f"RUNS=a b\\ {UNENDED}"),
        ({"runs": "a"}, "a stands beside nothing; name two or more."),
        ({"runs": "a b a"}, "runs/a is named twice; name each once."),
        ({"runs": "a z"}, "There is no run z, neither here nor in runs/; there are a, b."),
        ({"runs": "a b", "reference": "z"}, "There is no REFERENCE=z; there are a, b."),
    ],
)
def test_what_cannot_stand_side_by_side_is_refused(blank, place, words, message):
    run_of(place / "runs", "a", 1)
    run_of(place / "runs", "b", 1)
    with pytest.raises(ConfigError) as refused:
        call(blank, **words)
    assert str(refused.value) == message


def test_a_name_with_an_apostrophe_or_a_backslash_is_named_in_double_quotes(blank, place):
    for name in ("it's", "b\\c"):
        run_of(place / "runs", name, 1)
    assert list(call(blank, runs='"it\'s" "b\\\\c"').paths) == ["it's", "b\\c"]


def test_a_leaderboard_is_kept_by_where_its_runs_lie_and_hangs_on_their_stacks(blank, place):
    a, b = (run_of(place / "runs", name, 1) for name in "ab")
    job = blank.job(stage="leaderboard", words={"runs": "a b"})
    task = lining_up(job, asked(job))
    where = sha256_text(f"{a}\n{b}")[:8]
    assert task.folder == blank.run / f"a-b-{where}"
    settings, inputs = depends_on(task)
    assert inputs == {one.name: sha256_file(one / "stack" / "manifest.json") for one in (a, b)}
    assert settings["reference"] == "a"
    check_travels(task)
    (b / "stack" / "manifest.json").unlink()
    with pytest.raises(ArtifactError, match="is not there or unfinished; run 'make stack' first"):
        lining_up(job, asked(job))


def test_the_sheet_has_scores_differences_and_in_what_the_recipes_differ(tmp_path):
    of_no_score = {
        "about": "y",
        "bundle": {"gpu": False},
        "predict": {"unlike": True},
        "report": {"cases": 3},
    }
    other = {**RECIPE, **of_no_score, "lightgbm": {"rounds": 9, "more": [1]}}
    limited = {"check": "limited", "message": "A rehearsal on 120 of 9,000 rows.", "count": 120}
    paths = {"a": run_of(tmp_path, "a", 1, notices=[limited, {"check": "x", "message": "p1"}]),
             "b": run_of(tmp_path, "b", 4, other, declared=["It saw all pictures."])}  # fmt: skip
    sheet, text = sheet_of(tmp_path, paths, "a")
    minus = sheet["entries"]["b"]["beside"]["minus"]["pauc"]
    assert minus["value"] > 0
    assert (minus["unit"], minus["patients"]) == ("patient", 30)
    assert sheet["recipes"] == [
        {"what": "lightgbm.rounds", "values": {"a": 5, "b": 9}},
        {"what": "lightgbm.more", "values": {"b": [1]}},
    ]
    assert sheet["made"] == []
    assert sheet["notes"] == {
        "a": ["A rehearsal on 120 of 9,000 rows."], "b": ["It saw all pictures."]
    }  # fmt: skip
    assert sheet["synthetic"] == ["a", "b"]
    assert not [one for one in (*IDS, "p12") if one in text]  # of nobody
    assert f'value="{minus["value"]!r}"' in text


def test_runs_of_other_patients_are_refused_and_nothing_is_left(tmp_path):
    paths = {"a": run_of(tmp_path, "a", 1), "b": run_of(tmp_path, "b", 1, shift=1)}
    with pytest.raises(DataError, match=r"60 of 120: \[r001, r003, r005, r007, r009\] \(\+55 more"):
        sheet_of(tmp_path, paths, "a")
    assert not (tmp_path / "sheet").exists()


def test_one_run_by_patient_and_one_by_row_are_not_of_the_same_patients(tmp_path):
    paths = {"a": run_of(tmp_path, "a", 1), "b": run_of(tmp_path, "b", 1, group="none")}
    with pytest.raises(DataError, match="120 of 120"):
        sheet_of(tmp_path, paths, "a")


def submitted(folder, name, weight):
    score = [number % 7 + float(weight * target) for number, target in enumerate(TARGET)]
    table = pl.DataFrame({"isic_id": IDS, "target": score})
    table.reverse().write_csv(folder / f"{name}.csv")
    return folder / f"{name}.csv"


def test_submissions_of_one_solution_stand_side_by_side(tmp_path, blank):
    patients = [f"p{number // 2}" for number in range(120)]
    truth = {"isic_id": IDS, "target": TARGET, "patient_id": patients}
    pl.DataFrame(truth).write_csv(tmp_path / "truth.csv")
    paths = {name: submitted(tmp_path, name, weight) for name, weight in (("a", 1), ("b", 4))}
    solution = tmp_path / "truth.csv"
    words = {"submissions": " ".join(map(str, paths.values()))}
    job = blank.job(stage="leaderboard", words=words, files={"solution": solution})
    task = lining_up(job, asked(job))
    hashes = {name: sha256_file(path) for name, path in paths.items()}
    assert depends_on(task)[1] == {**hashes, "solution truth.csv": sha256_file(solution)}
    unit = made(tmp_path / "sheet", line_up_submissions, stage="leaderboard", paths=paths,
                solution=solution, reference="b", config=QUICK)  # fmt: skip
    sheet = unit.json(FILE)
    own = sheet["entries"]["a"]["sheet"]
    assert (own["n"], own["positives"], own["patients"]) == (120, 30, 60)
    beside = sheet["entries"]["a"]["beside"]
    assert (beside["minus"]["auc"]["value"] < 0, beside["refolded"]) == (True, None)
    (tmp_path / "a.csv").write_text("isic_id,target\nr000,1\n")
    with pytest.raises(DataError, match=r"Missing images in a\.csv: \[r001"):
        made(tmp_path / "again", line_up_submissions, stage="leaderboard", paths=paths,
             solution=solution, reference="b", config=QUICK)  # fmt: skip


def test_a_section_that_one_lacks_is_one_value():
    found = differing({"a": {"n": {"x": {"lr": 1, "k": 2}}}, "b": {"n": {}}, "c": {"n": {}}})
    assert found == [{"what": "n.x", "values": {"a": {"lr": 1, "k": 2}}}]
    assert differing({"a": {"k": [1]}, "b": {"k": [1]}}) == []
    assert json.dumps(differing({"a": {"k": None}, "b": {}})) == (
        '[{"what": "k", "values": {"a": null}}]'
    )
