"""Pictures of lesions for a page: small, verified, and under them where a network looked.

The network is the one of the fold that held the row out, as it is for every score of it. A picture
is shown only if it is to the byte the one that was verified.
"""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256

import numpy as np
import polars as pl

from folds.findings import Findings
from folds.schema import ID, IMAGE
from models.inference.gradcam import overlay
from models.inference.overlays import target_maps
from models.inference.views import IDENTITY
from models.networks.names import unit_name
from models.networks.network import Network, network_of
from models.networks.opened import open_network
from models.networks.use import maker_of
from pipeline.cases import MOVED, Seeing, UnexplainedError
from pipeline.picture_rows import PictureRows, open_picture_rows
from pipeline.samples import IMAGES
from pipeline.thumbnails import thumbnail
from stacking.use import FOLD
from workspace.arrays import Ints
from workspace.errors import DataError
from workspace.manifest import load_manifest
from workspace.units import Unit, open_unit

SIDE, SMALL_SIDE = 200, 88  # px of a case, and of its patient's other lesions
QUALITY = 80
LARGEST = 400  # px a side of what is drawn on: overlays of photographs need no more


def pictured(seeing: Seeing, ids: Sequence[str], side: int) -> dict[str, str]:
    """The picture of each row that has one, as an address."""
    rows = open_picture_rows(seeing.files)
    known = open_unit(seeing.files.samples, "verify").parquet(IMAGES, [ID, "sha256"])
    table = _table(rows, ids).join(known, on=ID, how="left", maintain_order="left")
    reader, found = rows.files.reader(), {}
    for name, reference, sha in table.select(ID, IMAGE, "sha256").iter_rows():
        if sha is None:
            raise UnexplainedError("No picture is shown: 'make verify' did not look at them.")
        try:
            data, pixels = reader.both(reference)
        except DataError as error:
            raise UnexplainedError(MOVED) from error
        if sha256(data).hexdigest() != sha:
            raise UnexplainedError(
                "No picture is shown: they are others now than those that 'make verify' looked at."
            )
        found[name] = thumbnail(pixels, side, QUALITY)
    return found


def looked_at(seeing: Seeing, ids: Sequence[str]) -> tuple[str, dict[str, str]]:
    """The network's name, and of each row with a picture where it saw target 1, as an address."""
    rows = open_picture_rows(seeing.files)
    table = _table(rows, ids)
    for network, joined in _speaking(seeing, rows):
        found: dict[str, str] = {}
        for (fold,), some in table.group_by(FOLD, maintain_order=True):
            drawn = _of_fold(seeing, rows, network, joined, int(str(fold)), some)
            if drawn is None:
                break  # it has no map, of whatever fold
            found |= drawn
        else:
            return network.name, found
    raise UnexplainedError(
        "Where a network looked is not shown: none of the run's networks says how probable the "
        "target is by a map of places."
    )


def _of_fold(
    seeing: Seeing, rows: PictureRows, network: Network, joined: Unit, fold: int,
    some: pl.DataFrame,
) -> dict[str, str] | None:  # fmt: skip
    folder = seeing.run / "networks" / unit_name(network.name, fold)
    manifest = load_manifest(folder)
    if manifest is None or maker_of(Unit(folder, manifest)) != joined.facts["makers"][str(fold)]:
        raise UnexplainedError(
            f"Where a network looked is not shown: {network.name} of fold {fold} is not there, or "
            "another one than that which scored the rows."
        )
    net, use = open_network(Unit(folder, manifest), network.classes)
    if not net.last_map:
        return None
    way = seeing.machine.way(use.net, [view.name for view in IDENTITY], bfloat16=False)
    places = _places(rows, some[ID])
    maps = target_maps(net, rows.pictures, places, network.labels.target or (), way)
    return {
        name: thumbnail(overlay(_small(rows.pictures.pixels(int(place))), heat), SIDE, QUALITY)
        for name, place, heat in zip(some[ID], places, maps, strict=True)
    }


def _speaking(seeing: Seeing, rows: PictureRows) -> Iterator[tuple[Network, Unit]]:
    """The networks that say how probable the target is, and were scored on these folds."""
    for name, config in seeing.networks:
        folder = seeing.run / "networks" / name
        manifest = load_manifest(folder)
        if manifest is None or not config.task.learns:
            continue
        network, unit = network_of(name, config, rows.table, Findings()), Unit(folder, manifest)
        same = (
            unit.facts.get("fold_hash") == rows.folded.facts["fold_hash"]
            and tuple(unit.facts.get("classes", ())) == network.classes
        )
        if network.labels.target is not None and same:
            yield network, unit


def _table(rows: PictureRows, ids: Sequence[str]) -> pl.DataFrame:
    """Of these rows those with a picture, by id."""
    some = pl.Series(ids, dtype=pl.String).implode()
    return rows.table.filter(pl.col(ID).is_in(some)).select(ID, IMAGE, FOLD).sort(FOLD, ID)


def _places(rows: PictureRows, ids: pl.Series) -> Ints:
    where: Mapping[str, int] = {name: at for at, name in enumerate(rows.table[ID])}
    return np.array([where[name] for name in ids], np.int64)


def _small(pixels: np.ndarray) -> np.ndarray:
    step = max(1, max(pixels.shape[:2]) // LARGEST)
    return np.ascontiguousarray(pixels[::step, ::step])
