import pytest

from metrics.support import NO_INTERVAL, NONE_OF_ONE_ANSWER
from reports.table import (
    NOTHING,
    Column,
    Mark,
    Number,
    Table,
    Words,
    broken,
    columns,
    count,
    measure,
    name,
    notices,
    percent,
    plain,
    short,
)

KNOWN = {"value": 0.14942, "low": 0.1124, "high": 0.169}


def test_a_metric_has_every_digit_on_the_page_and_three_on_the_console():
    cell = measure(KNOWN)
    assert cell == Number("0.1494", "0.14942", "0.1124 to 0.1690", short="0.149 0.112-0.169")
    assert cell.brief == "0.149 0.112-0.169"


@pytest.mark.parametrize(
    ("metric", "shown", "brief"),
    [
        ({"value": 0.5, "low": None, "high": None}, "0.5000", "0.500"),
        ({"value": None, "low": None, "high": None}, "undefined", "undefined"),
        ({"value": -0.0123, "low": -0.1, "high": 0.08}, "-0.0123", "-0.012 -0.100..0.080"),
        ({"value": -0.2, "low": -0.3, "high": -0.1}, "-0.2000", "-0.200 -0.300..-0.100"),
    ],
)
def test_a_metric_without_interval_or_value_is_not_made_up(metric, shown, brief):
    cell = measure(metric)
    assert (cell.words if isinstance(cell, Words) else cell.shown) == shown
    assert cell.brief == short(metric) == brief


def test_a_table_says_why_a_number_has_no_interval():
    few = {"value": 0.5, "low": None, "high": None, "reason": NO_INTERVAL}
    alike = {**few, "reason": NONE_OF_ONE_ANSWER}
    enough = {**few, "reason": None}  # none for another reason: one seed, say
    two = columns("a", "b")
    assert Table(two, ((measure(KNOWN), measure(few)),) * 2).note == NO_INTERVAL
    both = Table(two, ((measure(few), measure(alike)),))
    assert both.note == both.console_note == f"{NO_INTERVAL} {NONE_OF_ONE_ANSWER}"
    for others in (KNOWN, enough, None):
        assert Table(two, ((Words("a"), measure(others)),)).note == ""


def test_the_console_says_nothing_of_a_column_that_it_has_no_room_for():
    few = measure({"value": 0.5, "low": None, "high": None, "reason": NO_INTERVAL})
    table = Table((Column("a"), Column("b", page_only=True)), ((measure(KNOWN), few),))
    assert (table.note, table.console_note) == (NO_INTERVAL, "")


def test_what_is_not_there_is_a_dash_on_the_page_and_nothing_on_the_console():
    assert measure(None) == plain(None) == NOTHING
    assert (NOTHING.words, NOTHING.brief) == ("–", "")
    assert (count(None).words, count(None).brief) == ("–", "")
    assert count(None, unknown="-").brief == "-"


def test_counts_have_their_thousands_on_the_page_alone():
    assert count(401_059) == Number("401,059", "401059", short="401059")
    assert count(0).brief == "0"


def test_a_number_without_another_short_form_is_shown_as_it_is():
    assert plain(0.25, share=0.5) == Number("0.2500", "0.25", share=0.5)
    assert plain(0.25).brief == "0.2500"
    assert Mark("LEAK", good=False).brief == "LEAK"
    assert Words("a", short="").brief == ""
    assert Words("a").brief == "a"


def test_a_long_or_odd_name_is_cut_and_escaped_on_the_console_alone():
    odd = "\x1b[31m" + "x" * 50
    assert name(odd).words == odd
    assert name(odd).brief == "\\x1b[31m" + "x" * 29 + "..."


def test_columns_are_whole_unless_they_hold_sentences():
    assert columns("a", "b") == (Column("a"), Column("b"))
    assert [column.whole for column in (*columns("a"), *broken("b"))] == [True, False]
    assert Column("patients", "pat.").brief == "pat."
    assert Column("patients").brief == "patients"


def test_shares_and_notes():
    assert [percent(0.8), percent(0.975), percent(0.0)] == ["80%", "97.5%", "0%"]
    assert notices(["few patients"]) == ["notice: few patients"]
