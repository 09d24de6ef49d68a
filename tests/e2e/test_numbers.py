"""Every number of a run's report and model card is one of its sheets: none was typed."""

import json
import re

import pytest

from metrics.rates import stated_rate
from pipeline.run_units import ASIDE
from tests.multimodal import call
from tests.numbers import Known, Shown, wrong_of_page, wrong_of_text
from workspace.errors import DataError

CHECKLISTS = "## TRIPOD+AI"  # from here on numbers are of items; tests of the card know them
# Sections whose numbers are counted for the page alone; these tests hold them by value:
# the explorer's in e2e/test_pages.py, places in unit/reports/cases, sums of seconds below.
ELSEWHERE = frozenset({"thresholds", "places", "cases", "curves"})
RATES = ("accuracy", "recall")  # columns that are k of the row's n


@pytest.fixture(scope="module")
def out(multimodal, tmp_path_factory):
    """What is drawn of the run, which stays as it is."""
    folder = tmp_path_factory.mktemp("shown")
    call(multimodal, "report", "--out", str(folder))
    return folder


@pytest.fixture(scope="module")
def shown(out):
    """Page and card."""
    folder = out / "report"
    return (folder / "report.html").read_text(), (folder / "model_card.md").read_text()


@pytest.fixture(scope="module")
def known(multimodal, out):
    """What the run's files say, the seconds that they add up to, and the cases of the page."""
    found = Known.of(multimodal.run)
    for path in (out / "cases").glob("*.json"):
        found.take(json.loads(path.read_text()))
    counted = spent(multimodal.run) | shares_of_rows(multimodal.run)
    return Known(found.values | counted, found.ends, found.words)


def shares_of_rows(run):
    """What of each true class was called what, as a confusion matrix says it in small type."""
    found = set()
    for path in run.rglob("metrics.json"):
        for one in confusions(json.loads(path.read_text())):
            found |= {count / sum(row) for row in one["counts"] if sum(row) for count in row}
    return found


def confusions(sheet):
    if isinstance(sheet, dict):
        for key, value in sheet.items():
            yield from [value] if key == "confusion" else confusions(value)


def spent(run):
    """Seconds of all units by stage, by part (all folds of one), and of all stages."""
    made = {path.parent: json.loads(path.read_text()) for path in run.rglob("manifest.json")}
    made = {at: one for at, one in made.items() if at.relative_to(run).parts[0] not in ASIDE}
    by = {}
    for folder, one in made.items():
        part = re.sub(r"(_fold_.*|/[a-z_]+_\d{5})+$", "", folder.relative_to(run).as_posix())
        for key in (one["stage"], (one["stage"], part), "all"):
            by.setdefault(key, []).append(one["seconds"])
    return {round(sum(some), 3) for some in by.values()} | {sum(some) for some in by.values()}


def wrong_numbers(page, known):
    return [one for one in wrong_of_page(page, known) if one[0] not in ELSEWHERE]


def test_every_number_of_the_report_is_in_a_file_of_the_run(shown, known):
    page, _ = shown
    read = Shown(page, known.words)
    assert len(read.exact) > 150
    assert len([one for one in read.exact if one[3]]) > 100  # with an interval
    assert wrong_numbers(page, known) == []


def test_every_number_of_the_card_is_in_a_file_of_the_run(shown, known):
    _, card = shown
    text, _, _ = card.partition(CHECKLISTS)
    assert len(re.findall(r"\d\.\d{4}", text)) > 150
    assert wrong_of_text(text, known) == []


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("</h2>", "</h2><p>Found in 123,457 rows.</p>", "123,457"),
        ("</h2>", '</h2><data value="0.5123">0.5123</data>', "0.5123 (0.5123)"),
        ("</h2>", "</h2><p>its AUC is 0.98765</p>", "0.98765"),
        ("</h2>", "</h2><p>0.0001 to 0.9999</p>", "0.0001"),
    ],
)
def test_a_number_that_somebody_types_into_the_page_is_seen(shown, known, old, new, found):
    page, _ = shown
    assert found in [one[1] for one in wrong_numbers(page.replace(old, new, 1), known)]


def test_a_value_rounded_wrongly_and_another_s_interval_are_seen(shown, known):
    page, _ = shown
    read = [one for one in Shown(page, known.words).exact if one[3]]
    first = next(one for one in read if "." in one[2])
    other = next(one for one in read if one[3] != first[3] and one[1] != first[1])
    value = f'<data value="{first[1]}">{first[2]}</data>'
    assert wrong_numbers(page.replace(value, value.replace(f">{first[2]}", ">9.1234")), known)
    whole = re.compile(re.escape(f"{value}<small>") + r"\s*" + re.escape(first[3]))
    assert whole.search(page)
    assert wrong_numbers(whole.sub(f"{value}<small>{other[3]}", page), known)


def test_a_number_that_somebody_types_into_the_card_is_seen(shown, known):
    text = shown[1].partition(CHECKLISTS)[0]
    typed = text.replace("## Scores", "## Scores\n\nIts AUC is 0.98765 (0.0001 to 0.9999).")
    assert wrong_of_text(typed, known)[:2] == ["0.0001 to 0.9999", "0.98765"]


def tables(page):
    """Heads and rows of every table, as text; a cell without what stands small in it."""
    for table in re.findall(r"<table.*?</table>", page, re.DOTALL):
        heads, *rows = [_cells(part) for part in re.findall(r"<tr.*?</tr>", table, re.DOTALL)]
        yield heads, rows


def _cells(row):
    return [_plain(one) for one in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)]


def _plain(cell):
    return " ".join(re.sub(r"<[^>]*>", " ", re.sub(r"<small>.*?</small>", "", cell)).split())


def stated_rates(page, positives):
    """(share as it is shown, n) of every rate whose n is stated beside it."""
    for heads, rows in tables(page):
        for row in rows:
            cells = dict(zip(heads, row, strict=True))
            n = cells.get("n", "").replace(",", "")
            found = [(cells[name], int(n)) for name in RATES if name in cells and n.isdecimal()]
            flagged = [cells[name] for name in cells if name.startswith("sensitivity, ")]
            found += [(share, positives) for share in flagged]
            yield from ((share, of) for share, of in found if re.fullmatch(r"\d\.\d{4}", share))


def test_every_rate_is_k_of_the_n_beside_it(shown, multimodal):
    sheet = json.loads((multimodal.run / "stack" / "metrics.json").read_text())["stack"]
    rates = list(stated_rates(shown[0], sheet["positives"]))
    assert len(rates) > 15
    for share, n in rates:
        stated_rate(f"{100 * float(share):.2f}", n)


def test_a_rate_that_no_k_comes_to_is_seen(shown):
    [(share, n), *_] = [one for one in stated_rates(shown[0], 64) if one[1] < 1000]
    with pytest.raises(DataError, match="is no k/n"):
        stated_rate(f"{100 * float(share) + 0.03:.2f}", n)
