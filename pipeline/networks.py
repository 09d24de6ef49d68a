"""What the stages with networks share: the pictures, who is held out, the device, a fold's unit.

A fold's network is a unit in <run>/networks/<name>_fold_<k>/ with its weights, what is needed to
use them, and the scores of the rows it never saw. While it is made, checkpoints lie in
<run>/checkpoints/, and the same command goes on from them.
"""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

from folds.findings import Findings, plural
from folds.frozen import FILE, load_folds, splits
from folds.groups import GROUP
from folds.images import ImageReader
from folds.schema import ANCHOR, HOLDOUT, ID, IMAGE, SPLIT, TEST
from models.cascade import kept
from models.cascade.fold import Ints, Left, Part, Run, Stage, scored, teach
from models.cascade.labels import first_labels, second_labels
from models.extractors.config import ExtractorConfig
from models.extractors.families import auxiliary_of
from models.inference.scores import Scores, Way
from models.inference.speed import EXACT, Pace, fastest
from models.inference.views import NAMED, SIX
from models.input.pictures import Pictures
from models.nets.config import HUB, NONE, NetConfig
from models.training.checkpoints import Checkpoints
from models.training.curves import draw
from models.training.determinism import UNSWITCHED, refused_plainly, switch_on
from models.training.position import seed_of
from pipeline.job import Job
from pipeline.recipe import Recipe
from pipeline.samples import SAMPLES
from scripts import folds, verify
from stacking.fold import FOLD
from stacking.oof import MAKER
from workspace.errors import ArtifactError, ConfigError
from workspace.hashing import sha256_text
from workspace.manifest import Wanted, load_manifest
from workspace.units import Unit, find, making, open_unit

STAGE, VERSION = "train-cnn", 2  # another version trains anew where networks are kept
ENCODERS = "encoders"  # the folder of those that learn nothing
MEMORY_GB = 4.0  # of decoded pictures; more are decoded anew whenever they are shown
SCORES = "scores.parquet"
NO_NETWORK = (
    "The recipe's networks come to nothing (stage2 needs [stage2.diagnoses]); name some in "
    "networks, or take stack.networks=false."
)
LAST = "last_"  # before the columns of the last epoch's weights


@dataclass(frozen=True)
class Inputs:
    """The run's rows that have a picture, by id, and what is done with them."""

    job: Job
    folded: Unit
    rows: pl.DataFrame  # the sample table with fold, group and split, sorted by id
    blind: pl.DataFrame  # the rows without a picture: id, split and fold

    @cached_property
    def pictures(self) -> Pictures:
        reader = ImageReader(self.job.recipe.data.folder)
        return Pictures(reader, self.rows[ID], self.rows[IMAGE], MEMORY_GB)

    @cached_property
    def groups(self) -> Ints:
        return self.rows[GROUP].rank("dense").to_numpy().astype(np.int64)

    @cached_property
    def parts(self) -> dict[int, tuple[Part, Ints]]:
        """By fold: what it may learn from, and the places it holds out."""
        place = {name: number for number, name in enumerate(self.rows[ID].to_list())}
        found = {}
        for fold, training, held in splits(self.folded.parquet(FILE)):
            learnt, out = (
                np.array([place[name] for name in ids if name in place], np.int64)
                for ids in (training.sort(), held.sort())
            )
            found[fold] = (Part(fold, learnt, self.groups), out)
        return found

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """The folds that networks leave out two by two, if the stack is nested."""
        if not self.job.recipe.stack.nested:
            return []
        if len(self.parts) < 3:
            raise ConfigError(
                f"stack.nested needs three folds or more; there are {len(self.parts)}. Raise "
                "folds.n_folds, or take stack.nested=false."
            )
        return list(combinations(self.parts, 2))

    def without(self, left: Left) -> tuple[Part, Ints]:
        """What a network may learn from that leaves out one fold or two, and what it holds out."""
        if isinstance(left, int):
            return self.parts[left]
        (one, first), (other, second) = (self.parts[fold] for fold in left)
        learnt = np.intersect1d(one.training, other.training)
        return Part(left, learnt, self.groups), np.union1d(first, second)

    @cached_property
    def elsewhere(self) -> Ints:
        """Places that no fold has anything to do with: test set, holdout and anchors."""
        return np.flatnonzero(self.rows[SPLIT].is_in([TEST, HOLDOUT, ANCHOR]).to_numpy())

    def stages(self, findings: Findings) -> list[Stage]:
        """The networks that the recipe trains: the two stages, and extractors by their names."""
        recipe, found = self.job.recipe, []
        for name in recipe.networks:
            if name == "stage1":
                found.append(Stage(name, recipe.stage1, first_labels(self.rows)))
            elif name == "stage2" and recipe.stage2.diagnoses:
                labels = second_labels(self.rows, recipe.stage2, findings)
                found.append(Stage(name, recipe.stage2, labels))
            elif name in recipe.extractors:
                config = recipe.extractors[name]
                families = auxiliary_of(self.rows, config)
                found.append(Stage(name, config, first_labels(self.rows), families))
        return found


def gather(job: Job) -> Inputs:
    """Samples and folds of the run, made first where needed."""
    if job.recipe.data.images == "none":
        raise ConfigError(
            "This recipe uses no images (data.images='none'); networks need them. For a stack of "
            "tables alone take stack.networks=false."
        )
    if job.recipe.folds.repeats > 1:
        raise ConfigError(
            f"Networks work on one repeat; folds.repeats is {job.recipe.folds.repeats}."
        )
    folded, verified = job.need(folds.run), job.need(verify.run)
    samples = verified.parquet(SAMPLES)
    table = load_folds(folded, samples.select(ID)).select(ID, SPLIT, GROUP, FOLD)
    rows = samples.drop(SPLIT).join(table, on=ID, how="inner", validate="1:1").sort(ID)
    blind = rows.filter(pl.col(IMAGE).is_null()).select(ID, SPLIT, FOLD)
    if len(blind):
        job.say(
            f"notice: {plural(len(blind), 'row')} without a picture: networks say nothing there."
        )
    return Inputs(job, folded, rows.filter(pl.col(IMAGE).is_not_null()), blind)


def begin_anew(inputs: Inputs, names: Sequence[str]) -> Inputs:
    """Delete these networks and their checkpoints at once, so that a stopped FRESH=1 can go on."""
    job = inputs.job
    for name in names:
        manifest = load_manifest(job.run / "networks" / name)
        if manifest is not None and manifest.stage == STAGE:
            shutil.rmtree(job.run / "networks" / name)
        shutil.rmtree(job.run / "checkpoints" / name, ignore_errors=True)
    return replace(inputs, job=replace(job, fresh=False))


def device_of(job: Job) -> torch.device:
    """The device asked for, or the fastest there is; switched first where that was asked.

    Whoever runs a network asks here, so nothing is on a GPU before them.
    """
    if job.deterministic:
        switch_on()
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if job.device == "auto":
        return torch.device(next((name for name, is_there in there.items() if is_there), "cpu"))
    if not there.get(job.device, True):
        raise ConfigError(f"DEVICE={job.device} is not there; take DEVICE=cpu or leave it out.")
    return torch.device(job.device)


def training_device(job: Job) -> torch.device:
    """The device, with a notice if training there is not repeatable; by `job.need` said once."""
    device = device_of(job)
    if device.type != "cpu" and not job.deterministic:
        job.say(f"notice: {UNSWITCHED}")
    return device


def way_of(job: Job, views: Sequence[str], *, bfloat16: bool) -> Way:
    """How pictures are scored on this machine, as these views."""
    known = {view.name: view for view in SIX}
    chosen = tuple(known[name] for name in views)
    pace = Pace("bfloat16") if bfloat16 else EXACT
    return Way(device_of(job), workers=min(8, os.cpu_count() or 1), views=chosen, pace=pace)


def views_of(stage: Stage) -> list[str]:
    """As the stage's recipe says; stage 1 has no say and is scored by one."""
    return [view.name for view in NAMED[getattr(stage.config, "views", "one")]]


def net_of(recipe: Recipe, stage: Stage) -> NetConfig:
    """An extractor's own network, or the one that both stages share."""
    return stage.config.net if isinstance(stage.config, ExtractorConfig) else recipe.net


@refused_plainly()
def fold_unit(
    inputs: Inputs, stage: Stage, left: Left, name: str = "", recipe: Recipe | None = None
) -> Unit:
    """A network that leaves out a fold or two, and its probabilities of them, made if need be."""
    job = inputs.job
    recipe = recipe or job.recipe
    net = net_of(recipe, stage)
    name = name or unit_name(stage.name, left)
    folder = job.run / "networks" / name
    wanted = job.wanted(STAGE, _part(stage, left, recipe), _hashes(inputs, net))
    done = find(folder, wanted, job.hashes, on_change="stop")
    if done is not None:
        if job.deterministic and done.facts.get("repeatable") is False:
            job.say(f"notice: {folder} was trained without DETERMINISTIC=1 on a GPU and is kept.")
        return done
    device = job.need(training_device)
    checkpoints = Checkpoints(
        job.run / "checkpoints" / name, _resumable(wanted, job), job.hashes, job.say
    )
    part, held = inputs.without(left)
    told = f"{stage.name}, {in_words(left)}"
    fast = net.pace == "fast" and fastest(device, 0).dtype == "bfloat16"
    how = Run(net, recipe.seed, way_of(job, views_of(stage), bfloat16=fast))
    with job.progress(told) as bar:
        taught = teach(stage, part, how, inputs.pictures, checkpoints, bar)
    with making(folder, wanted) as draft, job.progress(f"{told}, scores") as bar:
        use = kept.keep(draft, stage, left, how, taught)
        best = scored(stage, how, inputs.pictures, taught.best, held, bar)
        last = best  # where nothing was chosen
        if taught.inner_score is not None:
            last = scored(stage, how, inputs.pictures, taught.last, held, bar)
        draft.parquet(SCORES, _table(inputs, stage, held, best, last))
        draft.text("curves.svg", draw(taught.history, stage.config.watch))
        draft.facts.update(best_epoch=use.best_epoch + 1, inner_score=use.inner_score)
        draft.facts["repeatable"] = device.type == "cpu" or job.deterministic
    checkpoints.clear()
    return open_unit(folder, STAGE)


def _resumable(wanted: Wanted, job: Job) -> Wanted:
    """A training goes on only where it began: on such a device, so switched, with this torch.

    On a CPU the switches change nothing, and a finished network is the same network either way.
    """
    device = device_of(job).type
    began: dict[str, Any] = {"device": device, "torch": str(torch.__version__)}
    if job.deterministic and device != "cpu":
        began["deterministic"] = True
    return wanted.model_copy(update={"settings": wanted.settings | began})


def unit_name(network: str, left: Left) -> str:
    """What the folder of a network is called that leaves out a fold, or two."""
    return "_".join([network, "fold", *map(str, (left,) if isinstance(left, int) else left)])


def in_words(left: Left) -> str:
    """As in `fold 0`, or `folds 0 and 1`."""
    return f"fold {left}" if isinstance(left, int) else f"folds {left[0]} and {left[1]}"


def maker_of(unit: Unit) -> str:
    """One hash for a fold's network: its weights and how they are used."""
    return sha256_text(f"{unit.sha256(kept.BEST)} {unit.sha256(kept.USE)}")


def probability_columns(name: str, classes: Sequence[str]) -> list[str]:
    """`oof_<network>_<class>`; of two classes the second alone, the first is 1 minus it."""
    known = classes[1:] if len(classes) == 2 else classes
    return [f"oof_{name}_{''.join(c if c.isalnum() else '_' for c in one)}" for one in known]


def _table(inputs: Inputs, stage: Stage, places: Ints, best: Scores, last: Scores) -> pl.DataFrame:
    """Ids, probabilities, the last epoch's probabilities."""
    names = probability_columns(stage.name, stage.classes)
    columns: dict[str, Any] = {ID: inputs.rows[ID].gather(places)}
    for prefix, scores in (("", best), (LAST, last)):
        shares = scores.probability[:, -len(names) :]
        columns |= {f"{prefix}{name}": shares[:, at] for at, name in enumerate(names)}
    return pl.DataFrame(columns)


def _part(stage: Stage, left: Left, recipe: Recipe) -> dict[str, Any]:
    """The recipe's values that a fold's network depends on."""
    return {
        "stage": stage.config.model_dump(mode="json", exclude={"checkpoint_s", "net"}),
        "classes": list(stage.classes),  # in order, which a JSON object would not keep
        "net": net_of(recipe, stage).model_dump(mode="json", exclude={"weights"}),
        "seed": recipe.seed,
        "fold": left if isinstance(left, int) else list(left),
        "positive": list(recipe.data.positive),
        "version": VERSION,
    }


def _hashes(inputs: Inputs, net: NetConfig) -> dict[str, str]:
    return _rows_here(inputs) | {
        FILE: inputs.folded.sha256(FILE), "weights": _weights(inputs, net)
    }  # fmt: skip


def _rows_here(inputs: Inputs) -> dict[str, str]:
    """Hashes of the run's rows and of what their pictures hold."""
    samples = inputs.job.need(verify.run).sha256(SAMPLES)
    return {SAMPLES: samples, "images.parquet": content_of(inputs)}


def content_of(inputs: Inputs) -> str:
    """A hash of what the pictures hold; of their files, where none was looked at."""
    verified = inputs.job.need(verify.run)
    if inputs.job.recipe.verify.look_at_images:
        return verified.sha256("images.parquet")
    return sha256_text(str(sorted(verified.manifest.inputs.items())))


def _weights(inputs: Inputs, net: NetConfig) -> str:
    """What the network begins with: a hash, or in a word; refused, if it learnt from rows here."""
    if net.weights in (HUB, NONE):
        return net.weights
    path = Path(net.weights)
    if not path.is_file():
        return "missing"
    beside = load_manifest(path.parent)
    learnt_from = {} if beside is None else beside.inputs
    if any(learnt_from.get(name) == sha for name, sha in _rows_here(inputs).items()):
        raise ArtifactError(
            f"{path.name} in {path.parent} is of a network that learnt from these very rows: "
            "held-out patients would be known to it. Take weights of other data."
        )
    return inputs.job.hashes.of(path)


def encoder_unit(inputs: Inputs, name: str) -> Unit:
    """A backbone that learns nothing, made if not there yet: one for all folds."""
    job, config = inputs.job, inputs.job.recipe.encoders[name].net
    folder = job.run / ENCODERS / name
    part = {"net": config.model_dump(mode="json", exclude={"weights"}), "version": 1}
    if config.weights == NONE:
        job.say(f"notice: {name} has random weights: its embeddings say little of a picture.")
        torch.manual_seed(seed_of(job.recipe.seed, name))
        part["seed"] = job.recipe.seed
    wanted = job.wanted("embed", part, {"weights": _weights(inputs, config)})
    done = find(folder, wanted, job.hashes, on_change="redo", fresh=job.fresh)
    if done is not None:
        return done
    with making(folder, wanted) as draft:
        kept.keep_encoder(draft, name, config)
    return open_unit(folder, "embed")


def held_out(inputs: Inputs, units: Mapping[int, Unit], names: Sequence[str]) -> pl.DataFrame:
    """What each fold's network says of the rows it never saw; null for those without a picture."""
    parts = []
    for fold, unit in units.items():
        made_by = pl.lit(fold, dtype=pl.Int16).alias(FOLD), pl.lit(maker_of(unit)).alias(MAKER)
        unseen = inputs.blind.filter(pl.col(FOLD) == fold)
        parts += [unit.parquet(SCORES, [ID, *names]).with_columns(made_by),
                  unseen.select(ID).with_columns(made_by)]  # fmt: skip
    return pl.concat(parts, how="diagonal").select(ID, FOLD, MAKER, *names).sort(ID)
