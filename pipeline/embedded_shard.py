"""What makes a shard: some pictures as one network embeds them."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from folds.schema import ID
from models.inference.scores import score_in_memory
from models.networks.columns import probability_columns
from models.networks.opened import open_network
from pipeline.embeddings import EMBEDDING, ROWS, OtherPictures, open_pictures
from pipeline.machine import Machine
from workspace.allocation import freed_memory_kept
from workspace.arrays import Ints
from workspace.errors import ArtifactError
from workspace.units import Draft, open_unit

if TYPE_CHECKING:
    from pipeline.picture_rows import PictureFiles

HALF_MOST = float(np.finfo(np.float16).max)


@freed_memory_kept()
def embed_shard(
    draft: Draft, *, network: tuple[Path, str], some: tuple["PictureFiles | OtherPictures", Ints],
    machine: Machine, title: str,
) -> None:  # fmt: skip
    """Ids and probabilities as a table, embeddings as tensors."""
    there, indices = open_pictures(some[0]), some[1]
    net, use = open_network(open_unit(*network))
    way = machine.way(use.net, use.views, bfloat16=use.bfloat16)
    scores = score_in_memory(net, there, indices, way, draft.desk, title)
    if not (np.abs(scores.embedding) <= HALF_MOST).all():
        raise ArtifactError(
            f"{network[0].name} gives embeddings beyond what 16 bits hold (over {HALF_MOST:g}, or "
            "no number); train it anew with a lower lr."
        )
    names = probability_columns(use.network, use.classes)
    shares = scores.probability[:, -len(names) :]
    ids = there.ids.gather(indices)
    draft.parquet(ROWS, pl.DataFrame({ID: ids, **{n: shares[:, at] for at, n in enumerate(names)}}))
    draft.tensors(EMBEDDING, {"embedding": scores.embedding.astype(np.float16)})
