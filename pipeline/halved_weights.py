"""A run's network in 16 bits for a bundle, and how far that moves what it says of pictures."""

from pathlib import Path

import numpy as np
import polars as pl

from folds.images import ImageReader
from folds.schema import ID, IMAGE
from models.inference.scores import score_pictures
from models.input.pictures import Pictures
from models.nets.weights import unpack
from models.networks.opened import halved, open_network, widened
from models.networks.use import BEST, HALF
from pipeline.machine import Machine
from workspace.errors import ArtifactError
from workspace.hashing import sha256_file
from workspace.manifest import NAME, FileRecord, sealed
from workspace.units import Draft, Unit

TRIAL = 64  # pictures on which the difference is measured
MOST = 1e-2  # that a probability may move by, as `make export` allows of float16


def take_halved(draft: Draft, folder: Path, unit: Unit) -> None:
    """The weights in 16 bits, and the unit's manifest with their hash beside the whole ones'.

    The whole weights' hash stays: it is the network's name in every table that came of it.
    """
    (draft.folder / folder).mkdir(parents=True, exist_ok=True)
    draft.tensors((folder / HALF).as_posix(), halved(unit.tensors(BEST)))
    path = draft.folder / folder / HALF
    record = FileRecord(sha256=sha256_file(path), size=path.stat().st_size)
    manifest = unit.manifest.model_copy(update={"files": {**unit.manifest.files, HALF: record}})
    draft.json((folder / NAME).as_posix(), sealed(manifest))


def moved_by_halving(unit: Unit, pictures: Pictures, machine: Machine) -> float:
    """The largest change of a probability; an error where it is too large to be called none."""
    net, use = open_network(unit)
    way = machine.way(use.net, use.views, bfloat16=use.bfloat16)
    some = np.arange(len(pictures))
    exact = score_pictures(net, pictures, some, way).probability
    unpack(net, widened(halved(unit.tensors(BEST))))
    moved = float(np.abs(score_pictures(net, pictures, some, way).probability - exact).max())
    if not moved <= MOST:
        raise ArtifactError(
            f"{unit.folder.name} in float16 moves a probability by {moved:.3g} on "
            f"{len(pictures)} pictures ({MOST:g} is allowed); take bundle.weights='float32'."
        )
    return moved


def trial_pictures(folder: Path, rows: pl.DataFrame, pixel_limit: int) -> Pictures:
    """The first of the rows that have one."""
    some = rows.filter(pl.col(IMAGE).is_not_null()).sort(ID).head(TRIAL)
    return Pictures(ImageReader(folder, pixel_limit), some[ID], some[IMAGE], memory_gb=1.0)
