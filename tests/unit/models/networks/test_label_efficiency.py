"""A part of the labels: which ones, how many, and how they are learnt."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from models.networks.config import NetworkConfig
from models.networks.few_labels import few_labels
from models.networks.label_efficiency import LabelEfficiencyConfig, with_labels


def rows(groups_of_each_class, pictures=2):
    """So many groups of each class, of some pictures each, in a mixed order."""
    codes = np.repeat(np.arange(len(groups_of_each_class)), groups_of_each_class)
    groups = np.repeat(np.arange(len(codes)), pictures)
    order = np.random.default_rng(1).permutation(len(groups))
    return np.arange(100, 100 + len(groups)), np.repeat(codes, pictures)[order], groups[order]


def test_each_class_keeps_its_share_of_groups_and_one_at_the_least():
    indices, codes, groups = rows((100, 40, 3))
    kept = np.isin(indices, few_labels(indices, codes, groups, 0.1, seed=0))
    found = [len(np.unique(groups[kept & (codes == code)])) for code in range(3)]
    assert found == [10, 4, 1]
    assert kept.sum() == 2 * 15  # whole groups


@given(st.integers(0, 50))
def test_a_larger_share_holds_the_smaller_ones_and_all_is_all(seed):
    indices, codes, groups = rows((30, 12, 2))
    several = [
        set(few_labels(indices, codes, groups, share, seed)) for share in (0.05, 0.1, 0.5, 1.0)
    ]
    assert several == sorted(several, key=len)
    assert all(one <= other for one, other in pairwise(several))
    assert several[-1] == set(indices)


def test_other_seeds_keep_other_labels():
    indices, codes, groups = rows((100, 40, 3))
    one, other = (set(few_labels(indices, codes, groups, 0.1, seed)) for seed in (0, 1))
    assert one != other


def test_a_group_of_several_classes_is_of_its_rarest():
    indices, groups = np.arange(8), np.array([0, 0, 1, 1, 2, 2, 3, 3])
    codes = np.array([0, 1, 0, 0, 0, 0, 0, 0])  # group 0 is the only one with class 1
    for seed in range(5):
        assert {0, 1} <= set(few_labels(indices, codes, groups, 0.01, seed))


CONFIG = NetworkConfig.model_validate({
    "net": {"weights": "none"}, "task": {"kind": "target"},
    "training": {
        "class_weights": True, "watch": "auc", "optimiser": "adam",
        "phases": [
            {
                "epochs": 20, "lr": 1e-4, "schedule": "plateau", "patience": 3,
                "frozen": ["backbone"],
            },
        ],
    },
})  # fmt: skip


def test_shares_differ_in_labels_alone():
    how = LabelEfficiencyConfig(epochs=7, epoch_samples=640)
    few, many = (with_labels(CONFIG, share, how).learning for share in (0.01, 1.0))
    assert few == many.model_copy(update={"labels": 0.01})
    [phase] = few.phases
    assert (phase.epochs, phase.lr, phase.schedule, phase.patience) == (7, 1e-4, "cosine", None)
    assert phase.frozen == ("backbone",)
    assert (few.choose, few.sampling, few.epoch_samples) == ("last", "inverse_frequency", 640)
    assert few.optimiser == "adam"
    type(few).model_validate(few.model_dump())  # it is one that a recipe could state
    assert "labels" not in many.settings()
    assert few.settings()["labels"] == 0.01


def test_shares_are_to_rise():
    with pytest.raises(ValidationError, match="shares are to rise"):
        LabelEfficiencyConfig(shares=(0.5, 0.1))
    with pytest.raises(ValidationError, match="names a share twice"):
        LabelEfficiencyConfig(shares=(0.5, 0.5))
