import pytest

from workspace.errors import HEADLINE_LIMIT, DataError, listed, name_some, one_line, shorten


def test_names_five_and_counts_the_rest():
    assert name_some(["a", "b"]) == "a, b"
    assert name_some(list("abcdefgh")) == "a, b, c, d, e (+3 more)"
    assert name_some(iter("abcde"), total=100) == "a, b, c, d, e (+95 more)"
    assert listed(list("abcdefg")) == "[a, b, c, d, e] (+2 more)"
    assert listed([]) == "[]"


def test_a_message_is_one_line_within_the_limit_and_keeps_its_mend():
    text = one_line("Bad  rows\n" + "x" * 500 + " end with the mend.")
    assert len(text) <= HEADLINE_LIMIT
    assert "\n" not in text
    assert text.startswith("Bad rows xxx")
    assert text.endswith("the mend.")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\0b", r"a\x00b"),
        ("x\u202egpj", r"x\u202egpj"),
        ("n\n", r"n\n"),
        ("y" * 50, "y" * 37 + "..."),
    ],
)
def test_a_users_text_is_safe_to_print(text, shown):
    assert shorten(text) == shown


def test_errors_fold_their_message():
    assert str(DataError("one\n two.")) == "one two."
