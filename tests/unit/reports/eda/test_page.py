"""The page: every text of the data is escaped, and nothing on it can be fetched or run."""

import re

import pytest

from reports.eda.page import eda_page
from reports.eda.shown import Cell, Shown, Thumb
from tests.unit.reports.eda.test_so import quotes

EVIL = '"><img onerror=x src=//a>{{7*7}}<script>x</script>'
PICTURE = "data:image/jpeg;base64,AAAA"


def interval(value=0.25):
    return {"value": value, "low": 0.1, "high": 0.4, "unit": "patient", "patients": 30,
            "level": 0.95, "replicates": 500, "reason": None}  # fmt: skip


def share(level="all rows"):
    return {"level": level, "n": 40, "positives": 10, "patients": 20,
            "patients_with_positive": 9, "share": interval()}  # fmt: skip


def words(name):
    elsewhere = {"n": 20, "positives": 5, "auc": interval(0.61)}
    return {"name": name, "distinct": 1, "levels": [share(name)], "elsewhere": elsewhere}


def alone(**more):
    return {"n": 40, "positives": 10, "larger": True, "auc": interval(0.75), "other": None,
            "gain": None, "reason": None, **more}  # fmt: skip


def sheet(text="plain", **more):
    spread = {"n": 40, "quantiles": [1.0] * 5, "distinct": 2, "edges": [0.0, 1.0],
              "negatives": [30], "positives": [10]}  # fmt: skip
    lacking = {"column": text, "kind": "core", "missing": 3, "n": 40}
    return {
        "name": text, "about": text, "synthetic": False, "recipe": quotes(),
        "looked_at": {"rows": 40, "positives": 10, "groups": 20, "group": "patient", "left": {},
                      "every_row": True, "limited": None, "replicates": 500, "level": 0.95},
        "share": share(), "dropped": [text], "columns": 3, "compared": True,
        "diagnoses": [{"diagnosis": text, "n": 40, "positives": 10, "groups": 20}],
        "lacking": [{**lacking, "without": share(), "having": None}],
        "groups": {"median": 2.0, "largest": 9, "sizes": [share("2")],
                   "positives": [{"positives": 1, "groups": 10, "rows": 20, "of_positives": 10}]},
        "hospitals": words(text),
        "pictures": {"n": 40, "shapes": 1, "drawn": 40, "measured": [
            {"name": "width", "spread": spread, "alone": alone()}], "tints": [
            {"target": 1, "hospital": text, "n": 10, "colour": [200.0, 1.0, 2.0],
             "brightness": [1.0, 2.0, 3.0]}]},
        "numbers": [alone(name=text, missing=0, other=interval(0.7), gain=interval(-0.05))],
        "words": [words(text)],
        "correlations": {"n": 40, "names": [text, "b"], "matrix": [[1.0, 0.99], [0.99, 1.0]],
                         "above": 0.95, "pairs": [[text, "b", 0.99]]},
        "pairs": {"compared": 40, "look_alikes": 2, "shown": [[text, "b", "near", 0.9]],
                  "kinds": [{"kind": "near", "pairs": 1, "across": 0, "between": 0}]},
        **more,
    }  # fmt: skip


def shown(text="plain"):
    return Shown((Cell(text, (Thumb(text, PICTURE),)),), {text: PICTURE, "b": PICTURE})


def test_every_text_is_escaped_and_nothing_can_be_fetched_or_run():
    page = eda_page(sheet(EVIL), shown(EVIL))
    written = page.partition("<body>")[2].partition("</main>")[0]  # the page's own scripts follow
    assert "<script" not in written
    assert "<img onerror" not in written
    assert written.count("{{7*7}}") == written.count("&lt;script&gt;x&lt;/script&gt;") > 15
    assert not re.findall(r'(?:src|href)="(?!data:|#)', page)
    assert "default-src 'none'" in page


def test_every_section_has_its_one_line_of_what_it_led_to():
    page = eda_page(sheet(), shown())
    sections = re.findall(r'<section id="(\w+)">(.*?)</section>', page, re.DOTALL)
    assert len(sections) == 13
    assert [body.count('class="note so"') for _, body in sections] == [1] * 13


def test_pictures_that_may_not_be_seen_leave_no_id_either():
    pairs = {**sheet()["pairs"], "shown": [["ISIC_0000001", "b", "near", 0.9]]}
    page = eda_page(sheet(pairs=pairs), None)
    assert "ISIC_0000001" not in page
    assert page.count("SET=&#34;report.pictures=true&#34;") == 2  # the sheet and the pairs


def test_a_page_with_pictures_of_people_says_that_it_shows_them():
    keep = "Keep it where the data are"
    assert keep in eda_page(sheet(), shown())
    assert keep not in eda_page(sheet(synthetic=True), shown())
    assert "Synthetic data." in eda_page(sheet(synthetic=True), shown())


def test_a_rehearsal_is_called_one():
    looked = {**sheet()["looked_at"], "limited": 40}
    assert "A rehearsal on 40 rows (data.limit)" in eda_page(sheet(looked_at=looked), None)
    assert "A rehearsal" not in eda_page(sheet(), None)


def test_what_is_left_aside_is_said():
    left = {"the source's test": 7, "sides that folds hold out": 9}
    looked = {**sheet()["looked_at"], "left": left, "every_row": False}
    page = eda_page(sheet(looked_at=looked), None)
    assert "7 rows of the source&#39;s test and 9 rows of sides that folds hold out are" in page
    assert "Under cross-validation" not in page


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        ({"numbers": []}, "The source has no column of numbers."),
        ({"words": []}, "The source has no column of words."),
        ({"correlations": None}, "There are not two columns of numbers"),
        ({"lacking": []}, "No column lacks a value."),
        ({"lacking": [], "columns": 0}, "There is no clinical column"),
        ({"hospitals": None}, "The source names no hospital, or one alone"),
    ],
)
def test_a_part_that_makes_no_sense_says_why(part, sentence):
    assert sentence in eda_page(sheet(**part), None)
