"""The exploration page as people meet it: of drawn data, before any model, in a real browser."""

import json
import re

import pytest

from tests.browser import chromium
from tests.stages import Place

PICTURES = ("synthetic.patients=16", "synthetic.rows=160", "synthetic.positives=24")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = Place(tmp_path_factory.mktemp("eda"))
    place.call("eda", settings=PICTURES)
    return place


def page(place):
    return place.run / "eda" / "eda.html"


def test_the_page_is_made_of_verified_samples_alone(place):
    assert {path.name for path in place.run.iterdir() if path.is_dir()} == {
        "audit", "eda", "samples",
    }  # fmt: skip
    sheet = json.loads((place.run / "eda" / "eda.json").read_text())
    assert (sheet["looked_at"]["rows"], sheet["looked_at"]["positives"]) == (160, 24)
    assert sheet["looked_at"]["left"] == {"the source's test": 40}
    assert sheet["pictures"]["n"] == 160
    assert page(place).stat().st_size < 3_000_000


def test_a_second_call_does_nothing_and_one_made_anew_is_the_same(place):
    once = page(place).read_bytes()
    again = place.call("eda", settings=PICTURES)
    assert again.stdout == f"eda: nothing to do, {page(place)} is up to date.\n"
    place.call("eda", "--fresh", settings=PICTURES)
    assert page(place).read_bytes() == once


def test_the_plan_knows_it_once_it_is_begun(place, tmp_path):
    line = re.compile(r"^ *eda +eda +done", re.MULTILINE)
    assert line.search(place.call("plan", settings=PICTURES).stdout)
    fresh = Place(tmp_path).call("plan", settings=PICTURES).stdout
    assert "verify" in fresh
    assert not re.search(r"^ *eda ", fresh, re.MULTILINE)


def test_nothing_is_fetched_nothing_fails_and_no_page_is_wider_than_the_screen(place):
    with chromium() as browser:
        for width in (1280, 390):
            seen = browser.new_page(viewport={"width": width, "height": 900})
            asked, complaints = [], []
            seen.on("request", lambda request, to=asked: to.append(request.url))
            seen.on("console", lambda message, to=complaints: to.append(message.text))
            seen.goto(page(place).as_uri())
            assert {url.partition(":")[0] for url in asked} <= {"file", "data"}
            assert complaints == []
            assert seen.evaluate("document.documentElement.scrollWidth") <= width
            broken = "[...document.images].filter(i => !i.naturalWidth).length"
            assert seen.evaluate(broken) == 0
            assert seen.evaluate("document.images.length") > 20
