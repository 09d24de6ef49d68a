"""Signs of life of a network that learns without labels: what inner rows say after each epoch.

Nearest neighbours tell what its embeddings, which others begin with, know of diagnoses. Alignment
and uniformity are of the outputs, which the loss looks at. Nothing is chosen by any of them.
"""

from functools import cached_property

import numpy as np
import torch

from metrics.classification import scores_of
from metrics.representation import NEIGHBOURS, alignment, nearest_class, uniformity
from models.inference.speed import Prepared
from models.input.loader import batches
from models.nets.network import LesionNet
from models.networks.inner_rows import InnerRows
from models.networks.tasks.contrastive import COLLAPSED, Unlabelled, collapsed
from models.training.config import Watch
from models.training.position import seed_of
from models.training.setting import History
from workspace.arrays import Floats32, Ints
from workspace.errors import ConfigError

MOST = 4096  # pictures to be near to, and pictures that are asked
PAIRED = 512  # pictures whose two views are compared
SCORES = ("accuracy", "balanced_accuracy")  # of neighbours


class Signs:
    """What is asked of the network after each epoch: the watched score, and the rest by name."""

    def __init__(self, rows: InnerRows, labels: Unlabelled, watch: Watch) -> None:
        self.rows, self.labels, self.watch = rows, labels, watch
        self._told = False  # in this call
        for what, some in (("rows to learn from", self._bank), ("inner rows", self._asked)):
            if not len(some):
                raise ConfigError(
                    f"{rows.title}: none of the {what} has a {labels.by}, by which signs of life "
                    "go; take another task.signs_by, or training.choose='last'."
                )

    def __call__(self, net: LesionNet, history: History) -> tuple[float, dict[str, float]]:
        one, other = self._two_views(net)
        found = {
            **self._neighbours(net),
            "alignment": alignment(one, other),
            "uniformity": (uniformity(one) + uniformity(other)) / 2,
        }
        epoch = len(history) + 1
        if epoch in collapsed([*history, {"epoch": epoch, **found}]) and not self._told:
            self._told = True
            self.rows.tell(
                f"WARNING: {self.rows.title} has collapsed: the outputs of different pictures are "
                f"as good as one point (uniformity {found['uniformity']:.3f}, above {COLLAPSED}); "
                "lower lr, or take a larger batch_size or stronger augmentation."
            )
        return found.pop(self.watch), found

    def _neighbours(self, net: LesionNet) -> dict[str, float]:
        """How often most of the nearest learnt pictures are of a picture's own class."""
        bank, asked, names = self._bank, self._asked, self.labels.names
        seen = self.rows.scores(net, np.concatenate([bank, asked])).embedding
        near, codes = (seen[: len(bank)], self.labels.known[bank]), self.labels.known[asked]
        called = nearest_class(*near, seen[len(bank) :], NEIGHBOURS)
        counts = np.zeros((len(names), len(names)), np.int64)
        np.add.at(counts, (codes, called), 1)
        scores = scores_of(counts, names)
        return {f"knn_{name}": float(scores[name]) for name in SCORES}

    def _two_views(self, net: LesionNet) -> tuple[Floats32, Floats32]:
        """Outputs (pictures, width) of some inner pictures, each drawn twice as in training."""
        rows, ready = self.rows, Prepared(net, self.rows.way.device)
        some, size = self._some(rows.inner, PAIRED, "paired"), rows.way.batch_size
        plan = [np.tile(some[at : at + size], 2) for at in range(0, len(some), size)]
        read = batches(
            rows.pictures, rows.augment, plan, seed=seed_of(rows.seed, "views"), epoch=0,
            workers=rows.way.workers,
        )  # fmt: skip
        views: list[tuple[Floats32, Floats32]] = []
        for batch in read:
            with torch.inference_mode():
                images = rows.augment.finish(batch.pixels.to(rows.way.device), batch.draws)
                outputs = ready(images).cpu().numpy()
            views.append((outputs[: len(outputs) // 2], outputs[len(outputs) // 2 :]))
        first, second = zip(*views, strict=True)
        return np.concatenate(first), np.concatenate(second)

    @cached_property
    def _bank(self) -> Ints:
        return self._some(self._of_a_class(self.rows.learnt), MOST, "bank")

    @cached_property
    def _asked(self) -> Ints:
        return self._some(self._of_a_class(self.rows.inner), MOST, "asked")

    def _of_a_class(self, indices: Ints) -> Ints:
        known: Ints = indices[self.labels.known[indices] >= 0]
        return known

    def _some(self, indices: Ints, most: int, what: str) -> Ints:
        """The same in every epoch; all of them where they are no more."""
        stream = np.random.default_rng(seed_of(self.rows.seed, what))
        return np.sort(stream.permutation(indices)[:most])
