"""One stage on one fold: train it without the held-out rows, then score them.

The threshold and the best epoch are chosen on inner rows. Two sets of weights come out: those of
the best inner epoch, which score, and those of the last epoch, which nothing has chosen. Where a
recipe wants nothing to be chosen, there are no inner rows and both are the last.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from metrics.classification import predicted_class, scores_of
from metrics.ranking import auc
from models.cascade.config import Stage1Config, Stage2Config
from models.cascade.inner import inner_split
from models.extractors.config import ExtractorConfig
from models.inference.scores import Scores, Way, score_pictures
from models.inference.views import IDENTITY
from models.input.pictures import Pictures
from models.input.views import make_view
from models.nets.config import NetConfig
from models.nets.network import LesionNet, without_auxiliary
from models.nets.weights import unpack
from models.training.auxiliary import Auxiliary
from models.training.checkpoints import Arrays, Checkpoints
from models.training.config import Watch
from models.training.loop import Examples, Setting, Show, Training
from models.training.position import seed_of

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Left = int | tuple[int, int]  # the fold that a network leaves out, or the two


@dataclass(frozen=True)
class Stage:
    """What is asked of every picture: its name in files, the classes in order, who is which."""

    name: str
    config: Stage1Config | Stage2Config | ExtractorConfig
    labels: Ints  # (pictures,), -1 for pictures that are not of the stage
    auxiliary: Auxiliary | None = None  # families that are learnt besides, in training alone

    @property
    def classes(self) -> tuple[str, ...]:
        return self.config.classes

    @property
    def outputs(self) -> int:
        """Two classes need one logit."""
        return 1 if len(self.classes) == 2 else len(self.classes)


@dataclass(frozen=True)
class Part:
    """A network's places: those it may learn from, and the patient of every picture."""

    fold: Left
    training: Ints
    groups: Ints


@dataclass(frozen=True)
class Run:
    """How a fold is run: network, seed and machine."""

    net: NetConfig
    seed: int
    way: Way


@dataclass(frozen=True)
class Taught:
    """What a fold's training leaves."""

    best: Arrays
    last: Arrays
    best_epoch: int
    threshold: float | None  # of stage 1: at or above it, a picture goes on to stage 2
    last_threshold: float | None  # that of the last epoch's weights
    inner: Ints  # none where nothing was chosen
    inner_score: float | None
    history: list[dict[str, Any]]


def teach(
    stage: Stage, part: Part, run: Run, pictures: Pictures, kept: Checkpoints, show: Show
) -> Taught:
    """Train on a fold's training rows, from where the last checkpoint left it."""
    labelled = part.training[stage.labels[part.training] >= 0]
    seed = seed_of(run.seed, stage.name, part.fold)
    learnt, inner = labelled, labelled[:0]
    chooses = stage.config.choose == "inner"
    if chooses:
        learnt, inner = inner_split(
            labelled, stage.labels[labelled], part.groups[labelled], stage.config.inner_folds, seed
        )
    torch.manual_seed(seed)
    families = stage.auxiliary.families if stage.auxiliary else ()
    net = LesionNet(run.net, stage.outputs, auxiliary=len(families))
    examples = Examples(pictures, stage.labels, stage.classes, learnt, inner, stage.auxiliary)
    view = make_view(stage.config.augment, net.size, net.mean, net.std)
    setting = Setting(stage.config, view, run.way.device, seed, run.way.workers)
    one_view = replace(run.way, views=IDENTITY)

    def score(now: LesionNet) -> float:
        found = score_pictures(now, pictures, inner, one_view)
        return watched(stage.config.watch, stage.labels[inner], found.probability, stage.classes)

    trained = Training(net, examples, setting, kept, score if chooses else None).run(show)
    best, last = without_auxiliary(trained.best), without_auxiliary(trained.last)
    limits: list[float | None] = [None, None]
    if isinstance(stage.config, Stage1Config):
        for at, weights in enumerate((best, last)):
            found = scored(stage, run, pictures, weights, inner).probability[:, 1]
            positive = stage.labels[inner] == 1
            limits[at] = best_threshold(positive, found, stage.config.threshold)
    chosen = trained.history[trained.best_epoch].get(stage.config.watch)
    return Taught(
        best,
        last,
        trained.best_epoch,
        limits[0],
        limits[1],
        inner,
        chosen,
        trained.history,
    )


def scored(stage: Stage, run: Run, pictures: Pictures, weights: Arrays, places: Ints,
           show: Show | None = None) -> Scores:  # fmt: skip
    """Scores of places by these weights."""
    net = LesionNet.blank(run.net, stage.outputs)
    unpack(net, weights)
    return score_pictures(net, pictures, places, run.way, show)


def watched(what: Watch, labels: Ints, probability: Floats, classes: tuple[str, ...]) -> float:
    """The inner rows' score; more is better."""
    if what == "auc":
        return auc(labels == 1, probability[:, 1])
    counts = np.zeros((len(classes), len(classes)), np.int64)
    np.add.at(counts, (labels, predicted_class(probability)), 1)
    return float(scores_of(counts, classes)["macro_f1"])


def best_threshold(positive: NDArray[np.bool_], probability: Floats, what: str) -> float:
    """The probability at which Youden's J, or accuracy, is greatest; the lowest of equals.

    Halfway to the next lower one: no row lies on it, and neighbours of the chosen row pass alike.
    """
    order = np.argsort(-probability, kind="stable")
    value, ill = probability[order], positive[order]
    ends = np.flatnonzero(np.r_[value[1:] != value[:-1], True])
    caught, flagged = np.cumsum(ill)[ends], np.cumsum(~ill)[ends]
    if what == "youden":
        worth = caught / max(ill.sum(), 1) - flagged / max((~ill).sum(), 1)
    else:
        worth = caught - flagged
    best = len(worth) - 1 - int(np.argmax(worth[::-1]))
    lower = value[ends[best] + 1] if best + 1 < len(ends) else 0.0
    return float((value[ends[best]] + lower) / 2)
