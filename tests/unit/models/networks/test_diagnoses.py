import numpy as np
import polars as pl
import pytest
from models.cascade.labels import first_labels, second_labels

from folds.findings import Findings
from models.cascade.config import Stage2Config
from workspace.errors import DataError

CONFIG = Stage2Config(diagnoses={"MEL": ("Melanoma", "mel"), "BCC": ("bcc",)})


def table(rows):
    return pl.DataFrame(rows, schema={"target": pl.Int8, "diagnosis": pl.String}, orient="row")


def test_stage_1_is_the_target_and_test_rows_have_none():
    rows = table([(1, "mel"), (0, "nv"), (None, None)])
    assert first_labels(rows).tolist() == [1, 0, -1]


def test_a_diagnosis_belongs_to_the_class_that_lists_it_or_a_step_of_its_path():
    rows = table(
        [
            (1, "mel"), (1, "Malignant::Melanoma::In situ"), (1, "bcc"), (0, "mel"),
            (None, "bcc"), (1, "Malignant::Melanomatosis"), (1, None),
        ]
    )  # fmt: skip
    findings = Findings()
    assert second_labels(rows, CONFIG, findings).tolist() == [0, 0, 1, -1, -1, -1, -1]
    [notice] = findings.as_json()["notices"]
    assert notice["message"].startswith("2 rows with target 1 whose diagnosis is in no class of")


def test_a_class_that_no_row_has_is_named():
    with pytest.raises(
        DataError,
        match=r"^No row with target 1 has a diagnosis of BCC; mend stage2\.diagnoses\.",
    ):
        second_labels(table([(1, "mel"), (0, "bcc")]), CONFIG, Findings())


def test_a_diagnosis_of_two_classes_is_refused():
    both = Stage2Config(diagnoses={"MEL": ("Melanoma",), "SKIN": ("Malignant",)})
    with pytest.raises(DataError, match=r"^Diagnosis Malignant::Melanoma is of MEL, SKIN; mend"):
        second_labels(table([(1, "Malignant::Melanoma")]), both, Findings())


def test_the_order_of_the_recipe_is_the_order_of_the_classes():
    assert Stage2Config(diagnoses={"Z": ("z",), "A": ("a",)}).classes == ("Z", "A")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"diagnoses": {"A": ("x",), "B": ("x",)}}, "lists one for two classes"),
        ({"diagnoses": {"A": ("x",)}}, "needs two classes"),
        (
            {"diagnoses": {"A": ("x",), "B": ("y",)}, "oversample": {"C": 2.0}},
            "names no class",
        ),
    ],
)
def test_what_cannot_be_is_refused(values, words):
    with pytest.raises(ValueError, match=words):
        Stage2Config(**values)


def test_a_recipe_that_states_one_value_of_stage_2s_augmentation_keeps_the_others():
    assert Stage2Config(augment={"hue": 0.03}).augment.hair_p == 0.2
    assert np.isclose(Stage2Config().augment.clahe_vascular_clip, 1.0)
