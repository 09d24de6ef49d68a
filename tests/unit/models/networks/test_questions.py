import polars as pl
import pytest

from models.networks.auxiliary import AuxiliaryTarget, refuse_one_sided
from models.networks.questions import answers_to, has_lesion_id, is_suspicious
from tests.unit.models.networks.conftest import table
from workspace.errors import ConfigError


def rows(*values):
    """(target, diagnosis, lesion id) of each row."""
    known = table([one[:2] for one in values])
    return known.with_columns(lesion_id=pl.Series([one[2] for one in values], dtype=pl.String))


def test_suspicious_is_what_is_malignant_indeterminate_or_diagnosed_more_closely():
    expected = {
        (1, "Malignant"): True, (1, None): True, (1, ""): True,
        (0, "Indeterminate"): True, (0, "Indeterminate::Melanocytic"): True,
        (0, "Benign::Nevus"): True, (0, "Benign::Nevus::Junctional"): True,
        (0, "Benign"): False, (0, "Benign::"): False, (0, "Indeterminately benign"): False,
        (0, None): None, (0, ""): None, (None, None): None, (None, "Benign"): None,
        (None, "Indeterminate"): True,
    }  # fmt: skip
    assert is_suspicious(table(list(expected))).to_list() == list(expected.values())


def test_a_lesion_has_an_id_or_none_where_the_row_is_no_test_row():
    some = rows((1, None, "IL_1"), (0, None, None), (0, None, ""), (None, None, None))
    assert has_lesion_id(some).to_list() == [True, False, False, None]


def test_answers_are_0_and_1_in_the_order_that_the_recipe_asks_and_unknown_ones_no_class():
    some = rows((1, "Malignant", None), (0, "Benign", "IL_1"), (0, None, None))
    first, second = answers_to(some, ("has_lesion_id", "suspicious"), 0.4)
    assert (first.name, first.codes.tolist()) == ("has_lesion_id", [0, 1, 0])
    assert (second.name, second.codes.tolist()) == ("suspicious", [1, 0, -1])
    assert {(one.classes, one.weight, one.is_question) for one in (first, second)} == {
        (("no", "yes"), 0.4, True)
    }
    assert answers_to(some, (), 0.4) == ()


def test_without_questions_no_column_is_looked_at():
    assert answers_to(pl.DataFrame({"isic_id": ["a"]}), (), 0.3) == ()


@pytest.mark.parametrize(
    ("diagnosis", "yes", "no"), [("Benign", 0, 2), ("Benign::Nevus", 2, 0), (None, 0, 0)]
)
def test_a_question_with_one_answer_among_the_rows_to_learn_from_is_refused(diagnosis, yes, no):
    some = table([(0, diagnosis), (0, diagnosis), (1, "Malignant"), (0, "Benign")])
    asked = answers_to(some, ("suspicious",), 0.3)
    learnt = pl.Series([0, 1]).to_numpy()
    with pytest.raises(ConfigError) as refused:
        refuse_one_sided("small", asked, learnt)
    assert str(refused.value) == (
        "networks.small.task.questions asks suspicious, which the rows to learn from answer with "
        f"yes {yes} times and with no {no} times; leave it out."
    )


def test_both_answers_are_enough_and_families_are_asked_nothing():
    some = table([(0, "Benign"), (1, "Malignant"), (0, None)])
    families = AuxiliaryTarget("families", pl.Series([1, 1, 1]).to_numpy(), ("a", "b"), 0.3)
    everyone = pl.Series([0, 1, 2]).to_numpy()
    refuse_one_sided("small", (families, *answers_to(some, ("suspicious",), 0.3)), everyone)
