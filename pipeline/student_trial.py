"""What makes a trial of a study of students: trained as any student, scored on validation alone.

Reads rows, pictures and the teacher's words; writes trial.json and scores.parquet of the validation
rows. No weights are kept: the best values are trained anew, with every seed.
"""

from pathlib import Path

import polars as pl

from folds.schema import ID
from metrics.ranking import auc
from models.nets.determinism import refused_plainly
from models.networks.config import NetworkConfig
from models.networks.names import HeldOut
from pipeline.distill_study import TRIAL
from pipeline.fold_network import FoldNetwork, checkpoints_of, open_fold_network
from pipeline.machine import Machine
from pipeline.networks import SCORES
from pipeline.picture_rows import PictureFiles
from workspace.allocation import freed_memory_kept
from workspace.errors import ConfigError
from workspace.units import Draft


@refused_plainly()
@freed_memory_kept()
def try_student(
    draft: Draft, *, files: PictureFiles, network: tuple[str, NetworkConfig],
    run: tuple[HeldOut, int], machine: Machine, checkpoints: Path,
) -> None:  # fmt: skip
    """Its AUC on the validation rows; a training that failed is a result, and says why."""
    fold = open_fold_network(files, network, run, machine)
    so_far = checkpoints_of(draft, machine, checkpoints)
    draft.afterwards(so_far.clear)
    try:
        trained = fold.train(so_far, draft)
    except ConfigError as error:  # its loss is no number, or its gradients are beyond fp16
        draft.json(TRIAL, {"auc": None, "failed": str(error)})
        return
    said = fold.score(draft, trained, fold.indices)
    draft.parquet(SCORES, said)
    draft.json(TRIAL, {"auc": _auc(fold, said), "failed": None})


def _auc(fold: FoldNetwork, said: pl.DataFrame) -> float:
    """Of the held-out rows whose label is known, by id."""
    codes = fold.network.codes[fold.indices]
    ids = fold.pictures.ids.gather(fold.indices)
    known = pl.DataFrame({ID: ids, "code": codes}).filter(pl.col("code") >= 0)
    both = known.join(said, on=ID, how="left", validate="1:1")
    [name] = fold.network.columns
    return auc((both["code"] == 1).to_numpy(), both[name].to_numpy())
