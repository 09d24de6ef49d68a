from reports.members import member_table, tables
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
        "members, blends", "pAUC above 80% TPR", "AUC", "mean minus this, pAUC",
    ]  # fmt: skip


def test_each_has_the_chosen_ones_gain_but_the_chosen_one():
    rows = {row[0].brief: row for row in member_table(SHEET, 0.8).rows}
    assert [cell.brief for cell in rows["stack"][1:]] == [
        "0.150 0.130-0.170", "0.900", "0.010 -0.010-0.050",
    ]  # fmt: skip
    assert rows["stack"][3].interval == "-0.0100 to 0.0500"
    assert rows["mean *"][3] == NOTHING


def test_what_is_handed_in_and_what_could_not_be_done_are_told():
    assert tables(SHEET, 0.8)[1:] == [
        "stack: handed in is mean (*), by blend.policy.", "notice: One fold.",
    ]  # fmt: skip
