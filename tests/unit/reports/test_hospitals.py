"""The cost of a hospital that is left out, in words that need no context, in eighty columns."""

from rich.console import Console

from reports.console import drawn
from reports.hospitals import hospital_table, member_table, section, tables


def interval(value, low=None, high=None):
    known = {"value": value, "low": low, "high": high, "level": 0.95, "unit": "patient"}
    return known | {"replicates": 3000, "reason": None if low else "Too few."}


def both(first, second):
    ways = {"cross_validated": first, "left_out": second, "minus": round(second - first, 6)}
    return {
        way: {
            "pauc": interval(value, value - 0.01, value + 0.01),
            "auc": interval(value + 0.5),
        }
        for way, value in ways.items()
    }


def entry(hospitals, n, positives, scores, reason=None, **unseen):
    categories = {"rows": unseen.pop("rows", 0), "categories": unseen}
    return {
        "hospitals": hospitals, "n": n, "positives": positives, "patients": n // 2,
        "scores": scores, "reason": reason, "unseen": categories,
    }  # fmt: skip


SCORES = {"mean": both(0.14, 0.12), "stack": both(0.13, 0.12)}
SHEET = {
    "min_tpr": 0.8, "group": "patient", "handed_in": "mean", "order": ["mean", "stack"],
    "chosen": "alone are those with a positive", "notes": ["Pooled."],
    "one_run_alone": {"cross_validated": 3, "left_out": 0},
    "overall": entry(["A", "B", "C"], 60, 9, SCORES),
    "hospitals": [
        entry(["A"], 40, 9, SCORES, rows=4, cat_site=1, cat_sex=1),
        entry(["B", "C"], 20, 0, None, "no positive"),
    ],
}  # fmt: skip


def brief(table):
    return [
        [
            cell.brief
            for cell, column in zip(row, table.columns, strict=True)
            if not column.page_only
        ]
        for row in table.rows
    ]


def test_each_hospital_has_a_row_and_who_has_no_positive_has_no_score():
    table = hospital_table(SHEET, "mean")
    known = ["0.140 0.130-0.150", "0.120 0.110-0.130", "-0.020 -0.030..-0.010"]
    assert brief(table) == [
        ["A (9)", *known],
        ["2 others together (0)", "no score: no positive", "", ""],
        ["all hospitals (9)", *known],
    ]
    assert [column.title for column in table.columns] == [
        "hospital", "rows", "patients", "positives", "cross-validated, pAUC",
        "hospital left out, pAUC", "left out minus cross-validated, pAUC", "cross-validated, AUC",
        "hospital left out, AUC", "left out minus cross-validated, AUC",
    ]  # fmt: skip
    assert table.rows[1][0].words == "B; C together"


def test_every_score_has_a_row_of_all_hospitals_and_what_is_handed_in_is_marked():
    assert [row[0] for row in brief(member_table(SHEET))] == ["mean *", "stack"]
    assert member_table(SHEET).caption == (
        "95% intervals in small type, from drawing patients again 3,000 times; differences are "
        "paired. * is handed in, by blend.policy."
    )


def test_the_console_says_what_minus_is_what_is_not_counted_and_what_is_unseen():
    said = [one for one in tables(SHEET) if isinstance(one, str)]
    assert said == [
        "hospitals: 60 rows scored both ways, 9 positives, 30 patients; 'minus' is left out minus "
        "cross-validated, below 0 where the hospital is missed.",
        "hospitals: pAUC above 80% TPR of mean, which is handed in:",
        "hospitals: the same of every score, all hospitals:",
        "hospitals: not counted: 3 rows scored cross-validated alone; in the other run they are "
        "anchors or a holdout.",
        "hospitals: categories that the other hospitals do not have, which boosters take for "
        "unknown where theirs is left out: A 2 (4 rows).",
        "notice: Pooled.",
    ]
    nothing = {"one_run_alone": {"cross_validated": 0, "left_out": 0},
               "hospitals": [entry(["A"], 1, 1, None, "no negative")]}  # fmt: skip
    assert len([one for one in tables(SHEET | nothing) if isinstance(one, str)]) == 4


def test_the_console_has_room_for_it():
    console = Console(width=80, record=True)
    long = {**SHEET["hospitals"][0], "hospitals": ["Department of Dermatology, Hospital of X"]}
    with console.capture() as shown:
        console.print(drawn(hospital_table(SHEET | {"hospitals": [long]}, "mean")))
    lines = shown.get().splitlines()
    assert max(map(len, lines)) <= 80
    assert "-0.020 -0.030..-0.010" in shown.get()  # no cell of numbers is cut


def test_the_page_has_every_member_by_hospital():
    made = section(SHEET)
    assert [part.kind for part in made.elements] == [
        "table", "table", "folded", "note", "note", "note",
    ]  # fmt: skip
    assert made.elements[2].summary == "stack by hospital"
    assert made.elements[-1].tone == "warning"
    assert "know none of them" in made.lead
