import re

import pytest

from reports.cases.section import CaseSheets, ordinal, sections
from reports.pages.elements import Head
from reports.pages.page import page
from tests.unit.reports.test_report import Page

HOSTILE = ("<script>alert(1)</script>", "{{7*7}}", '"><img src=x onerror=alert(1)>')
MOVING = {
    "why": "", "rows": 10,
    "columns": [
        {"column": "les_x", "mean_size": 0.5, "ordered": True, "missing": 0, "fifths": [
            {"n": 2, "middle": at, "mean": at - 2, "low": at - 3, "high": at - 1}
            for at in range(5)
        ]},
        {"column": "cat_y", "mean_size": 0.25, "ordered": False, "missing": 1, "fifths": [
            {"n": 9, "middle": 1, "mean": 0.25, "low": 0, "high": 0.5}
        ]},
    ],
}  # fmt: skip
PLACES = {
    "group": "patient", "k": 15, "positives": 4, "patients": 3, "share": 5 / 6,
    "within": [[1, 1], [15, 3], [30, 4]],
}  # fmt: skip


def case(name="ISIC_1", **changes):
    known = {
        "id": name, "fold": 2, "score": 0.125, "target": 1, "told": [["age", "55"]],
        "place": {"place": 3, "of": 23, "percentile": 90.9},
        "others": [{"id": "ISIC_2", "score": 0.75, "target": 0, "picture": "data:image/jpeg;x"}],
        "explained": {
            "beginning": -2.0, "log_odds": -1.0, "others": 7,
            "columns": [{"column": "les_x", "value": "1.5", "added": 1.5}],
        },
        "picture": "data:image/jpeg;base64,AAAA", "heat": None,
    }  # fmt: skip
    return known | changes


def drawn(cases=None, *, places=PLACES, moving=MOVING, blend=None):
    head = Head("title", "", "", (), ())
    return page(head, sections(CaseSheets(moving, places, cases), blend))


def shown(*missed, alarms=(), network="stage1", lacks=()):
    return {
        "kinds": {"missed": missed, "alarms": list(alarms)}, "network": network,
        "lacks": list(lacks),
    }  # fmt: skip


def test_a_case_says_where_it_stands_and_what_moved_it():
    text = drawn(shown(case()))
    found = Page(text).text
    assert "91st percentile of this patient's 23 lesions, place 3 of 23." in found
    assert "Score 0.1250, held out by fold 2." in found
    assert "The patient's other lesions by score (1 highest of 22)." in found
    assert "Age 55." in found
    assert "Patient" not in found
    ill = case(patient="IP_7", others=[{"id": "a", "score": 0.9, "target": 1, "picture": None}])
    red = Page(drawn(shown(ill))).text
    assert "by score (1 highest of 22); in red the positives." in red
    assert "Patient IP_7." in red
    assert " 0.7500 positive" not in found
    other = case(others=[case()["others"][0] | {"target": 1}])
    assert " 0.7500 positive" in Page(drawn(shown(other))).text
    assert "+1.50" in found
    assert "7 other columns: -0.500" in text  # the rest of the way from -2 to -1
    assert "where it looked of" not in text
    assert 'alt="picture of ISIC_1"' in text
    assert "stage1 of the fold that held the lesion out" in found
    assert "False alarms" not in found  # there is none


def test_without_a_place_a_picture_or_an_explanation_the_rest_is_said():
    only = case(place={"place": 1, "of": 1, "percentile": None}, others=[], picture=None)
    found = drawn(shown(only, network=None, lacks=["No picture is shown: why."]))
    assert "This patient&#39;s only lesion." in found
    assert "No picture is shown: why." in found
    assert "<img" not in found
    bare = Page(drawn(shown(case(place=None, explained=None, told=[])))).text
    assert "percentile" not in bare
    assert "Age" not in bare


def test_where_nobody_may_be_shown_sums_stand_alone():
    text = drawn(None)
    found = Page(text).text
    assert (
        "No single lesion, picture or patient is shown: pages of these data may not, unless the "
        "recipe says report.pictures = true." in found
    )
    assert "<img" not in text
    assert "83.3% of theirs are among these" in found
    assert "the first 15 3 75.0%" in found
    assert "around 4: +2.000 (2 rows)" in text


def test_the_patients_with_the_worst_places_are_named_where_the_sheet_has_them():
    worst = {"worst": [{"patient": "IP_1", "of": 96, "place": [2, 50.5]}]}
    found = Page(drawn(shown(), places=PLACES | worst)).text
    assert "IP_1 96 2, 50.5" in found
    lesions = Page(drawn(shown(case()), places=PLACES | {"group": "lesion"})).text
    assert "Top 15" not in lesions  # of the pictures of one lesion it says nothing
    assert "91st percentile of this lesion's 23 pictures, place 3 of 23." in lesions
    assert "The lesion's other pictures by score (1 highest of 22)" in lesions


def test_bars_are_as_long_as_what_was_added():
    columns = [{"column": name, "value": "1", "added": a} for name, a in (("a", -2.0), ("b", 1.0))]
    explained = {"beginning": 0.0, "log_odds": -1.0, "others": 0, "columns": columns}
    text = drawn(shown(case(explained=explained)), moving={"why": "", "rows": 0, "columns": []})
    bars = re.findall(
        r'class="bar(?: less)?" style="width: ([\d.]+)rem"', text.partition('id="cases"')[2]
    )
    assert [float(one) for one in bars] == [4.2, 2.1]


def test_a_blend_and_what_is_not_explained_are_said():
    assert "is rank_average, a blend." in drawn(shown(case()), blend="rank_average")
    assert "Why not." in drawn(None, moving={"why": "Why not.", "rows": 0, "columns": []})


@pytest.mark.parametrize("name", HOSTILE)
def test_what_a_stranger_wrote_comes_out_as_text(name):
    worst = {"worst": [{"patient": name, "of": 2, "place": [1]}]}
    columns = [{"column": name, "value": name, "added": 1.0}]
    explained = {"beginning": 0.0, "log_odds": 1.0, "others": 0, "columns": columns}
    text = drawn(
        shown(case(name, told=[["site", name]], explained=explained)), places=PLACES | worst
    )
    found = Page(text)
    assert [tag for tag, _ in found.tags].count("script") == 1  # page.js
    assert not any("onerror" in attributes for _, attributes in found.tags)
    assert f"Site {name}." in found.text
    assert found.text.count(name) >= 5


def test_numbers_in_order():
    said = [ordinal(n) for n in (0, 1, 2, 3, 4, 11, 12, 13, 21, 22, 100, 101, 111)]
    assert said == [
        "0th", "1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "100th",
        "101st", "111th",
    ]  # fmt: skip
