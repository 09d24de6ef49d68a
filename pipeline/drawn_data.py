"""The synthetic competition of a recipe that has one, as a task.

The crops of a large one are drawn in shards, each a task: in any number of processes, and what a
stop costs is the shards at work. What comes out is the same to the bit.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from folds.schema import ID
from pipeline.job import Job
from synthetic.competition import write_competition
from synthetic.config import SyntheticConfig
from synthetic.crops import BATCH
from synthetic.shown import Shard, draw_shard, forget, shards_of
from workspace.atomic import remove_folder
from workspace.errors import ArtifactError, ConfigError, DataError
from workspace.manifest import load_manifest
from workspace.orders import Needs
from workspace.tasks import Task
from workspace.units import Draft, open_unit

ROWS, CROPS, SIZE = "rows.parquet", "crops.npy", "bytes"


def drawing(job: Job, crops: Sequence[Task] = ()) -> Task:
    """The synthetic competition of the recipe, of the crops of `drawing_crops` where it is large.

    They are not asked for where the competition is there.
    """
    config, folder = _asked(job)
    if folder.exists() and not is_drawn(folder) and (folder.is_file() or any(folder.iterdir())):
        raise DataError(
            f"{folder} holds files that 'make sample' did not write; name another folder with "
            "DATA=, or move them away."
        )
    return Task(
        folder,
        "sample",
        draw,
        settings={"synthetic": config.settings()},
        arguments={
            "config": config,
            "crops": [task.folder for task in crops],
            "working": _beside(folder),
        },
        on_change="stop",
        after=crops,
    )


def drawing_crops(job: Job) -> list[Task]:
    """A task for each shard of crops; they lie beside the competition until it is whole."""
    config, folder = _asked(job)
    return [
        Task(
            _beside(folder) / f"{shard[0]}_{shard[1]:07d}",
            "sample",
            draw_crops,
            settings={"synthetic": config.settings(), "shard": list(shard)},
            arguments={"config": config, "shard": shard},
            needs=Needs(cores=1, memory_gb=1.5),
            on_damage="redo",
        )
        for shard in shards_of(config)
    ]


def draw(
    draft: Draft, config: SyntheticConfig, crops: Sequence[Path] = (), working: Path | None = None
) -> None:
    """The whole competition's folder; `working`, where crops lie, is gone once it is whole."""
    forget()
    drawn = {
        name: _crops_of([crop for crop in crops if crop.name.startswith(f"{name}_")])
        for name in ("train", "test")
    }
    label = "Writing crops" if crops else "Drawing crops"
    with draft.progress(label) as show:
        counts = write_competition(
            draft.folder, config, config.seed, show, drawn if crops else None
        )
    draft.facts.update(counts)
    if working is not None:
        draft.afterwards(partial(remove_folder, working))


def draw_crops(draft: Draft, config: SyntheticConfig, shard: Shard) -> None:
    """The crops of one shard, end to end in one file."""
    name, start, stop = shard
    names, data = [], []
    with draft.progress(f"Drawing crops of {name} from {start:,} on") as show:
        for one, picture in draw_shard(config, config.seed, shard):
            names.append(one)
            data.append(picture)
            if len(names) % BATCH == 0 or len(names) == stop - start:
                show(len(names), stop - start)
    draft.parquet(ROWS, pl.DataFrame({ID: names, SIZE: [len(one) for one in data]}))
    draft.array(CROPS, np.frombuffer(b"".join(data), np.uint8))


def _beside(folder: Path) -> Path:
    """Where shards lie until the competition is whole: a name that no folder of a user's has."""
    return folder.with_name(f".{folder.name}.crops")


def _crops_of(shards: Sequence[Path]) -> Iterator[tuple[str, bytes]]:
    """(isic_id, JPEG) of the shards, one after another."""
    for folder in shards:
        unit = open_unit(folder, "sample")
        data, start = unit.array(CROPS).data, 0
        for name, size in unit.parquet(ROWS).iter_rows():
            yield name, bytes(data[start : start + size])
            start += size


def _asked(job: Job) -> tuple[SyntheticConfig, Path]:
    """What is to be drawn, and where."""
    config, folder = job.recipe.synthetic, job.recipe.data.folder
    if config is None:
        raise ConfigError(
            f"Recipe {job.recipe.name} has no [synthetic] section: its data are real and lie in "
            f"{folder}."
        )
    return config, folder


def is_drawn(folder: Path) -> bool:
    """Whether `make sample` wrote the folder; a stranger's manifest.json does not say so."""
    try:
        manifest = load_manifest(folder)
    except ArtifactError:
        return False
    return manifest is not None and manifest.stage == "sample"
