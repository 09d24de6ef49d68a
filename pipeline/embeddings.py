"""What a network says of pictures, kept by shards: probabilities, and embeddings as float16.

A shard is a unit in <run>/embeddings/<network>_fold_<k>/<set>_<number>/ of at most SHARD pictures,
so that memory never holds more than one while they are made, and a stop costs no more. Its manifest
says which weights made it, by which labels, size, mean and std.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from folds.schema import ID
from models.inference.scores import score_pictures
from models.input.pictures import Pictures
from models.nets.network import LesionNet
from models.networks import kept
from models.networks.columns import probability_columns
from models.networks.kept import maker_of
from pipeline.machine import way_of
from scripts.stage import Job
from workspace.arrays import Ints
from workspace.atomic import remove_folder
from workspace.errors import ArtifactError
from workspace.hashing import sha256_text
from workspace.progress import Show
from workspace.units import Unit, find, making, open_unit

SHARD, VERSION = 8192, 1
ROWS, EMBEDDING = "rows.parquet", "embedding.safetensors"
HALF_MOST = float(np.finfo(np.float16).max)


@dataclass(frozen=True)
class Embedded:
    """What one network says of pictures, in the order in which they were asked for."""

    shards: Sequence[Unit]

    def rows(self) -> pl.DataFrame:
        """Ids and probabilities."""
        return pl.concat(shard.parquet(ROWS) for shard in self.shards)

    def embedding(self) -> NDArray[np.float16]:
        """(pictures, width)."""
        return np.concatenate([shard.tensors(EMBEDDING)["embedding"] for shard in self.shards])


@dataclass(frozen=True)
class Embedder:
    """A network with its hash and how it is used; opened for a shard, then let go."""

    folder: str  # below <run>/embeddings
    net: Callable[[], LesionNet]
    maker: str
    use: kept.Use


def embedder_of(unit: Unit) -> Embedder:
    """A network as it is kept."""
    return Embedder(
        unit.folder.name, lambda: kept.open_network(unit)[0], maker_of(unit), kept.use_of(unit)
    )


def embed_pictures(
    job: Job, embedder: Embedder, pictures: Pictures, indices: Ints, what: tuple[str, str]
) -> Embedded:
    """The pictures at these indices, made shard by shard if not there yet.

    `what` is the set's name and a hash of what the pictures hold.
    """
    name, content = what
    folder = job.run / "embeddings" / embedder.folder
    starts = range(0, max(len(indices), 1), SHARD)  # no picture at all is a shard too
    shards = []
    with job.progress(f"{embedder.folder}, {name}") as bar:
        for number, start in enumerate(starts):

            def show(done: int, _: int, before: int = start) -> None:
                bar(before + done, len(indices))

            some = indices[start : start + SHARD]
            shard = (f"{name}_{number:05d}", content)
            shards.append(_shard(job, embedder, pictures, some, shard, show))
    for stale in sorted(folder.glob(f"{name}_*"))[len(starts) :]:  # when the set was larger
        remove_folder(stale)
    return Embedded(shards)


def _shard(
    job: Job, embedder: Embedder, pictures: Pictures, indices: Ints, what: tuple[str, str],
    show: Show,
) -> Unit:  # fmt: skip
    (name, content), use = what, embedder.use
    ids, folder = pictures.ids.gather(indices), job.run / "embeddings" / embedder.folder / name
    settings: dict[str, Any] = {
        "classes": list(use.classes), "views": list(use.views), "bfloat16": use.bfloat16,
        "size": use.net.size, "mean": list(use.net.mean or ()), "std": list(use.net.std or ()),
        "ids": sha256_text("\n".join(ids.to_list())), "version": VERSION,
    }  # fmt: skip
    wanted = job.wanted("embed", settings, {"maker": embedder.maker, "pictures": content})
    done = find(folder, wanted, job.hashes, on_change="redo", fresh=job.fresh)
    if done is not None:
        return done
    way = way_of(job, use.views, bfloat16=use.bfloat16)
    found = score_pictures(embedder.net(), pictures, indices, way, show)
    if not (np.abs(found.embedding) <= HALF_MOST).all():
        raise ArtifactError(
            f"{embedder.folder} gives embeddings beyond what 16 bits hold (over {HALF_MOST:g}, or "
            "no number); train it anew with a lower lr."
        )
    names = probability_columns(use.network, use.classes)
    shares = found.probability[:, -len(names) :]
    with making(folder, wanted) as draft:
        draft.parquet(
            ROWS, pl.DataFrame({ID: ids, **{n: shares[:, at] for at, n in enumerate(names)}})
        )
        draft.tensors(EMBEDDING, {"embedding": found.embedding.astype(np.float16)})
    return open_unit(folder, "embed")
