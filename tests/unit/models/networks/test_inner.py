import numpy as np
import pytest

from models.networks.inner import check_own, inner_groups, inner_split
from workspace.errors import ConfigError


def test_the_inner_rows_are_other_patients_and_have_every_class():
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 30, 300)
    labels = (groups % 3 == 0).astype(int)
    indices = np.arange(300) * 2
    learnt, inner = inner_split(indices, labels, groups, 5, seed=3)
    assert sorted([*learnt, *inner]) == indices.tolist()
    assert not set(groups[learnt // 2]) & set(groups[inner // 2])
    assert set(labels[inner // 2]) == {0, 1}


def test_too_few_patients_of_a_class_are_an_error():
    with pytest.raises(ConfigError, match=r"^inner_folds=5 needs as many patients with each class"):
        inner_split(np.arange(8), np.array([0] * 6 + [1] * 2), np.arange(8), 5, 0)


def test_own_validation_rows_without_a_class_are_an_error():
    check_own("net", ("mel", "nv"), np.array([1, 0, 1]))
    with pytest.raises(ConfigError) as refused:
        check_own("net", ("mel", "nv", "bcc"), np.array([1, 1]))
    assert str(refused.value) == (
        "The split's own validation rows hold no mel, bcc, so networks.net cannot be chosen on "
        "them; take another folds.scheme, or training.choose='last'."
    )


def test_without_classes_they_are_whole_groups_drawn_by_the_seed():
    groups = np.random.default_rng(0).integers(0, 30, 300)
    indices = np.arange(300) * 2
    learnt, inner = inner_groups(indices, groups, 10, seed=3)
    assert sorted([*learnt, *inner]) == indices.tolist()
    assert not set(groups[learnt // 2]) & set(groups[inner // 2])
    assert len(set(groups[inner // 2])) == 3
    assert inner_groups(indices, groups, 10, seed=3)[1].tolist() == inner.tolist()
    assert inner_groups(indices, groups, 10, seed=4)[1].tolist() != inner.tolist()


def test_a_part_of_a_single_group_would_be_too_few():
    with pytest.raises(ConfigError) as refused:
        inner_groups(np.arange(19), np.arange(19), 10, 0)
    assert str(refused.value) == (
        "inner_folds=10 needs twice as many patients among a fold's training rows; there are 19. "
        "Lower inner_folds, or n_folds of the folds."
    )
    learnt, inner = inner_groups(np.arange(20), np.arange(20), 10, 0)
    assert (len(learnt), len(inner)) == (18, 2)
