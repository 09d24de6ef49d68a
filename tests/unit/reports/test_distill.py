"""What `make distill` tells and draws: in the recipe's order, each beside another one."""

import re

from reports.distill import draw_abstention, draw_pareto, tables
from reports.table import Table


def interval(value, low=None, high=None):
    return {"value": value, "low": low, "high": high, "level": 0.95, "by_seed": [value, value]}


def split(auc, specificity):
    metrics = {
        "auc": interval(auc, auc - 0.02, auc + 0.02), "sensitivity": interval(0.94),
        "specificity": interval(specificity, specificity - 0.05, specificity + 0.05),
        "brier": interval(0.1),
    }  # fmt: skip
    curve = [
        {"share": share, "kept": interval(share), "error": interval(error)}
        for share, error in ((1.0, 0.4), (0.5, 0.2), (0.1, None))
    ]
    return {"metrics": metrics, "abstention": curve}


def minus(than):
    return {"than": than, "auc": interval(0.02), "specificity": interval(0.1, 0.05, 0.15),
            "brier": interval(-0.01)}  # fmt: skip


def network(mb, schemes, **values):
    return {
        "kind": "network", "variant": "fp32", "backbone": "some_net", "teacher": None,
        "parameters": 1_520_929, "flops": 31.9e6, "mb": mb, "schemes": schemes, "minus": None,
        **values,
    }  # fmt: skip


COUNTS = {"n": 100, "positives": 20}
SIDES = {"train": {**COUNTS, "n": 6400}, "validation": COUNTS, "test": COUNTS, "clean": 100,
         "leaked": 0}  # fmt: skip
SHEET = {
    "names": ["teacher", "alone", "taught", "random_forest"], "scheme": "holdout",
    "sensitivity": 0.95, "level": 0.95, "group": "lesion", "seeds": [0, 1, 2],
    "reference": "alone",
    "splits": {"by_image": {**SIDES, "leaked": 40, "clean": 60}, "holdout": SIDES},
    "scores": {
        "alone": network(6.2, {"holdout": split(0.8, 0.4), "by_image": split(0.9, 0.6)}),
        "random_forest": {"kind": "baseline", "schemes": {"holdout": split(0.7, 0.3)},
                          "minus": minus("alone")},
        "taught": network(6.2, {"holdout": split(0.82, 0.5)}, teacher="teacher",
                          variant="int8, learnt", minus=minus("alone")),
        "teacher": network(13.7, {"holdout": split(0.85, 0.6)}, minus=minus("alone")),
    },
    "leak": {"alone": {"auc": interval(0.1, 0.05, 0.15), "sensitivity": interval(0.0),
                       "specificity": interval(0.2)}},
}  # fmt: skip


def rows(table):
    return [[cell.brief for cell in row] for row in table.rows]


def test_scores_costs_and_differences_are_in_the_recipes_order():
    said = list(tables(SHEET))
    scores, costs, differences, leak = (one for one in said if isinstance(one, Table))
    assert [row[0] for row in rows(scores)] == SHEET["names"]
    assert rows(scores)[1] == ["alone", "0.800 0.780-0.820", "0.940", "0.400 0.350-0.450", "0.100"]
    assert rows(costs)[2] == [
        "taught",
        "some_net",
        "teacher",
        "1,520,929",
        "31.9 M",
        "int8, learnt",
        "6.20",
    ]
    assert [row[:2] for row in rows(differences)] == [
        ["teacher", "alone"], ["taught", "alone"], ["random_forest", "alone"],
    ]  # fmt: skip
    assert [row[:3] for row in rows(leak)] == [
        ["alone", "by lesion", "0.800 0.780-0.820"], ["alone", "by image", "0.900 0.880-0.920"],
        ["alone", "difference", "0.100 0.050-0.150"],
    ]  # fmt: skip


def test_each_split_says_what_it_learns_and_tests_on_and_what_leaks():
    first, second, how, *_ = tables(SHEET)
    assert first == (
        "distill: split by lesion: 6,400 train rows (20 positives), 100 validation rows (20 "
        "positives), 100 test rows (20 positives)."
    )
    assert second.endswith("; of 40 test rows the lesion is in training.")
    assert how == (
        "distill: means of 3 seeds; sensitivity and specificity at the threshold of 95% "
        "sensitivity on validation rows."
    )


def test_without_a_split_by_image_nothing_is_said_of_leaks():
    assert len(list(tables({**SHEET, "leak": {}}))) == len(list(tables(SHEET))) - 2


def test_drawings_name_every_network_and_are_the_same_again():
    for draw in (draw_pareto, draw_abstention):
        drawn = draw(SHEET)
        assert drawn == draw(SHEET)
        assert [name for name in ("teacher", "alone", "taught") if f">{name}<" in drawn] == [
            "teacher", "alone", "taught",
        ]  # fmt: skip
        assert not re.search(r"\d{4}-\d\d-\d\dT", drawn)
    assert ">random_forest<" in draw_pareto(SHEET)  # as a line: it has no weights
    assert ">random_forest<" not in draw_abstention(SHEET)


def test_the_abstention_curve_is_of_networks_as_they_learnt():
    scores = SHEET["scores"]
    few = {**scores["taught"], "variant": "int8"}
    learnt = {**scores["taught"], "variant": "int8, learnt"}
    sheet = {**SHEET, "names": [*SHEET["names"], "few", "other"],
             "scores": {**scores, "few": few, "other": learnt}}  # fmt: skip
    assert ">few<" in draw_pareto(sheet)
    assert ">few<" not in draw_abstention(sheet)
    assert ">other<" in draw_abstention(sheet)
