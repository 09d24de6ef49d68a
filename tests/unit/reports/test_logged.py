"""What the log says of a unit that was made, as anybody may read it."""

from reports.logged import lines_of, scores_of
from tests.by_hand.units import drafting
from workspace.units import open_unit


def interval(value):
    return {"value": value, "low": value - 0.1, "high": None, "patients": 20}


SHEET = {
    "stack": {"n": 90, "metrics": {"auc": interval(0.9)}, "subgroups": [{"metrics": {}}]},
    "baselines": {"best": {"metrics": {"auc": interval(0.6)}}},
    "group": "patient",
    "report": {"n": 7, "metrics": {"classes": 3}},
}


def test_every_score_has_a_line_with_its_interval_and_no_list_is_gone_into():
    assert dict(scores_of(SHEET)) == {
        "stack": {"n": 90, "auc": [0.9, 0.8, None]},
        "baselines.best": {"n": None, "auc": [0.6, 0.5, None]},
        "report": {"n": 7},
    }
    whole = {"metrics": {"auc": interval(1.0)}, "report": {"n": 7}}
    assert dict(scores_of(whole)) == {"all": {"n": 7, "auc": [1.0, 0.9, None]}}


def test_a_unit_has_a_line_and_its_scores_one_each(tmp_path):
    with drafting(tmp_path / "small", "train-cnn") as draft:
        draft.json("metrics.json", SHEET)
        draft.facts |= {"pauc": 0.15, "ok": True, "classes": ["a"], "epoch": 3}
    unit = open_unit(tmp_path / "small", "train-cnn")
    whose = {"unit": "small", "within": tmp_path.name, "made_by": "train-cnn"}
    seconds = unit.manifest.seconds
    first, *scores = lines_of(unit)
    assert first == ("unit", whose | {"unit_seconds": seconds, "facts": {"pauc": 0.15, "epoch": 3}})
    assert scores[0] == ("score", whose | {"score": "baselines.best", "n": None,
                                           "auc": [0.6, 0.5, None]})  # fmt: skip
    assert len(scores) == 3


def test_a_unit_without_a_sheet_has_one_line(tmp_path):
    with drafting(tmp_path / "folds", "folds"):
        pass
    assert [message for message, _ in lines_of(open_unit(tmp_path / "folds", "folds"))] == ["unit"]
