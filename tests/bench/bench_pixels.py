"""From JPEG bytes in an HDF5 file to the network's input, beside the ways that notebooks go.

One core each; the loaders have a page of their own. With DERMSTACK_REAL_DATA the crops are real
ones of ISIC 2024, else synthetic. Starting of worker processes is not timed.
"""

import io
import os
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from folds.decoding import decode
from folds.images import ImageReader
from models.input.config import FIRST
from models.input.exact import al
from models.input.geometry import border_of
from models.input.loader import batches
from models.input.pictures import Pictures
from models.input.stream import stream_of
from models.input.transforms import Transform, make_transform
from synthetic.competition import write_competition
from synthetic.config import SyntheticConfig
from tests.bench.record import keep, paired
from workspace.allocation import freed_memory_kept
from workspace.hdf5 import ImageArchive, write_archive

WALL = time.perf_counter
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SIZE, BATCH = 224, 32
CROPS, AUGMENTED = 800, 160
FILE = "train-image.hdf5"


def run() -> None:
    """All pairs in one process, one after the other, in processor seconds."""
    with _crops() as (place, whose, names, pictures):
        rows = [*_reading(place / FILE, names)]
        with freed_memory_kept():  # as while networks train and embed; it serves both sides
            rows += [*_augmenting(pictures), *_evaluating(pictures)]
    keep(
        "pixels",
        "From bytes to the network's input",
        f"{len(names):,} {whose} crops, {SIZE} px, batches of {BATCH}; images a second of one "
        "core's processor time. A first read opens the item by the HDF5 library, which is most of "
        "it; no reader that goes through it can be quicker than that and decoding: the "
        "row beside decode alone says how far off it is. The exact view shares our gray world and "
        "CLAHE; the public way is written down in tests/bench/bench_pixels.py. Normalising on the "
        "CPU is what is left on both sides where it is counted; where a GPU does it, it costs the "
        "workers nothing. But for reading, freed memory is kept, as while networks train: for both "
        "sides.",
        rows,
    )


def run_loading() -> None:
    """Threads against processes, on the wall: the machine must be otherwise idle."""
    with _crops() as (place, whose, names, pictures), freed_memory_kept():
        rows = [*_loading(place / FILE, pictures)]
    keep(
        "loading",
        "Batches by several workers",
        f"{len(names):,} {whose} crops, {SIZE} px, batches of {BATCH}; images a second on the "
        "wall, our side with 2 threads. Starting of worker processes is not counted.",
        rows,
    )


@contextmanager
def _crops() -> Iterator[tuple[Path, str, list[str], Pictures]]:
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        whose = _write_crops(place)
        names = sorted(ImageArchive(place / FILE).names()[0])[:CROPS]
        references = [f"{FILE}::{name}" for name in names]
        yield place, whose, names, Pictures(ImageReader(place), names, references, memory_gb=0.0)


def _write_crops(place: Path) -> str:
    if real := os.environ.get("DERMSTACK_REAL_DATA"):
        with zipfile.ZipFile(Path(real) / "isic2024_crops_dev.zip") as images:
            chosen = [name for name in images.namelist() if name.endswith(".jpg")][:CROPS]
            write_archive(place / FILE, ((Path(name).stem, images.read(name)) for name in chosen))
        return "real"
    write_competition(place, SyntheticConfig(patients=80, rows=CROPS, positives=80), 0)
    return "synthetic"


def _row(what: str, images: int, measured: dict[str, float], goal: str = "-") -> dict[str, object]:
    return {
        "what": what,
        "ours, img/s": images / measured["ours_s"],
        "theirs, img/s": images / measured["theirs_s"],
        "ratio": measured["ratio"],
        "goal": goal,
    }


def _reading(path: Path, names: list[str]) -> Iterator[dict[str, object]]:
    archive = ImageArchive(path)
    encoded = [archive.read(name) for name in names]

    def first() -> None:
        fresh = ImageArchive(path)
        for name in names:
            decode(fresh.read(name), name)
        fresh.close()

    def again() -> None:
        for name in names:
            decode(archive.read(name), name)

    def public() -> None:
        with h5py.File(path, "r") as file:
            for name in names:
                np.asarray(Image.open(io.BytesIO(file[name][()])).convert("RGB"))

    def decoding() -> None:
        for data in encoded:
            decode(data, "")

    count = len(names)
    yield _row(
        "each crop read for the first time and decoded; theirs: h5py item and PIL",
        count,
        paired(first, public, 5),
        "5",
    )
    yield _row("the same, crops that were read before", count, paired(again, public, 5), "5")
    yield _row(
        "each crop read for the first time and decoded; theirs: decode alone, from memory",
        count,
        paired(first, decoding, 5),
    )
    yield _row("crops that were read before; theirs: decode alone, from memory", count,
               paired(again, decoding, 5), "0.9")  # fmt: skip


def _show(view: Transform, decoded: list[NDArray[np.uint8]], finish: bool) -> None:
    """By batches, as the loader lays them out."""
    for first in range(0, len(decoded), BATCH):
        part = decoded[first : first + BATCH]
        pixels = np.empty((len(part), 3, SIZE, SIZE), np.uint8)
        draws = np.empty((len(part), view.draws), np.float32)
        for row, picture in enumerate(part):
            shown, draws[row] = view.show(picture, stream_of(0, 0, str(first + row)))
            cv2.split(shown, list(pixels[row]))
        if finish:
            view.finish(torch.from_numpy(pixels), torch.from_numpy(draws))


def _augmenting(pictures: Pictures) -> Iterator[dict[str, object]]:
    decoded = [pictures.pixels(place) for place in range(AUGMENTED)]
    fast, exact = (
        make_transform(FIRST.model_copy(update={"kind": kind}), SIZE, MEAN, STD)
        for kind in ("fast", "exact")
    )
    public = _public_pipeline()

    def by_library() -> None:
        for first in range(0, AUGMENTED, BATCH):
            torch.stack([public(image=p)["image"] for p in decoded[first : first + BATCH]])

    for finish, done in ((False, "to uint8, what a worker does"), (True, "with normalisation")):
        yield _row(
            f"training view {done}; theirs: the exact view, with albumentations",
            AUGMENTED,
            paired(
                lambda f=finish: _show(fast, decoded, f),
                lambda f=finish: _show(exact, decoded, f),
                7,
            ),
            "4",
        )
    yield _row(
        "training view with normalisation; theirs: albumentations as in public code, gray world "
        "and normalisation in floats",
        AUGMENTED,
        paired(lambda: _show(fast, decoded, True), by_library, 7),
        "4",
    )


def _public_pipeline() -> Any:
    def gray_world(image: NDArray[np.uint8], **_: Any) -> NDArray[np.uint8]:
        means = image.mean(axis=(0, 1))
        return np.clip(image * (means.mean() / means), 0, 255).astype(np.uint8)

    border = border_of(FIRST)
    by = (-0.1, 0.1)
    steps = [
        al.Resize(244, 244),
        al.RandomCrop(SIZE, SIZE),
        al.Lambda(image=gray_world, p=FIRST.gray_world_p),
        al.CLAHE(clip_limit=(2.0, 2.0), p=FIRST.clahe_p),
        al.HorizontalFlip(p=0.5),
        al.VerticalFlip(p=0.5),
        al.Rotate((-25, 25), border_mode=border, p=1),
        al.Affine(
            scale=(0.9, 1.1), translate_percent={"x": by, "y": by}, shear=(-10, 10),
            border_mode=border, p=1,
        ),
        al.Perspective(scale=(0.0, 0.075), border_mode=border, p=0.3),
        al.ColorJitter(brightness=0.2, contrast=0.2, saturation=0.2, hue=0.02, p=1),
        al.GaussNoise(std_range=(5 / 255, 15 / 255), p=FIRST.noise_p),
        al.Normalize(MEAN, STD),
        al.ToTensorV2(),
    ]  # fmt: skip
    return al.Compose(steps, seed=0)


def _evaluating(pictures: Pictures) -> Iterator[dict[str, object]]:
    decoded = [pictures.pixels(place) for place in range(len(pictures))]
    view = make_transform(FIRST.model_copy(update={"kind": "none"}), SIZE, MEAN, STD)
    library = al.Compose([al.Resize(SIZE, SIZE), al.Normalize(MEAN, STD), al.ToTensorV2()])
    by_pil = _torchvision()

    def stacked(transform: Callable[[NDArray[np.uint8]], torch.Tensor]) -> None:
        for first in range(0, len(decoded), BATCH):
            torch.stack([transform(picture) for picture in decoded[first : first + BATCH]])

    def with_library() -> None:
        stacked(lambda picture: library(image=picture)["image"])

    def with_pil() -> None:
        stacked(lambda picture: by_pil(Image.fromarray(picture)))

    theirs = "theirs: resize, float, normalise and tensor image by image, with"
    for finish, done in ((False, "to uint8, what a worker does"), (True, "with normalisation")):
        for other, name in ((with_library, "albumentations"), (with_pil, "torchvision and PIL")):
            yield _row(
                f"evaluation view {done}; {theirs} {name}",
                len(decoded),
                paired(lambda f=finish: _show(view, decoded, f), other, 7),
                "4",
            )


def _torchvision() -> transforms.Compose:
    steps = [transforms.Resize((SIZE, SIZE)), transforms.ToTensor()]
    return transforms.Compose([*steps, transforms.Normalize(MEAN, STD)])


class Plain(Dataset[torch.Tensor]):
    """What notebooks write: a file a worker, PIL, torchvision, float32 through the pipe."""

    def __init__(self, path: Path, names: list[str]) -> None:
        self.path, self.names = path, names
        self.file: h5py.File | None = None
        self.transform = _torchvision()

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, place: int) -> torch.Tensor:
        if self.file is None:
            torch.set_num_threads(1)
            self.file = h5py.File(self.path, "r")
        data = self.file[self.names[place]][()]
        made: torch.Tensor = self.transform(Image.open(io.BytesIO(data)).convert("RGB"))
        return made


class InProcesses(Dataset[torch.Tensor]):
    """Our own pictures and view, in processes instead of threads; float32 or uint8."""

    def __init__(
        self, pictures: Pictures, view: Transform, plan: list[Any], as_float: bool
    ) -> None:
        self.pictures, self.view, self.plan, self.as_float = pictures, view, plan, as_float

    def __len__(self) -> int:
        return len(self.plan)

    def __getitem__(self, number: int) -> torch.Tensor:
        torch.set_num_threads(1)
        plan = self.plan[number : number + 1]
        batch = next(iter(batches(self.pictures, self.view, plan, seed=0, epoch=0)))
        return self.view.finish(batch.pixels, batch.draws) if self.as_float else batch.pixels


def _loading(path: Path, pictures: Pictures) -> Iterator[dict[str, object]]:
    still, moved = (
        make_transform(FIRST.model_copy(update={"kind": kind}), SIZE, MEAN, STD)
        for kind in ("none", "fast")
    )
    plan = np.array_split(np.arange(len(pictures)), len(pictures) // BATCH)
    plain = _processes(Plain(path, pl.Series(pictures.ids).to_list()), BATCH)
    count = len(pictures)

    def ours(view: Transform, finish: bool) -> None:
        for batch in batches(pictures, view, plan, seed=0, epoch=0, workers=2):
            if finish:
                view.finish(batch.pixels, batch.draws)

    def theirs(loader: DataLoader[torch.Tensor]) -> None:
        for _ in loader:
            pass

    yield _row(
        "2 threads, HDF5 to uint8 batches; theirs: DataLoader, 2 processes, h5py, PIL, "
        "torchvision, float32",
        count, paired(lambda: ours(still, False), lambda: theirs(plain), clock=WALL), "3",
    )  # fmt: skip
    yield _row(
        "the same with normalisation by the trainer's thread",
        count, paired(lambda: ours(still, True), lambda: theirs(plain), clock=WALL), "3",
    )  # fmt: skip
    for view, name in ((still, "evaluation"), (moved, "training")):
        for as_float in (True, False):
            other = _processes(InProcesses(pictures, view, plan, as_float), None)
            travels = "float32" if as_float else "uint8"
            yield _row(
                f"{name} view, 2 threads, uint8; theirs: the same work in 2 spawned processes, "
                f"{travels}",
                count, paired(lambda v=view: ours(v, False), lambda o=other: theirs(o), clock=WALL),
            )  # fmt: skip


def _processes(dataset: Dataset[torch.Tensor], size: int | None) -> DataLoader[torch.Tensor]:
    loader = DataLoader(
        dataset, batch_size=size, num_workers=2, multiprocessing_context="spawn",
        persistent_workers=True,
    )  # fmt: skip
    for _ in loader:  # workers are up, files open
        pass
    return loader
