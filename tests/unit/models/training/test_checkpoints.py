"""Checkpoints under a kill: whatever is deleted is gone at once, or there whole."""

import shutil

import pytest
import torch

from models.training.checkpoints import Checkpoints, Snapshot
from models.training.position import Position
from workspace.hashing import HashMemory
from workspace.manifest import Wanted


class KilledError(BaseException):
    """A kill -9 is no exception that anything would catch."""


@pytest.fixture
def kept(tmp_path):
    wanted = Wanted(stage="train-cnn", settings={}, inputs={}, recipe={}, seed=0)
    return Checkpoints(tmp_path / "stage1_fold_0", wanted, HashMemory(), lambda text: None)


def save(kept, epoch):
    weights = {"a": torch.zeros(2)}
    kept.save_best(epoch, weights)
    position = Position(epoch=epoch, best_epoch=epoch, best_score=0.5)
    kept.save(Snapshot({"net/a": torch.zeros(2)}, position, []))


def killed_while_deleting(monkeypatch, act):
    """As if the process ended after the first file of a folder was gone."""

    def begin(folder, *arguments, **options):
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                path.unlink()
                raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", begin)
        with pytest.raises(KilledError):
            act()


def test_a_kill_while_a_finished_training_is_cleared_leaves_none_to_go_on_from(kept, monkeypatch):
    save(kept, 0)
    killed_while_deleting(monkeypatch, kept.clear)
    assert not kept.folder.exists()
    assert kept.load() is None
    save(kept, 0)  # begun anew, over nothing that is half there
    assert kept.load_best(0).keys() == {"a"}


def test_a_kill_while_old_ones_are_deleted_leaves_those_that_count_whole(kept, monkeypatch):
    save(kept, 0)
    save(kept, 1)
    killed_while_deleting(monkeypatch, lambda: save(kept, 2))
    assert kept.load().position.epoch == 2
    assert kept.load_best(2).keys() == {"a"}
