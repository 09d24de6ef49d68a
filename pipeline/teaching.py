"""What makes soft labels: a fold's network is asked about what its students learn from.

Reads the teacher's unit, rows and pictures; writes the logarithms of the probabilities by class.
A teacher that left out other rows than its student is refused: it would know held-out patients.
"""

from pathlib import Path

import numpy as np
import polars as pl

from folds.frozen import FILE
from folds.schema import ID
from models.inference.scores import score_pictures
from models.inference.views import NAMED
from models.networks.names import HeldOut, in_words
from models.networks.network import TrainingRows
from models.networks.opened import open_network
from pipeline.machine import Machine
from pipeline.networks import SOFT_LABELS
from pipeline.picture_rows import PictureFiles, open_picture_rows
from pipeline.unit_files import TRAIN_CNN
from workspace.allocation import freed_memory_kept
from workspace.arrays import Floats, Ints
from workspace.errors import ArtifactError
from workspace.units import Draft, open_unit

LEAST = 1e-12  # a probability below it says no less, and has a logarithm


@freed_memory_kept()
def keep_soft_labels(
    draft: Draft, *, files: PictureFiles, teacher: Path, held_out: HeldOut, views: str,
    machine: Machine,
) -> None:  # fmt: skip
    """Ids, and one column a class, of all rows that a student may learn from."""
    unit = open_unit(teacher, TRAIN_CNN)
    net, use = open_network(unit)
    if use.held_out != held_out:
        out = "nothing" if use.held_out in (None, ()) else in_words(use.held_out)
        raise ArtifactError(
            f"{teacher.name} is to teach a network that leaves out {in_words(held_out)}, and left "
            f"out {out}: it knows held-out patients. Take the teacher of that fold."
        )
    if unit.manifest.inputs.get(FILE) != files.folds_sha:
        raise ArtifactError(
            f"{teacher.name} is to teach a network of other folds than its own: it may know "
            "held-out patients. Take the teacher of the same folds."
        )
    rows = open_picture_rows(files)
    learnt, _ = rows.without(held_out)
    indices = all_of(learnt)
    way = machine.way(use.net, [view.name for view in NAMED[views]], bfloat16=use.bfloat16)
    with draft.progress(f"{use.network}, {in_words(held_out)}, soft labels") as show:
        scores = score_pictures(net, rows.pictures, indices, way, show)
    said = np.log(np.maximum(scores.probability, LEAST))
    columns = {name: said[:, at] for at, name in enumerate(use.classes)}
    draft.parquet(SOFT_LABELS, pl.DataFrame({ID: rows.table[ID].gather(indices), **columns}))


def soft_labels_of(unit_folder: Path, rows: pl.DataFrame, classes: tuple[str, ...]) -> Floats:
    """(rows, classes) log-probabilities by id; NaN of rows about which nobody was asked."""
    said = open_unit(unit_folder, TRAIN_CNN).parquet(SOFT_LABELS, [ID, *classes])
    by_row = rows.select(ID).join(said, on=ID, how="left", validate="1:1", maintain_order="left")
    joined: Floats = by_row.select(pl.col(classes).fill_null(np.nan)).to_numpy()
    return joined


def all_of(learnt: TrainingRows) -> Ints:
    """Indices of the rows that are learnt from or chosen on."""
    if learnt.validation is None:
        return learnt.training
    return np.union1d(learnt.training, learnt.validation)
