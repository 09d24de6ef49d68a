"""What makes a training on a split with three sides: a fold's network that answers its test too.

Reads rows and pictures; writes all that a fold's network leaves, whose held-out rows here are the
validation's, and test.parquet.
"""

from pathlib import Path

from models.nets.determinism import refused_plainly
from models.networks.config import NetworkConfig
from models.networks.names import HeldOut
from pipeline.fold_network import open_fold_network, train_and_fill
from pipeline.machine import Machine
from pipeline.picture_rows import PictureFiles, open_picture_rows
from pipeline.sided import TEST_SCORES
from workspace.allocation import freed_memory_kept
from workspace.units import Draft


@refused_plainly()
@freed_memory_kept()
def train_sided(
    draft: Draft, *, files: PictureFiles, network: tuple[str, NetworkConfig],
    run: tuple[HeldOut, int], machine: Machine, checkpoints: Path,
) -> None:  # fmt: skip
    """Train on the split's training rows; score its validation rows, then its test rows.

    What others begin with says nothing of any.
    """
    fold = open_fold_network(files, network, run, machine)
    trained = train_and_fill(draft, fold, machine, checkpoints)
    if not fold.network.task.is_beginning:
        _, test = open_picture_rows(files).by_side
        draft.parquet(TEST_SCORES, fold.score(draft, trained, test))
    draft.facts["parameters"] = sum(
        array.size for name, array in trained.last.items() if not _is_a_statistic(name)
    )


def _is_a_statistic(name: str) -> bool:
    """Of a batch norm, or of what a layer in few bits saw: a buffer, no parameter."""
    return name.endswith((".running_mean", ".running_var", ".num_batches_tracked", ".low", ".high"))
