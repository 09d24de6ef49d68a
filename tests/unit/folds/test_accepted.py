"""Pairs that a person accepts: read to the letter, refused in a sentence each."""

import polars as pl
import pytest

from folds.accepted import accepted_file, accepted_pairs
from folds.findings import Findings
from workspace.errors import DataError

IDS = pl.Series("isic_id", ["A", "B", "C", "D"])


def read(folder, text, **options):
    (folder / "accept.csv").write_text(text)
    findings = Findings()
    pairs = accepted_pairs(folder, IDS, findings, **options)
    return pairs.rows(), [one.message for one in (*findings.errors, *findings.notices)]


def test_pairs_are_read_the_lower_id_first(tmp_path):
    assert read(tmp_path, "a,b\nB,A\nC,D\n") == ([("A", "B"), ("C", "D")], [])
    assert accepted_file(tmp_path) == [tmp_path / "accept.csv"]


def test_there_need_be_no_file(tmp_path):
    assert accepted_file(tmp_path) == []
    assert accepted_pairs(tmp_path, IDS, Findings()).is_empty()
    assert read(tmp_path, "a,b\n") == ([], [])


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            "A,X\nY,X",
            "accept.csv names 2 images that no row has: [X, Y]; correct them, or take the lines "
            "out.",
        ),
        ("A,A", "accept.csv pairs 1 image with itself: [A]; name two."),
        ("A,B\nC,D\nB,A", "accept.csv has 1 pair more than once: [A = B]; keep one line of each."),
        (
            "A,\nB,C",
            "1 line of accept.csv without two ids; write both, or take the line out.",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_sentence(tmp_path, lines, message):
    _, said = read(tmp_path, f"a,b\n{lines}\n")
    assert said == [message]


def test_of_a_rehearsal_s_rows_others_may_be_named(tmp_path):
    assert read(tmp_path, "a,b\nA,X\nB,C\n", some=True) == ([("A", "X"), ("B", "C")], [])


def test_a_file_without_its_columns_or_a_folder_in_its_place_is_refused(tmp_path):
    with pytest.raises(DataError) as refused:
        read(tmp_path, "isic_id_a,isic_id_b\nA,B\n")
    assert str(refused.value) == "Missing columns in accept.csv: ['a', 'b']."
    (tmp_path / "accept.csv").unlink()
    (tmp_path / "accept.csv").mkdir()
    with pytest.raises(DataError, match=r"accept.csv in .* is not a file"):
        accepted_file(tmp_path)
