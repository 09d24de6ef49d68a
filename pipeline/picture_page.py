"""The page of a prediction of pictures, of what networks answered and of the run's held-out rows.

Reads <run>/networks/<name>/oof.parquet, so that a score can be told in cases: of so many rows of
the run with such a score, so many were of that class.
"""

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from folds.findings import Findings
from models.inference.overlays import overlay_names
from models.input.pictures import Pictures
from models.networks.columns import shares_of
from models.networks.config import NetworkConfig
from models.networks.network import network_of
from pipeline.answers import Answer, Rows
from pipeline.distances import DISTANCE
from pipeline.joined import LABEL, labelled
from pipeline.meaning import meaning, notes_of
from pipeline.picture_rows import PictureFiles, open_picture_rows
from pipeline.unit_files import TRAIN_CNN
from reports.predictions.page import Meaning, Pictured, Prediction, Said, Speaker, page, with_small
from stacking.blocks import OOF
from workspace.arrays import Ints
from workspace.machine import reading_processes
from workspace.progress import Show
from workspace.units import open_unit

SMALL_PX, QUALITY = 48, 50  # of small pictures: about 500 bytes each
OVERLAYS = "overlays"

Shown = Mapping[str, tuple[Ints, Ints]]  # by network which pictures it speaks of, as to which class


@dataclass(frozen=True)
class Meant:
    """Where it is known what a network's scores meant."""

    files: PictureFiles
    joined: Path
    network: tuple[str, NetworkConfig]


def meaning_of(meant: Meant) -> tuple[Meaning, ...]:
    """By class how many of the run's held-out rows with such a score were of it."""
    rows = open_picture_rows(meant.files)
    network = network_of(*meant.network, rows.table, Findings())
    table = labelled(rows, network, open_unit(meant.joined, TRAIN_CNN).parquet(OOF))
    shares = shares_of(table.select(network.columns).to_numpy())
    if shares.shape[1] != len(network.classes):
        return ()
    codes = table[LABEL].to_numpy()
    return tuple(meaning(codes == code, shares[:, code]) for code in range(len(network.classes)))


@dataclass(frozen=True)
class Answered:
    """What came of the pictures, and how it is to be read."""

    answers: Mapping[str, Answer]
    rows: Rows
    shown: Shown
    measured_by: str | None  # whose embeddings distances are of
    meant: Mapping[str, Meant]
    overlaid: Collection[str]  # networks that show where they looked


def prediction_page(title: str, answered: Answered, pictures: Pictures, show: Show) -> str:
    """All that is said of the pictures."""
    answers, meant = answered.answers, answered.meant
    speakers = [
        Speaker(name, one.classes, one.limit, meaning_of(meant[name]) if name in meant else ())
        for name, one in answers.items()
    ]
    said = [_said(name, answered, pictures) for name in answers]
    every = [
        Pictured(name, _decision(row, answers), one, row.get(DISTANCE))
        for name, row, *one in zip(pictures.ids, answered.rows, *said, strict=True)
    ]
    drawn = any(is_drawn(one.files.samples) for one in meant.values())
    notes = notes_of(speakers, answered.measured_by, drawn=drawn)
    prediction = Prediction(title, speakers, every, answered.measured_by, notes)
    return page(with_small_pictures(prediction, pictures, show))


def is_drawn(samples: Path) -> bool:
    """Whether 'make sample' drew what was learnt from."""
    return bool(open_unit(samples, "verify").facts.get("synthetic"))


def _said(name: str, answered: Answered, pictures: Pictures) -> list[Said | None]:
    """By picture what a network says, of those that it speaks of."""
    said: list[Said | None] = [None] * len(pictures)
    files = overlay_names(pictures.ids, name) if name in answered.overlaid else None
    probability = answered.answers[name].probability
    for place, code in zip(*answered.shown.get(name, ((), ())), strict=True):
        file = None if files is None else f"{OVERLAYS}/{files[place]}"
        said[place] = Said(probability[place].tolist(), int(code), file)
    return said


def _decision(row: Mapping[str, object], answers: Mapping[str, Answer]) -> str:
    """What is called: by the cascade, else by the first network that calls."""
    first = next(iter(answers.values()))
    if "called" in row:
        return str(row["called"])
    if "goes_on" in row:
        return first.classes[int(bool(row["goes_on"]))]
    named = [f"{name}_called" for name in answers]
    return str(next((row[name] for name in named if name in row), ""))


def with_small_pictures(prediction: Prediction, pictures: Pictures, show: Show) -> Prediction:
    """With a small one of each that is to have one, by its name."""
    place_of = {name: place for place, name in enumerate(pictures.ids)}
    every = list(prediction.pictures)
    seen = [at for at in with_small(prediction) if every[at].name in place_of]
    places = [place_of[every[at].name] for at in seen]
    with ThreadPoolExecutor(reading_processes()) as pool:
        made = zip(seen, pool.map(partial(_small, pictures), places), strict=True)
        for done, (at, data) in enumerate(made, start=1):
            every[at] = replace(every[at], small=data)
            show(done, len(places))
    return replace(prediction, pictures=every)


def _small(pictures: Pictures, place: int) -> bytes:
    """Its middle square, small."""
    pixels = pictures.pixels(place)
    side = min(pixels.shape[:2])
    top, left = ((length - side) // 2 for length in pixels.shape[:2])
    square = pixels[top : top + side, left : left + side]
    small = cv2.resize(square, (SMALL_PX, SMALL_PX), interpolation=cv2.INTER_AREA)
    ok, data = cv2.imencode(".webp", small[..., ::-1], [cv2.IMWRITE_WEBP_QUALITY, QUALITY])
    assert ok
    return np.asarray(data).tobytes()
