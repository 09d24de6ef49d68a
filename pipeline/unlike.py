"""Whether new pictures are unlike those that a network learnt from.

Reads the run's networks, rows and pictures; writes <run>/familiar/<network>_fold_<k>/: where the
embeddings lie of rows that the fold's network learnt from, and how far from these rows are that it
held out. By the latter a limit is set; new pictures are as far as all folds have it in the mean.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from folds.findings import Findings
from folds.frozen import FILE
from folds.schema import ID
from models.inference.familiar import Familiar, familiar, limit_of
from models.inference.scores import Scores, score_pictures
from models.inference.views import IDENTITY
from models.networks.config import NetworkConfig
from models.networks.fold import own_rows
from models.networks.network import network_of
from models.networks.opened import open_network
from models.networks.rounding import some_of
from models.networks.use import maker_of, use_of
from pipeline.asked import as_made
from pipeline.distances import DISTANCE
from pipeline.job import Job
from pipeline.machine import LOOKING_GB, Machine
from pipeline.networks import SCORES
from pipeline.new_data import PREDICT
from pipeline.picture_rows import PictureFiles, open_picture_rows, picture_files
from pipeline.unit_files import TRAIN_CNN
from workspace.allocation import freed_memory_kept
from workspace.arrays import Floats, Floats32, Ints
from workspace.errors import ArtifactError, DataError
from workspace.manifest import load_manifest
from workspace.orders import Needs
from workspace.tasks import Task
from workspace.units import Draft, Unit, open_unit

FOLDER, NEAR, FAR = "familiar", "familiar.safetensors", "distances.parquet"
LEARNT, HELD_OUT = 2000, 2000  # pictures of a fold's network that are looked at, at most
MEND = 'SET="predict.learnt=folder", or ask for no distances, SET="predict.unlike=false".'
CHECKED, APART = 32, 0.05  # pictures whose scores are compared with those kept, and the bound


@dataclass(frozen=True)
class Known:
    """What one fold's network knows, and from where on a picture is unlike that."""

    near: Familiar
    limit: float
    mark: str  # by which kept distances are known to be of it

    @classmethod
    def of(cls, unit: Unit, false_alarms: float) -> "Known":
        """As it was kept; of the rows held out so many lie beyond the limit."""
        limit = limit_of(unit.parquet(FAR)[DISTANCE].to_numpy(), false_alarms)
        mark = f"{unit.sha256(NEAR)} {limit!r}"
        return cls(Familiar.of(unit.tensors(NEAR)), limit, mark)

    def far(self, embeddings: NDArray[np.floating[Any]]) -> Floats:
        """(n,): the distance of each, of which 1 is the limit."""
        return self.near.distances(_kept(embeddings)) / self.limit


def looking(job: Job, name: str, units: Sequence[Unit]) -> "list[Task] | str":
    """What is to be known of each of its folds' networks; or why nothing can be, as a sentence."""
    files = own_files(job)
    if isinstance(files, str):
        return files
    if any(not isinstance(use_of(unit).held_out, int) for unit in units):
        return f"{name} held out no rows by which a limit could be set"
    tasks = [_looking(job, files, (name, job.recipe.networks[name]), unit) for unit in units]
    kept = all(job.state_of(task).done for task in tasks)
    if not kept and (job.own_data and job.recipe.predict.learnt is None):
        return (
            "where the run's own pictures lie is not said; name their folder once, "
            'SET="predict.learnt=folder"'
        )
    if not kept and not files.images.exists():
        return (
            f"{files.images} is not there, where the run's own pictures lay; name their folder "
            'once, SET="predict.learnt=folder"'
        )
    return tasks


def own_files(job: Job) -> "PictureFiles | str":
    """The run's own rows, whatever new data are asked about; or why there are none."""
    places = job.run / "samples", job.run / "folds"
    lacking = [where.name for where in places if load_manifest(where) is None]
    if lacking:
        return f"{job.run} holds no {' and no '.join(lacking)}, so nobody knows what it learnt from"
    samples, folded = open_unit(places[0], "verify"), open_unit(places[1], "folds")
    made = samples.manifest.recipe.get("data", {})
    own = job.recipe.predict.learnt or job.recipe.data.folder
    said = {name: made[name] for name in ("images", "group") if name in made}
    data = job.recipe.data.model_copy(update={"folder": own, **said})
    recipe = job.recipe.model_copy(update={"data": data})
    return picture_files(replace(job, recipe=recipe), samples, folded)


def _looking(job: Job, files: PictureFiles, network: tuple[str, NetworkConfig], unit: Unit) -> Task:
    return Task(
        job.results / FOLDER / unit.folder.name,
        PREDICT,
        look_at_learnt,
        settings={"learnt": LEARNT, "held_out": HELD_OUT},
        inputs={"maker": maker_of(unit), FILE: files.folds_sha, **files.hashes()},
        arguments={
            "files": files, "network": network, "unit": unit.folder, "machine": Machine.of(job),
        },
        needs=Needs(memory_gb=LOOKING_GB, gpus=1),
        stays=True,
        as_of=as_made(unit.manifest, job.recipe),
    )  # fmt: skip


@freed_memory_kept()
def look_at_learnt(
    draft: Draft, files: PictureFiles, network: tuple[str, NetworkConfig], unit: Path,
    machine: Machine,
) -> None:  # fmt: skip
    """Where what was learnt lies, and how far from it what was held out."""
    made, rows = open_unit(unit, TRAIN_CNN), open_picture_rows(files)
    net, use = open_network(made)
    asked = network_of(*network, rows.table, Findings())
    assert isinstance(use.held_out, int), "it is asked before"
    training, held_out = rows.without(use.held_out)
    learnt, _ = own_rows(asked, training, made.manifest.settings.get("seed", made.manifest.seed))
    new = some_of(held_out[asked.codes[held_out] >= 0], HELD_OUT)
    title = f"{use.network}, fold {use.held_out}"

    def scores(what: str, indices: Ints, views: Sequence[str]) -> Scores:
        way = machine.way(use.net, views, bfloat16=use.bfloat16)
        with draft.progress(f"{title}, {what}") as show:
            return score_pictures(net, rows.pictures, indices, way, show)

    few = new[:CHECKED]
    try:
        now = scores("a few", few, use.views)
    except DataError as error:
        raise ArtifactError(
            f"{files.images} lacks pictures that {unit.name} held out; name the folder of the "
            f"run's own, {MEND}"
        ) from error
    _check_same(made, rows.pictures.ids.gather(few), now, files.images)
    plain = [view.name for view in IDENTITY]
    seen = scores("pictures learnt from", some_of(learnt, LEARNT), plain).embedding
    near = familiar(_kept(seen))
    far = near.distances(_kept(scores("pictures held out", new, plain).embedding))
    draft.tensors(NEAR, near.tensors())
    draft.parquet(FAR, pl.DataFrame({ID: rows.pictures.ids.gather(new), DISTANCE: far}))
    draft.facts.update(learnt=len(seen), held_out=len(far))


def _kept(embeddings: NDArray[np.floating[Any]]) -> Floats32:
    """In the 16 bits in which those of tables' rows are kept."""
    return embeddings.astype(np.float16).astype(np.float32)


def _check_same(made: Unit, ids: pl.Series, now: Scores, folder: Path) -> None:
    """Refuse pictures that are others than those that the network held out: by what it said."""
    names = [name for name in made.parquet(SCORES).columns if name.startswith("oof_")]
    there = pl.DataFrame({ID: ids}).join(made.parquet(SCORES), on=ID, how="left")
    before = there.select(names).to_numpy()
    apart = np.abs(now.probability[:, -len(names) :] - before).max(axis=1)
    if np.median(apart) > APART:
        raise ArtifactError(
            f"The pictures in {folder} are not those that {made.folder} held out: what it says of "
            f"{len(ids)} of them differs by {np.median(apart):.2g} in the median; name the folder "
            'of the run\'s own, SET="predict.learnt=folder".'
        )
