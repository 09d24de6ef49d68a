import pytest

from models.networks.families import families_of, family_codes
from tests.unit.models.networks.conftest import table
from workspace.errors import DataError

FAMILIES = {"nevus": ("Nevus",), "keratosis": ("Keratosis", "bkl"), "melanoma": ("Melanoma",)}


def rows(*diagnoses):
    return table([(number % 2, name) for number, name in enumerate(diagnoses)])


def test_rows_of_either_target_have_the_family_that_lists_a_step_of_their_diagnosis():
    some = rows("Benign::Nevus", "Nevus", "bkl", "Malignant::Melanoma", None, "", "Wart")
    # By name: keratosis, melanoma, nevus.
    assert family_codes("small", some, FAMILIES).tolist() == [2, 2, 0, 1, -1, -1, -1]


def test_the_order_of_the_recipe_changes_nothing():
    some, turned = rows("Nevus", "bkl", "Melanoma"), dict(reversed(FAMILIES.items()))
    [one], [two] = (families_of("small", some, families, 0.3) for families in (FAMILIES, turned))
    assert one.classes == two.classes == ("keratosis", "melanoma", "nevus")
    assert one.codes.tolist() == two.codes.tolist()
    assert one.weight == 0.3


def test_without_families_there_is_nothing_besides():
    assert families_of("small", rows("Nevus"), {}, 0.3) == ()


def test_a_family_that_no_row_has_is_named():
    with pytest.raises(DataError) as refused:
        family_codes("small", rows("Nevus", "bkl", None), FAMILIES)
    assert str(refused.value) == (
        "No row has a diagnosis of melanoma; mend networks.small.task.families. There are Nevus, "
        "bkl."
    )


def test_a_diagnosis_of_two_families_is_refused():
    with pytest.raises(DataError) as refused:
        family_codes("small", rows("Nevus", "bkl", "Nevus::Melanoma"), FAMILIES)
    assert str(refused.value) == (
        "Diagnosis Nevus::Melanoma is of melanoma, nevus; mend networks.small.task.families."
    )
