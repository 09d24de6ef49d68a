"""The page of a prediction of ten thousand pictures, in a real browser and from disk.

`pytest -s` says how many MB it has and how many seconds it takes.
"""

import json
import time

import cv2
import numpy as np
import pytest

from metrics.calibration import reliability
from reports.predictions.page import MOST, Pictured, Prediction, Said, Speaker, page
from tests.browser import chromium

PICTURES = 10_000
HOSTILE = '<img src=x onerror="document.title=1">/</script><script>document.title=2</script>{{7*7}}'
KINDS = ("NV", "MEL", "<b>BCC</b>")


def small(rng):
    """Forty-eight pixels as WebP: spots on skin, as heavy as real ones."""
    coarse = rng.integers(60, 220, (6, 6, 3)).astype(np.uint8)
    pixels = cv2.resize(coarse, (48, 48), interpolation=cv2.INTER_CUBIC)
    noisy = np.clip(pixels + rng.normal(0, 6, pixels.shape), 0, 255).astype(np.uint8)
    return cv2.imencode(".webp", noisy, [cv2.IMWRITE_WEBP_QUALITY, 50])[1].tobytes()


def drawn(count):
    """Two networks of a cascade and their answers; the second speaks of what the first flags."""
    rng = np.random.default_rng(0)
    risk, shares = rng.beta(1, 6, count), rng.dirichlet((1, 1, 1), count)
    far, looks = rng.lognormal(-0.35, 0.2, count), [small(rng) for _ in range(200)]
    ranked = np.sort(rng.random(1000))
    meaning = tuple(
        reliability(
            ranked > rng.random(1000) if code else ranked < rng.random(1000), of, 10, "mass"
        )
        for code, of in enumerate((1 - ranked, ranked))
    )
    speakers = [
        Speaker("flag", ("benign", "malignant"), 0.3, meaning),
        Speaker("kind", KINDS, None),
    ]
    pictures = []
    for at in range(count):
        name = HOSTILE if at == 77 else f"folder/picture_{at:05d}"
        on, which = risk[at] >= 0.3, int(shares[at].argmax())
        first = Said([1 - risk[at], risk[at]], 1, f"overlays/{at}_flag.png")
        second = Said(shares[at].tolist(), which, f"overlays/{at}_kind.png") if on else None
        decision = KINDS[which] if on else "benign"
        pictures.append(Pictured(name, decision, [first, second], float(far[at]), looks[at % 200]))
    return Prediction("mine", speakers, pictures, "flag", [])


@pytest.fixture(scope="module")
def prediction():
    return drawn(PICTURES)


@pytest.fixture(scope="module")
def file(prediction, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "predictions.html"
    began = time.monotonic()
    path.write_text(page(prediction), encoding="utf-8")
    print(f"\n{path.stat().st_size / 1e6:.1f} MB, written in {time.monotonic() - began:.1f} s")
    (path.parent / "overlays").mkdir()
    for at in range(PICTURES):
        if prediction.pictures[at].said[0].probability[1] > 0.6 or at == 77:
            for name in ("flag", "kind"):
                picture = np.full((8, 8, 3), 90, np.uint8)
                assert cv2.imwrite(str(path.parent / "overlays" / f"{at}_{name}.png"), picture)
    return path


def names(tab):
    return tab.locator("#rows .open").all_text_contents()


def state(tab):
    return tab.inner_text("#state")


@pytest.mark.slow
def test_ten_thousand_pictures_open_page_filter_and_sort(prediction, file):
    pictures = prediction.pictures
    by_score = sorted(pictures, key=lambda one: (-one.said[0].probability[1], one.name))
    with chromium() as browser:
        tab, said, asked = browser.new_page(), [], []
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.on("request", lambda request: asked.append(request.url))
        began = time.monotonic()
        tab.goto(file.as_uri())
        tab.wait_for_selector("body[data-ready]")
        print(f"ready in {time.monotonic() - began:.1f} s")
        assert file.stat().st_size < 15e6

        assert names(tab) == [one.name for one in by_score[:50]]  # the highest scores first
        assert state(tab) == "Rows 1 to 50 of 10,000."
        tab.click("[data-go=next]")
        assert names(tab) == [one.name for one in by_score[50:100]]
        tab.click("[data-go=last]")
        assert state(tab) == "Rows 9,951 to 10,000 of 10,000."
        assert tab.is_disabled("[data-go=next]")
        tab.select_option("#size", "200")
        assert len(names(tab)) == MOST

        tab.fill("#name", "PICTURE_0012")
        assert state(tab) == "Rows 1 to 10 of 10, chosen from 10,000 pictures."
        tab.click("th[data-by=name] button")
        assert names(tab) == [f"folder/picture_0012{at}" for at in range(10)]
        assert tab.get_attribute("th[data-by=name]", "aria-sort") == "ascending"
        tab.fill("#name", "no such name")
        assert state(tab) == "None of 10,000 pictures is so."
        tab.fill("#name", "")

        decided = json.loads(tab.text_content("#content"))["decisions"]
        assert decided == sorted(["NV", "MEL", "<b>BCC</b>", "benign", "unlike: not judged"])
        tab.select_option("#decision", label=_option(pictures, "MEL"))
        mel = [one for one in pictures if one.decided == "MEL"]
        assert f" of {len(mel):,}, chosen" in state(tab)
        tab.select_option("#decision", "")
        tab.check("#unlike")
        far = sorted((one for one in pictures if one.distance > 1), key=lambda one: -one.distance)
        assert f" of {len(far):,}, chosen" in state(tab)
        tab.click("th[data-by=distance] button")
        assert names(tab)[:20] == [one.name for one in far[:20]]
        tab.uncheck("#unlike")
        tab.click('th[data-by="1"] button')  # who was not asked stands last, either way
        assert tab.locator("#rows tr:not(.more) td:nth-child(4)").first.inner_text() != "–"
        tab.click('th[data-by="1"] button')
        assert tab.locator("#rows tr:not(.more) td:nth-child(4)").first.inner_text() != "–"

        assert [url for url in asked if not url.startswith("data:")] == [file.as_uri()]
        assert said == []
        tab.close()


def _option(pictures, decision):
    return f"{decision} ({sum(1 for one in pictures if one.decided == decision)})"


@pytest.mark.slow
def test_a_picture_opens_by_the_keyboard_and_a_hostile_name_is_text(prediction, file):
    with chromium() as browser:
        tab, said, asked = browser.new_page(), [], []
        tab.on("console", lambda message: said.append(message.text))
        tab.on("request", lambda request: asked.append(request.url))
        tab.goto(file.as_uri())
        tab.wait_for_selector("body[data-ready]")
        tab.fill("#name", "onerror")
        assert names(tab) == [HOSTILE]
        for _ in range(20):
            tab.keyboard.press("Tab")
            if tab.evaluate("document.activeElement.classList.contains('open')"):
                break
        tab.keyboard.press("Enter")
        assert tab.locator(".open").get_attribute("aria-expanded") == "true"
        one = prediction.pictures[77].said[0].probability[1]
        words = tab.inner_text(".stages")
        [where] = [
            bin_ for bin_ in prediction.speakers[0].meaning[1]
            if bin_["n"] and bin_["low"] <= one <= bin_["high"]
        ]  # fmt: skip
        assert f"Of {where['n']:,} rows that the run held out and scored like this" in words
        assert f"{where['positives']} were malignant: about " in words
        assert tab.evaluate("document.querySelector('.stages img').naturalWidth") == 8
        tab.wait_for_function("document.querySelector('.stages img').complete")
        assert tab.title() == "mine · dermstack prediction"
        assert tab.locator("#rows b, #rows script").count() == 0
        own = [url for url in asked if not url.startswith("data:")]
        assert all(url.startswith(file.parent.as_uri()) for url in own)
        assert said == []
        tab.emulate_media(media="print")
        [below] = tab.evaluate(
            "[...document.styleSheets[0].cssRules].filter((r) => r instanceof CSSPageRule)"
            ".map((r) => r.cssText)"
        )
        assert "Not a medical device: a research tool, which gives no diagnosis." in below
        assert not tab.is_visible(".foot")  # what lies fixed there would cover rows
        tab.close()


def test_the_block_of_rows_ends_nowhere_but_at_its_end(prediction):
    few = Prediction("</script>", prediction.speakers, prediction.pictures[70:80], "flag", [])
    text = page(few)
    block = text.partition('id="content">')[2].partition("</script>")[0]
    rows = json.loads(block)["rows"]
    assert [row[0] for row in rows] == [one.name for one in few.pictures]
    assert "<h1>&lt;/script&gt;</h1>" in text
    assert text.count("<script") == 2
