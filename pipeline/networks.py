"""The networks of a run as units: one for each fold that is left out, and encoders.

A fold's network is a unit in <run>/networks/<name>_fold_<k>/ with its weights, what is needed to
use them, and the scores of the rows it never saw. While it is made, checkpoints lie in
<run>/checkpoints/, and the same command goes on from them.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl
import torch

from folds.frozen import FILE
from folds.schema import ID
from models.inference.scores import Scores
from models.inference.speed import fastest
from models.inference.views import NAMED
from models.input.pictures import Pictures
from models.nets.config import HUB, NONE, NetConfig
from models.networks import kept
from models.networks.config import NetworkConfig
from models.networks.fold import TrainedNetwork, scores_of, train_network
from models.networks.kept import maker_of
from models.networks.network import HeldOut, Network, Run, TrainingRows, in_words, unit_name
from models.training.checkpoints import Checkpoints
from models.training.curves import draw
from models.training.determinism import refused_plainly
from models.training.position import seed_of
from pipeline.machine import device_of, training_device, way_of
from pipeline.picture_rows import PictureRows
from scripts.stage import Job
from stacking.fold import FOLD
from stacking.oof import MAKER
from workspace.arrays import Ints
from workspace.errors import ArtifactError
from workspace.manifest import Wanted, load_manifest
from workspace.progress import Show
from workspace.units import Draft, Unit, find, making, open_unit

STAGE, VERSION = "train-cnn", 3  # another version trains anew where networks are kept
ENCODERS = "encoders"  # the folder of those that learn nothing
SCORES = "scores.parquet"
LAST = "last_"  # before the columns of the last epoch's weights

Progress = Callable[[str], AbstractContextManager[Show]]


@refused_plainly()
def fold_unit(
    rows: PictureRows, network: Network, held_out: HeldOut, name: str = "", seed: int | None = None
) -> Unit:
    """A network that leaves out a fold or two, and its scores of them, made if need be."""
    job = rows.job
    seed = job.recipe.seed if seed is None else seed
    name = name or unit_name(network.name, held_out)
    folder = job.run / "networks" / name
    settings = fold_settings(network, held_out, seed, job.recipe.data.positive)
    wanted = job.wanted(STAGE, settings, _hashes(rows, network.config.net))
    done = find(folder, wanted, job.hashes, on_change="stop")
    if done is not None:
        if job.deterministic and done.facts.get("repeatable") is False:
            job.say(f"notice: {folder} was trained without DETERMINISTIC=1 on a GPU and is kept.")
        return done
    device = job.need(training_device)
    checkpoints = Checkpoints(
        job.run / "checkpoints" / name, _resumable(wanted, job), job.hashes, job.say
    )
    fast = network.config.net.pace == "fast" and fastest(device, 0).dtype == "bfloat16"
    views = [view.name for view in NAMED[network.config.views]]
    run = Run(seed, way_of(job, views, bfloat16=fast))
    learnt, indices = rows.without(held_out)
    fold = FoldNetwork(network, learnt, indices, run, rows.pictures)
    trained = fold.train(checkpoints, job.progress)
    with making(folder, wanted) as draft:
        fold.fill(draft, trained, job.progress)
        draft.facts["repeatable"] = device.type == "cpu" or job.deterministic
    checkpoints.clear()
    return open_unit(folder, STAGE)


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

    def train(self, checkpoints: Checkpoints, progress: Progress) -> TrainedNetwork:
        """From where the last checkpoint left it."""
        with progress(self.title) as show:
            return train_network(
                self.network, self.rows, self.run, self.pictures, checkpoints, show
            )

    def fill(self, draft: Draft, trained: TrainedNetwork, progress: Progress) -> None:
        """Keep the network, and what it says of the rows that it never saw."""
        with progress(f"{self.title}, scores") as show:
            use = kept.keep(draft, self.network, self.rows.held_out, self.run, trained)
            scored = (self.network, self.run, self.pictures)
            best = scores_of(*scored, trained.best, self.indices, show)
            last = best  # where nothing was chosen
            if trained.inner_score is not None:
                last = scores_of(*scored, trained.last, self.indices, show)
        draft.parquet(SCORES, self._table(best, last))
        draft.text("curves.svg", draw(trained.history, self.network.config.learning.watch))
        draft.facts.update(best_epoch=use.best_epoch + 1, inner_score=use.inner_score)

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
        "task": config.task.model_dump(mode="json"),
        "training": config.learning.model_dump(mode="json", exclude={"checkpoint_s"}),
        "augment": config.augment.model_dump(mode="json"),
        "views": config.views,
        "classes": list(network.classes),  # in order, which a JSON object would not keep
        "net": config.net.model_dump(mode="json", exclude={"weights"}),
        "seed": seed,
        "fold": held_out if isinstance(held_out, int) else list(held_out),
        "positive": list(positive),
        "version": VERSION,
    }


def encoder_unit(rows: PictureRows, name: str, config: NetworkConfig) -> Unit:
    """A backbone that learns nothing, made if not there yet: one for all folds."""
    job, net = rows.job, config.net
    folder = job.run / ENCODERS / name
    settings = {"net": net.model_dump(mode="json", exclude={"weights"}), "version": 1}
    if net.weights == NONE:
        job.say(f"notice: {name} has random weights: its embeddings say little of a picture.")
        torch.manual_seed(seed_of(job.recipe.seed, name))
        settings["seed"] = job.recipe.seed
    wanted = job.wanted("embed", settings, {"weights": _weights(rows, net)})
    done = find(folder, wanted, job.hashes, on_change="redo", fresh=job.fresh)
    if done is not None:
        return done
    with making(folder, wanted) as draft:
        kept.keep_encoder(draft, name, net)
    return open_unit(folder, "embed")


def begin_anew(rows: PictureRows, names: Sequence[str]) -> PictureRows:
    """Delete these networks and their checkpoints at once, so that a stopped FRESH=1 can go on."""
    job = rows.job
    for name in names:
        manifest = load_manifest(job.run / "networks" / name)
        if manifest is not None and manifest.stage == STAGE:
            shutil.rmtree(job.run / "networks" / name)
        shutil.rmtree(job.run / "checkpoints" / name, ignore_errors=True)
    return replace(rows, job=replace(job, fresh=False))


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


def _resumable(wanted: Wanted, job: Job) -> Wanted:
    """A training goes on only where it began: on such a device, so switched, with this torch.

    On a CPU the switches change nothing, and a finished network is the same network either way.
    """
    device = device_of(job).type
    began: dict[str, Any] = {"device": device, "torch": str(torch.__version__)}
    if job.deterministic and device != "cpu":
        began["deterministic"] = True
    return wanted.model_copy(update={"part": wanted.part | began})


def _hashes(rows: PictureRows, net: NetConfig) -> dict[str, str]:
    return rows.hashes() | {FILE: rows.folded.sha256(FILE), "weights": _weights(rows, net)}


def _weights(rows: PictureRows, net: NetConfig) -> str:
    """What the network begins with: a hash, or in a word; refused, if it learnt from rows here."""
    if net.weights in (HUB, NONE):
        return net.weights
    path = Path(net.weights)
    if not path.is_file():
        return "missing"
    beside = load_manifest(path.parent)
    learnt_from = {} if beside is None else beside.inputs
    if any(learnt_from.get(name) == sha for name, sha in rows.hashes().items()):
        raise ArtifactError(
            f"{path.name} in {path.parent} is of a network that learnt from these very rows: "
            "held-out patients would be known to it. Take weights of other data."
        )
    return rows.job.hashes.of(path)
