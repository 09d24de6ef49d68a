"""What the page of a prediction says of a few pictures, in a real browser."""

import re

import pytest

from reports.predictions.page import Pictured, Prediction, Said, Speaker, page
from tests.browser import chromium

CLASSES = ("benign", "malignant")


def pictured(name, score, *, distance=0.5, limit=0.52):
    said = Said([1 - score, score], 1, None)
    return Pictured(name, CLASSES[int(score >= limit)], [said], distance)


@pytest.fixture(scope="module")
def browser():
    with chromium() as opened:
        yield opened


@pytest.fixture
def shown(browser, tmp_path):
    """The page of some pictures, as a tab."""

    def opened(pictures, meaning=(), **how):
        speakers = [Speaker("stage1", CLASSES, 0.52, meaning)]
        path = tmp_path / "predictions.html"
        drawn = Prediction("mine", speakers, pictures, "stage1", ["A note."])
        path.write_text(page(drawn), encoding="utf-8")
        tab = browser.new_page(**how)
        tab.goto(path.as_uri())
        return tab

    return opened


def words(tab, name):
    """What is said of a picture that is opened."""
    tab.fill("#name", name)
    tab.click(".open")
    return re.sub(r"\s+", " ", tab.inner_text(".more"))


def test_a_picture_that_is_unlike_is_not_judged(shown):
    tab = shown([pictured("known", 0.3), pictured("wall", 0.3, distance=1.5)])
    options = tab.locator("#decision option").all_text_contents()
    assert options == ["any (2)", "benign (1)", "unlike: not judged (1)"]
    assert words(tab, "known") == (
        "stage1 malignant 0.30 below the run's threshold of 0.52: benign "
        "The score is a place in an order, not a probability."
    )
    assert words(tab, "wall") == (
        "Unlike the pictures that stage1 learnt from (distance 1.50, from 1 on): what is said of "
        "it says little. stage1 malignant 0.30"
    )
