"""The networks of a run as tasks: one for each fold that is left out, and encoders.

A fold's network is a unit in <run>/networks/<name>_fold_<k>/ with its weights, what is needed to
use them, and the scores of the rows it never saw. While it is made, checkpoints lie in
<run>/checkpoints/, and the same command goes on from them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import torch

from folds.findings import Findings
from folds.frozen import FILE
from folds.schema import ID
from models.inference.scores import Scores
from models.inference.speed import fastest
from models.inference.views import NAMED
from models.input.pictures import Pictures
from models.nets.attention import GATES
from models.nets.config import HUB, INSTALLED, NONE, NetConfig
from models.nets.work import threads_of
from models.networks import kept
from models.networks.config import NetworkConfig
from models.networks.fold import TrainedNetwork, scores_of, train_network
from models.networks.kept import maker_of
from models.networks.network import (
    HeldOut,
    Network,
    Run,
    TrainingRows,
    in_words,
    network_of,
    unit_name,
)
from models.training.average import FORM as AVERAGE
from models.training.checkpoints import Checkpoints
from models.training.curves import draw
from models.training.determinism import refused_plainly
from models.training.position import seed_of
from pipeline.job import Job
from pipeline.machine import Machine
from pipeline.picture_rows import PictureFiles, PictureRows, open_picture_rows
from stacking.fold import FOLD
from stacking.oof import MAKER
from workspace.allocation import freed_memory_kept
from workspace.arrays import Ints
from workspace.atomic import remove_folder
from workspace.errors import ArtifactError
from workspace.hashing import HashMemory
from workspace.manifest import Wanted, load_manifest
from workspace.tasks import Task
from workspace.units import Draft, Unit, refuse_foreign

TRAIN_CNN = "train-cnn"
ENCODERS = "encoders"  # the folder of those that learn nothing
SCORES = "scores.parquet"
LAST = "last_"  # before the columns of the last epoch's weights


def training(
    job: Job, files: PictureFiles, network: Network, held_out: HeldOut, name: str = "",
    seed: int | None = None,
) -> Task:  # fmt: skip
    """A network that leaves out a fold or two, and its scores of them."""
    name = name or unit_name(network.name, held_out)
    seed = job.recipe.seed_of_networks if seed is None else seed
    net = network.config.net
    return Task(
        job.run / "networks" / name,
        TRAIN_CNN,
        train_fold_network,
        settings=fold_settings(network, held_out, seed, job.recipe.data.positive),
        inputs={**files.hashes(), FILE: files.folds_sha, "weights": _weights(job, files, net)},
        arguments={
            "files": files,
            "network": (network.name, network.config),
            "run": (held_out, seed),
            "machine": Machine.of(job),
            "checkpoints": job.run / "checkpoints" / name,
        },
        needs=partial(Machine.of(job).needs, net),
        on_change="stop",
    )


@refused_plainly()
@freed_memory_kept()
def train_fold_network(
    draft: Draft, *, files: PictureFiles, network: tuple[str, NetworkConfig],
    run: tuple[HeldOut, int], machine: Machine, checkpoints: Path,
) -> None:  # fmt: skip
    """Train from where the last checkpoint left it, then score the rows that were left out."""
    (held_out, seed), device = run, machine.torch_device()
    rows = open_picture_rows(files)
    asked = network_of(*network, rows.table, Findings())
    kept_so_far = Checkpoints(
        checkpoints, _resumable(draft.wanted, machine), HashMemory(), draft.desk.say
    )
    fast = asked.config.net.pace == "fast" and fastest(device, 0).dtype == "bfloat16"
    views = [view.name for view in NAMED[asked.config.views]]
    how = Run(seed, machine.way(asked.config.net, views, bfloat16=fast))
    learnt, indices = rows.without(held_out)
    fold = FoldNetwork(asked, learnt, indices, how, rows.pictures)
    fold.fill(draft, fold.train(kept_so_far, draft))
    draft.facts.update(repeatable=machine.repeatable(), threads=threads_of(asked.config.net))
    draft.afterwards(kept_so_far.clear)


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

    def train(self, checkpoints: Checkpoints, draft: Draft) -> TrainedNetwork:
        """From where the last checkpoint left it."""
        with draft.progress(self.title) as show:
            return train_network(
                self.network, self.rows, self.run, self.pictures, checkpoints, show
            )

    def fill(self, draft: Draft, trained: TrainedNetwork) -> None:
        """Keep the network, and what it says of the rows that it never saw."""
        use = kept.keep(draft, self.network, self.rows.held_out, self.run, trained)
        scored = (self.network, self.run, self.pictures)
        with draft.progress(f"{self.title}, scores") as show:
            last = best = scores_of(*scored, trained.best, self.indices, show)
        if trained.best_is_another:
            with draft.progress(f"{self.title}, scores of the last epoch") as show:
                last = scores_of(*scored, trained.last, self.indices, show)
        draft.parquet(SCORES, self._table(best, last))
        draft.text("curves.svg", draw(trained.history, self.network.config.learning.watch))
        draft.facts.update(best_epoch=use.best_epoch + 1, inner_score=use.inner_score)
        draft.facts.update(balance=trained.balance, processors=list(trained.processors))

    def _table(self, best: Scores, last: Scores) -> pl.DataFrame:
        """Ids, probabilities, the last epoch's probabilities."""
        names = self.network.columns
        columns: dict[str, Any] = {ID: self.pictures.ids.gather(self.indices).alias(ID)}
        for prefix, scores in (("", best), (LAST, last)):
            shares = scores.probability[:, -len(names) :]
            columns |= {f"{prefix}{name}": shares[:, at] for at, name in enumerate(names)}
        return pl.DataFrame(columns)


def fold_settings(
    network: Network, held_out: HeldOut, seed: int, positive: Sequence[str]
) -> dict[str, Any]:
    """The recipe's values that a fold's network depends on."""
    config = network.config
    return {
        **_gates(config.net),
        **({"average": AVERAGE} if config.learning.ema else {}),
        "task": config.task.model_dump(mode="json"),
        "training": config.learning.model_dump(mode="json", exclude={"checkpoint_s"}),
        "augment": config.augment.model_dump(mode="json"),
        "views": config.views,
        "classes": list(network.classes),  # in order, which a JSON object would not keep
        "net": config.net.model_dump(mode="json", exclude={"weights"}),
        "seed": seed,
        "fold": held_out if isinstance(held_out, int) else list(held_out),
        "positive": list(positive),
    }


def encoding(job: Job, files: PictureFiles, name: str, config: NetworkConfig) -> Task:
    """A backbone that learns nothing: one for all folds."""
    net = config.net
    settings: dict[str, Any] = {
        **_gates(net), "net": net.model_dump(mode="json", exclude={"weights"}),
    }  # fmt: skip
    if net.weights == NONE:
        if f"random {name}" not in job.noticed:
            job.noticed.add(f"random {name}")
            job.say(f"notice: {name} has random weights: its embeddings say little of a picture.")
        settings["seed"] = job.recipe.seed_of_networks
    return Task(
        job.run / ENCODERS / name,
        "embed",
        keep_encoder,
        settings=settings,
        inputs={"weights": _weights(job, files, net)},
        arguments={"name": name, "net": net, "seed": job.recipe.seed_of_networks},
    )


def keep_encoder(draft: Draft, name: str, net: NetConfig, seed: int) -> None:
    """Its weights, drawn by the seed where it brings none."""
    if net.weights == NONE:
        torch.manual_seed(seed_of(seed, name))
    kept.keep_encoder(draft, name, net)


def begin_anew(job: Job, names: Sequence[str]) -> None:
    """Delete these networks and their checkpoints, which a stopped FRESH=1 would go on from."""
    for name in names:
        refuse_foreign(job.run / "networks" / name, TRAIN_CNN)
    for name in names:
        remove_folder(job.run / "networks" / name)
        remove_folder(job.run / "checkpoints" / name)


def notice_kept_unswitched(job: Job, units: Sequence[Unit]) -> None:
    """A network that is kept is what it was made, whatever is asked for now."""
    for unit in units:
        if job.deterministic and unit.facts.get("repeatable") is False:
            job.say(
                f"notice: {unit.folder} was trained without DETERMINISTIC=1 on a GPU and is kept."
            )


def held_out_table(
    rows: PictureRows, units: Mapping[int, Unit], names: Sequence[str]
) -> pl.DataFrame:
    """What each fold's network says of the rows it never saw; null for those without a picture."""
    parts = []
    for fold, unit in units.items():
        made_by = pl.lit(fold, dtype=pl.Int16).alias(FOLD), pl.lit(maker_of(unit)).alias(MAKER)
        silent = rows.pictureless.filter(pl.col(FOLD) == fold)
        parts += [unit.parquet(SCORES, [ID, *names]).with_columns(made_by),
                  silent.select(ID).with_columns(made_by)]  # fmt: skip
    return pl.concat(parts, how="diagonal").select(ID, FOLD, MAKER, *names).sort(ID)


def _resumable(wanted: Wanted, machine: Machine) -> Wanted:
    """A training goes on only where it began: on such a device, so switched, with this torch.

    On a CPU the switches change nothing, and a finished network is the same network either way.
    """
    device = machine.torch_device().type
    began: dict[str, Any] = {"device": device, "torch": str(torch.__version__)}
    if machine.deterministic and device != "cpu":
        began["deterministic"] = True
    return wanted.model_copy(update={"settings": wanted.settings | began})


def _gates(net: NetConfig) -> dict[str, str]:
    """How the gates of attention are computed, if the network has any."""
    return {"gates": GATES} if net.se or net.cbam else {}


def _weights(job: Job, files: PictureFiles, net: NetConfig) -> str:
    """What the network begins with: a hash, or in a word; refused, if it learnt from rows here."""
    if net.weights in (HUB, INSTALLED, NONE):
        return net.weights
    path = Path(net.weights)
    if not path.is_file():
        return "missing"
    beside = load_manifest(path.parent)
    learnt_from = {} if beside is None else beside.inputs
    if any(learnt_from.get(name) == sha for name, sha in files.hashes().items()):
        raise ArtifactError(
            f"{path.name} in {path.parent} is of a network that learnt from these very rows: "
            "held-out patients would be known to it. Take weights of other data."
        )
    return job.hashes.of(path)
