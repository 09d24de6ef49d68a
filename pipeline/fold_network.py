"""What makes a network of a run: trained without a fold, or a backbone as it came.

Reads rows and pictures; writes weights, what is needed to use them, the scores of the rows that the
network never saw, its curves.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl
import torch

from folds.findings import Findings
from folds.schema import ID
from models.inference.scores import Scores
from models.inference.speed import fastest
from models.inference.views import NAMED
from models.input.pictures import Pictures
from models.nets.config import NONE, NetConfig
from models.nets.determinism import refused_plainly
from models.nets.work import threads_of
from models.networks import kept
from models.networks.config import NetworkConfig
from models.networks.fold import TrainedNetwork, begin_training, scores_of, train_network
from models.networks.names import HeldOut, in_words
from models.networks.network import Network, Run, TrainingRows, network_of
from models.training.checkpoints import Checkpoints, Onlooker
from models.training.curves import draw
from models.training.loop import Training
from models.training.position import seed_of
from models.training.ranks import Ranks
from pipeline.machine import Machine
from pipeline.networks import LAST, SCORES
from pipeline.picture_rows import PictureFiles, open_picture_rows
from pipeline.ranks import Onwards, Team, join_among, train_among
from pipeline.rendezvous import Crew
from pipeline.teaching import soft_labels_of
from workspace.allocation import freed_memory_kept
from workspace.arrays import Ints
from workspace.hashing import HashMemory, sha256_text
from workspace.lock import lock_of
from workspace.manifest import Wanted
from workspace.progress import Desk
from workspace.units import Draft


@refused_plainly()
@freed_memory_kept()
def train_fold_network(
    draft: Draft, *, files: PictureFiles, network: tuple[str, NetworkConfig],
    run: tuple[HeldOut, int], machine: Machine, checkpoints: Path,
) -> None:  # fmt: skip
    """Train from where the last checkpoint left it, then score the rows that were left out."""
    asked = Asked(files, network, run, machine, checkpoints, draft.wanted)
    asked.offer.unlink(missing_ok=True)  # of an owner that is gone
    if machine.ranks > 1:
        train_among(asked.team, draft.desk, asked.crew if machine.nodes > 1 else None)
    fold = open_fold_network(files, network, run, machine)
    train_and_fill(draft, fold, machine, checkpoints)


def join_fold_network(folder: Path, wanted: Wanted, desk: Desk, **training: Any) -> None:
    """Compute for whoever trains it now, on this machine; nothing is written."""
    asked = Asked(**training, wanted=wanted)
    join_among(asked.team, desk, asked.crew, lock_of(folder))


@dataclass(frozen=True)
class Asked:
    """What one of several ranks is asked to train, as it travels there."""

    files: PictureFiles
    network: tuple[str, NetworkConfig]
    run: tuple[HeldOut, int]
    machine: Machine
    checkpoints: Path
    wanted: Wanted

    @property
    def team(self) -> Team:
        title = f"{self.network[0]}, {in_words(self.run[0])}, {self.machine.ranks} ranks"
        return Team(self.machine.devices, self._device, self.learn, title)

    @property
    def offer(self) -> Path:
        """Hidden beside the checkpoints; there while machines are awaited."""
        return self.checkpoints.with_name(f".{self.checkpoints.name}.offer")

    @property
    def crew(self) -> Crew:
        machine = self.machine
        values = self.wanted.model_dump_json(include={"settings", "inputs", "seed"})
        terms = {
            "NODES": str(machine.nodes), "DEVICES": str(machine.devices), "DEVICE": self._device,
            "DETERMINISTIC": str(int(machine.deterministic)), "RECIPE": sha256_text(values)[:12],
        }  # fmt: skip
        return Crew(machine.nodes, self.offer, terms)

    @property
    def _device(self) -> str:
        return self.machine.torch_device().type

    @refused_plainly()
    @freed_memory_kept()
    def learn(self, ranks: Ranks, desk: Onwards) -> None:
        """All steps, from where the last checkpoint left them."""
        fold = open_fold_network(self.files, self.network, self.run, self.machine)
        kind = Checkpoints if ranks.is_first else Onlooker
        wanted = _resumable(self.wanted, self.machine)
        fold.begin(kind(self.checkpoints, wanted, HashMemory(), desk.say), ranks).learn(desk.show)


def open_fold_network(
    files: PictureFiles, network: tuple[str, NetworkConfig], run: tuple[HeldOut, int],
    machine: Machine,
) -> "FoldNetwork":  # fmt: skip
    """Its rows and pictures, and how they are run on this machine."""
    (held_out, seed), device = run, machine.torch_device()
    rows = open_picture_rows(files)
    asked = network_of(*network, rows.table, Findings())
    fast = asked.config.net.pace == "fast" and fastest(device, 0).dtype == "bfloat16"
    views = [view.name for view in NAMED[asked.config.views]]
    how = Run(seed, machine.way(asked.config.net, views, bfloat16=fast))
    return FoldNetwork(asked, *rows.without(held_out), how, rows.pictures)


def train_and_fill(
    draft: Draft, fold: "FoldNetwork", machine: Machine, checkpoints: Path
) -> TrainedNetwork:
    """All that a fold's network leaves; its checkpoints go once that is kept."""
    kept_so_far = checkpoints_of(draft, machine, checkpoints)
    trained = fold.train(kept_so_far, draft)
    fold.fill(draft, trained)
    draft.facts.update(repeatable=machine.repeatable(), threads=threads_of(fold.network.config.net))
    draft.afterwards(kept_so_far.clear)
    return trained


def checkpoints_of(draft: Draft, machine: Machine, folder: Path) -> Checkpoints:
    """Those of this very training, of which it goes on from the last."""
    return Checkpoints(folder, _resumable(draft.wanted, machine), HashMemory(), draft.desk.say)


@dataclass(frozen=True)
class FoldNetwork:
    """All that a fold's network is made of: rows and settings in, files out."""

    network: Network
    rows: TrainingRows
    indices: Ints  # of the rows that are held out
    run: Run
    pictures: Pictures

    @property
    def title(self) -> str:
        return f"{self.network.name}, {in_words(self.rows.held_out)}"

    def begin(self, checkpoints: Checkpoints, ranks: Ranks) -> Training:
        """The same training, of which one of these ranks computes its share."""
        rows = self._taught_rows()
        return begin_training(self.network, rows, self.run, self.pictures, checkpoints, ranks)

    def train(self, checkpoints: Checkpoints, draft: Draft) -> TrainedNetwork:
        """From where the last checkpoint left it."""
        rows = self._taught_rows()
        with draft.progress(self.title) as show:
            return train_network(self.network, rows, self.run, self.pictures, checkpoints, show)

    def _taught_rows(self) -> TrainingRows:
        """With what its teacher says of them: whoever does not train needs none of it."""
        if (teacher := self.network.config.teacher) is None:
            return self.rows
        ids, classes = self.pictures.ids.alias(ID).to_frame(), self.network.classes
        return replace(self.rows, soft_labels=soft_labels_of(Path(teacher.network), ids, classes))

    def fill(self, draft: Draft, trained: TrainedNetwork) -> None:
        """Keep the network, and what it says of the rows that it never saw, if it says anything."""
        use = kept.keep(draft, self.network, self.rows.held_out, self.run, trained)
        if not self.network.task.is_beginning:
            self._keep_scores(draft, trained)
        learning = self.network.config.learning
        chosen = learning.choose == "inner"
        draft.show("curves.svg", draw(trained.history, learning.watch, chosen=chosen))
        draft.facts.update(best_epoch=use.best_epoch + 1, inner_score=use.inner_score)
        draft.facts.update(balance=trained.balance, processors=list(trained.processors))
        if trained.ranks:  # it is the same network but for the order of its sums
            draft.facts.update(ranks=list(trained.ranks))
        draft.facts.update(self.network.task.facts(trained.history))

    def _keep_scores(self, draft: Draft, trained: TrainedNetwork) -> None:
        scored = (self.network, self.run, self.pictures)
        with draft.progress(f"{self.title}, scores") as show:
            last = best = scores_of(*scored, trained.best, self.indices, show)
        if trained.best_is_another:
            with draft.progress(f"{self.title}, scores of the last epoch") as show:
                last = scores_of(*scored, trained.last, self.indices, show)
        draft.parquet(SCORES, self.table(self.indices, {"": best, LAST: last}))

    def score(self, draft: Draft, trained: TrainedNetwork, indices: Ints) -> pl.DataFrame:
        """Ids and probabilities of other rows, by the best weights."""
        with draft.progress(f"{self.title}, scores of other rows") as show:
            scores = scores_of(self.network, self.run, self.pictures, trained.best, indices, show)
        return self.table(indices, {"": scores})

    def table(self, indices: Ints, scores: Mapping[str, Scores]) -> pl.DataFrame:
        """Ids, and probabilities by what stands before their columns."""
        names = self.network.columns
        columns: dict[str, Any] = {ID: self.pictures.ids.gather(indices).alias(ID)}
        for prefix, one in scores.items():
            shares = one.probability[:, -len(names) :]
            columns |= {f"{prefix}{name}": shares[:, at] for at, name in enumerate(names)}
        return pl.DataFrame(columns)


def keep_encoder(draft: Draft, name: str, net: NetConfig, seed: int) -> None:
    """Its weights, drawn by the seed where it brings none."""
    if net.weights == NONE:
        torch.manual_seed(seed_of(seed, name))
    kept.keep_encoder(draft, name, net)


def _resumable(wanted: Wanted, machine: Machine) -> Wanted:
    """A training goes on only where it began: on such a device, so switched, with this torch.

    On a CPU the switches change nothing, and a finished network is the same network either way.
    """
    device = machine.torch_device().type
    began: dict[str, Any] = {"device": device, "torch": str(torch.__version__)}
    if machine.deterministic and device != "cpu":
        began["deterministic"] = True
    return wanted.model_copy(update={"settings": wanted.settings | began})
