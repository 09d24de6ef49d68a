"""What rounds a trained network to fewer bits: the same rows, answered anew.

Reads a training of a split with three sides; writes what its network says of the validation and
the test rows once it is rounded, under the names that the training has.
"""

from pathlib import Path

import numpy as np

from models.distill.config import Fewer
from models.distill.size import HALF, megabytes
from models.inference.scores import score_pictures
from models.nets.config import BITS
from models.nets.weights import pack
from models.networks.config import NetworkConfig
from models.networks.fold import own_rows
from models.networks.names import HeldOut
from models.networks.opened import open_network
from models.networks.rounding import LearntRows, rounded
from pipeline.distill import DISTILL
from pipeline.fold_network import open_fold_network
from pipeline.machine import Machine
from pipeline.networks import SCORES
from pipeline.picture_rows import PictureFiles, open_picture_rows
from pipeline.sided import TEST_SCORES
from workspace.units import Draft, open_unit


def round_sided(
    draft: Draft, *, files: PictureFiles, network: tuple[str, NetworkConfig],
    run: tuple[HeldOut, int], machine: Machine, trained: tuple[Path, Fewer],
) -> None:  # fmt: skip
    """Ranges of what its layers see are taken from rows that it learnt from."""
    folder, precision = trained
    fold = open_fold_network(files, network, run, machine)
    unit = open_unit(folder, DISTILL)
    net, _ = open_network(unit, fold.network.classes)
    learnt, inner = own_rows(fold.network, fold.rows, run[1])
    _, test = open_picture_rows(files).by_side
    rows = LearntRows(learnt, np.concatenate([inner, fold.indices, test]))
    few = rounded(net, precision, fold.pictures, rows, fold.run.way)
    for file, indices in ((SCORES, fold.indices), (TEST_SCORES, test)):
        with draft.progress(f"{fold.network.name} in {precision}, {file}") as show:
            scores = score_pictures(few, fold.pictures, indices, fold.run.way, show)
        draft.parquet(file, fold.table(indices, {"": scores}))
    draft.facts["parameters"] = unit.facts["parameters"]
    draft.facts["mb"] = megabytes(pack(few), BITS.get(precision, HALF))
