"""The rows of a suite's split: whose lesion or picture was learnt, and by whose classes."""

import polars as pl
import pytest

from folds.schema import LESION
from models.suite.config import SuiteConfig
from pipeline.distilled import SplitRows
from pipeline.networks import SCORES
from pipeline.picture_rows import open_picture_rows
from pipeline.samples import DUPLICATES
from pipeline.sided import TEST_SCORES
from pipeline.suite_file import read_suite
from pipeline.suite_sheet import _open
from tests.by_hand.pictures import PicturesByHand, score_table
from tests.by_hand.units import kept
from tests.unit.pipeline.test_distill import SIDED, TEST, VALIDATION
from tests.unit.pipeline.test_suite_file import SHARED

SUITE = (
    SHARED.replace('classes = "all"', "")
    + """
[experiments.01]
title = "one"
changed = "-"
teaches = "-"
network.task.classes = { MEL = ["MEL"], BCC = ["BCC"], NV = ["NV"] }
[experiments.02]
title = "two"
changed = "-"
teaches = "-"
network.task.classes = { NV = ["NV"], BCC = ["BCC"], MEL = ["MEL"] }
"""
)
ORDERS = {"01": ("MEL", "BCC", "NV"), "02": ("NV", "BCC", "MEL")}
TRUE = {"a0": "NV", "a1": "MEL", "b0": "NV", "h0": "BCC"}
# Of each picture another lesion but for a1, of which c0 of training is too; b0's nobody knows.
LESIONS = pl.col("isic_id").replace({"a1": "c0", "b0": None})


@pytest.fixture
def made(tmp_path):
    return PicturesByHand(tmp_path, SIDED)


@pytest.fixture
def suite(tmp_path):
    path = tmp_path / "two.toml"
    path.write_text(SUITE, encoding="utf-8")
    return read_suite(SuiteConfig(experiments=str(path)))


def unit(made, number):
    """What a network says that is always right."""
    classes = ORDERS[number]
    tables = {
        name: score_table(f"e{number}", classes, scores, scores)
        for name, ids in ((SCORES, VALIDATION), (TEST_SCORES, TEST))
        for scores in [{one: [0.8 if c == TRUE[one] else 0.1 for c in classes] for one in ids}]
    }
    return kept(made.run / "networks" / f"{number}_seed_0", "suite", tables)


def opened(made, suite, *numbers, together=True):
    units = {(number, 0): unit(made, number) for number in numbers}
    rows, watched = open_picture_rows(made.files()), ("MEL", ("MEL", "BCC"))
    return _open(rows, suite, watched, units, together=together)


@pytest.mark.parametrize("number", ["01", "02"])
def test_truth_is_in_the_classes_of_an_experiment_that_was_asked_for(made, suite, number):
    split = opened(made, suite, number)
    assert split.scored.classes == ORDERS[number]
    called = split.answers[number].both[0].argmax(axis=1)
    assert (called == split.scored.codes).all()


def test_validation_rows_are_no_cleaner_than_the_test_s(made, suite):
    made.keep_samples(**{LESION: LESIONS})
    assert opened(made, suite, "01").lesions.tolist() == ["clean", "leaked", "unknown", "clean"]
    assert opened(made, suite, "01", together=False).lesions.tolist() == ["unknown", "clean"]


def test_a_copy_of_a_training_picture_is_leaked_under_any_lesion(made, suite):
    made.keep_samples(("e0", "h0"), ("b0", "f0"), **{LESION: LESIONS})
    assert opened(made, suite, "01").lesions.tolist() == ["clean", "leaked", "leaked", "leaked"]
    network = ("flag", made.job().recipe.networks["flag"])
    sheet = SplitRows.of(made.files(), network).sheet()
    assert (sheet["leaked"], sheet["clean"]) == (2, 0)


def test_what_is_counted_depends_on_the_pairs_where_there_are_any(made):
    assert made.files().duplicates() == {}
    made.keep_samples(("e0", "h0"))
    sha = made.unit("samples", stage="verify").sha256(DUPLICATES)
    assert made.files().duplicates() == {DUPLICATES: sha}
