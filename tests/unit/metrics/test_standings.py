"""Sets of scores beside one another: by id, on common rows, never on rows that are not the same."""

import polars as pl
import pytest

from metrics.bootstrap import difference, interval_of
from metrics.cohort import cohort
from metrics.pauc import pauc_above_tpr
from metrics.ranking import ranking_tally
from metrics.score_sheet import ScoreConfig
from metrics.standings import Entry, check_alike, refolded, standings
from workspace.errors import DataError

QUICK = ScoreConfig(replicates=100, seeds=(0,))
IDS = [f"r{number:03d}" for number in range(120)]
TARGET = [int(number % 4 == 0) for number in range(120)]
GOOD = [number % 7 + 3 * target for number, target in enumerate(TARGET)]
WORSE = [number % 7 + 1 * target for number, target in enumerate(TARGET)]


def entry(name, score, *, ids=IDS, fold=None, patient=2):
    """Rows in another order than their ids'; a patient has so many."""
    rows = pl.DataFrame({
        "id": IDS, "target": TARGET, "score": [float(one) for one in score],
        "whose": [f"p{number // patient}" if patient else None for number in range(120)],
        "fold": fold or [number // 2 % 3 for number in range(120)],
    }, schema_overrides={"whose": pl.String})  # fmt: skip
    return Entry(name, rows.filter(pl.col("id").is_in(ids)).sample(fraction=1, shuffle=True))


def test_each_is_scored_on_its_own_rows_and_held_against_the_first_on_common_ones():
    few = IDS[:100]
    found = standings([entry("a", WORSE), entry("b", GOOD, ids=few)], "a", QUICK)
    own = found["entries"]["b"]["sheet"]
    assert (own["n"], own["positives"], own["patients"]) == (100, 25, 50)
    value = own["metrics"]["pauc"]["value"]
    assert value == pytest.approx(pauc_above_tpr(TARGET[:100], GOOD[:100]))
    assert found["entries"]["a"]["beside"] is None
    beside = found["entries"]["b"]["beside"]
    counts = ("n", "positives", "patients", "alone", "lacking", "refolded")
    assert [beside[name] for name in counts] == [100, 25, 50, 0, 20, 0]
    assert found["same_rows"] is False
    theirs = pauc_above_tpr(TARGET[:100], WORSE[:100])
    assert beside["minus"]["pauc"]["value"] == pytest.approx(value - theirs)


def test_a_difference_is_paired_as_by_hand():
    found = standings([entry("a", WORSE), entry("b", GOOD)], "a", QUICK)
    whose = cohort([f"p{number // 2:02d}" for number in range(120)], TARGET)
    one, other = (ranking_tally(TARGET, score, whose) for score in (WORSE, GOOD))
    expected = interval_of(difference(one, other), whose, QUICK.bootstrap())["auc"]
    minus = found["entries"]["b"]["beside"]["minus"]["auc"]
    assert minus["value"] == pytest.approx(expected.value)
    assert minus["low"] is not None
    assert minus["low"] > 0
    assert found["same_rows"] is True


@pytest.mark.parametrize(
    ("column", "value", "what"), [("target", 1, "target"), ("whose", "p0", "patient or lesion")]
)
def test_rows_of_one_id_that_are_not_the_same_are_refused_with_their_ids(column, value, what):
    first, other = entry("a", GOOD), entry("b", WORSE)
    changed = other.rows.with_columns(
        pl.when(pl.col("id").is_in(["r005", "r006"])).then(pl.lit(value)).otherwise(pl.col(column))
        .cast(other.rows.schema[column]).alias(column)
    )  # fmt: skip
    with pytest.raises(DataError) as refused:
        check_alike(first, Entry("b", changed))
    assert str(refused.value) == (
        f"a and b have rows in common that are of another {what} in one than in the other, 2 of "
        "120: [r005, r006]; leave one of them out: only scores of the same data, of the same "
        "version, stand side by side."
    )


def test_rows_of_a_patient_and_of_nobody_are_not_the_same():
    with pytest.raises(DataError, match=r"another patient or lesion .* 120 of 120: "):
        check_alike(entry("a", GOOD), entry("b", GOOD, patient=0))


@pytest.mark.parametrize(
    ("some", "reason"),
    [
        (slice(0, 60), "no row in common"),
        (slice(60, 62), "the rows in common are of one class"),
    ],
)
def test_what_has_no_difference_says_why(some, reason):
    first = entry("a", GOOD, ids=IDS[60:])
    other = entry("b", WORSE, ids=[*IDS[some][:60], *(IDS[:60] if some.start else ())][1:])
    beside = standings([first, other], "a", QUICK)["entries"]["b"]["beside"]
    assert (beside["minus"], beside["reason"]) == (None, reason)


def both(*pairs):
    return pl.DataFrame(pairs, schema=["fold", "fold_theirs"], orient="row")


@pytest.mark.parametrize(
    ("rows", "count"),
    [
        (both((0, 0), (1, 1), (1, 1)), 0),
        (both((0, 4), (1, 3), (1, 3)), 0),  # numbers mean nothing
        (both((0, 0), (0, 0), (0, 1), (1, 1)), 1),
        (both((0, 0), (0, 1), (1, 0), (1, 1)), 2),
        (both((0, 0), (1, 0)), 1),  # one fold of two
    ],
)
def test_rows_in_another_fold_are_counted_whatever_folds_are_called(rows, count):
    assert refolded(rows) == count


def test_without_folds_or_rows_nothing_is_refolded():
    assert refolded(both((0, 0)).drop("fold")) is None
    assert refolded(both((0, 0)).clear()) is None
