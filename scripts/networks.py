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
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

from folds.findings import Findings, plural
from folds.frozen import FILE, load_folds, splits
from folds.groups import GROUP
from folds.images import ImageReader
from folds.schema import HOLDOUT, ID, IMAGE, SPLIT, TEST
from models.cascade import kept
from models.cascade.config import Stage2Config
from models.cascade.fold import Ints, Part, Run, Stage, scored, teach
from models.cascade.labels import first_labels, second_labels
from models.inference.scores import Scores, Way
from models.inference.speed import EXACT, Pace, fastest
from models.inference.views import IDENTITY, SIX
from models.input.pictures import Pictures
from models.nets.config import HUB, NONE, NetConfig
from models.training.checkpoints import Checkpoints
from models.training.curves import draw
from scripts import folds, verify
from scripts.recipe import Recipe
from scripts.stage import Job
from scripts.verify import SAMPLES
from stacking.fold import FOLD
from stacking.oof import MAKER
from workspace.errors import ConfigError
from workspace.hashing import sha256_text
from workspace.manifest import Wanted, load_manifest
from workspace.units import Unit, find, making, open_unit

STAGE, VERSION = "train-cnn", 1  # another version trains anew where networks are kept
MEMORY_GB = 4.0  # of decoded pictures; more are decoded anew whenever they are shown
SCORES, ELSEWHERE = "scores.parquet", "elsewhere.parquet"
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

    @cached_property
    def elsewhere(self) -> Ints:
        """Places that no fold has anything to do with: the test set and the holdout."""
        return np.flatnonzero(self.rows[SPLIT].is_in([TEST, HOLDOUT]).to_numpy())

    def stages(self, findings: Findings) -> list[Stage]:
        """Stage 1, and stage 2 where the recipe lists diagnoses for it."""
        recipe = self.job.recipe
        every = [Stage("stage1", recipe.stage1, first_labels(self.rows))]
        if recipe.stage2.diagnoses:
            labels = second_labels(self.rows, recipe.stage2, findings)
            every.append(Stage("stage2", recipe.stage2, labels))
        return every


def gather(job: Job) -> Inputs:
    """Samples and folds of the run, made first where needed."""
    if job.recipe.data.images == "none":
        raise ConfigError("This recipe uses no images (data.images='none'); networks need them.")
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
    """The device asked for, or the fastest there is."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if job.device == "auto":
        return torch.device(next((name for name, is_there in there.items() if is_there), "cpu"))
    if not there.get(job.device, True):
        raise ConfigError(f"DEVICE={job.device} is not there; take DEVICE=cpu or leave it out.")
    return torch.device(job.device)


def way_of(job: Job, views: Sequence[str], *, bfloat16: bool) -> Way:
    """How pictures are scored on this machine, as these views."""
    known = {view.name: view for view in SIX}
    chosen = tuple(known[name] for name in views)
    pace = Pace("bfloat16") if bfloat16 else EXACT
    return Way(device_of(job), workers=min(8, os.cpu_count() or 1), views=chosen, pace=pace)


def views_of(stage: Stage) -> list[str]:
    """Stage 2 is scored by six views if the recipe says so; stage 1 never is."""
    six = isinstance(stage.config, Stage2Config) and stage.config.views == "six"
    return [view.name for view in (SIX if six else IDENTITY)]


def fold_unit(
    inputs: Inputs, stage: Stage, fold: int, name: str = "", recipe: Recipe | None = None
) -> Unit:
    """A fold's network and the scores of what it holds out, made if not there yet."""
    job = inputs.job
    recipe = recipe or job.recipe
    name = name or f"{stage.name}_fold_{fold}"
    folder = job.run / "networks" / name
    wanted = job.wanted(STAGE, _part(stage, fold, recipe), _hashes(inputs, recipe.net))
    done = find(folder, wanted, job.hashes, on_change="stop")
    if done is not None:
        return done
    checkpoints = Checkpoints(
        job.run / "checkpoints" / name, _resumable(wanted, job), job.hashes, job.say
    )
    part, held = inputs.parts[fold]
    fast = recipe.net.pace == "fast" and fastest(device_of(job), 0).dtype == "bfloat16"
    how = Run(recipe.net, recipe.seed, way_of(job, views_of(stage), bfloat16=fast))
    with job.progress(f"{stage.name}, fold {fold}") as bar:
        taught = teach(stage, part, how, inputs.pictures, checkpoints, bar)
    with making(folder, wanted) as draft, job.progress(f"{stage.name}, fold {fold}, scores") as bar:
        use = kept.keep(draft, stage, fold, how, taught)
        best = scored(stage, how, inputs.pictures, taught.best, held, bar)
        last = scored(stage, how, inputs.pictures, taught.last, held, bar)
        draft.parquet(SCORES, _table(inputs, stage, held, best, last))
        outside = scored(stage, how, inputs.pictures, taught.best, inputs.elsewhere, bar)
        draft.parquet(ELSEWHERE, _table(inputs, stage, inputs.elsewhere, outside))
        draft.text("curves.svg", draw(taught.history, stage.config.watch))
        draft.facts.update(best_epoch=use.best_epoch + 1, inner_score=use.inner_score)
    checkpoints.clear()
    return open_unit(folder, STAGE)


def _resumable(wanted: Wanted, job: Job) -> Wanted:
    """A training goes on only where it began: on such a device, with this torch."""
    began = {"device": device_of(job).type, "torch": str(torch.__version__)}
    return wanted.model_copy(update={"part": wanted.part | began})


def maker_of(unit: Unit) -> str:
    """One hash for a fold's network: its weights and how they are used."""
    return sha256_text(f"{unit.sha256(kept.BEST)} {unit.sha256(kept.USE)}")


def probability_columns(stage: Stage) -> list[str]:
    """`oof_<stage>_<class>`; of two classes the second alone, the first is 1 minus it."""
    names = stage.classes[1:] if len(stage.classes) == 2 else stage.classes
    return [f"oof_{stage.name}_{''.join(c if c.isalnum() else '_' for c in n)}" for n in names]


def _table(
    inputs: Inputs, stage: Stage, places: Ints, best: Scores, last: Scores | None = None
) -> pl.DataFrame:
    """Ids, probabilities, the last epoch's probabilities, embeddings."""
    names = probability_columns(stage)
    columns: dict[str, Any] = {ID: inputs.rows[ID].gather(places)}
    for prefix, scores in (("", best), *([(LAST, last)] if last else [])):
        shares = scores.probability[:, -len(names) :]
        columns |= {f"{prefix}{name}": shares[:, at] for at, name in enumerate(names)}
    width = best.embedding.shape[1]
    columns |= {f"emb_{stage.name}_{at:04d}": best.embedding[:, at] for at in range(width)}
    return pl.DataFrame(columns)


def _part(stage: Stage, fold: int, recipe: Recipe) -> dict[str, Any]:
    """The recipe's values that a fold's network depends on."""
    return {
        "stage": stage.config.model_dump(mode="json", exclude={"checkpoint_s"}),
        "classes": list(stage.classes),  # in order, which a JSON object would not keep
        "net": recipe.net.model_dump(mode="json", exclude={"weights"}),
        "seed": recipe.seed,
        "fold": fold,
        "positive": list(recipe.data.positive),
        "version": VERSION,
    }


def _hashes(inputs: Inputs, net: NetConfig) -> dict[str, str]:
    verified = inputs.job.need(verify.run)
    hashes = {FILE: inputs.folded.sha256(FILE), SAMPLES: verified.sha256(SAMPLES)}
    hashes["images.parquet"] = verified.sha256("images.parquet")
    if net.weights in (HUB, NONE):
        return hashes | {"weights": net.weights}
    path = Path(net.weights)
    return hashes | {"weights": inputs.job.hashes.of(path) if path.is_file() else "missing"}


def block_parts(
    units: Mapping[int, Unit], file: str, names: Sequence[str], blind: pl.DataFrame
) -> pl.DataFrame:
    """Rows of all folds with their fold and maker, as a block has them; nulls for the blind."""
    parts = [
        unit.parquet(file, [ID, *names]).select(
            ID,
            pl.lit(fold, dtype=pl.Int16).alias(FOLD),
            pl.lit(maker_of(unit)).alias(MAKER),
            *(pl.col(name).cast(pl.Float32 if name.startswith("emb_") else pl.Float64)
              for name in names),
        )
        for fold, unit in units.items()
    ]  # fmt: skip
    outside = pl.col(SPLIT).is_in([TEST, HOLDOUT])
    for fold, unit in units.items():
        of_fold = outside if file == ELSEWHERE else ~outside & (pl.col(FOLD) == fold)
        parts.append(
            blind.filter(of_fold).select(
                ID, pl.lit(fold, dtype=pl.Int16).alias(FOLD), pl.lit(maker_of(unit)).alias(MAKER)
            )
        )
    return pl.concat(parts, how="diagonal").sort(ID, FOLD)
