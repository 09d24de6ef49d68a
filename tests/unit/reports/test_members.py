import io

from rich.console import Console

from reports.desk import ConsoleDesk
from reports.members import flag_table, member_table, tables
from reports.table import NOTHING


def member(pauc, minus, kind="member"):
    metrics = {
        "pauc": {"value": pauc, "low": pauc - 0.02, "high": pauc + 0.02},
        "auc": {"value": 0.9, "low": None, "high": None},
    }
    gain = None if minus is None else {"pauc": {"value": minus, "low": -0.01, "high": 0.05}}
    return {"kind": kind, "n": 10, "metrics": metrics, "chosen_minus_this": gain}


SHEET = {
    "policy": "mean",
    "scores": {
        "a_net": member(0.1, 0.06), "images": member(0.11, 0.05),
        "mean": member(0.16, None, "blend"), "or_rule": member(0.12, 0.04, "blend"),
        "stack": member(0.15, 0.01), "tabular": member(0.12, 0.04),
    },
    "notes": ["One fold."],
}  # fmt: skip


def test_the_stack_and_its_parts_stand_first_and_blends_last():
    table = member_table(SHEET, 0.8)
    names = [row[0].brief for row in table.rows]
    assert names == ["images", "stack", "tabular", "a_net", "mean *", "or_rule"]
    assert [column.brief for column in table.columns] == [
        "members, blends", "pAUC > 80% TPR", "AUC", "* minus this, pAUC",
    ]  # fmt: skip
    assert table.columns[3].title == "mean minus this, pAUC"


def test_places_are_said_to_be_no_probabilities():
    [first] = [one for one in tables(SHEET, 0.8) if isinstance(one, str) and "handed in" in one]
    assert first == "stack: handed in is mean (*), by blend.policy."
    [first] = [
        one
        for one in tables({**SHEET, "policy": "or_rule"}, 0.8)
        if isinstance(one, str) and "handed in" in one
    ]
    assert first == (
        "stack: handed in is or_rule (*), by blend.policy. It places rows from 0 to 1; "
        "calibration.method makes probabilities of that."
    )


def test_the_page_says_of_places_too_that_they_are_no_probabilities():
    assert member_table(SHEET, 0.8).caption.endswith("* is handed in, by blend.policy.")
    assert member_table({**SHEET, "policy": "or_rule"}, 0.8).caption.endswith(
        "* is handed in, by blend.policy. It places rows from 0 to 1; calibration.method makes "
        "probabilities of that."
    )


def test_each_has_the_chosen_ones_gain_but_the_chosen_one():
    rows = {row[0].brief: row for row in member_table(SHEET, 0.8).rows}
    assert [cell.brief for cell in rows["stack"][1:]] == [
        "0.150 0.130-0.170", "0.900", "0.010 -0.010..0.050",
    ]  # fmt: skip
    assert rows["stack"][3].interval == "-0.0100 to 0.0500"
    assert rows["mean *"][3] == NOTHING


def flagged(sensitivity, alarms, minus):
    metrics = {
        "sensitivity": {
            "value": sensitivity, "low": 0.8, "high": 0.95, "level": 0.95, "unit": "patient",
            "replicates": 300,
        },
        "flagged_per_1000": {"value": alarms, "low": alarms - 20, "high": alarms + 20},
    }  # fmt: skip
    gain = None if minus is None else {"flagged_per_1000": {"value": minus, "low": -9.0, "high": 9}}
    return {"metrics": metrics, "or_rule_minus_this": gain}


ROLES = {
    "by_fold": {
        "0": {"ranks": "stack", "flags": "a_net"}, "1": {"ranks": "stack", "flags": "stack"},
    },
    "all_rows": {"ranks": "stack", "flags": "a_net"},
}  # fmt: skip
OPERATING = {
    "sensitivity": 0.9,
    "scores": {
        name: flagged(0.875, 200.0, None if name == "or_rule" else 4.0) for name in SHEET["scores"]
    },
}


def test_who_flags_how_many_stands_in_one_table_at_one_sensitivity():
    table = flag_table({**SHEET, "operating": OPERATING, "roles": ROLES})
    assert [row[0].brief for row in table.rows] == [
        "images", "stack", "tabular", "a_net", "mean *", "or_rule",
    ]  # fmt: skip
    assert [column.brief for column in table.columns] == [
        "flagged by", "sensitivity (90%)", "alarms per 1,000", "OR rule minus this",
    ]  # fmt: skip
    assert table.columns[1].title == "sensitivity, 90% wanted"
    assert table.columns[3].title == "OR rule minus this, alarms per 1,000"
    assert [cell.brief for cell in table.rows[1][1:]] == [
        "0.875 0.800-0.950", "200 180-220", "4 -9..9",
    ]  # fmt: skip
    assert table.rows[1][2].interval == "180.0 to 220.0"
    assert table.rows[-1][3] == NOTHING
    assert table.caption == (
        "Out of fold, each at the threshold that finds 90% of the positives of the other folds. "
        "95% intervals in small type, from drawing patients again 300 times; differences are "
        "paired. Of rank_and_flag in fold 0 stack ranks and a_net flags, in fold 1 stack ranks and "
        "stack flags, outside the folds stack ranks and a_net flags."
    )
    assert tables({**SHEET, "operating": OPERATING, "roles": ROLES}, 0.8)[2] == table


def test_who_ranks_and_flags_everywhere_is_said_once():
    alike = {"ranks": "stack", "flags": "a_net"}
    roles = {"by_fold": {"0": alike, "1": alike}, "all_rows": alike}
    assert flag_table({**SHEET, "operating": OPERATING, "roles": roles}).caption.endswith(
        "paired. Of rank_and_flag stack ranks and a_net flags, in every fold and outside them."
    )


def test_the_longest_name_is_whole_in_eighty_columns():
    sheet = {**SHEET, "policy": "rank_and_flag", "operating": OPERATING}
    for table in ("scores", "operating"):
        entries = SHEET["scores"] if table == "scores" else OPERATING["scores"]
        named = {"rank_and_flag": entries["mean"], **entries}
        named["weighted"] = member(0.1, -0.003) if table == "scores" else flagged(0.9, 200.0, -4.0)
        sheet[table] = named if table == "scores" else {**OPERATING, "scores": named}
    shown = io.StringIO()
    desk = ConsoleDesk(Console(file=shown, width=80))
    for table in (member_table(sheet, 0.8), flag_table(sheet)):
        desk.table(table)
    assert shown.getvalue().count(" rank_and_flag * ") == 2


def test_without_other_folds_or_of_a_run_of_before_nobody_is_flagged():
    assert flag_table(SHEET) is None
    assert flag_table({**SHEET, "operating": None}) is None
    caption = flag_table({**SHEET, "operating": OPERATING}).caption
    assert caption.endswith("differences are paired.")


def test_what_is_handed_in_and_what_could_not_be_done_are_told():
    assert tables(SHEET, 0.8)[1:] == [
        "stack: handed in is mean (*), by blend.policy.", "notice: One fold.",
    ]  # fmt: skip
