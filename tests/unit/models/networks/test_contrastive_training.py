"""A network that learns without labels, on one fold: what it is shown, and resumed to the bit."""

import cv2
import numpy as np
import polars as pl
import pytest
import torch

from folds.findings import Findings
from folds.images import ImageReader
from models.inference.scores import Way
from models.input.pictures import Pictures
from models.networks.config import NetworkConfig
from models.networks.fold import train_network
from models.networks.network import Run, TrainingRows, network_of
from models.training.checkpoints import Checkpoints
from models.training.loop import Training
from pipeline.recipe_files import on_base
from tests.unit.models.networks.conftest import base
from workspace.hashing import HashMemory
from workspace.manifest import Wanted
from workspace.progress import quietly

COUNT, TRAINED = 40, 32
WANTED = Wanted(stage="pretrain", settings={}, inputs={}, recipe={}, seed=0)
ROWS = pl.DataFrame(
    {
        "isic_id": [f"p{number:02d}" for number in range(COUNT)],
        "target": pl.Series([number % 2 for number in range(COUNT)], dtype=pl.Int8),
        "diagnosis": ["mel" if number % 2 else "nv" for number in range(COUNT)],
        "lesion_id": [f"L{number // 2}" if number < 16 else None for number in range(COUNT)],
    }
)


def network(net=None, **training):
    stated = {
        "net": {
            "backbone": "test_resnet", "size": 32, "hidden": [16], "dropout": [0.0, 0.0],
            **(net or {}),
        },
        "task": {"width": 8},
        "training": {
            "batch_size": 8, "inner_folds": 4, "checkpoint_s": 0.0,
            "phases": [{"epochs": 3, "lr": 1e-3}], **training,
        },
    }  # fmt: skip
    config = NetworkConfig.model_validate(on_base(base("contrastive"), stated))
    return network_of("simclr", config, ROWS, Findings())


def drawn(folder, held_out_seed=0):
    for number, name in enumerate(ROWS["isic_id"]):
        seed = [number, held_out_seed if number >= TRAINED else 0]
        image = np.random.default_rng(seed).integers(40, 200, (36, 36, 3)).astype(np.uint8)
        assert cv2.imwrite(str(folder / f"{name}.png"), image)
    return Pictures(ImageReader(folder), ROWS["isic_id"], [f"{n}.png" for n in ROWS["isic_id"]])


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return drawn(tmp_path_factory.mktemp("pictures"))


def train(folder, pictures, asked=None, show=quietly, said=None):
    kept = Checkpoints(folder, WANTED, HashMemory(), (said if said is not None else []).append)
    rows = TrainingRows(0, np.arange(TRAINED), np.arange(COUNT) // 2)
    return train_network(
        asked or network(), rows, Run(1, Way(torch.device("cpu"))), pictures, kept, show
    )


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory, pictures):
    return train(tmp_path_factory.mktemp("unbroken"), pictures)


def differing(one, other):
    assert one.keys() == other.keys()
    return [name for name in one if not np.array_equal(one[name], other[name])]


def test_a_batch_has_two_views_of_each_picture_and_one_picture_of_a_lesion(
    pictures, tmp_path, monkeypatch
):
    seen = []
    loss = Training._loss

    def look(self, batch, *given):
        seen.append((batch.indices, batch.pixels))
        return loss(self, batch, *given)

    monkeypatch.setattr(Training, "_loss", look)
    done = train(tmp_path, pictures)
    inner = set(done.inner.tolist())
    lesions = network().labels.lesions
    for indices, pixels in seen:
        half = len(indices) // 2
        assert indices[:half].tolist() == indices[half:].tolist()
        assert not set(indices.tolist()) & inner
        assert len(set(lesions[indices[:half]].tolist())) == half
        assert not any(torch.equal(a, b) for a, b in zip(pixels[:half], pixels[half:], strict=True))
    learnt = {int(index) for indices, _ in seen for index in indices}
    assert learnt == set(range(TRAINED)) - inner


def test_inner_rows_are_whole_groups_and_nothing_is_chosen_by_them(unbroken):
    groups = np.arange(COUNT) // 2
    inner = set(unbroken.inner.tolist())
    assert len(inner) == TRAINED // 4
    assert all((index ^ 1) in inner for index in inner)  # the other one of its group
    assert not set(groups[list(inner)]) & set(groups[list(set(range(TRAINED)) - inner)])
    assert unbroken.best_epoch == 2
    assert not differing(unbroken.best, unbroken.last)
    assert unbroken.threshold is None
    assert unbroken.balance == {}


def test_the_history_has_the_signs_of_life_of_every_epoch(unbroken):
    signs = {"knn_accuracy", "knn_balanced_accuracy", "alignment", "uniformity"}
    assert [set(entry) for entry in unbroken.history] == [
        {"phase", "epoch", "lr", "loss"} | signs
    ] * 3
    for entry in unbroken.history:
        assert 0 <= entry["knn_accuracy"] <= 1
        assert 0 <= entry["alignment"] <= 4
        assert -8 <= entry["uniformity"] <= 0
        assert np.isfinite(entry["loss"])


def test_it_learns_to_know_a_picture_again(pictures, tmp_path):
    phases = [{"epochs": 12, "lr": 3e-3}]
    done = train(tmp_path, pictures, network(phases=phases, choose="last"))
    losses = [entry["loss"] for entry in done.history]
    assert losses[-1] < losses[0] - 0.1
    assert set(done.history[0]) == {"phase", "epoch", "lr", "loss"}
    assert done.inner.tolist() == []


@pytest.mark.parametrize("stop", [1, 4, 6, 8])
def test_check_48_killed_in_the_middle_of_an_epoch_it_ends_as_if_unbroken(
    unbroken, pictures, tmp_path, stop
):
    left = [stop]

    def die(done, total):
        left[0] -= 1
        if left[0] == 0:
            raise MemoryError  # which nothing catches: what a kill leaves

    with pytest.raises(MemoryError):
        train(tmp_path, pictures, show=die)
    again = train(tmp_path, pictures)
    assert not differing(again.last, unbroken.last)
    assert again.history == unbroken.history


def test_no_label_and_no_held_out_picture_changes_a_weight(unbroken, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    turned = ROWS.with_columns(diagnosis=pl.Series(["mel", "nv", "nv", "mel"] * (COUNT // 4)))
    others = network_of("simclr", network().config, turned, Findings())
    done = train(tmp_path / "run", drawn(folder, held_out_seed=9), others)
    assert not differing(done.last, unbroken.last)
    changed = [entry["knn_accuracy"] for entry in done.history]
    assert changed != [entry["knn_accuracy"] for entry in unbroken.history]
    kept = ("loss", "alignment", "uniformity")
    assert [[e[k] for k in kept] for e in done.history] == [
        [e[k] for k in kept] for e in unbroken.history
    ]
