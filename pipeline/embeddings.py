"""What pictures look like to a network, kept by shards: probabilities, and embeddings as float16.

A shard is a unit in <run>/embeddings/<network>_fold_<k>/<set>_<number>/ of at most SHARD pictures,
so that memory never holds more than one while they are made, and a stop costs no more. Its manifest
says which weights saw the pictures, by which labels, size, mean and std.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from folds.schema import ID
from models.cascade import kept
from models.cascade.fold import Ints
from models.inference.scores import score_pictures
from models.input.pictures import Pictures
from models.nets.network import LesionNet
from pipeline.job import Job
from pipeline.networks import maker_of, probability_columns, way_of
from workspace.atomic import remove_folder
from workspace.errors import ArtifactError
from workspace.hashing import sha256_text
from workspace.units import Unit, find, making, open_unit

SHARD, VERSION = 8192, 1
ROWS, EMBEDDING = "rows.parquet", "embedding.safetensors"
HALF_MOST = float(np.finfo(np.float16).max)
Show = Callable[[int, int], None]


@dataclass(frozen=True)
class Seen:
    """Pictures as one network sees them, in the order in which they were asked for."""

    shards: Sequence[Unit]

    def rows(self) -> pl.DataFrame:
        """Ids and probabilities."""
        return pl.concat(shard.parquet(ROWS) for shard in self.shards)

    def embedding(self) -> NDArray[np.float16]:
        """(pictures, width)."""
        return np.concatenate([shard.tensors(EMBEDDING)["embedding"] for shard in self.shards])


@dataclass(frozen=True)
class Eye:
    """A network that looks, with its hash and how it is used; opened for a shard, then let go."""

    folder: str  # below <run>/embeddings
    net: Callable[[], LesionNet]
    maker: str
    use: kept.Use


def eye_of(unit: Unit) -> Eye:
    """A network as it is kept."""
    return Eye(
        unit.folder.name, lambda: kept.open_network(unit)[0], maker_of(unit), kept.use_of(unit)
    )


def look(job: Job, eye: Eye, pictures: Pictures, places: Ints, what: tuple[str, str]) -> Seen:
    """The pictures at these places, made shard by shard if not there yet.

    `what` is the set's name and a hash of what the pictures hold.
    """
    name, content = what
    folder = job.run / "embeddings" / eye.folder
    starts = range(0, max(len(places), 1), SHARD)  # no picture at all is a shard too
    shards = []
    with job.progress(f"{eye.folder}, {name}") as bar:
        for number, start in enumerate(starts):

            def show(done: int, _: int, before: int = start) -> None:
                bar(before + done, len(places))

            part = places[start : start + SHARD]
            shard = (f"{name}_{number:05d}", content)
            shards.append(_shard(job, eye, pictures, part, shard, show))
    for stale in sorted(folder.glob(f"{name}_*"))[len(starts) :]:  # when the set was larger
        remove_folder(stale)
    return Seen(shards)


def _shard(
    job: Job, eye: Eye, pictures: Pictures, places: Ints, what: tuple[str, str], show: Show
) -> Unit:
    (name, content), use = what, eye.use
    ids, folder = pictures.ids.gather(places), job.run / "embeddings" / eye.folder / name
    part: dict[str, Any] = {
        "classes": list(use.classes), "views": list(use.views), "bfloat16": use.bfloat16,
        "size": use.net.size, "mean": list(use.net.mean or ()), "std": list(use.net.std or ()),
        "ids": sha256_text("\n".join(ids.to_list())), "version": VERSION,
    }  # fmt: skip
    wanted = job.wanted("embed", part, {"maker": eye.maker, "pictures": content})
    done = find(folder, wanted, job.hashes, on_change="redo", fresh=job.fresh)
    if done is not None:
        return done
    way = way_of(job, use.views, bfloat16=use.bfloat16)
    found = score_pictures(eye.net(), pictures, places, way, show)
    if not (np.abs(found.embedding) <= HALF_MOST).all():
        raise ArtifactError(
            f"{eye.folder} gives embeddings beyond what 16 bits hold (over {HALF_MOST:g}, or no "
            "number); train it anew with a lower lr."
        )
    names = probability_columns(use.stage, use.classes)
    shares = found.probability[:, -len(names) :]
    with making(folder, wanted) as draft:
        draft.parquet(
            ROWS, pl.DataFrame({ID: ids, **{n: shares[:, at] for at, n in enumerate(names)}})
        )
        draft.tensors(EMBEDDING, {"embedding": found.embedding.astype(np.float16)})
    return open_unit(folder, "embed")
