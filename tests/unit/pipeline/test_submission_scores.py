"""What a submission is worth: two files joined by id, ties, for whom it works."""

import io

import polars as pl
import pytest
from rich.console import Console

from metrics.ranking import auc
from metrics.score_sheet import ScoreConfig
from pipeline.submission_scores import FILE, score_submission, scoring, subgroups_of
from reports.desk import ConsoleDesk
from tests.by_hand.tasks import check_travels, depends_on
from tests.by_hand.units import made
from workspace.errors import DataError
from workspace.hashing import sha256_file, sha256_text

QUICK = ScoreConfig(replicates=100, seeds=(0,))
IDS = [f"ISIC_{number:03d}" for number in range(120)]
TARGET = [int(number % 4 == 0) for number in range(120)]
SCORE = [((number * 37) % 120 + 40 * target) / 200 for number, target in enumerate(TARGET)]
PATIENTS = [f"IP_{number // 2}" for number in range(120)]


def files(folder, score=SCORE, ids=IDS, **columns):
    """Both files; the submission in another order than the solution."""
    truth = pl.DataFrame({"isic_id": IDS, "target": TARGET} | columns)
    truth.write_csv(folder / "truth.csv")
    pl.DataFrame({"isic_id": ids, "target": score}).reverse().write_csv(folder / "mine.csv")
    return folder / "truth.csv", folder / "mine.csv"


def sheet_of(folder, *both, desk=None):
    unit = made(
        folder / "sheet", score_submission, stage="score", desk=desk, solution=both[0],
        submission=both[1], config=QUICK,
    )  # fmt: skip
    return unit, unit.json(FILE)


@pytest.fixture
def desk():
    return ConsoleDesk(Console(file=io.StringIO(), width=200))


def refusal(folder, both, desk=None):
    with pytest.raises(DataError) as refused:
        sheet_of(folder, *both, desk=desk)
    assert not (folder / "sheet").exists()
    return str(refused.value)


def test_a_score_is_kept_by_the_names_and_bytes_of_its_files(blank, tmp_path):
    truth, mine = files(tmp_path)
    task = scoring(blank.job(), truth, mine)
    both = sha256_text(sha256_file(truth) + sha256_file(mine))
    assert task.folder == blank.run / "scores" / f"mine-{both[:8]}"
    assert depends_on(task)[1] == {"solution": sha256_file(truth), "submission": sha256_file(mine)}
    assert (task.stage, task.on_change) == ("score", "redo")
    check_travels(task)
    odd = mine.rename(tmp_path / ("my best: Ärger " + "x" * 80 + ".csv"))
    assert scoring(blank.job(), truth, odd).folder.name == (
        "my_best___rger_" + "x" * 45 + f"-{both[:8]}"
    )


@pytest.mark.parametrize(
    ("setting", "matters"), [("score.bins=5", True), ("seed=1", False), ("stack.seeds=2", False)]
)
def test_only_the_section_of_scores_makes_another_sheet(blank, tmp_path, setting, matters):
    both = files(tmp_path)
    before, after = (scoring(blank.job(*some), *both) for some in ((), (setting,)))
    assert (depends_on(before) != depends_on(after)) == matters


def test_a_file_rewritten_under_its_name_is_another(blank, tmp_path):
    before = scoring(blank.job(), *files(tmp_path))
    after = scoring(blank.job(), *files(tmp_path, score=SCORE[::-1]))
    assert before.folder != after.folder
    assert before.inputs["submission"] != after.inputs["submission"]


def test_files_that_are_none_are_told_apart(blank, tmp_path):
    truth, mine = files(tmp_path)
    mine.unlink()
    with pytest.raises(DataError) as refused:
        scoring(blank.job(), truth, mine)
    assert str(refused.value) == f"mine.csv is not there (looked in {tmp_path})."
    mine.mkdir()
    with pytest.raises(DataError) as refused:
        scoring(blank.job(), truth, mine)
    assert str(refused.value) == f"mine.csv in {tmp_path} is not a file; name a CSV."


def test_scores_are_joined_by_id_and_whoever_has_no_patients_is_told(tmp_path):
    unit, sheet = sheet_of(tmp_path, *files(tmp_path))
    assert sheet["metrics"]["auc"]["value"] == pytest.approx(auc(TARGET, SCORE))
    assert unit.facts["pauc"] == sheet["metrics"]["pauc"]["value"]
    assert (sheet["n"], sheet["positives"], sheet["unit"], sheet["patients"]) == (
        120, 30, "row", None
    )  # fmt: skip
    assert sheet["subgroups"] == []
    assert [note[:43] for note in sheet["notes"]] == ["Nobody said which rows belong to one patien"]


def test_patients_are_what_is_drawn_again_where_they_are_known(tmp_path):
    _, sheet = sheet_of(tmp_path, *files(tmp_path, patient_id=PATIENTS))
    assert (sheet["unit"], sheet["patients"], sheet["patients_with_positive"]) == (
        "patient", 60, 30
    )  # fmt: skip


def test_many_ties_are_noted_with_the_largest_and_few_are_not(tmp_path):
    score = [0.25] * 3 + [0.5] * 2 + [number / 200 for number in range(115)]
    _, sheet = sheet_of(tmp_path, *files(tmp_path, score=score))
    assert sheet["notes"][-1] == (
        "7 of 120 scores are tied with another (4 at 0.25); ties count as half. If the file was "
        "rounded, write full float64 precision."
    )
    assert not [n for n in sheet_of(tmp_path, *files(tmp_path))[1]["notes"] if "tied" in n]


def test_faults_of_the_truth_come_first_and_every_other_is_shown(tmp_path, desk):
    both = files(tmp_path, ids=["ISIC_999", *IDS[1:]], patient_id=[None, *PATIENTS[1:]])
    assert refusal(tmp_path, both, desk) == (
        "Missing patient_id in truth.csv for images: [ISIC_000]."
    )
    assert desk.console.file.getvalue() == ""
    both = files(tmp_path, ids=["ISIC_999", *IDS[1:]])
    assert refusal(tmp_path, both, desk) == "Missing images in mine.csv: [ISIC_000] (1 of 120)."
    assert desk.console.file.getvalue() == "error: Extra images in mine.csv: [ISIC_999].\n"


def test_clinical_columns_are_levels_and_those_without_a_value_are_none():
    rows = pl.DataFrame(
        {
            "isic_id": ["a", "b", "c"],
            "sex": ["male", None, "female"],
            "age_approx": [19.0, 20.0, None],
            "anatom_site_general": pl.Series([None] * 3, dtype=pl.String),
            "tbp_lv_Lext": [70.0, 50.0, None],
            "tbp_lv_Bext": [10.0, 10.0, 10.0],
        }
    )
    levels = {name: values.to_list() for name, values in subgroups_of(rows).items()}
    assert levels == {
        "sex": ["male", None, "female"],
        "age": ["0-19", "20-39", None],
        "skin colour (proxy)": ["1 very light", "5 brown", None],  # 63 and 0 degrees
    }
    assert subgroups_of(rows.select("isic_id")) == {}


def test_the_sheet_tells_for_whom_it_works(tmp_path):
    sex = ["male" if number < 80 else "female" for number in range(120)]
    _, sheet = sheet_of(tmp_path, *files(tmp_path, sex=sex))
    male = [number for number in range(120) if sex[number] == "male"]
    by_level = {entry["level"]: entry for entry in sheet["subgroups"]}
    assert {name: entry["n"] for name, entry in by_level.items()} == {"female": 40, "male": 80}
    assert by_level["male"]["metrics"]["auc"]["value"] == pytest.approx(
        auc([TARGET[n] for n in male], [SCORE[n] for n in male])
    )
