"""Twenty small pictures, reddish ones positive, and a training on them that takes a second."""

from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest
import torch

from folds.images import ImageReader
from models.inference.scores import Way, score_pictures
from models.input.config import AugmentConfig
from models.input.pictures import Pictures
from models.input.transforms import make_transform
from models.nets.config import NetConfig
from models.nets.network import LesionNet
from models.networks.watch import watched
from models.training.auxiliary import Auxiliary
from models.training.checkpoints import Checkpoints
from models.training.config import PhaseConfig, TrainConfig
from models.training.loop import Training
from models.training.objective import ClassObjective
from models.training.setting import Examples, Setting
from models.training.shares import Shares
from workspace.hashing import HashMemory
from workspace.manifest import Wanted

NET = NetConfig(
    backbone="test_convnext", weights="none", size=32, hidden=(16,), dropout=(0.25, 0.1),
    drop_path=0.1,
)  # fmt: skip
CONFIG = TrainConfig(
    phases=(
        PhaseConfig(epochs=1, lr=1e-3, schedule="onecycle", frozen=("backbone",)),
        PhaseConfig(epochs=2, lr=1e-3, schedule="onecycle", scale={"backbone": 0.1}),
        PhaseConfig(epochs=1, lr=1e-4),
    ),
    batch_size=3, accumulate=2, sampling="inverse_frequency", class_weights=False, ema=0.9,
    clip_norm=1.0, checkpoint_s=0.0,
)  # fmt: skip


AUGMENT = AugmentConfig()
WHOSE = {"network": "flag", "fold": 2}


def draw_pictures(folder):
    rng = np.random.default_rng(0)
    names = [f"p{number:02d}" for number in range(20)]
    for number, name in enumerate(names):
        image = rng.integers(60, 160, (40, 44, 3)).astype(np.uint8)
        image[..., 2] += np.uint8(80 * (number % 2))  # OpenCV's red
        assert cv2.imwrite(str(folder / f"{name}.png"), image)
    return Pictures(ImageReader(folder), pl.Series(names), [f"{n}.png" for n in names], 0.01)


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    return draw_pictures(tmp_path_factory.mktemp("pictures"))


@dataclass
class Trial:
    """A training in a folder, and what it said."""

    folder: Path
    pictures: Pictures
    config: TrainConfig = CONFIG
    augment: AugmentConfig = AUGMENT
    net: NetConfig = NET
    labels: tuple = tuple(number % 2 for number in range(20))
    settings: object = None
    learnt: int = 14  # the first so many pictures; the others are inner ones
    workers: int = 0
    auxiliary: tuple[Auxiliary, ...] = ()
    shares: Shares = field(default_factory=Shares)

    def __post_init__(self):
        self.said = []
        self.scored, self.before = [], []

    def made(self):
        wanted = Wanted(
            stage="train-cnn", inputs={"folds": "a"}, recipe={}, seed=1,
            settings=self.settings
            or {"config": self.config.model_dump(mode="json"), "classes": ["a", "b"]},
        )  # fmt: skip
        kept = Checkpoints(self.folder / "checkpoints", wanted, HashMemory(), self.said.append)
        torch.manual_seed(0)
        labels = np.array(self.labels)
        objective = ClassObjective(labels, 2, self.config, self.auxiliary)
        net = LesionNet(self.net, 1, auxiliary=objective.further)
        places = np.arange(len(labels))
        learnt, inner = places[: self.learnt], places[self.learnt :]
        examples = Examples(self.pictures, labels, ("a", "b"), learnt, inner, objective)
        transform = make_transform(self.augment, net.size, net.mean, net.std)
        device = torch.device("cpu")
        setting = Setting(self.config, transform, device, 5, self.workers, WHOSE, self.shares)
        score = self.score and self._scored
        return Training(net, examples, setting, kept, score)

    def _scored(self, net, history):
        self.before.append([record["epoch"] for record in history])
        return self.score(net), {"inner_loss": 0.5}

    def score(self, net):
        inner = np.arange(self.learnt, len(self.labels))
        found = score_pictures(net, self.pictures, inner, Way(torch.device("cpu")))
        value = watched("auc", np.array(self.labels)[inner], found.probability, ("a", "b"))
        self.scored.append(value)
        return value

    def run(self, show=lambda done, total: None):
        return self.made().run(show)


@pytest.fixture
def trial(tmp_path, pictures):
    def make(name="run", **values):
        values.setdefault("config", CONFIG)
        return Trial(tmp_path / name, pictures, **values)

    return make


def plainly(config, **values):
    """Without anything random in a step but the order."""
    config = config.model_copy(update={"mixup_probability": 0.0, **values})
    return {"config": config, "augment": AugmentConfig(kind="none")}
