import re

import polars as pl
import pytest

from submissions.offline import submit
from submissions.offline.cell import why
from submissions.offline.config import BundleConfig
from submissions.offline.notebook import kernel_metadata
from submissions.offline.readme import ERRORS, EXIT_CODES, readme
from submissions.writer import submission_table
from workspace.errors import DataError

CONFIG = BundleConfig(competition="another")
LIBRARIES = ["numpy 2.0.2", "torch 2.10"]
TEXT = readme("two_stage", libraries=LIBRARIES, config=CONFIG)


def rows(heading):
    """The cells of the table below a heading, without its first two lines."""
    below = TEXT.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in below.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_it_names_the_bundle_and_what_is_typed_for_it():
    made = kernel_metadata("two_stage", competition="another")
    assert TEXT.startswith(f"# {made['title']}: ")
    assert f"kaggle competitions submit another -k {made['id']} -f submission.csv" in TEXT
    assert "- numpy 2.0.2\n- torch 2.10\n" in TEXT
    assert not re.findall(r"[{}]", TEXT)


def test_whoever_named_the_owner_has_nothing_to_write():
    assert "Write your own name for `OWNER`" in TEXT
    named = readme("two_stage", libraries=LIBRARIES, config=BundleConfig(owner="clinic"))
    assert "OWNER" not in named
    assert "-k clinic/dermstack-two-stage " in named


@pytest.mark.parametrize(("minutes", "words"), [(90.0, "90"), (None, "no limit")])
def test_it_says_how_long_a_call_may_take(minutes, words):
    text = readme("two_stage", libraries=LIBRARIES, config=BundleConfig(minutes=minutes))
    assert f"time for all ({words}, if left out)" in text


def test_every_option_of_the_launcher_is_there_and_no_other():
    options = {one for action in submit.parser()._actions for one in action.option_strings}
    said = {row[0].strip("`").split()[0] for row in rows("On a machine of your own")}
    assert said == options - {"-h", "--help"}


def test_every_exit_code_has_its_meaning():
    assert list(EXIT_CODES) == [0, 1, 2, 3, 130, 143]
    assert [int(row[0]) for row in rows("How it ends")] == list(EXIT_CODES)


def test_each_of_the_five_errors_has_a_row_with_one_sentence():
    table = rows("The platform's five errors")
    assert [row[0] for row in table] == list(ERRORS)
    assert [len(row) for row in table] == [3] * 5
    assert all(row[2].endswith(".") and "\n" not in row[2] for row in table)


def test_the_sentences_are_those_that_are_said():
    timeout, threw, memory, none, scoring = (said for _, said in ERRORS.values())
    assert timeout == "submission.csv is valid, but less was done than asked; see above."
    with pytest.raises(submit.MistakeError) as mistake:
        submit.refuse("have another hash", ["..."])
    assert threw == str(mistake.value)
    assert memory == f"{why(-9)}; once more, from where it was."
    assert none == f"{why(0)} and wrote no submission.csv."
    with pytest.raises(DataError) as error:
        submission_table(pl.DataFrame(), pl.Series("isic_id", ["...", "..."]))
    assert scoring == str(error.value)
