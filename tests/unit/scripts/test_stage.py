import pytest

from scripts.stage import _words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a.b=1 c.d=2", ["a.b=1", "c.d=2"]),
        ("a=[\"x\",'y']  b=3", ["a=[\"x\",'y']", "b=3"]),
        ("a=[1, 2] b=1", ["a=[1, 2]", "b=1"]),
        ('a="two words" b=1', ['a="two words"', "b=1"]),
        ("folder=/data/isic#1", ["folder=/data/isic#1"]),
        ("", []),
    ],
)
def test_settings_are_split_where_a_new_key_begins(text, words):
    assert _words(text) == words
