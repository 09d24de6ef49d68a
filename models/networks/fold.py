"""A network on one fold: train it without the held-out rows, then score them.

The threshold and the best epoch are chosen on inner rows. Two sets of weights come out: those of
the best inner epoch, which score, and those of the last epoch, which nothing has chosen. Where a
recipe wants nothing to be chosen, there are no inner rows and both are the last.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from models.inference.scores import Scores, score_pictures
from models.inference.views import IDENTITY
from models.input.pictures import Pictures
from models.input.transforms import make_transform
from models.nets.network import LesionNet, without_auxiliary
from models.nets.weights import unpack
from models.networks.auxiliary import refuse_one_sided
from models.networks.few_labels import few_labels
from models.networks.inner import check_own, inner_groups, inner_split
from models.networks.inner_rows import InnerRows
from models.networks.names import in_words
from models.networks.network import Network, Run, TrainingRows
from models.networks.rounding import LearntRows, begin_ranges
from models.training.checkpoints import Arrays, Checkpoints
from models.training.divided import shares_of
from models.training.loop import Training
from models.training.objective import Objective
from models.training.position import seed_of
from models.training.ranks import ALONE, Ranks
from models.training.setting import Examples, Setting
from models.training.soft_labels import TaughtObjective
from workspace.arrays import Ints
from workspace.progress import Show


@dataclass(frozen=True)
class TrainedNetwork:
    """What a fold's training leaves."""

    best: Arrays
    last: Arrays
    best_epoch: int
    threshold: float | None  # of a network that calls by one
    last_threshold: float | None  # that of the last epoch's weights
    inner: Ints  # none where nothing was chosen
    inner_score: float | None
    history: list[dict[str, Any]]
    balance: dict[str, Any]  # what each class was of the loss
    processors: Sequence[str] = ()  # on which kinds it was trained
    ranks: Sequence[int] = ()  # and among how many, where that was not one

    @property
    def best_is_another(self) -> bool:
        """Whether the weights that were chosen are not the last epoch's, and answer otherwise."""
        return self.inner_score is not None and not _alike(self.best, self.last)


def train_network(
    network: Network, rows: TrainingRows, run: Run, pictures: Pictures, kept: Checkpoints,
    show: Show,
) -> TrainedNetwork:  # fmt: skip
    """Train on a fold's training rows, from where the last checkpoint left it."""
    training, config = begin_training(network, rows, run, pictures, kept), network.config
    trained, inner = training.run(show), training.examples.inner
    best, last = without_auxiliary(trained.best), without_auxiliary(trained.last)
    first = _threshold(network, run, pictures, best, inner)
    second = first if _alike(best, last) else _threshold(network, run, pictures, last, inner)
    chosen = trained.history[trained.best_epoch].get(config.learning.watch)
    return TrainedNetwork(
        best, last, trained.best_epoch, first, second, inner, chosen, trained.history,
        trained.balance, trained.processors, trained.ranks,
    )  # fmt: skip


def begin_training(
    network: Network, rows: TrainingRows, run: Run, pictures: Pictures, kept: Checkpoints,
    ranks: Ranks = ALONE,
) -> Training:  # fmt: skip
    """The training of a fold's network, as it begins; one of `ranks` computes its share of it."""
    config, labels = network.config, network.labels
    seed = seed_of(run.seed, network.name, rows.held_out)
    learnt, inner = own_rows(network, rows, run.seed)
    torch.manual_seed(seed)
    objective = _objective(network, rows)
    net = LesionNet(config.net, network.outputs, auxiliary=objective.further)
    if config.net.weight_bits is not None:
        others = np.setdiff1d(np.arange(len(network.codes)), rows.training)
        kept_back = np.union1d(others, inner)
        begin_ranges(net, pictures, LearntRows(learnt, kept_back), run.way)
    deal = network.task.dealing(labels, learnt, config.learning, seed)
    examples = Examples(pictures, labels.codes, labels.classes, learnt, inner, objective, deal)
    transform = make_transform(config.augment, net.size, net.mean, net.std)
    shares = shares_of(ranks, config.learning, by_batch=network.task.by_batch)
    setting = Setting(
        config.learning, transform, run.way.device, seed, run.way.workers,
        {"network": network.name, "fold": rows.held_out}, shares,
    )  # fmt: skip
    title, one_view = f"{network.name}, {in_words(rows.held_out)}", replace(run.way, views=IDENTITY)
    watched = InnerRows(pictures, learnt, inner, one_view, transform, seed, title, kept.tell)
    score = network.task.scoring(watched, labels, config.learning.watch) if len(inner) else None
    return Training(net, examples, setting, kept, score)


def _objective(network: Network, rows: TrainingRows) -> Objective:
    own = network.task.objective(network.labels, network.config.learning)
    if (teacher := network.config.teacher) is None:
        return own
    assert rows.soft_labels is not None, "its teacher was asked"
    return TaughtObjective(own, rows.soft_labels, teacher.temperature, teacher.weight)


def scores_of(
    network: Network, run: Run, pictures: Pictures, weights: Arrays, indices: Ints,
    show: Show | None = None,
) -> Scores:  # fmt: skip
    """What these weights say of some rows."""
    net = LesionNet.blank(network.config.net, network.outputs)
    unpack(net, weights)
    return score_pictures(net, pictures, indices, run.way, show)


def own_rows(network: Network, rows: TrainingRows, run_seed: int) -> tuple[Ints, Ints]:
    """What a run's network learns from, and its inner rows: the same whenever it is asked."""
    labels = seed_of(run_seed, "labels", rows.held_out)
    return split_rows(network, rows, seed_of(run_seed, network.name, rows.held_out), labels)


def split_rows(
    network: Network, rows: TrainingRows, seed: int, which_labels: int = 0
) -> tuple[Ints, Ints]:
    """What is learnt, and the inner rows, if something is to be chosen.

    `which_labels` is a seed that networks share: few labels are the same ones for all of them.
    """
    learnt = rows.training[network.codes[rows.training] >= 0]
    inner, training = learnt[:0], network.config.learning
    if training.labels < 1:
        known = network.codes[learnt], rows.groups[learnt]
        learnt = few_labels(learnt, *known, training.labels, which_labels)
    if training.choose != "last":
        learnt, inner = _to_choose_on(network, rows, learnt, seed)
    refuse_one_sided(network.name, network.labels.auxiliary, learnt)
    return learnt, inner


def _to_choose_on(
    network: Network, rows: TrainingRows, learnt: Ints, seed: int
) -> tuple[Ints, Ints]:
    """The rows to learn and those that decide: the split's own, or a part drawn for it."""
    if rows.validation is None:
        groups, parts = rows.groups[learnt], network.config.learning.inner_folds
        if not network.classes:
            return inner_groups(learnt, groups, parts, seed)
        return inner_split(learnt, network.codes[learnt], groups, parts, seed)
    validation = rows.validation[network.codes[rows.validation] >= 0]
    check_own(network.name, network.classes, network.codes[validation])
    return learnt, validation


def _alike(one: Arrays, other: Arrays) -> bool:
    return all(np.array_equal(one[name], other[name]) for name in one)


def _threshold(
    network: Network, run: Run, pictures: Pictures, weights: Arrays, inner: Ints
) -> float | None:
    if not network.task.by_threshold:
        return None
    positive = scores_of(network, run, pictures, weights, inner).probability[:, 1]
    return network.task.choose_threshold(network.codes[inner] == 1, positive)
