"""Runs side by side, as the console and the page have them."""

import re

import polars as pl
import pytest

from metrics.score_sheet import ScoreConfig
from metrics.standings import Entry, standings
from reports.console import drawn
from reports.leaderboard import in_order, own_table, page, sentences, tables
from tests.numbers import OF_WORDS, Known, wrong_of_page
from tests.unit.reports.test_report import EVIL, Page

QUICK = ScoreConfig(replicates=100, seeds=(0,))
TARGET = [int(number % 4 == 0) for number in range(120)]


def entry(name, weight, rows=slice(0, 120), by=2):
    score = [number % 7 + float(weight * target) for number, target in enumerate(TARGET)]
    table = pl.DataFrame({
        "id": [f"r{number:03d}" for number in range(120)], "target": TARGET, "score": score,
        "whose": [f"p{number // 2}" for number in range(120)],
        "fold": [number // by % 3 for number in range(120)],
    })  # fmt: skip
    return Entry(name, table[rows])


def sheet(*entries, **changes):
    found = standings(entries, entries[0].name, QUICK)
    more = {"kind": "runs", "recipes": [], "made": [], "notes": {}, "synthetic": []}
    return {**found, **more, **changes}


def rows_of(table):
    return [[cell.brief for cell in row] for row in table.rows]


def test_the_best_stands_first_and_the_reference_is_marked():
    found = sheet(entry("a", 1), entry("b", 4))
    assert in_order(found) == ["b", "a"]
    own, beside = tables(found)[:2]
    counts = ["120", "60", "30"]
    assert [[row[0], *row[-3:]] for row in rows_of(own)] == [["b", *counts], ["a *", *counts]]
    value = found["entries"]["b"]["beside"]["minus"]["pauc"]
    [[name, pauc, _, n, patients, positives, *_]] = rows_of(beside)
    assert (name, n, patients, positives) == ("b", "120", "60", "30")
    between = ".." if value["low"] < 0 else "-"
    assert pauc == f"{value['value']:.3f} {value['low']:.3f}{between}{value['high']:.3f}"


def test_where_rows_differ_no_order_is_made_of_their_scores_and_rows_of_one_are_counted():
    found = sheet(entry("a", 1), entry("b", 4, slice(0, 100)))
    assert in_order(found) == ["a", "b"]
    assert [row[-3] for row in rows_of(own_table(found))] == ["120", "100"]
    [[*_, alone, lacking]] = rows_of(tables(found)[1])
    assert (alone, lacking) == ("0", "20")
    assert any("their own scores do not compare" in words for words in sentences(found))


def test_what_is_to_be_known_before_the_first_is_taken():
    two = sentences(sheet(entry("a", 1), entry("b", 4)))
    assert two == [
        "The best of 2 by its own score is optimistic: chosen on these rows, it will on average "
        "do worse on others, the more so the fewer patients they are. Judge it on rows that had "
        "no say."
    ]
    three = sentences(sheet(entry("a", 1), entry("b", 4), entry("c", 2, by=4)))
    assert three[1] == (
        "2 differences stand here. An interval is of 95% for its own difference; none is corrected "
        "for there being others."
    )
    assert re.match(r"c has other folds than a: \d+ of 120 common rows were held out", three[2])


def test_what_has_no_row_in_common_has_no_difference():
    found = sheet(entry("a", 1, slice(0, 60)), entry("b", 4, slice(60, 120)))
    assert rows_of(tables(found)[1]) == [["b", "no row in common", "", "0", "-", "0", "60", "60"]]


def test_values_that_differ_stand_with_the_reference_first():
    found = sheet(
        entry("b", 1), entry("a", 4), made=[{"what": "commit", "values": {"a": "x", "b": "y"}}],
        recipes=[{"what": "networks.n", "values": {"a": {"lr": 1, "net": {"k": 2, "m": []}}}},
                 {"what": "seeds", "values": {"a": [1, 2], "b": None}}],
    )  # fmt: skip
    recipe, made = tables(found)[2:4]
    assert [column.title for column in recipe.columns] == ["value", "b *", "a"]
    assert rows_of(recipe) == [
        ["networks.n", "not there", "3 values of its own"], ["seeds", "none", "[1, 2]"]
    ]  # fmt: skip
    assert rows_of(made) == [["commit", "y", "x"]]


@pytest.mark.parametrize("kind", ["runs", "submissions"])
def test_the_page_has_every_number_and_no_text_of_a_stranger_as_html(kind):
    found = sheet(
        entry("a", 1), entry(EVIL, 4), kind=kind, notes={EVIL: [f"{{{{7*7}}}} {EVIL}"]},
        recipes=[{"what": EVIL, "values": {"a": EVIL}}],
    )  # fmt: skip
    shown = Page(page(found))
    assert shown.open == []
    assert [tag for tag, _ in shown.tags if tag in ("script", "img")] == ["script"]  # page.js
    assert EVIL in shown.text
    assert "{{7*7}}" in shown.text
    for one in ("a", EVIL):
        for metric in found["entries"][one]["sheet"]["metrics"].values():
            assert repr(metric["value"]) in shown.exact
    minus = found["entries"][EVIL]["beside"]["minus"]["pauc"]["value"]
    assert shown.exact[repr(minus)] == f"{minus:.4f}"
    assert ("What differs" in shown.text) == (kind == "runs")


def test_every_number_of_the_page_is_in_its_sheet():
    found = sheet(entry("a", 1), entry("b", 4, slice(0, 100)), entry("c", 2, by=4))
    known = Known(words=set(OF_WORDS))
    known.take(found)
    assert wrong_of_page(page(found), known) == []
    assert wrong_of_page(page(found).replace("<h2>", "<h2>0.98765 ", 1), known)


def test_what_a_run_says_of_itself_and_drawn_data_stand_above_all():
    found = sheet(entry("a", 1), entry("b", 4), notes={"b": ["It saw all."]}, synthetic=["a"])
    assert "notice: b: It saw all." in tables(found)
    text = Page(page(found)).text
    drawn = text.index("Drawn by 'make sample': a.")
    assert drawn < text.index("b: It saw all.") < text.index("pAUC above")
    assert "Synthetic data." not in text  # b is of people
    assert "Synthetic data." in Page(page({**found, "synthetic": ["a", "b"]})).text


def test_the_console_takes_no_name_for_markup():
    drawn(own_table(sheet(entry("[red]a", 1), entry("[/red]", 4))))
