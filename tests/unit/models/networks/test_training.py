"""A network on one fold: on inner rows or on all rows to the end, of two classes or of three."""

import json
from dataclasses import replace

import cv2
import numpy as np
import polars as pl
import pytest
import torch

from folds.findings import Findings
from folds.images import ImageReader
from models.inference.scores import Way
from models.inference.views import FOUR
from models.input.pictures import Pictures
from models.nets.config import NetConfig
from models.nets.network import LesionNet
from models.nets.weights import pack
from models.networks import kept, opened
from models.networks.auxiliary import ANSWERS, AuxiliaryTarget
from models.networks.config import NetworkConfig
from models.networks.fold import scores_of, train_network
from models.networks.network import Network, Run, TrainingRows
from models.networks.tasks.task import Labels
from models.networks.use import USE
from models.training.checkpoints import Checkpoints
from models.training.loop import Training
from pipeline.recipe_files import on_base
from tests.unit.models.networks.conftest import base
from workspace.errors import ArtifactError, ConfigError
from workspace.hashing import HashMemory
from workspace.manifest import Wanted
from workspace.progress import quietly
from workspace.units import making, open_unit

COUNT = 24
LABELS = np.arange(COUNT) % 3 == 0
SMALL = {"net": {"backbone": "test_convnext", "weights": "none", "size": 32}}
TRAINING = {
    "batch_size": 4, "inner_folds": 2, "checkpoint_s": 60.0,
    "phases": [{"epochs": 2, "lr": 1e-3, "schedule": "cosine", "scale": {"backbone": 0.01}}],
}  # fmt: skip
TWO = Labels(LABELS.astype(np.int64), ("benign", "malignant"), target=(1,))
WANTED = Wanted(stage="train-cnn", settings={}, inputs={}, recipe={}, seed=0)


def config_of(name="extractor", task=None, **training):
    stated = {**SMALL, "training": {**TRAINING, **training}, "task": task or {}}
    return NetworkConfig.model_validate(on_base(base(name), stated))


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
def trained(pictures, tmp_path, monkeypatch):
    """Train on the first 18 pictures; gives what came of it, and which places were learnt."""

    def training(config=None, labels=TWO, validation=None, **values):
        network = Network("net", config or config_of(**values), labels)
        name = str(len(list(tmp_path.iterdir())))
        kept_there = Checkpoints(tmp_path / name, WANTED, HashMemory(), print)
        learnt = []
        plan = Training._plan
        monkeypatch.setattr(
            Training, "_plan", lambda self, epoch: learnt.append(plan(self, epoch)) or learnt[-1]
        )
        run = Run(1, Way(torch.device("cpu"), views=FOUR))
        rows = TrainingRows(0, np.arange(18), np.arange(COUNT), validation)
        done = train_network(network, rows, run, pictures, kept_there, quietly)
        monkeypatch.undo()
        return network, run, done, {int(place) for epoch in learnt for b in epoch for place in b}

    return training


def test_on_inner_rows_a_part_is_not_learnt_and_the_best_epoch_is_chosen(trained):
    _, _, done, learnt = trained()
    assert not learnt & set(done.inner.tolist())
    assert learnt | set(done.inner.tolist()) == set(range(18))
    assert done.inner_score == done.history[done.best_epoch]["auc"]
    assert done.threshold is None


def test_where_the_split_has_validation_rows_all_others_are_learnt_and_these_decide(trained):
    own = np.arange(18, COUNT)
    _, _, done, learnt = trained(validation=own)
    assert learnt == set(range(18))
    assert done.inner.tolist() == own.tolist()
    assert done.inner_score == done.history[done.best_epoch]["auc"]
    _, _, drawn, _ = trained()
    assert drawn.inner_score != done.inner_score
    _, _, last, learnt = trained(validation=own, choose="last")
    assert (learnt, last.inner.tolist(), last.inner_score) == (set(range(18)), [], None)


def test_chosen_last_all_rows_are_learnt_and_the_last_weights_used(trained, tmp_path):
    network, run, done, learnt = trained(choose="last")
    assert learnt == set(range(18))
    assert done.inner.tolist() == []
    assert done.inner_score is None
    assert done.best_epoch == 1
    assert all(np.array_equal(done.best[name], done.last[name]) for name in done.last)
    with making(tmp_path / "unit", WANTED) as draft:
        kept.keep(draft, network, 0, run, done)
    unit = open_unit(tmp_path / "unit", "train-cnn")
    net, use = opened.open_network(unit, ("benign", "malignant"))
    assert (use.inner_score, use.best_epoch) == (None, 1)
    assert len(use.views) == 4
    assert json.loads((tmp_path / "unit" / USE).read_text())["net"]["hidden"] == []
    assert np.array_equal(net.head[-1].weight.detach().numpy(), done.last["head.2.weight"])


def test_check_162_a_kept_network_whose_gates_began_at_one_half_is_refused(tmp_path):
    net = LesionNet(NetConfig(**SMALL["net"]), 1)
    renamed = {".se.squeeze.": ".se.fc1.", ".se.excite.": ".se.fc2."}
    weights = pack(net)
    for now, before in renamed.items():
        weights = {name.replace(now, before): value for name, value in weights.items()}
    with making(tmp_path / "unit", WANTED) as draft:
        kept.keep_encoder(draft, "net", net.config)
        draft.tensors(kept.BEST, weights)
    unit = open_unit(tmp_path / "unit", "train-cnn")
    with pytest.raises(ArtifactError) as refused:
        opened.open_network(unit)
    assert str(refused.value) == (
        f"{unit.folder} has SE or CBAM whose gates begin at one half, which this version computes "
        "otherwise; run 'make train-cnn FRESH=1', or use it with the code that made it "
        f"({unit.manifest.code.commit[:9]})."
    )


FAMILIES = AuxiliaryTarget("families", np.arange(COUNT) % 4 - 1, ("a", "b", "c"), 0.3)
QUESTION = AuxiliaryTarget("odd", np.arange(COUNT) % 3 - 1, ANSWERS, 0.3, is_question=True)


@pytest.mark.parametrize("auxiliary", [(FAMILIES,), (QUESTION,), (FAMILIES, QUESTION)])
def test_what_is_learnt_besides_leaves_nothing_behind(trained, pictures, auxiliary):
    network, run, done, _ = trained(labels=replace(TWO, auxiliary=auxiliary), choose="last")
    without, _, plain, _ = trained(choose="last")
    assert network.columns == without.columns == ["oof_net_malignant"]
    assert done.last.keys() == plain.last.keys()
    name = "backbone.stem.0.weight"
    assert not np.array_equal(done.last[name], plain.last[name])
    found = scores_of(network, run, pictures, done.best, np.arange(18, COUNT))
    assert found.probability.shape == (6, 2)
    assert np.isfinite(found.embedding).all()


def test_a_question_with_one_answer_among_what_is_learnt_is_refused_before_the_first_step(trained):
    codes = np.where(np.arange(COUNT) < 18, 0, 1)  # those that are not learnt say yes
    one_sided = replace(QUESTION, codes=codes)
    with pytest.raises(ConfigError) as refused:
        trained(labels=replace(TWO, auxiliary=(one_sided,)), choose="last")
    assert str(refused.value) == (
        "networks.net.task.questions asks odd, which the rows to learn from answer with yes 0 "
        "times and with no 18 times; leave it out."
    )


@pytest.mark.parametrize("watch", ["macro_f1", "balanced_accuracy", "macro_auc"])
def test_three_classes_have_a_probability_each_and_are_watched_as_the_recipe_says(
    trained, pictures, watch
):
    names = [("a", "b", "c")[number % 3] for number in range(COUNT)]
    config = config_of("classes", {"classes": "all"}, watch=watch)
    rows = pl.DataFrame({"target": [int(name == "b") for name in names], "diagnosis": names})
    labels = config.task.labels("net", rows, Findings())
    network, run, done, _ = trained(config, labels)
    assert labels.target == (1,)
    assert done.inner_score == done.history[done.best_epoch][watch]
    found = scores_of(network, run, pictures, done.best, np.arange(18, COUNT))
    assert found.probability.shape == (6, 3)
    np.testing.assert_allclose(found.probability.sum(axis=1), 1, atol=1e-6)


def test_a_network_that_calls_by_a_threshold_chooses_it_on_inner_rows(trained):
    _, _, done, _ = trained(task={"threshold": "accuracy"})
    assert 0 <= done.threshold <= 1
    assert 0 <= done.last_threshold <= 1
