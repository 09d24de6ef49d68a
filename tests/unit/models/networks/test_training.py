"""An extractor on one fold: taught as the stages are, on inner rows or on all rows to the end."""

import json

import cv2
import numpy as np
import polars as pl
import pytest
import torch
from models.cascade.fold import Part, Run, Stage, scored, teach
from models.extractors.config import ExtractorConfig

from folds.images import ImageReader
from models.cascade import kept
from models.inference.scores import Way
from models.inference.views import FOUR
from models.input.pictures import Pictures
from models.training.auxiliary import Auxiliary
from models.training.checkpoints import Checkpoints
from models.training.loop import Training
from workspace.hashing import HashMemory
from workspace.manifest import Wanted
from workspace.units import making, open_unit

COUNT = 24
LABELS = np.arange(COUNT) % 3 == 0
SMALL = {
    "net": {"backbone": "test_convnext", "weights": "none", "size": 32},
    "batch_size": 4, "inner_folds": 2, "checkpoint_s": 60.0,
}  # fmt: skip
TWO = [{"epochs": 2, "lr": 1e-3, "schedule": "cosine", "scale": {"backbone": 0.01}}]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    names = [f"p{number:02d}" for number in range(COUNT)]
    for number, name in enumerate(names):
        image = rng.integers(60, 160, (36, 36, 3)).astype(np.uint8)
        image[..., 2] += np.uint8(80 * LABELS[number])
        assert cv2.imwrite(str(folder / f"{name}.png"), image)
    return Pictures(ImageReader(folder), pl.Series(names), [f"{n}.png" for n in names], 0.01)


@pytest.fixture
def taught(pictures, tmp_path, monkeypatch):
    """Teach on the first 18 pictures; gives what came of it, and which places were learnt."""

    def teaching(auxiliary=None, **values):
        config = ExtractorConfig(**{**SMALL, "phases": TWO, **values})
        stage = Stage("eye", config, LABELS.astype(np.int64), auxiliary)
        wanted = Wanted(stage="train-cnn", inputs={}, recipe={}, seed=0, settings={})
        name = str(len(list(tmp_path.iterdir())))
        kept_there = Checkpoints(tmp_path / name, wanted, HashMemory(), print)
        learnt = []
        plan = Training._plan
        monkeypatch.setattr(
            Training, "_plan", lambda self, epoch: learnt.append(plan(self, epoch)) or learnt[-1]
        )
        run = Run(config.net, 1, Way(torch.device("cpu"), views=FOUR))
        part = Part(0, np.arange(18), np.arange(COUNT))
        done = teach(stage, part, run, pictures, kept_there, lambda done, total: None)
        monkeypatch.undo()
        return stage, run, done, {int(place) for epoch in learnt for b in epoch for place in b}

    return teaching


def test_on_inner_rows_a_part_is_not_learnt_and_the_best_epoch_is_chosen(taught):
    _, _, done, learnt = taught()
    assert not learnt & set(done.inner.tolist())
    assert learnt | set(done.inner.tolist()) == set(range(18))
    assert done.inner_score == done.history[done.best_epoch]["auc"]
    assert done.threshold is None


def test_chosen_last_all_rows_are_learnt_and_the_last_weights_used(taught, tmp_path):
    stage, run, done, learnt = taught(choose="last")
    assert learnt == set(range(18))
    assert done.inner.tolist() == []
    assert done.inner_score is None
    assert done.best_epoch == 1
    assert all(np.array_equal(done.best[name], done.last[name]) for name in done.last)
    with making(tmp_path / "unit", Wanted(
        stage="train-cnn", inputs={}, recipe={}, seed=0, settings={}
    )) as draft:  # fmt: skip
        kept.keep(draft, stage, 0, run, done)
    unit = open_unit(tmp_path / "unit", "train-cnn")
    net, use = kept.open_network(unit, ("benign", "malignant"))
    assert (use.inner_score, use.best_epoch) == (None, 1)
    assert len(use.views) == 4
    assert json.loads((tmp_path / "unit" / kept.USE).read_text())["net"]["hidden"] == []
    assert np.array_equal(net.head[-1].weight.detach().numpy(), done.last["head.2.weight"])


def test_families_teach_and_leave_nothing_behind(taught, pictures):
    families = Auxiliary(np.arange(COUNT) % 4 - 1, ("a", "b", "c"), 0.3)
    stage, run, done, _ = taught(families, choose="last")
    _, _, plain, _ = taught(choose="last")
    assert done.last.keys() == plain.last.keys()
    name = "backbone.stem.0.weight"
    assert not np.array_equal(done.last[name], plain.last[name])
    found = scored(stage, run, pictures, done.best, np.arange(18, COUNT))
    assert found.probability.shape == (6, 2)
    assert np.isfinite(found.embedding).all()
