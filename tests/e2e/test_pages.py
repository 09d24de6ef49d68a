"""Pages in a real browser: nothing leaves, nothing foreign runs, all can be reached and moved."""

import numpy as np
import pytest

from metrics.operating import WITH_PREVALENCE, at_threshold
from reports.curves.explorer import one_digit
from tests.browser import axe, chromium, faults
from tests.pages import HOSTILE, MIN_TPR, PAGES, rows

REACHED = 'a[href], button, input, summary, [tabindex="0"]'
CELLS = {"hits": "tp", "missed": "fn", "alarms": "fp", "spared": "tn"}
BUNDLE_SAYS = "This browser cannot run the network"
MOVE = """
(slider, at) => { slider.value = at; slider.dispatchEvent(new Event("input")); }
"""
SHOWN = """
() => Object.fromEntries([...document.querySelectorAll(".explorer data")].map((data) =>
  [data.dataset.name ?? data.parentNode.dataset.cell, Number(data.value)]))
"""


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    for name, drawn in PAGES.items():
        (folder / f"{name}.html").write_text(drawn(), encoding="utf-8")
    return folder


@pytest.fixture
def opened(browser, files):
    """Opens a page; what it complained of and asked for is looked at when the test is over."""
    tabs = []

    def open_page(name, **context):
        tab = browser.new_context(**context).new_page()
        said, asked = [], []
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.on("request", lambda request: asked.append(request.url))
        tab.goto((files / f"{name}.html").as_uri())
        tabs.append((tab, said, asked))
        return tab

    yield open_page
    for tab, said, asked in tabs:
        assert said == []
        kept = ("file://", "data:", "blob:")
        assert [url for url in asked if not url.startswith(kept)] == []
        assert len([url for url in asked if url.startswith("file://")]) == 1
        tab.context.close()


@pytest.mark.parametrize("name", PAGES)
def test_hostile_texts_come_out_as_texts(opened, name):
    tab = opened(name)
    if name == "bundle":
        tab.wait_for_selector(f"#state:text('{BUNDLE_SAYS}')")
    text = tab.evaluate("document.body.textContent")
    for hostile in HOSTILE:
        assert hostile in text
    assert tab.evaluate("window.hit") is None
    assert "49" not in tab.title()
    assert tab.locator("img[src=x]").count() == 0


def expected(threshold, prevalence):
    target, score = rows()["target"].to_numpy(), rows()["score"].to_numpy()
    point = at_threshold(target, score, threshold, prevalence)
    values, there = point["values"], point["at_prevalence"] or point["values"]
    counts = point["counts"]
    common = point["positives"] / point["n"] if prevalence is None else prevalence
    missed = 1000 * common * (counts["fn"] / point["positives"])
    known = {name: there[name] for name in WITH_PREVALENCE if name != "f1"}
    return {
        "threshold": threshold, "sensitivity": values["sensitivity"],
        "specificity": values["specificity"], **known, "missed_per_1000": missed,
        **{name: counts[of] for name, of in CELLS.items()},
    }  # fmt: skip


@pytest.mark.parametrize("per_1000", [None, "1", "0.98", "250"])
def test_the_slider_moves_numbers_to_what_the_metrics_room_computes(opened, per_1000):
    tab = opened("report")
    slider = tab.locator("#threshold")
    score, target = rows()["score"].to_numpy(), rows()["target"].to_numpy()
    steps = np.unique(score[target == 1])
    assert int(slider.get_attribute("max")) == len(steps) - 1  # every step of the curve
    first = tab.evaluate(SHOWN)
    assert first["sensitivity"] >= MIN_TPR > first["sensitivity"] - 1.5 / target.sum()
    if per_1000 is not None:
        tab.fill("#prevalence", per_1000)
    prevalence = None if per_1000 is None else float(per_1000) / 1000
    for at, threshold in enumerate(steps):
        slider.evaluate(MOVE, at)
        shown = tab.evaluate(SHOWN)
        wanted = expected(float(threshold), prevalence)
        assert shown.keys() == wanted.keys()
        for name, value in wanted.items():
            exact = name != "missed_per_1000"  # the metrics room has no such value
            assert shown[name] == (value if exact else pytest.approx(value, rel=1e-12)), name


def test_what_is_read_is_what_is_computed(opened):
    tab = opened("report")
    tab.locator("#threshold").evaluate(MOVE, 0)
    [threshold, found] = [tab.evaluate(SHOWN)[name] for name in ("threshold", "hits")]
    assert found == rows()["target"].sum()
    said = tab.inner_text(".explorer .said-of")
    assert said.startswith(f"From {threshold:.4g} on, 100.0% of the cancers are found (100 of 100)")
    assert tab.get_attribute("#threshold", "aria-valuetext") == f"{threshold:.4g}, finds 100.0%"
    assert tab.get_attribute(".explorer .said-of", "aria-live") == "polite"
    values = expected(threshold, None)
    shown = tab.inner_text('.explorer [data-name="ppv"]')
    assert shown == f"{values['ppv']:.1%}"


def test_the_slider_rounds_as_the_table_does(opened):
    tab = opened("report")
    for at, threshold in enumerate(rows().filter(target=1)["score"].unique().sort()):
        tab.locator("#threshold").evaluate(MOVE, at)
        values = expected(float(threshold), None)
        for name in ("flagged_per_1000", "biopsies_per_cancer", "missed_per_1000"):
            shown = tab.inner_text(f'.explorer [data-name="{name}"]')
            assert shown == one_digit(values[name]), name
        for name in ("specificity", "ppv", "npv"):
            shown = tab.inner_text(f'.explorer [data-name="{name}"]')
            assert shown == f"{one_digit(100 * values[name])}%", name


def test_a_prevalence_that_is_none_is_refused_and_the_data_s_own_comes_back(opened):
    tab = opened("report")
    before = tab.evaluate(SHOWN)
    for wrong in ("0", "1000", "-3", ""):
        tab.fill("#prevalence", "500")
        half = tab.evaluate(SHOWN)
        assert half["ppv"] != before["ppv"]
        tab.fill("#prevalence", wrong)
        assert tab.get_attribute("#prevalence", "aria-invalid") == "true"
        assert tab.inner_text("#prevalence-said").startswith("Name a number above 0")
        assert tab.evaluate(SHOWN) == half
    tab.click(".explorer button")
    assert tab.get_attribute("#prevalence", "aria-invalid") == "false"
    assert tab.inner_text("#prevalence-said") == ""
    assert tab.evaluate(SHOWN) == before


def column(table, at):
    cells = "[...table.querySelectorAll('tbody tr')].map((row) => row.cells[at])"
    value = "cell.querySelector('data')?.value ?? cell.firstChild?.textContent.trim()"
    return table.evaluate(f"(table, at) => {cells}.map((cell) => {value})", at)


def ways(head):
    return head.get_attribute("aria-sort")


def test_tables_sort_by_number_and_by_name_and_turn_back(opened):
    tab = opened("report")
    table = tab.locator("#importances table")
    as_it_was = column(table, 0)
    name, shap = table.locator("th").nth(0), table.locator("th").nth(1)
    shap.locator("button").click()
    numbers = [float(value) for value in column(table, 1)]
    assert numbers == sorted(numbers, reverse=True)
    assert (ways(name), ways(shap)) == (None, "descending")
    shap.locator("button").click()
    assert [float(value) for value in column(table, 1)] == sorted(numbers)  # 10 after 9
    name.locator("button").click()
    assert column(table, 0) == [f"pz_{k}" for k in range(12)]  # pz_10 after pz_9
    assert (ways(name), ways(shap)) == ("ascending", None)
    for _ in range(2):
        name.locator("button").click()
    assert column(table, 0) == as_it_was
    assert ways(name) is None


def test_what_has_no_number_stands_last_either_way(opened):
    tab = opened("report")
    table = tab.locator("#subgroups table")
    head = table.locator("th").filter(has_text="pAUC").first
    at = head.evaluate("head => head.cellIndex")
    numbers = [float(value) for value in column(table, at) if value != "–"]
    none = column(table, at).count("–")
    assert min(len(numbers), none) > 0
    for way in ("descending", "ascending"):
        head.locator("button").click()
        in_order = sorted(numbers, reverse=way == "descending")
        assert column(table, at) == [*map(repr, in_order), *["–"] * none]


def test_sums_stay_below_and_short_tables_have_no_buttons(opened):
    tab = opened("report")
    table = tab.locator("#by-fold table")
    sums = ["mean", "standard deviation", "pooled"]
    assert column(table, 0) == ["0", "1", "2", "3", *sums]
    for _ in range(2):
        table.locator("th button").last.click()
    assert column(table, 0)[4:] == sums
    found = [float(value) for value in column(table, -1 + table.locator("th").count())[:4]]
    assert found == sorted(found)
    assert column(table, 0)[:4] != ["0", "1", "2", "3"]
    assert tab.locator("#scores table").first.locator("button").count() == 0  # of two scores


def test_a_suite_sorts_whole_experiments_and_opens_them(opened):
    tab = opened("suite")
    numbers = tab.locator("tr.one > td:first-child")
    assert numbers.all_inner_texts() == ["02", "01", "or"]
    heads = tab.locator(".board > thead th")
    assert heads.nth(2).get_attribute("aria-sort") == "descending"
    heads.nth(2).locator("button").click()  # it stood descending: it is turned
    assert numbers.all_inner_texts() == ["01", "02", "or"]  # what has none stays last
    assert not tab.locator("tr.more").first.is_visible()
    tab.locator("tbody", has=tab.locator("td", has_text="02")).locator(".open").first.click()
    assert tab.locator("tr.more:visible").count() == 1
    heads.nth(0).locator("button").click()
    assert tab.locator("tr.more:visible").count() == 1  # it came along


@pytest.mark.parametrize("name", ["report", "suite", "look_alikes"])
def test_a_keyboard_alone_reaches_everything(opened, name):
    tab = opened(name)
    visible = f"[...document.querySelectorAll('{REACHED}')].filter((one) => one.checkVisibility())"
    number = tab.evaluate(f"{visible}.length")
    order = []
    for _ in range(number):
        tab.keyboard.press("Tab")
        order.append(tab.evaluate(f"{visible}.indexOf(document.activeElement)"))
    assert order == list(range(number))  # each once, as they are read
    assert number > 2


def test_a_keyboard_alone_moves_everything(opened):
    tab = opened("report")
    tab.focus("#threshold")
    before = tab.evaluate(SHOWN)
    tab.keyboard.press("ArrowRight")
    after = tab.evaluate(SHOWN)
    assert after["threshold"] > before["threshold"]
    assert after["hits"] < before["hits"]
    tab.keyboard.press("Home")
    assert tab.evaluate(SHOWN)["missed"] == 0
    tab.keyboard.press("Tab")
    tab.keyboard.press("Control+A")
    tab.keyboard.type("500")
    assert tab.evaluate(SHOWN)["ppv"] > before["ppv"]
    tab.focus("#importances th button")
    tab.keyboard.press("Enter")
    assert tab.get_attribute("#importances th >> nth=0", "aria-sort") == "ascending"
    folded = tab.locator("details").first
    folded.locator("summary").focus()
    tab.keyboard.press("Enter")
    assert folded.get_attribute("open") is not None


@pytest.mark.parametrize("name", PAGES)
def test_a_phone_need_not_scroll_sideways(opened, name):
    tab = opened(name, viewport={"width": 390, "height": 800})
    assert tab.evaluate("document.documentElement.scrollWidth") == 390


def test_without_scripts_all_can_be_read_and_nothing_pretends(opened):
    tab = opened("report", java_script_enabled=False)
    assert not tab.locator(".explorer").is_visible()
    assert tab.locator("#thresholds table").last.locator("td").first.inner_text() == "60%"
    assert tab.locator("th button").count() == 0
    board = opened("suite", java_script_enabled=False)
    assert board.locator("tr.more:visible").count() == 3


def test_print_is_dark_on_white_whatever_the_screen_is(opened):
    colours = (
        "(({ color, backgroundColor }) => [color, backgroundColor])"
        "(getComputedStyle(document.body))"
    )
    tab = opened("report", color_scheme="dark")
    assert tab.evaluate(colours) == ["rgb(232, 236, 234)", "rgb(20, 25, 27)"]
    tab.emulate_media(media="print")
    assert tab.evaluate(colours) == ["rgb(29, 35, 39)", "rgb(255, 255, 255)"]


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", PAGES)
def test_an_accessibility_check_finds_nothing_grave(opened, name, width, scheme):
    script = axe()
    tab = opened(name, color_scheme=scheme, viewport={"width": width, "height": 900})
    for folded in tab.locator("details").all():
        folded.evaluate("one => { one.open = true; }")
    for row in tab.locator("button.open").all():
        row.click()
    if name == "bundle":
        tab.wait_for_selector(f"#state:text('{BUNDLE_SAYS}')")
    assert faults(tab, script) == []
