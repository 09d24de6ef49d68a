"""make predict IMAGES=folder: the cascade on pictures of your own, one or ten thousand.

Reads every JPEG and PNG below IMAGES and the networks of a finished `make train-cnn`; writes
<run>/predictions/<folder>-<hash>/ with predictions.csv and predictions.json (stage 1's probability,
the decision at the stored threshold, stage 2's probabilities) and overlays/ (Grad-CAM as PNG). All
folds' networks answer; probabilities and thresholds are their means.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import cv2
import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from folds.findings import plural
from folds.images import ITEM, ImageReader, is_image
from folds.schema import ID, IMAGE
from models.cascade import kept
from models.cascade.fold import Floats, Ints
from models.cascade.measure import cascade_calls
from models.inference.gradcam import gradcam, overlay
from models.inference.scores import score_pictures
from models.input.evaluation import EvaluationView
from models.input.pictures import Pictures
from models.nets.network import LesionNet
from scripts.networks import MEMORY_GB, STAGE, device_of, maker_of, way_of
from scripts.stage import Job, main
from workspace.errors import ArtifactError, ConfigError, DataError, listed
from workspace.files import write_bytes
from workspace.manifest import load_manifest
from workspace.units import Draft, Unit, find, making, open_unit

TABLE, JSON, OVERLAYS = "predictions.csv", "predictions.json", "overlays"
OVERLAY_PX = 1024
DISCLAIMER = "A research tool, no medical device: it gives no diagnosis."
NOT_DRAWN = np.random.default_rng(0)  # an evaluation view draws nothing
Pixels = NDArray[np.uint8]
_FORMULA = tuple("=+-@\t\r")  # what a spreadsheet would compute


def run(job: Job) -> Unit:
    """Predictions for the pictures, made if they are not there yet."""
    folder = job.files.get("images")
    if folder is None or not folder.is_dir():
        raise ConfigError(f"There is no folder {folder}; name one with IMAGES=.")
    stages = {name: _networks(job, name) for name in ("stage1", "stage2")}
    if not stages["stage1"]:
        raise ArtifactError(f"{job.run} holds no networks; run 'make train-cnn' first.")
    hashes = {unit.folder.name: maker_of(unit) for units in stages.values() for unit in units}
    hashes["images"] = job.hashes.of(folder)
    out = job.run / "predictions" / f"{folder.resolve().name}-{hashes['images'][:8]}"
    wanted = job.wanted("predict", {"version": 1}, hashes)
    done = find(out, wanted, job.hashes, on_change="redo", fresh=job.fresh)
    if done is not None:
        job.say(f"predict: nothing to do, {out / TABLE} is up to date.")
        return done
    pictures = _pictures(job, folder)
    with making(out, wanted) as draft:
        rows = _predict(job, stages, pictures, draft)
        draft.csv(TABLE, pl.DataFrame(rows))
        draft.json(JSON, {"note": DISCLAIMER, "pictures": rows})
    flagged = sum(row["goes_on"] for row in rows)
    job.say(
        f"predict: wrote {out / TABLE}: {plural(len(rows), 'picture')}, {flagged} at or above "
        f"stage 1's threshold. {DISCLAIMER}"
    )
    return open_unit(out, "predict")


def _networks(job: Job, stage: str) -> list[Unit]:
    """The folds' networks that the finished stage was joined of, and no others; none without it."""
    folder = job.run / "networks" / stage
    if load_manifest(folder) is None:
        return []
    joined, units = open_unit(folder, STAGE), []
    for fold, maker in joined.facts["makers"].items():
        unit = open_unit(job.run / "networks" / f"{stage}_fold_{fold}", STAGE)
        if maker_of(unit) != maker:
            raise ArtifactError(
                f"{unit.folder} is not what {folder} was joined of; run 'make {STAGE}' first."
            )
        kept.use_of(unit, joined.facts["classes"])
        units.append(unit)
    return units


def _pictures(job: Job, folder: Path) -> Pictures:
    """All that can be decoded; the others stop, or are named and left out, as the recipe says."""
    paths = sorted(p for p in folder.rglob("*") if p.is_file() and is_image(p.name))
    if not paths:
        raise DataError(f"There is no JPEG or PNG below {folder}.")
    references = [path.relative_to(folder).as_posix() for path in paths]
    strange = [name for name in references if not _is_plain(name)]
    if strange:
        raise DataError(
            "Pictures with names that a table cannot hold: "
            f"{listed([ascii(name) for name in strange])}; rename them."
        )
    stems = [str(PurePosixPath(name).with_suffix("")) for name in references]
    times = Counter(stems)
    names = [
        reference if times[stem] > 1 else stem
        for reference, stem in zip(references, stems, strict=True)
    ]
    reader, damaged = ImageReader(folder), []
    for name, reference in zip(names, references, strict=True):
        try:
            reader.pixels(reference)
        except DataError as error:
            damaged.append(name)
            job.say(f"{'notice' if _drops(job) else 'error'}: {error}")
    if damaged and not _drops(job):
        raise DataError(
            f"Damaged pictures: {listed(damaged)}; mend them, or leave them out with "
            'SET="verify.corrupt_images=drop".'
        )
    index = pl.DataFrame({ID: names, IMAGE: references}).filter(~pl.col(ID).is_in(damaged))
    if index.is_empty():
        raise DataError(f"No picture below {folder} can be decoded.")
    return Pictures(reader, index[ID], index[IMAGE], MEMORY_GB)


def _is_plain(name: str) -> bool:
    """Neither a formula to a spreadsheet, nor an item of a container, nor no text at all."""
    return name.isprintable() and ITEM not in name and not name.startswith(_FORMULA)


def _drops(job: Job) -> bool:
    return job.recipe.verify.corrupt_images == "drop"


def _predict(
    job: Job, stages: dict[str, list[Unit]], pictures: Pictures, draft: Draft
) -> list[dict[str, Any]]:
    every = np.arange(len(pictures))
    first, uses = _mean(job, stages["stage1"], pictures, every, "stage 1")
    limit = float(np.mean([use.threshold for use in uses]))
    goes_on = first[:, 1] >= limit
    rows = [
        {
            "picture": pictures.ids[place],
            f"stage1_{uses[0].classes[1]}": float(first[place, 1]),
            "threshold": limit,
            "goes_on": bool(goes_on[place]),
        }
        for place in range(len(every))
    ]
    _overlays(job, stages["stage1"], pictures, every, np.ones(len(every), np.int64), draft)
    if stages["stage2"]:
        second, uses2 = _mean(job, stages["stage2"], pictures, every, "stage 2")
        names = (uses[0].classes[0], *uses2[0].classes)
        called = cascade_calls(goes_on, second)
        for place, row in enumerate(rows):
            row |= {f"stage2_{n}": float(p) for n, p in zip(names[1:], second[place], strict=True)}
            row["called"] = names[called[place]]
        on = np.flatnonzero(goes_on)
        _overlays(job, stages["stage2"], pictures, on, called[on] - 1, draft)
    return rows


def _mean(
    job: Job, units: Sequence[Unit], pictures: Pictures, places: Ints, label: str
) -> tuple[Floats, list[kept.Use]]:
    """Mean probabilities over the folds' networks."""
    found, uses = [], []
    for unit in units:
        net, use = kept.open_network(unit)
        with job.progress(f"{label}, fold {use.fold}") as bar:
            way = way_of(job, use.views, bfloat16=use.bfloat16)
            found.append(score_pictures(net, pictures, places, way, bar).probability)
        uses.append(use)
    return np.mean(found, axis=0), uses


def _overlays(
    job: Job, units: Sequence[Unit], pictures: Pictures, places: Ints, classes: Ints, draft: Draft
) -> None:
    """Where each network looked for its answer, averaged over the folds, over the picture."""
    nets = [kept.open_network(unit) for unit in units]
    device = device_of(job)
    stage = nets[0][1].stage
    (draft.folder / OVERLAYS).mkdir(exist_ok=True)
    with job.progress(f"{stage}, Grad-CAM") as show:
        for done, (place, target) in enumerate(zip(places, classes, strict=True)):
            pixels = pictures.pixels(int(place))
            cams = [_cam(net.to(device), pixels, int(target)) for net, _ in nets]
            drawn = overlay(_small(pixels), np.mean(cams, axis=0))
            name = f"{pictures.ids[int(place)]}_{stage}.png".replace("/", "__")
            ok, data = cv2.imencode(".png", drawn[..., ::-1])
            assert ok
            write_bytes(draft.folder / OVERLAYS / name, data.tobytes())
            show(done + 1, len(places))


def _small(pixels: Pixels) -> Pixels:
    """No side over OVERLAY_PX: a photograph's overlay would take megabytes and say no more."""
    height, width = pixels.shape[:2]
    share = min(1.0, OVERLAY_PX / max(height, width))
    size = max(1, round(width * share)), max(1, round(height * share))
    return (
        pixels if share == 1 else np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))
    )


def _cam(net: LesionNet, pixels: Pixels, target: int) -> NDArray[np.float32]:
    """(h, w) of one picture, as the network's evaluation view shows it."""
    view = EvaluationView(net.size, net.mean, net.std)
    shown, _ = view.show(pixels, NOT_DRAWN)
    device = next(net.parameters()).device
    batch = torch.from_numpy(shown.transpose(2, 0, 1)[None].copy()).to(device)
    images = view.finish(batch, torch.zeros(1, 0))
    maps = gradcam(net, images, torch.tensor([target], device=device))
    found: NDArray[np.float32] = maps[0].cpu().numpy()
    return found


if __name__ == "__main__":
    main(run, files={"images": "folder of pictures"}, of_finished_run=True)
