"""What a published split leaks, by class: each number can be counted in the table."""

import polars as pl

from folds.crossings import crossing_sheets, report_crossings
from folds.findings import Findings
from tests.by_hand.units import sample_table
from tests.unit.folds.test_split import table

# Lesion A lies in training, validation and test; B in validation and test; C in training and test.
ROWS = sample_table(
    isic_id=[*"abcdefghij"],
    lesion_id=["A", "A", "A", "B", "B", "C", "C", "D", None, None],
    diagnosis=["mel", "mel", "mel", "mel", "mel", "nv", "nv", "nv", "nv", "mel"],
    split=["train", "valid", "test", "valid", "test", "train", "test", "test", "test", "train"],
)  # fmt: skip


def side(rows, leaked, unknown=0):
    return {"rows": rows, "leaked": leaked, "unknown": unknown}


def test_held_out_images_are_counted_whose_lesion_is_in_training():
    mel = {"groups": 2, "across": 2, "valid": side(2, 1), "test": side(2, 1)}
    nv = {"groups": 2, "across": 1, "valid": side(0, 0), "test": side(3, 1, 1)}
    every = {"groups": 4, "across": 3, "valid": side(2, 1), "test": side(5, 2, 1)}
    assert crossing_sheets(ROWS) == [
        {"group": "lesion", "classes": [{"name": "mel", **mel}, {"name": "nv", **nv}],
         "all": every},
    ]  # fmt: skip


def test_each_kind_of_group_that_is_known_has_a_sheet_and_without_a_published_split_none():
    patients = ROWS.with_columns(patient_id=pl.lit("P"))
    sheets = crossing_sheets(patients)
    assert [sheet["group"] for sheet in sheets] == ["patient", "lesion"]
    assert sheets[0]["all"]["test"] == side(5, 5)
    assert crossing_sheets(ROWS.with_columns(lesion_id=pl.lit(None, pl.String))) == []
    assert crossing_sheets(ROWS.with_columns(split=pl.col("split").replace("valid", "train"))) == []


def test_without_diagnoses_classes_are_targets():
    rows = ROWS.with_columns(
        diagnosis=pl.lit(None, pl.String),
        target=pl.Series([1] * 5 + [0] * 4 + [None], dtype=pl.Int8),
    )
    [sheet] = crossing_sheets(rows)
    assert [(one["name"], one["test"]["leaked"]) for one in sheet["classes"]] == [
        ("0", 1),
        ("1", 1),
    ]


def crossings(samples):
    findings = Findings()
    report_crossings(samples, findings)
    return [(f.message, f.count, f.ids) for f in findings.notices]


def test_check_170_who_stands_on_two_sides_of_a_published_split_is_counted_by_class():
    samples = table(patients=6, lesions=2, positives=3).with_columns(
        pl.Series("split", ["train"] * 5 + ["valid"] * 2 + ["test"] * 5),
        pl.Series("lesion_id", [*(["L0"] * 2), "L1", *([None] * 8), "L1"]),
    )
    # Patient 2 has rows 4 and 5 (mel, bkl), patient 3 rows 6 and 7 (nv twice).
    assert crossings(samples) == [
        (
            "2 patients of 6 on more than one side of the official split, by class: bkl 1, mel 1, "
            "nv 1.",
            2,
            (),
        ),
        (
            "1 lesion of 2 on more than one side of the official split, by class: mel 1, nv 1.",
            1,
            (),
        ),
    ]
    assert crossings(samples.with_columns(split=pl.lit("train"))) == []
    no_diagnosis = samples.with_columns(diagnosis=pl.lit(None, pl.String))
    assert crossings(no_diagnosis)[0][0].endswith("by class: 0 2, 1 1.")
