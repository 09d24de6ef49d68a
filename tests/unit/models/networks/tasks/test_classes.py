import numpy as np
import pytest

from folds.findings import Findings
from models.networks.tasks.classes import ClassesTask
from models.training.config import TrainConfig
from tests.unit.models.networks.conftest import PHASE, table
from workspace.errors import ConfigError, DataError

GROUPS = {"MEL": ("Melanoma", "mel"), "BCC": ("bcc",)}
ROWS = [
    (1, "mel"), (1, "Malignant::Melanoma::In situ"), (1, "bcc"), (0, "mel"), (None, "bcc"),
    (1, "Malignant::Melanomatosis"), (1, None),
]  # fmt: skip


def labels(given, groups=GROUPS, findings=None, **values):
    task = ClassesTask(classes=groups, **values)
    return task.labels("net", table(given), findings or Findings())


def test_of_positives_alone_rows_without_a_class_are_left_out_and_told():
    findings = Findings()
    found = labels(ROWS, rows="positive", findings=findings)
    assert found.codes.tolist() == [0, 0, 1, -1, -1, -1, -1]
    assert found.target is None  # which, not whether
    [notice] = findings.as_json()["notices"]
    assert notice["message"] == (
        "2 rows with target 1 whose diagnosis is in no class of networks.net.task.classes are left "
        "out of net: none, Malignant::Melanomatosis."
    )


def test_of_all_rows_those_with_a_target_have_their_class():
    findings = Findings()
    found = labels([*ROWS[:3], (0, "nv"), (0, "df")], GROUPS | {"NV": ("nv",)}, findings)
    assert found.codes.tolist() == [0, 0, 1, 2, -1]
    assert found.target == (0, 1)
    [notice] = findings.as_json()["notices"]
    assert notice["message"] == (
        "1 row whose diagnosis is in no class of networks.net.task.classes is left out of net: df."
    )


@pytest.mark.parametrize(
    "rows",
    [
        [(1, "mel"), (0, "mel"), (0, "bcc")],
        [(1, "mel"), (1, "bcc"), (0, "bcc")],
        [(0, "mel"), (0, "bcc")],
    ],
)
def test_classes_that_cut_across_the_target_say_nothing_of_it_and_that_is_told(rows):
    findings = Findings()
    assert labels(rows, findings=findings).target is None
    [notice] = findings.as_json()["notices"]
    assert notice["message"] == (
        "The classes of net do not tell target 1 from 0: its probabilities are no member of the "
        "stack's blend, only columns."
    )


@pytest.mark.parametrize("positive", [("mel",), ("vasc", "bcc"), ("nv",)])
def test_any_of_the_classes_may_be_the_target(positive):
    names = ("bcc", "mel", "nv", "vasc")
    rows = [(int(name in positive), name) for name in (*names, *names)]
    found = labels(rows, "all")
    assert found.classes == names
    assert found.target == tuple(code for code, name in enumerate(names) if name in positive)


def test_a_class_that_no_row_has_is_named():
    with pytest.raises(DataError) as refused:
        labels([(1, "mel"), (0, "bcc")], rows="positive")
    assert str(refused.value) == (
        "No row with target 1 has a diagnosis of BCC; mend networks.net.task.classes. There are "
        "mel."
    )
    with pytest.raises(DataError, match=r"^No row has a diagnosis of a second class; mend"):
        labels([(1, "mel"), (0, None)], "all")


def test_what_the_rows_alone_say_of_the_classes_is_held_against_the_training():
    training = TrainConfig(phases=(PHASE,), watch="auc")
    task = ClassesTask(classes="all")
    two, three = (task.labels("net", table(rows), Findings()) for rows in (
        [(1, "a"), (0, "b")], [(1, "a"), (0, "b"), (0, "c")]
    ))  # fmt: skip
    task.check_found("net", two, training)
    with pytest.raises(ConfigError) as refused:
        task.check_found("net", three, training)
    assert str(refused.value) == (
        "networks.net: training.watch='auc' is of two classes; take 'macro_auc' or 'macro_f1'."
    )


def test_several_classes_need_a_logit_each_and_the_most_probable_is_called():
    task = ClassesTask(classes={name: (name,) for name in "abc"})
    found = labels([(0, "a"), (1, "b"), (0, "c")], task.classes)
    assert task.outputs(found) == 3
    assert task.called(np.array([[0.2, 0.5, 0.3]]), None).tolist() == [1]
    assert task.columns("net", found) == ["oof_net_a", "oof_net_b", "oof_net_c"]
