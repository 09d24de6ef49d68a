"""What makes a shard of embeddings for the search for look-alikes: the audit's pictures, as a
network of ImageNet's weights sees them."""

from pathlib import Path

import numpy as np

from folds.images import ImageReader
from folds.schema import ID
from models.inference.scores import score_pictures
from models.inference.views import IDENTITY
from models.input.pictures import Pictures
from models.nets.network import LesionNet
from pipeline.look_alikes import EMBEDDING, NET
from pipeline.machine import Machine
from pipeline.samples import LOOKS
from workspace.allocation import freed_memory_kept
from workspace.units import Draft, open_unit


@freed_memory_kept()
def embed_look(
    draft: Draft, folder: Path, pixel_limit: int, references: list[str], look: Path,
    machine: Machine,
) -> None:  # fmt: skip
    """(pictures, width) float16, row for row as the looks; nothing but 0 for what is damaged."""
    table = open_unit(look, "verify").parquet(LOOKS)
    whole = np.flatnonzero(table["problem"].is_null().to_numpy())
    pictures = Pictures(ImageReader(folder, pixel_limit), table[ID], references)
    way = machine.way(NET, [view.name for view in IDENTITY], bfloat16=False)
    net = LesionNet(NET, 1).eval()
    with draft.progress("Embedding images") as show:
        scores = score_pictures(net, pictures, whole, way, show)
    embedding = np.zeros((len(table), net.num_features), np.float16)
    embedding[whole] = scores.embedding
    draft.array(EMBEDDING, embedding)
