import pytest

from folds.findings import Findings
from models.nets.config import NetConfig
from models.networks.tasks.nothing import PLAIN, NothingTask
from tests.unit.models.networks.conftest import table


def test_it_has_no_labels_and_writes_nothing():
    task = NothingTask()
    labels = task.labels("plain", table([(1, "mel"), (0, "nv")]), Findings())
    assert labels.codes.tolist() == [-1, -1]
    assert (labels.classes, labels.target) == ((), None)
    assert task.columns("plain", labels) == []
    assert not task.learns


@pytest.mark.parametrize(
    "values", [{"se": True}, {"pace": "fast"}, {"hidden": (8,), "dropout": (0.0, 0.0)}]
)
def test_its_net_is_a_backbone_alone(values):
    NothingTask().check(PLAIN, None)
    net = PLAIN.model_copy(update=values)
    with pytest.raises(ValueError, match=rf"^net\.{next(iter(values))} is for networks that learn"):
        NothingTask().check(net, None)
    assert isinstance(net, NetConfig)
