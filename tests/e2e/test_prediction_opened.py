"""What the page of a prediction says of a few pictures, in a real browser."""

import re

import cv2
import numpy as np
import pytest

from metrics.calibration import observed_between
from reports.predictions.page import Pictured, Prediction, Said, Speaker, page
from tests.browser import chromium

CLASSES = ("benign", "malignant")


def pictured(name, score, *, distance=0.5, limit=0.52, networks=1):
    said = Said([1 - score, score], 1, None)
    return Pictured(name, CLASSES[int(score >= limit)], [said] * networks, distance)


@pytest.fixture(scope="module")
def browser():
    with chromium() as opened:
        yield opened


@pytest.fixture
def shown(browser, tmp_path):
    """The page of some pictures, as a tab."""

    def opened(pictures, meaning=(), **how):
        names = [f"stage{at}" for at in range(1, 1 + len(pictures[0].said))]
        speakers = [Speaker(name, CLASSES, 0.52, meaning) for name in names]
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
        "stage1 malignant 0.300 below the run's threshold of 0.520: benign "
        "What such scores meant is not counted on this page."
    )
    assert words(tab, "wall") == (
        "Unlike the pictures that stage1 learnt from (distance 1.50, from 1 on): what is said of "
        "it says little. stage1 malignant 0.300"
    )


def test_a_score_is_told_by_rows_that_were_held_out_with_such_a_score(shown):
    """Of nine below .5 one was malignant, of the four others three."""
    scores = np.array([*np.arange(1, 10) / 20, 0.6, 0.7, 0.8, 0.9])
    positive = np.isin(scores, [0.2, 0.6, 0.8, 0.9])
    bins = observed_between(positive, scores, np.array([0.05, 0.45, 0.9]))
    named = {"low": 0.01, "mid": 0.3, "high": 0.85, "top": 0.95}
    tab = shown([pictured(*one) for one in named.items()], ("nobody asks", bins))
    of_nine = "(0.050 to 0.450), 1 were malignant: about 111 of 1,000 (20 to 435)."
    of_four = "(0.450 to 0.900), 3 were malignant: about 750 of 1,000 (301 to 954)."
    end = {name: words(tab, name).partition("benign ")[2] for name in ("low", "mid")}
    end |= {name: words(tab, name).partition(": malignant ")[2] for name in ("high", "top")}
    assert end == {
        "low": "Lower than any that the run held out. Of 9 rows that the run held out and "
        f"scored lowest {of_nine}",
        "mid": f"Of 9 rows that the run held out and scored like this {of_nine}",
        "high": f"Of 4 rows that the run held out and scored like this {of_four}",
        "top": "Higher than any that the run held out. Of 4 rows that the run held out and "
        f"scored highest {of_four}",
    }


def test_why_nobody_knows_what_a_score_meant_is_said(shown):
    why = "Too few rows held out (80) to say what such scores meant."
    tab = shown([pictured("a", 0.3)], (why, why))
    assert words(tab, "a").endswith(f"0.520: benign {why}")


def test_heads_say_from_where_on_is_called_what_a_distance_means_and_that_they_sort(shown):
    tab = shown([pictured("a", 0.516), pictured("b", 0.524)])
    heads = [one.replace("\xa0", " ") for one in tab.locator("th button").all_text_contents()]
    assert heads == ["name", "stage1: malignant (from 0.520)", "decision", "distance (1 = limit)"]
    assert tab.locator("#rows td:nth-child(3)").all_text_contents() == ["0.524", "0.516"]
    sign = "(head) => getComputedStyle(head, '::after').content"
    signs = [tab.locator("th button").nth(at).evaluate(sign) for at in range(4)]
    assert signs == ['"↕"', '"↓"', '"↕"', '"↕"']


def test_on_a_phone_the_decision_stands_under_a_name_that_is_whole(shown):
    phone = {"viewport": {"width": 390, "height": 800}}
    pictures = [pictured("ISIC_0083436", 0.3), pictured("ISIC_0083437", 0.6, distance=1.5)]
    tab = shown(pictures, **phone)
    assert tab.locator(".under").all_inner_texts() == [
        "unlike: not judged, distance 1.50 unlike",
        "benign, distance 0.50",
    ]
    assert tab.evaluate("document.documentElement.scrollWidth") == 390
    box = tab.locator(".scroll").evaluate("(one) => one.scrollWidth - one.clientWidth")
    assert box == 0
    assert not tab.is_visible("th[data-by=decision]")
    wide = shown(pictures)
    assert not wide.is_visible(".under >> nth=0")
    assert wide.is_visible("th[data-by=decision]")


@pytest.mark.parametrize("width", [390, 900])
def test_a_name_is_not_broken_to_make_room_for_networks(shown, width):
    pictures = [pictured("ISIC_0083436", 0.3, networks=5)]
    tab = shown(pictures, viewport={"width": width, "height": 800})
    assert tab.locator("#rows .open").bounding_box()["height"] < 30  # on one line


def test_an_opened_picture_has_no_second_scale(shown, tmp_path):
    (tmp_path / "overlays").mkdir()
    assert cv2.imwrite(str(tmp_path / "overlays" / "a.png"), np.full((8, 16, 3), 90, np.uint8))
    said = Said([0.4, 0.6], 1, "overlays/a.png")
    tab = shown([Pictured("a", "malignant", [said], 0.5)])
    assert words(tab, "a").count("0.600") == 1
    assert words(tab, "a").endswith(
        "The picture, and where it saw malignant: colours tell where, not how much."
    )
    assert tab.locator(".more i").count() == 0


def test_without_its_script_a_page_has_no_dead_controls(shown):
    tab = shown([pictured("a", 0.3)], java_script_enabled=False)
    for dead in ("form", ".pager", "table"):
        assert not tab.is_visible(dead)
    assert tab.is_visible(".note.missing")
