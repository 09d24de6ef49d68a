import polars as pl
import pytest

from folds.findings import Findings
from submissions.solution import read_solution
from submissions.submission import joined, read_submission
from workspace.errors import DataError

EXPECTED = pl.Series(["ISIC_0000001", "ISIC_0000002", "ISIC_0000003"])
GOOD = ["ISIC_0000003,0.5", "ISIC_0000001,1e-19", "ISIC_0000002,1"]


def read(folder, lines, header="isic_id,target"):
    path = folder / "sub.csv"
    path.write_text("\n".join([header, *lines]) + "\n")
    findings = Findings()
    return read_submission(path, EXPECTED, findings), [f.message for f in findings.errors]


def test_a_good_submission_is_joined_by_id_to_the_last_digit(tmp_path):
    frame, errors = read(tmp_path, GOOD)
    assert errors == []
    solution = pl.DataFrame({"isic_id": EXPECTED, "target": [0.0, 1.0, 0.0]})
    assert joined(solution, frame, "score").rows() == [
        ("ISIC_0000001", 0.0, 1e-19), ("ISIC_0000002", 1.0, 1.0), ("ISIC_0000003", 0.0, 0.5),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "messages"),
    [
        ([*GOOD, GOOD[0]], ["Duplicate image rows detected in sub.csv: [ISIC_0000003]."]),
        (GOOD[:2], ["Missing images in sub.csv: [ISIC_0000002] (1 of 3)."]),
        ([*GOOD, "ISIC_9,0"], ["Extra images in sub.csv: [ISIC_9]."]),
        (
            [GOOD[0], "ISIC_0000001,NaN", "ISIC_0000002,"],
            ["Missing value(s) in sub.csv for images: [ISIC_0000001, ISIC_0000002]."],
        ),
        (
            [GOOD[0], "ISIC_0000001,high", "ISIC_0000002,-inf"],
            [
                "Not a number in sub.csv for images: [ISIC_0000001].",
                "Infinite value(s) in sub.csv for images: [ISIC_0000002].",
            ],
        ),
        ([], ["Missing images in sub.csv: [ISIC_0000001, ISIC_0000002, ISIC_0000003] (3 of 3)."]),
    ],
)
def test_each_problem_is_one_sentence_with_its_ids(tmp_path, lines, messages):
    assert read(tmp_path, lines)[1] == messages


def test_all_problems_are_found_in_one_pass(tmp_path):
    _, errors = read(tmp_path, ["ISIC_0000001,x", "ISIC_0000001,1", "ISIC_4,"])
    assert len(errors) == 5
    assert all(len(message) <= 280 and message.endswith(".") for message in errors)


def test_columns_beyond_the_two_are_refused_as_the_official_scorer_does(tmp_path):
    lines = [f"{line},0" for line in GOOD]
    _, errors = read(tmp_path, lines, "isic_id,target,fold")
    assert errors == ["Extra columns in sub.csv: fold; a submission has isic_id and target only."]


def test_a_submission_of_other_rows_is_told_to_be_one(tmp_path):
    others = [f"ISIC_{n},0.5" for n in (7, 8, 9, 10)]
    assert read(tmp_path, others)[1] == [
        "None of the 4 images in sub.csv (first ISIC_10) is among the 3 of the solution (first "
        "ISIC_0000001): a submission for a test set needs that test set's solution, not the "
        "training table."
    ]
    _, errors = read(tmp_path, [*others, GOOD[0]])  # one in common: another kind of mistake
    assert [one.split(" images in sub.csv")[0] for one in errors] == ["Missing", "Extra"]


def test_columns_and_ids_without_a_name_are_called_that(tmp_path):
    _, errors = read(tmp_path, [f"{n},{line}" for n, line in enumerate(GOOD)], ",isic_id,target")
    assert errors == [
        "Extra columns in sub.csv: a column without a name; a submission has isic_id and target "
        "only."
    ]
    _, errors = read(tmp_path, [*GOOD, ",0.5"])
    assert errors == ["Missing isic_id in sub.csv: 1 row."]


def test_a_missing_column_is_refused_at_once(tmp_path):
    with pytest.raises(DataError, match=r"^Missing columns in sub\.csv: \['target'\]\.$"):
        read(tmp_path, [line.split(",")[0] for line in GOOD], "isic_id")


def solution(folder, text):
    path = folder / "truth.csv"
    path.write_text(text)
    findings = Findings()
    return read_solution(path, findings), [f.message for f in findings.errors]


def test_a_solution_is_sorted_by_id_and_knows_its_patients(tmp_path):
    found, errors = solution(
        tmp_path, "isic_id,target,patient_id,sex,other\nb,1,ip_1 ,male,x\na,0.0,IP_1,,y\n"
    )
    assert (errors, found.has_patients) == ([], True)
    assert found.rows.select("isic_id", "target", "patient_id", "sex").rows() == [
        ("a", 0.0, "IP_1", None), ("b", 1.0, "IP_1", "male"),
    ]  # fmt: skip


def test_patients_in_two_spellings_are_joined_with_a_notice_as_folds_join_them(tmp_path):
    text = "isic_id,target,patient_id\na,1,IP_1\nb,0,ip_1 \nc,0,\uff29\uff30_1\nd,0,I\u0416_1\n"
    found, errors = solution(tmp_path, text)
    assert errors == []
    assert found.rows["patient_id"].to_list() == ["IP_1"] * 3 + ["I\u0416_1"]
    findings = Findings()
    read_solution(tmp_path / "truth.csv", findings)
    assert [notice.message for notice in findings.notices] == [
        "2 rows with another spelling of the same patient_id joined to it: "
        "['ip_1 ', '\uff29\uff30_1'].",
        "1 patient_id in letters of two alphabets, of which some look alike: ['I\\u0416_1'].",
    ]


@pytest.mark.parametrize("mark", ["\u200b", "\u00ad", "\u202e"])
def test_characters_that_nobody_sees_make_no_second_patient(tmp_path, mark):
    text = f"isic_id,target,patient_id\na,1,IP_1\nb,0,IP{mark}_1\n"
    assert solution(tmp_path, text)[1] == [
        f"Not allowed as patient_id: [{f'IP{mark}_1'!a}]; characters that nobody sees make "
        "two of one, so write it without."
    ]


@pytest.mark.parametrize("word", ["NA", "unknown", "Unknown ", "none"])
def test_a_word_for_nobody_is_no_patient(tmp_path, word):
    text = f"isic_id,target,patient_id\na,1,{word}\nb,0,{word}\nc,0,IP_1\n"
    assert solution(tmp_path, text)[1] == ["Missing patient_id in truth.csv for images: [a, b]."]
    found, errors = solution(tmp_path, text.replace("IP_1", word))
    assert (errors, found.has_patients) == ([], False)
    findings = Findings()
    read_solution(tmp_path / "truth.csv", findings)
    assert [notice.message for notice in findings.notices] == [
        f"No patient_id in truth.csv names a patient: [{word!r}]."
    ]


def test_a_solution_without_patients_says_so(tmp_path):
    found, errors = solution(tmp_path, "isic_id,target\nb,1\na,0\n")
    assert (errors, found.has_patients) == ([], False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("isic_id,target\na,1\n,0\n", "Missing isic_id in truth.csv: 1 row."),
        (
            "isic_id,target\na,2\nb,1\nc,\n",
            "Target must be 0 or 1 in truth.csv; it is neither for images: [a, c].",
        ),
        ("isic_id,target\na,1\na,0\n", "Duplicate image rows detected in truth.csv: [a]."),
        (
            "isic_id,target,patient_id\na,1,IP_1\nb,0, \n",
            "Missing patient_id in truth.csv for images: [b].",
        ),
    ],
)
def test_a_faulty_solution_is_refused_without_a_label_shown(tmp_path, text, message):
    assert solution(tmp_path, text)[1] == [message]
