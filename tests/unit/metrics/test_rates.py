import json
import math

import numpy as np
import pytest
from scipy.stats import binomtest

from metrics.rates import Rate, format_rate, stated_rate
from workspace.errors import DataError


def refused(message, call, *given, **named):
    with pytest.raises(DataError) as error:
        call(*given, **named)
    assert str(error.value) == message


def test_a_rate_is_shown_with_its_count_and_its_interval():
    assert str(Rate(271, 299)) == "271/299 = 90.64 % [86.80, 93.44]"
    assert format_rate(352, 372) == "352/372 = 94.62 % [91.84, 96.49]"
    assert format_rate(352, 372, decimals=1) == "352/372 = 94.6 % [91.8, 96.5]"
    assert format_rate(5, 5, decimals=0) == "5/5 = 100 % [57, 100]"
    assert format_rate(0, 0) == "0/0 = undefined"


def test_exact_halves_are_rounded_up():
    assert Rate(1, 800).percent() == "0.13 %"
    assert Rate(1, 16).percent(1) == "6.3 %"


def test_a_rate_goes_into_json_also_from_numpy():
    rate = Rate(np.int64(32), np.int32(35))
    assert json.loads(json.dumps(rate.as_json())) == {"k": 32, "n": 35, "value": 32 / 35}
    assert Rate(0, 0).as_json() == {"k": 0, "n": 0, "value": None}
    assert Rate(0, 0).interval() is None


@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_the_interval_is_wilsons_score_interval(level):
    for n in (1, 2, 7, 35, 299, 10_000):
        for k in {0, 1, n // 3, n - 1, n}:
            expected = binomtest(k, n).proportion_ci(level, method="wilson")
            low, high = Rate(k, n).interval(level)
            assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-12)
            assert 0 <= low <= k / n <= high <= 1


def test_an_interval_of_86_8_to_93_7_for_271_of_299_is_clopper_and_pearsons():
    exact = binomtest(271, 299).proportion_ci(method="exact")
    assert [f"{100 * end:.1f}" for end in exact] == ["86.8", "93.7"]
    assert [f"{100 * end:.1f}" for end in Rate(271, 299).interval()] == ["86.8", "93.4"]


@pytest.mark.parametrize(
    ("percent", "n", "k"),
    [
        ("90.64", 299, 271),
        ("94.62 %", 372, 352),
        ("99.60", 1251, 1246),
        (" 99.60% ", 1251, 1246),
        (99.6, 1251, 1246),
        ("0", 7, 0),
        ("0.00", 7, 0),
        ("100", 7, 7),
        ("100.00 %", 7, 7),
        (100, 7, 7),
        (".5", 200, 1),
        ("33", 3, 1),
        ("67", 3, 2),
        ("50", 10_001, 5001),  # 5000 and 5001 of 10001 are equally near
        ("50", 1_000_000, 500_000),
    ],
)
def test_a_stated_percentage_has_its_count(percent, n, k):
    assert stated_rate(percent, n) == Rate(k, n)


@pytest.mark.parametrize("stated", ["0.12", "0.13"])
def test_a_half_may_have_been_rounded_either_way(stated):
    assert stated_rate(stated, 800) == Rate(1, 800)  # 0.125 %


def test_every_count_is_found_again_from_its_own_percentage():
    for n in (1, 3, 35, 299, 344, 1251):
        for k in range(n + 1):
            assert stated_rate(Rate(k, n).percent(), n) == Rate(k, n)
            assert stated_rate(f"{100 * k / n:.2f}", n) == Rate(k, n)


def test_what_is_accepted_is_what_some_count_rounds_to():
    for n in (3, 7, 35, 44):
        possible = {Rate(k, n).percent(1) for k in range(n + 1)}
        possible |= {f"{100 * k / n:.1f} %" for k in range(n + 1)}
        for tenths in range(1001):
            text = f"{tenths / 10:.1f} %"
            if text in possible:
                assert math.isclose(100 * stated_rate(text, n).value, tenths / 10, abs_tol=0.0501)
            else:
                with pytest.raises(DataError, match=r"is no k/n: the nearest are "):
                    stated_rate(text, n)


def test_a_percentage_that_no_count_gives_is_refused_with_its_neighbours():
    message = "99.60 % of 344 is no k/n: the nearest are 342/344 = 99.42 % and 343/344 = 99.71 %."
    refused(message, stated_rate, "99.60", 344)
    refused(message, stated_rate, 99.6, 344, decimals=2)
    refused(message, format_rate, "99.60 %", 344)
    refused("50 % of 3 is no k/n: the nearest are 1/3 = 33 % and 2/3 = 67 %.", stated_rate, "50", 3)
    assert format_rate("99.60", 1251) == format_rate(1246, 1251)


def test_the_decimals_of_a_float_are_those_that_are_said():
    assert stated_rate(99.6, 1000) == Rate(996, 1000)
    assert stated_rate(87.0, 299, decimals=0) == Rate(260, 299)  # 86.96 %
    refused(
        "87.00 % of 299 is no k/n: the nearest are 260/299 = 86.96 % and 261/299 = 87.29 %.",
        stated_rate,
        87.0,
        299,
        decimals=2,
    )


@pytest.mark.parametrize(
    "percent", ["100.01", 101, "-1", float("nan"), float("inf"), "99,6", "", "1e-9", "many"]
)
def test_what_is_no_percentage_is_refused(percent):
    refused(f"'{percent}' is no percentage from 0 to 100.", stated_rate, percent, 10)


def test_counts_that_cannot_be_are_refused():
    refused("99.60 % of 0 is no rate: n must be 1 or more.", stated_rate, "99.60", 0)
    refused("5/4 is no rate: k must be from 0 to n.", Rate, 5, 4)
    refused("-1/4 is no rate: k must be from 0 to n.", Rate, -1, 4)
    refused("0/-1 is no rate: k must be from 0 to n.", Rate, 0, -1)
    refused("A rate is of whole numbers; 271.0 is none.", format_rate, 271.0, 299)
    refused("A rate is of whole numbers; 299.5 is none.", stated_rate, "90.64", 299.5)
