import pytest

from models.networks.diagnoses import group_codes, lists_of, refuse_shared
from tests.unit.models.networks.conftest import table
from workspace.errors import DataError

GROUPS = {"MEL": ("Melanoma", "mel"), "BCC": ("bcc",)}


def test_a_diagnosis_belongs_to_the_lists_that_have_it_or_a_step_of_its_path():
    assert lists_of("Malignant::Melanoma::In situ", GROUPS) == [0]
    assert lists_of("bcc", GROUPS) == [1]
    assert lists_of("Malignant::Melanomatosis", GROUPS) == []


def test_only_rows_that_are_asked_for_have_a_code():
    rows = table([(1, "mel"), (1, "A::Melanoma"), (0, "mel"), (1, "bcc"), (1, None), (1, "nv")])
    codes = group_codes(rows["diagnosis"], rows["target"] == 1, GROUPS, "classes")
    assert codes.tolist() == [0, 0, -1, 1, -1, -1]


def test_a_diagnosis_of_two_groups_is_refused_if_it_is_asked_for():
    both = {"MEL": ("Melanoma",), "SKIN": ("Malignant",)}
    rows = table([(1, "Malignant::Melanoma"), (0, "nv")])
    assert group_codes(rows["diagnosis"], rows["target"] == 0, both, "here").tolist() == [-1, -1]
    with pytest.raises(DataError) as refused:
        group_codes(rows["diagnosis"], rows["target"] == 1, both, "here")
    assert str(refused.value) == "Diagnosis Malignant::Melanoma is of MEL, SKIN; mend here."


def test_one_diagnosis_twice_is_refused():
    refuse_shared("there", GROUPS)
    with pytest.raises(ValueError, match=r"^there lists one diagnosis twice$"):
        refuse_shared("there", {"a": ("x", "x")})
