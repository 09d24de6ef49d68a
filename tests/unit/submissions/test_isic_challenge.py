"""The challenge's CSV against a slow twin of its scorer's rules."""

import csv
import io
import re

import numpy as np
import polars as pl
import pytest

from submissions.isic_challenge import CATEGORIES, categories_of, challenge_table
from workspace.errors import ConfigError, DataError
from workspace.files import write_csv

OWN = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")


def mistakes(text, truth):
    """Why isic-challenge-scoring would refuse the file, rule by rule in its order."""
    rows = list(csv.reader(io.StringIO(text)))
    head, body = rows[0], rows[1:]
    others = {name for name in head if name != "image"}
    names = [
        re.sub(r"\.jpg$", "", row[head.index("image")], flags=re.IGNORECASE)
        for row in body
        if "image" in head
    ]
    yield from ["no image column"] * ("image" not in head)
    yield from ["an image twice"] * (len(set(names)) < len(names))
    yield from (f"missing {name}" for name in set(CATEGORIES) - others)
    yield from (f"extra {name}" for name in others - set(CATEGORIES))
    yield from ("an empty cell" for row in body if len(row) < len(head) or "" in row)
    for name in others:
        cells = [row[head.index(name)] for row in body]
        # A column of whole numbers is read as integers.
        yield from [f"{name} is no float"] * all(re.fullmatch(r"[+-]?\d+", c) for c in cells)
        yield from (f"{name} is out of range" for c in cells if not 0.0 <= float(c) <= 1.0)
    yield from (f"missing {name}" for name in set(truth) - set(names))
    yield from (f"further {name}" for name in set(names) - set(truth))


def scorer_refuses(text, truth):
    return next(mistakes(text, truth), None)


def written(table, folder):
    write_csv(folder / "isic_challenge.csv", table)
    return (folder / "isic_challenge.csv").read_text()


def made(ids, shares, folder, classes=OWN, named=None):
    table = challenge_table(ids, shares, classes, categories_of(classes, named or {}))
    return table, written(table, folder)


def test_the_scorer_takes_it_and_each_category_has_its_class(tmp_path):
    rng = np.random.default_rng(0)
    ids = [f"ISIC_{number:07d}" for number in range(50)]
    shares = rng.dirichlet(np.ones(7), 50)
    table, text = made(ids, shares, tmp_path)
    assert scorer_refuses(text, ids) is None
    assert text.splitlines()[0] == "image,MEL,NV,BCC,AKIEC,BKL,DF,VASC"
    for category in CATEGORIES:
        expected = shares[:, OWN.index(category.lower())]
        np.testing.assert_array_equal(table[category].to_numpy(), expected)
        again = pl.read_csv(io.StringIO(text))[category].to_numpy()
        np.testing.assert_allclose(again, expected, rtol=1e-15)


def test_certain_and_nearly_certain_probabilities_are_floats_within_their_range(tmp_path):
    shares = np.zeros((3, 7))
    shares[:, 4] = [1.0, 1.0000001, 1.0]
    shares[2, 0] = 1e-12
    _, text = made(["a", "b", "c"], shares, tmp_path)
    assert scorer_refuses(text, ["a", "b", "c"]) is None
    assert scorer_refuses(text.replace("1.0", "1").replace("0.0", "0"), ["a", "b", "c"])


def test_pictures_are_called_by_their_own_name_without_jpg(tmp_path):
    _, text = made(["deep/a", "b.JPG", "c.png"], np.full((3, 7), 1 / 7), tmp_path)
    assert scorer_refuses(text, ["a", "b", "c.png"]) is None


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (
            ["one/a", "two/a", "b"],
            "Several pictures are called [a], and ISIC's scorer tells them by their names alone; "
            "rename them.",
        ),
        (
            ["a", "a.jpg", "b"],
            "Several pictures are called [a], and ISIC's scorer tells them by their names alone; "
            "rename them.",
        ),
        (["a", "NA", "b"], "ISIC's scorer takes [NA] for no name; rename the picture."),
    ],
)
def test_names_that_the_scorer_could_not_tell_are_refused(ids, message, tmp_path):
    with pytest.raises(DataError) as refused:
        made(ids, np.full((3, 7), 1 / 7), tmp_path)
    assert str(refused.value) == message


def test_what_is_no_number_is_refused(tmp_path):
    shares = np.full((1, 7), np.nan)
    with pytest.raises(DataError, match=r"^The probabilities hold NaN or infinity; ISIC's scorer"):
        made(["a"], shares, tmp_path)


def test_categories_are_found_by_name_ignoring_case_or_as_the_recipe_says():
    assert categories_of(OWN, {}) == {name: name.lower() for name in CATEGORIES}
    assert categories_of(OWN[1:], {}) is None
    other = ("melanoma", *(name for name in OWN if name != "mel"))
    assert categories_of(other, {}) is None
    assert categories_of(other, {"MEL": "melanoma"})["MEL"] == "melanoma"
    assert categories_of(OWN, {"MEL": "gone"}) is None


def test_a_category_that_the_challenge_has_not_is_refused():
    with pytest.raises(ConfigError) as refused:
        categories_of(OWN, {"SCC": "mel"})
    assert str(refused.value) == (
        "predict.challenge names SCC, which is no category of the challenge; there are MEL, NV, "
        "BCC, AKIEC, BKL, DF, VASC."
    )
