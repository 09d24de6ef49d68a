"""What a network says of pictures, kept by shards: probabilities, and embeddings as float16.

A shard is a unit in <run>/embeddings/<network>_fold_<k>/<set>_<number>/ of at most SHARD pictures,
so that memory never holds more than one while they are made, and a stop costs no more. Its manifest
says which weights made it, by which labels, size, mean and std. What makes it, with torch, is in
`embedded_shard`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from folds.headers import PIXEL_LIMIT
from folds.images import ImageReader
from folds.schema import ID
from models.input.pictures import Pictures
from models.networks.use import maker_of, use_of
from pipeline.machine import LOOKING_GB, Machine, memory_gb
from workspace.arrays import Ints
from workspace.atomic import remove_folder
from workspace.hashing import sha256_text
from workspace.orders import Needs
from workspace.tasks import Task
from workspace.units import Unit, open_unit

if TYPE_CHECKING:
    from pipeline.picture_rows import PictureFiles

SHARD = 8192
ROWS, EMBEDDING = "rows.parquet", "embedding.safetensors"


@dataclass(frozen=True)
class OtherPictures:
    """Pictures that are no rows of the run: anchors of one's own, new data."""

    folder: Path
    content: str  # a hash of what they hold
    ids: tuple[str, ...] = field(compare=False)
    references: tuple[str, ...] = field(compare=False)
    pixel_limit: int = PIXEL_LIMIT

    def open_pictures(self) -> Pictures:
        """As `PictureFiles` do for the run's own rows."""
        ids, references = pl.Series(ID, self.ids), pl.Series(self.references)
        return Pictures(ImageReader(self.folder, self.pixel_limit), ids, references, memory_gb())


@lru_cache(maxsize=2)
def open_pictures(files: "PictureFiles | OtherPictures") -> Pictures:
    """Once a process, with what was decoded of them."""
    return files.open_pictures()


@dataclass(frozen=True)
class PictureSet:
    """Some pictures that a network is to embed, and how their shards are called."""

    name: str
    pictures: "PictureFiles | OtherPictures"
    indices: Ints
    content: str

    def shards(self) -> list[tuple[str, Ints]]:
        """No picture at all is a shard too."""
        starts = range(0, max(len(self.indices), 1), SHARD)
        return [
            (f"{self.name}_{number:05d}", self.indices[start : start + SHARD])
            for number, start in enumerate(starts)
        ]


@dataclass(frozen=True)
class Embedded:
    """What one network says of pictures, in the order in which they were asked for."""

    shards: Sequence[Unit]

    @classmethod
    def open(cls, run: Path, unit: Unit, some: PictureSet) -> "Embedded":
        """Once all shards are made."""
        folder = run / "embeddings" / unit.folder.name
        return cls([open_unit(folder / name, "embed") for name, _ in some.shards()])

    def rows(self) -> pl.DataFrame:
        """Ids and probabilities."""
        return pl.concat(shard.parquet(ROWS) for shard in self.shards)

    def embedding(self) -> NDArray[np.float16]:
        """(pictures, width)."""
        return np.concatenate([shard.tensors(EMBEDDING)["embedding"] for shard in self.shards])


def embedding(run: Path, machine: Machine, unit: Unit, some: PictureSet) -> list[Task]:
    """The shards of some pictures by one network, in the run that they are kept in."""
    folder, use = run / "embeddings" / unit.folder.name, use_of(unit)
    ids = open_pictures(some.pictures).ids
    return [
        Task(
            folder / name,
            "embed",
            "pipeline.embedded_shard:embed_shard",
            settings={
                "classes": list(use.classes), "views": list(use.views), "bfloat16": use.bfloat16,
                "size": use.net.size, "mean": list(use.net.mean or ()),
                "std": list(use.net.std or ()),
                "ids": sha256_text("\n".join(ids.gather(indices).to_list())),
            },
            inputs={"maker": maker_of(unit), "pictures": some.content},
            arguments={
                "network": (unit.folder, unit.manifest.stage), "some": (some.pictures, indices),
                "machine": machine,
                "title": f"{unit.folder.name}, {some.name}",
            },
            needs=Needs(memory_gb=LOOKING_GB, gpus=1),  # its batches share the cores
        )
        for name, indices in some.shards()
    ]  # fmt: skip


def clear_stale(run: Path, unit: Unit, some: PictureSet) -> None:
    """Remove shards from when the set was larger."""
    folder = run / "embeddings" / unit.folder.name
    for stale in sorted(folder.glob(f"{some.name}_*"))[len(some.shards()) :]:
        remove_folder(stale)
