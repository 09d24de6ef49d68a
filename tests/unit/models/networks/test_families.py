import polars as pl
import pytest
from models.extractors.config import ExtractorConfig
from models.extractors.families import auxiliary_of, family_labels

from workspace.errors import DataError

CONFIG = ExtractorConfig(
    families={"nevus": ("Nevus",), "keratosis": ("Keratosis", "bkl"), "melanoma": ("Melanoma",)}
)


def table(*diagnoses):
    rows = [(number % 2, name) for number, name in enumerate(diagnoses)]
    return pl.DataFrame(rows, schema={"target": pl.Int8, "diagnosis": pl.String}, orient="row")


def test_rows_of_either_target_have_the_family_that_lists_a_step_of_their_diagnosis():
    rows = table("Benign::Nevus", "Nevus", "bkl", "Malignant::Melanoma", None, "", "Wart")
    # By name: keratosis, melanoma, nevus.
    assert family_labels(rows, CONFIG).tolist() == [2, 2, 0, 1, -1, -1, -1]


def test_the_order_of_the_recipe_changes_nothing():
    rows = table("Nevus", "bkl", "Melanoma")
    turned = ExtractorConfig(families=dict(reversed(CONFIG.families.items())))
    one, two = auxiliary_of(rows, CONFIG), auxiliary_of(rows, turned)
    assert one.families == two.families == ("keratosis", "melanoma", "nevus")
    assert one.labels.tolist() == two.labels.tolist()
    assert one.weight == 0.3


def test_without_families_there_is_nothing_besides():
    assert auxiliary_of(table("Nevus"), ExtractorConfig()) is None


def test_a_family_that_no_row_has_is_named():
    with pytest.raises(DataError) as refused:
        family_labels(table("Nevus", "bkl", None), CONFIG)
    assert str(refused.value) == (
        "No row has a diagnosis of melanoma; mend the extractor's families. There are Nevus, bkl."
    )


def test_a_diagnosis_of_two_families_is_refused():
    with pytest.raises(
        DataError, match=r"^Diagnosis Nevus::Melanoma is of melanoma, nevus; mend the extractor's"
    ):
        family_labels(table("Nevus", "bkl", "Nevus::Melanoma"), CONFIG)
