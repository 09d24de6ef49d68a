from metrics.support import NO_INTERVAL
from reports.networks import (
    cascade_section,
    cascade_tables,
    class_table,
    confusion_table,
    epoch_table,
    network_section,
    signs_tables,
    tables,
)

RATES = ("precision", "recall", "f1")
FIRST = {
    "source": "a paper", "accuracy": [0.996, 1251], "macro_f1": 0.9948,
    "per_class": {
        "benign": [0.9989, 0.9957, 0.9973, 927], "malignant": [0.9878, 0.9969, 0.9923, 324],
    },
}  # fmt: skip
SECOND = {
    "source": "a paper", "accuracy": [0.9064, 299], "macro_f1": 0.8814,
    "per_class": {"MEL": [0.9415, 0.9415, 0.9415, 171]},
}  # fmt: skip


def metric(value, low=None, high=None):
    return {"value": value, "low": low, "high": high}


def classes(names, **more):
    metrics = {f"{rate}[{name}]": metric(0.5, 0.4, 0.6) for rate in RATES for name in names}
    return {
        "patients": 12,
        "report": {
            "n": 30,
            "classes": names,
            "per_class": {name: {"true": 15} for name in names},
            "confusion": {"counts": [[15 if a == b else 0 for a in names] for b in names]},
        },
        "metrics": {**metrics, "accuracy": metric(0.7), "macro_f1": metric(0.6), **more},
    }


def network(names, claim, inner_score=0.8, **more):
    found = classes(names, **({"auc": metric(0.8), "pauc": metric(0.1)} if len(names) == 2 else {}))
    return {
        "classes": names, "claim": claim, "group": "lesion", "best_epoch": found,
        "last_epoch": found, "folds": [{"inner_score": inner_score}], **more,
    }  # fmt: skip


def brief(table):
    return [[cell.brief for cell in row] for row in table.rows]


def test_measured_stands_beside_what_is_claimed_of_a_class():
    ours = ["15", *["0.500 0.400-0.600"] * 3]
    first = class_table(classes(["benign", "malignant"]), FIRST)
    assert brief(first) == [
        ["benign", *ours], ["  claimed", "927", "0.999", "0.996", "0.997"],
        ["malignant", *ours], ["  claimed", "324", "0.988", "0.997", "0.992"],
    ]  # fmt: skip
    assert first.faint == {1, 3}
    second = class_table(classes(["BCC", "MEL"]), SECOND)
    assert brief(second) == [
        ["BCC", *ours], ["MEL", *ours], ["  claimed", "171", "0.942", "0.942", "0.942"],
    ]  # fmt: skip
    assert class_table(classes(["BCC", "MEL"])).faint == set()


def test_a_network_with_a_claim_is_told_by_what_is_claimed():
    told = tables("second", network(["MEL", "BCC", "VASC"], SECOND))
    assert told[0] == (
        "second: out of fold, 30 pictures of 12 lesions; measured at each fold's best inner epoch."
    )
    assert told[2:] == [
        "second: accuracy 0.700; after the last epoch 0.700; claimed 0.9064, on other pictures.",
        "second: macro_f1 0.600; after the last epoch 0.600; claimed 0.8814, on other pictures.",
    ]


def test_a_network_that_ranks_is_told_by_its_ranking():
    told = tables("small", network(["benign", "malignant"], None))
    assert told[1:] == [
        "small: auc 0.800; after the last epoch 0.800.",
        "small: pauc 0.100; after the last epoch 0.100.",
    ]
    last = tables("small", network(["benign", "malignant"], None, inner_score=None))
    assert last[0].endswith("; measured at each fold's last epoch.")
    assert last[1] == "small: auc 0.800."


def test_a_notice_is_of_a_figure_that_is_shown():
    few = metric(0.5) | {"reason": NO_INTERVAL}
    sheet = network(["benign", "malignant"], None)
    sheet["best_epoch"]["metrics"]["precision[malignant]"] = few  # stands nowhere: it only ranks
    assert not [line for line in tables("small", sheet) if str(line).startswith("notice")]
    sheet["best_epoch"]["metrics"]["auc"] = few
    assert tables("small", sheet)[-1] == f"notice: {NO_INTERVAL}"
    several = network(["MEL", "BCC", "VASC"], None)
    several["best_epoch"]["metrics"] |= {"recall[MEL]": few, "macro_f1": few}
    told = tables("seven", several)
    assert told[1].note == NO_INTERVAL  # said once, by the table
    assert not [line for line in told if str(line).startswith("notice")]


def test_a_cascade_says_why_a_figure_of_its_sentence_has_no_interval_and_of_no_other():
    few = metric(0.5) | {"reason": NO_INTERVAL}
    found = classes(["benign", "MEL"], **{"precision[MEL]": few})
    found["report"]["confusion"] = {"counts": [[10, 2], [1, 17]]}
    sheet = {**found, "classes": ["benign", "MEL"], "left_out": 0}
    assert len(cascade_tables(sheet)) == 2
    found["metrics"]["macro_f1"] = few
    assert cascade_tables(sheet)[2:] == [f"notice: {NO_INTERVAL}"]


def test_several_classes_have_their_table_without_any_claim():
    sheet = network(["MEL", "BCC", "VASC"], None)
    for which in ("best_epoch", "last_epoch"):
        sheet[which]["metrics"] |= {"balanced_accuracy": metric(0.5), "macro_auc": metric(0.9)}
    told = tables("seven", sheet)
    assert told[1] == class_table(sheet["best_epoch"])
    assert told[2:] == [
        "seven: accuracy 0.700; after the last epoch 0.700.",
        "seven: balanced_accuracy 0.500; after the last epoch 0.500.",
        "seven: macro_f1 0.600; after the last epoch 0.600.",
        "seven: macro_auc 0.900; after the last epoch 0.900.",
    ]


def test_two_classes_by_a_threshold_have_their_table_too():
    sheet = network(["benign", "malignant"], None)
    sheet["folds"][0]["threshold"] = 0.4
    assert tables("first", sheet)[1] == class_table(sheet["best_epoch"])


def test_of_a_network_that_puts_nothing_into_classes_nothing_is_said():
    assert tables("free", {"classes": [], "claim": None, "folds": [{"inner_score": 0.1}]}) == []
    bare = {"best_epoch": {"metrics": {}}, "claim": None, "folds": [{"inner_score": 0.1}]}
    assert tables("free", bare) == []


def test_a_network_no_better_than_what_tells_the_source_is_warned_of():
    def told(low):
        source = {
            "metrics": {"auc": metric(0.55)},
            "ours_minus_this": {"auc": metric(0.1, low, 0.2)},
        }
        return tables("first", network(["benign", "malignant"], FIRST, source_only=source))

    assert told(0.05)[4:] == [
        "first: auc 0.800; after the last epoch 0.800.",
        "first: pauc 0.100; after the last epoch 0.100.",
        "first: size of picture and file and mean colours alone have AUC 0.550; ours minus this "
        "0.100 (0.050 to 0.200).",
    ]
    assert told(-0.05)[-1] == (
        "notice: first is not shown to be better than what tells the source of a picture; it may "
        "have learnt that."
    )
    assert not [line for line in told(None) if str(line).startswith("notice")]


def test_the_cascade_is_told_end_to_end():
    found = classes(["benign", "MEL"])
    found["report"]["confusion"] = {"counts": [[10, 2], [1, 17]]}
    told = cascade_tables({**found, "classes": ["benign", "MEL"], "left_out": 1})
    assert told[0] == "cascade: accuracy end to end 0.700 of 30 pictures, macro F1 0.600."
    assert brief(told[1]) == [["benign", "10", "2", "12"], ["MEL", "1", "17", "18"]]
    assert [column.right for column in told[1].columns] == [False, True, True, True]
    assert told[2:] == ["cascade: 1 row with target 1 have no class here."]
    whole = {**found, "classes": ["benign", "MEL"], "left_out": 0}
    assert cascade_tables(whole)[1:] == [confusion_table(whole)]


def test_a_count_is_as_dark_as_its_share_of_the_true_class_and_says_it():
    found = classes(["MEL", "BCC", "SCC"])
    found["report"]["confusion"] = {"counts": [[15, 4, 1], [0, 5, 0], [0, 0, 0]]}
    table = confusion_table(found)
    [mel, bcc, scc] = [row[1:4] for row in table.rows]
    assert [(one.shown, one.interval, one.shade) for one in mel] == [
        ("15", "75.0%", 0.75), ("4", "20.0%", 0.2), ("1", "5.0%", 0.05),
    ]  # fmt: skip
    assert [one.shade for one in bcc] == [0.0, 1.0, 0.0]
    assert [one.shade for one in scc] == [None] * 3  # no row to have a share of
    assert [row[4].shown for row in table.rows] == ["20", "5", "0"]


def test_a_network_that_calls_classes_shows_what_was_called_what():
    several = network(["MEL", "BCC", "VASC"], None)
    assert confusion_table(several["best_epoch"]) in network_section("net", several).elements
    ranks = network(["benign", "malignant"], None)
    assert confusion_table(ranks["best_epoch"]) not in network_section("net", ranks).elements
    assert class_table(ranks["best_epoch"]) not in network_section("net", ranks).elements
    assert class_table(several["best_epoch"]) in network_section("net", several).elements


def test_what_hangs_on_a_cut_is_not_shown_of_a_network_that_only_ranks():
    def heads(sheet):
        return [column.title for column in epoch_table(sheet).columns[2:]]

    two = ["benign", "malignant"]
    assert heads(network(two, None)) == ["pAUC", "AUC"]
    assert heads(network(two, FIRST)) == ["pAUC", "AUC", "accuracy", "macro F1"]
    assert heads(network(["MEL", "BCC", "VASC"], None)) == ["accuracy", "macro F1"]


def test_the_page_warns_as_the_console_of_a_network_that_may_have_learnt_the_source():
    source = {
        "metrics": {"auc": metric(0.55)}, "ours_minus_this": {"auc": metric(0.1, -0.05, 0.2)},
    }  # fmt: skip
    shown = network_section("net", network(["a", "b"], None, source_only=source)).elements
    assert [(note.tone, note.words) for note in shown if hasattr(note, "words")] == [
        (
            "plain",
            "Size of picture and file and mean colours alone have AUC 0.550; ours minus this "
            "0.100 (-0.050 to 0.200).",
        ),
        (
            "warning",
            "net is not shown to be better than what tells the source of a picture; it may have "
            "learnt that.",
        ),
    ]


def test_the_page_of_a_cascade_says_too_who_has_no_class():
    def said(left_out):
        sheet = {**classes(["benign", "MEL"]), "classes": ["benign", "MEL"], "left_out": left_out}
        return [one.words for one in cascade_section(sheet).elements if hasattr(one, "words")]

    assert said(2) == ["2 rows with target 1 have no class here."]
    assert said(0) == []


def test_the_page_says_whether_an_epoch_was_chosen_and_what_is_claimed():
    chosen = network_section("second", network(["MEL", "BCC", "VASC"], SECOND))
    assert chosen.lead.endswith("the best epoch was chosen on inner rows of other patients.")
    assert chosen.elements[1] == tables("second", network(["MEL", "BCC", "VASC"], SECOND))[1]
    last = network_section("small", network(["benign", "malignant"], None, inner_score=None))
    assert last.lead == "Out of fold; no epoch was chosen: the best is the last."


SEEN = "net began with the weights of simclr, which had seen the held-out pictures too."


def test_what_is_declared_of_a_network_stands_in_its_table_and_its_section():
    sheet = network(["BCC", "MEL", "SCC"], None, declared=[SEEN])
    assert f"notice: {SEEN}" in tables("net", sheet)
    [note] = [e for e in network_section("net", sheet).elements if getattr(e, "words", "") == SEEN]
    assert note.tone == "warning"
    both = {**classes(["a", "b", "c"]), "classes": ["a", "b", "c"], "left_out": 0}
    both["report"]["confusion"] = {"counts": [[1, 0, 0], [0, 1, 0], [0, 0, 1]]}
    assert not [said for said in cascade_tables(both) if "notice" in str(said)]
    assert f"notice: {SEEN}" in cascade_tables({**both, "declared": [SEEN]})


def test_a_claim_may_state_no_more_than_an_accuracy():
    claim = {"source": "a paper", "per_class": {}, "accuracy": [0.652, 1000], "macro_f1": None}
    sheet = network(["BCC", "MEL", "SCC"], claim)
    said = [line for line in tables("net", sheet) if isinstance(line, str)]
    assert [line for line in said if "claimed" in line] == [
        "net: accuracy 0.700; after the last epoch 0.700; claimed 0.6520, on other pictures."
    ]
    [note] = [
        e for e in network_section("net", sheet).elements if "Claimed" in getattr(e, "words", "")
    ]
    assert note.words == (
        "Claimed elsewhere, on other pictures (a paper): accuracy 0.652 of 1,000."
    )


def test_signs_of_life_are_one_table_and_a_collapse_is_said_below_it():
    signs = {"loss": 4.25, "knn_accuracy": 0.7, "alignment": 0.25, "uniformity": -2.0}
    whole, collapsed = ({"signs": signs, "collapsed": epochs} for epochs in ([], [3, 4]))
    table, said = signs_tables({"simclr_fold_0": whole, "simclr_fold_1": collapsed})
    assert [column.title for column in table.columns] == [
        "network", "loss", "kNN accuracy", "alignment", "uniformity"
    ]  # fmt: skip
    assert brief(table)[0] == ["simclr_fold_0", "4.250", "0.700", "0.250", "-2.000"]
    assert said == "WARNING: simclr_fold_1 had collapsed after 2 epochs."
    [bare] = signs_tables({"a": {"signs": {"loss": 1.0}, "collapsed": []}})
    assert [column.title for column in bare.columns] == ["network", "loss"]
