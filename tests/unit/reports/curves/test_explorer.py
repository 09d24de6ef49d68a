import polars as pl
import pytest

from metrics.operating import at_threshold
from reports.curves.explorer import explorer, one_digit, threshold_table, wanted
from reports.pages.elements import Head, Section
from reports.pages.page import page

ROWS = pl.DataFrame(
    {
        "target": [1, 0, 1, 0, 1, 1, 0, 1, 0, 0],
        "score": [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0],
    }
)


def test_it_stands_where_the_wanted_share_is_found():
    found = explorer(ROWS, 0.8)
    assert found.points == {
        "thresholds": [0.2, 0.4, 0.5, 0.7, 0.9], "tp": [5, 4, 3, 2, 1], "fp": [3, 2, 2, 1, 0],
        "positives": 5, "negatives": 5,
    }  # fmt: skip
    assert found.points["thresholds"][found.at] == 0.4  # 4 of 5
    assert found.per_1000 == 500
    assert explorer(ROWS, 0.0) == found  # a recipe that scores the whole curve


def test_the_table_says_of_each_sensitivity_what_its_threshold_does():
    table = threshold_table(ROWS, wanted(0.8))
    assert [row[0].shown for row in table.rows] == ["60%", "80%", "90%", "95%"]
    second = table.rows[1]
    values = at_threshold(ROWS["target"], ROWS["score"], 0.4)["values"]
    exact = ["0.8", "0.4", "4", "1", "2", *(repr(values[n]) for n in ("specificity", "ppv", "npv"))]
    exact += [repr(values[name]) for name in ("flagged_per_1000", "biopsies_per_cancer")]
    assert [cell.exact for cell in second] == exact
    assert [cell.shown for cell in second[1:]] == [
        "0.4", "4", "1", "2", "60.0%", "66.7%", "75.0%", "600.0", "1.5",
    ]  # fmt: skip


def test_halves_go_up_as_in_the_script():
    rows = pl.DataFrame({"target": [1] + [0] * 16, "score": [0.5] * 16 + [0.1]})
    [row] = threshold_table(rows, [1.0]).rows
    assert row[6].shown == "6.3%"  # the PPV, 1 of 16
    nine = pl.DataFrame({"target": [1] * 4 + [0] * 6, "score": [0.5] * 9 + [0.1]})
    [row] = threshold_table(nine, [1.0]).rows
    assert (row[-1].shown, row[-1].exact) == ("2.3", "2.25")
    assert [one_digit(value) for value in (0.05, 0.25, 0.35, 1234.56, 0.0)] == [
        "0.1", "0.3", "0.3", "1,234.6", "0.0",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("sensitivity", "all_of_them"),
    [(0.0, [0.6, 0.8, 0.9, 0.95]), (0.7, [0.6, 0.7, 0.8, 0.9, 0.95])],
)
def test_the_recipe_s_own_sensitivity_is_among_them(sensitivity, all_of_them):
    assert wanted(sensitivity) == all_of_them


def test_the_page_holds_the_points_and_hides_what_needs_a_script():
    text = page(Head("a", "", "", (), ()), [Section("s", "S", (explorer(ROWS, 0.8),))])
    assert 'data-points=\'{"fp": [3, 2, 2, 1, 0], ' in text
    assert "}' hidden>" in text
    assert 'max="4" step="1" value="1"' in text
    assert 'max="1000" step="any" value="500"' in text
