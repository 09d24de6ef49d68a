from reports.run.claims import sections
from tests.by_hand.run_sheets import only_folds


def metric(value, low=None, high=None):
    return {"value": value, "low": low, "high": high}


def network(claim):
    best = {
        "patients": 12,
        "report": {"n": 20, "classes": ["BCC", "MEL"],
                   "per_class": {"BCC": {"true": 5}, "MEL": {"true": 15}}},
        "metrics": {
            "accuracy": metric(0.75, 0.6, 0.9), "macro_f1": metric(0.7),
            "precision[MEL]": metric(0.5, 0.25, 0.75), "recall[MEL]": metric(0.6),
            "f1[MEL]": metric(0.55),
        },
    }  # fmt: skip
    return {"claim": claim, "best_epoch": best, "last_epoch": best, "classes": ["BCC", "MEL"],
            "group": "patient", "folds": [{"inner_score": 0.5}]}  # fmt: skip


def shown(table):
    return [[getattr(c, "shown", "") or c.words for c in row] for row in table.rows]


def test_every_claimed_number_stands_beside_ours_with_the_n_of_both():
    claim = {"source": "a paper, table 7", "accuracy": [0.9064, 299], "macro_f1": 0.8814,
             "per_class": {"MEL": [0.9415, 0.94, 0.93, 171]}}  # fmt: skip
    [section] = sections(only_folds(networks={"second": network(claim), "small": network(None)}))
    table, note = section.elements
    assert shown(table) == [
        ["second", "accuracy", "0.9064", "299", "0.7500", "20"],
        ["second", "macro F1", "0.8814", "299", "0.7000", "20"],
        ["second", "precision of MEL", "0.9415", "171", "0.5000", "15"],
        ["second", "recall of MEL", "0.9400", "171", "0.6000", "15"],
        ["second", "F1 of MEL", "0.9300", "171", "0.5500", "15"],
    ]
    assert table.rows[0][4].interval == "0.6000 to 0.9000"
    assert note.words == "second: a paper, table 7."


def test_a_claim_of_accuracy_alone_has_one_row_and_none_no_section():
    claim = {"source": "a paper", "accuracy": [0.652, 1000], "macro_f1": None, "per_class": {}}
    [section] = sections(only_folds(networks={"net": network(claim)}))
    assert shown(section.elements[0]) == [["net", "accuracy", "0.6520", "1,000", "0.7500", "20"]]
    assert sections(only_folds(networks={"net": network(None)})) == []
