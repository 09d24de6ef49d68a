"""What a page of a prediction is told: what scores meant, what is decided, and small pictures."""

import json
import re

import cv2
import numpy as np
import polars as pl
import pytest

from folds.images import ImageReader
from models.input.pictures import Pictures
from models.networks.use import use_of
from pipeline import meaning as counting
from pipeline import picture_page
from pipeline.answers import Answer
from pipeline.distances import NOT_CHECKED
from pipeline.picture_page import Answered, Meant, meaning_of, prediction_page
from reports.predictions import page as drawing
from reports.predictions.page import (
    SMALL_PICTURES,
    Pictured,
    Prediction,
    Said,
    Speaker,
    with_small,
)
from tests.by_hand.pictures import PicturesByHand

SAID = {"a0": 0.1, "b0": 0.2, "c1": 0.3, "e1": 0.4, "a1": 0.6, "c0": 0.7, "e0": 0.8, "f0": 0.9}


@pytest.fixture
def run(tmp_path):
    return PicturesByHand(tmp_path)


def meant(run):
    """Of the four lowest none was malignant, of the four highest three (a1, c0, e0)."""
    with run.making("networks", "flag", stage="train-cnn") as draft:
        table = {"isic_id": list(SAID), "oof_flag_malignant": list(SAID.values())}
        draft.parquet("oof.parquet", pl.DataFrame(table))
    config = run.job().recipe.networks["flag"]
    return Meant(run.files(), run.run / "networks" / "flag", ("flag", config))


def test_what_scores_meant_is_counted_among_the_rows_that_were_held_out(run, monkeypatch):
    monkeypatch.setattr(counting, "LEAST", 8)
    monkeypatch.setattr(counting, "RARER", 1)
    benign, malignant = meaning_of(meant(run))
    assert [(one["n"], one["positives"]) for one in malignant] == [(5, 1), (1, 1), (2, 1)]
    assert [one["high"] for one in malignant] == [0.6, 0.7, 0.9]
    assert [(one["n"], one["positives"]) for one in benign] == [(2, 1), (1, 0), (5, 4)]


def test_few_rows_say_nothing_of_what_scores_meant(run):
    few = "Too few rows held out (8) to say what such scores meant."
    assert meaning_of(meant(run)) == (few, few)


def answer(run, name, shares, classes=("benign", "malignant"), limit=None):
    uses = [use_of(run.keep_network(name, k, classes, limit=limit)) for k in (0, 1)]
    return Answer(name, np.array(shares), uses)


@pytest.mark.parametrize(
    ("row", "decision"),
    [
        ({"goes_on": True, "called": "MEL"}, "MEL"),
        ({"goes_on": True}, "malignant"),
        ({"goes_on": False}, "benign"),
        ({"which_called": "BCC"}, "BCC"),
        ({"flag_called": "malignant", "which_called": "BCC"}, "malignant"),
        ({"flag_malignant": 0.4}, ""),
    ],
)
def test_what_is_decided_is_the_cascades_or_that_of_the_first_that_calls(run, row, decision):
    answers = {
        "flag": answer(run, "flag", [(0.6, 0.4)]),
        "which": answer(run, "which", [(0.3, 0.7)], ("MEL", "BCC")),
    }
    assert picture_page._decision(row, answers) == decision


def test_the_page_speaks_of_a_picture_as_far_as_a_network_was_asked_about_it(run, tmp_path):
    for name in ("a", "b"):
        assert cv2.imwrite(str(tmp_path / f"{name}.png"), np.full((20, 30, 3), 90, np.uint8))
    pictures = Pictures(ImageReader(tmp_path), ["a", "b"], ["a.png", "b.png"])
    answers = {
        "flag": answer(run, "flag", [(0.9, 0.1), (0.2, 0.8)], limit=0.5),
        "which": answer(run, "which", [(0.5, 0.3, 0.2)] * 2, ("MEL", "BCC", "SCC")),
    }
    rows = [{"goes_on": False, "called": "benign"}, {"goes_on": True, "called": "MEL"}]
    shown = {
        "flag": (np.array([0, 1]), np.array([1, 1])), "which": (np.array([1]), np.array([0])),
    }  # fmt: skip
    text = prediction_page(
        "mine",
        Answered(answers, rows, shown, None, {}, overlaid=["flag"]),
        pictures,
        lambda *_: None,
    )
    block = text.partition('id="content">')[2]
    assert '["a",1,null,[[1,[0.9,0.1],"overlays/a_flag.png"],null],"' in block
    assert '["b",0,null,[[1,[0.2,0.8],"overlays/b_flag.png"],' in block
    assert '[0,[0.5,0.3,0.2],null]],"' in block
    assert 'id="unlike"' not in text
    assert NOT_CHECKED in text


def test_a_small_picture_is_the_middle_square(tmp_path):
    pixels = np.zeros((40, 120, 3), np.uint8)
    pixels[:, 40:80] = 200
    assert cv2.imwrite(str(tmp_path / "a.png"), pixels)
    pictures = Pictures(ImageReader(tmp_path), ["a"], ["a.png"])
    small = cv2.imdecode(np.frombuffer(picture_page._small(pictures, 0), np.uint8), 1)
    assert small.shape == (48, 48, 3)
    assert np.abs(small.astype(int) - 200).max() < 8


def test_of_too_many_pictures_those_of_the_highest_scores_are_shown_small():
    few = 3
    scores = np.random.default_rng(0).permutation(SMALL_PICTURES + few) / (2 * SMALL_PICTURES)
    pictures = [
        Pictured(f"{at}", "", [Said([1 - p, p], 1, None)], None) for at, p in enumerate(scores)
    ]
    left_out = set(range(len(pictures))) - set(
        with_small(Prediction("mine", [], pictures, None, []))
    )
    assert sorted(left_out) == sorted(np.argsort(scores)[:few].tolist())


def test_of_more_rows_than_a_page_holds_those_of_the_highest_scores_are_on_it(monkeypatch):
    monkeypatch.setattr(drawing, "ROWS", 2)
    pictures = [Pictured(n, "", [Said([1 - p, p], 1, None)], 2.0) for n, p in (
        ("a", 0.5), ("b", 0.1), ("c", 0.9))]  # fmt: skip
    speaker = Speaker("flag", ("benign", "malignant"), None)
    text = drawing.page(Prediction("mine", [speaker], pictures, "flag", []))
    rows = json.loads(text.partition('id="content">')[2].partition("</script>")[0])["rows"]
    assert [row[0] for row in rows] == ["a", "c"]
    assert "Of 3 pictures the 2 of the highest scores are on this page." in text
    assert text.count("<dd>") == 2 == len(re.findall(r'<dd><data value="3">3</data></dd>', text))
