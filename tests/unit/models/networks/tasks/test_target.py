import numpy as np

from folds.findings import Findings
from models.networks.tasks.target import TargetTask
from tests.unit.models.networks.conftest import table


def test_labels_are_the_target_and_test_rows_have_none():
    labels = TargetTask().labels("net", table([(1, "mel"), (0, "nv"), (None, None)]), Findings())
    assert labels.codes.tolist() == [1, 0, -1]
    assert labels.classes == ("benign", "malignant")
    assert labels.target == (1,)
    assert TargetTask().outputs(labels) == 1


def test_families_are_learnt_besides():
    task = TargetTask(families={"n": ("nv",), "m": ("mel",)}, families_weight=0.5)
    rows = table([(1, "mel"), (0, "nv"), (0, "df")])
    [families] = task.labels("net", rows, Findings()).auxiliary
    assert (families.classes, families.codes.tolist()) == (("m", "n"), [0, 1, -1])
    assert (families.weight, families.is_question) == (0.5, False)


def test_questions_are_learnt_behind_families():
    task = TargetTask(
        families={"n": ("nv",), "m": ("mel",)}, questions=("suspicious",), questions_weight=0.2
    )
    rows = table([(1, "mel"), (0, "nv"), (0, None)])
    _, question = task.labels("net", rows, Findings()).auxiliary
    assert (question.name, question.codes.tolist()) == ("suspicious", [1, 0, -1])
    assert (question.weight, question.is_question) == (0.2, True)
    assert TargetTask().labels("net", rows, Findings()).auxiliary == ()


def test_what_is_not_asked_is_not_in_the_settings_either():
    """So that a network of before there were questions is still as it was asked for."""
    assert TargetTask().settings().keys() == {
        "kind", "names", "threshold", "families", "families_weight"
    }  # fmt: skip
    asked = TargetTask(questions=("suspicious",)).settings()
    assert (asked["questions"], asked["questions_weight"]) == (["suspicious"], 0.3)


def test_it_calls_by_each_rows_threshold_if_it_has_one():
    share = np.array([[0.7, 0.3], [0.4, 0.6], [0.6, 0.4]])
    task = TargetTask(threshold="youden")
    assert task.called(share, np.array([0.3, 0.7, 0.5])).tolist() == [1, 0, 0]
    assert TargetTask().called(share, None).tolist() == [0, 1, 0]
    positive, probability = np.array([False, True]), np.array([0.2, 0.6])
    assert task.choose_threshold(positive, probability) == 0.4
    assert TargetTask().choose_threshold(positive, probability) is None
