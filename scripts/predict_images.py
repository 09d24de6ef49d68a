"""make predict IMAGES=folder: the cascade on pictures of your own, one or ten thousand.

Reads every JPEG and PNG below IMAGES and the networks of a finished `make train-cnn`; writes
<run>/predictions/<folder>-<hash>/ with predictions.csv and predictions.json (stage 1's probability,
the decision at the stored threshold, stage 2's probabilities) and overlays/ (Grad-CAM as PNG),
these unless predict.overlays=false. All folds' networks answer; probabilities and thresholds are
their means. What is done of it is kept in <run>/checkpoints/ until all is.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from folds.findings import plural
from folds.images import ImageReader
from models.cascade import kept
from models.cascade.fold import Floats, Ints
from models.cascade.measure import cascade_calls
from models.inference.pieces import PieceByPiece
from models.inference.scores import Way
from models.inference.views import IDENTITY
from models.input.folder import damaged_in, names_in
from models.input.pictures import Pictures
from pipeline.job import Job
from pipeline.networks import MEMORY_GB, STAGE, device_of, maker_of, way_of
from scripts.stage import main
from workspace.errors import ArtifactError, ConfigError, DataError, listed
from workspace.manifest import Wanted, current_versions, load_manifest
from workspace.parts import Parts
from workspace.units import Unit, find, making, open_unit, refuse_foreign

PREDICT, VERSION = "predict", 2
TABLE, JSON, OVERLAYS = "predictions.csv", "predictions.json", "overlays"
DISCLAIMER = "A research tool, no medical device: it gives no diagnosis."

Rows = list[dict[str, Any]]


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
    name = f"{folder.resolve().name}-{hashes['images'][:8]}"
    out = job.run / "predictions" / name
    part = {"version": VERSION, "overlays": job.recipe.predict.overlays}
    wanted = job.wanted(PREDICT, part, hashes)
    parts = Parts(job.run / "checkpoints" / f"{PREDICT}_{name}", _resumable(wanted, job), job.say)
    done = find(out, wanted, job.hashes, on_change="redo", fresh=job.fresh or parts.anew)
    if done is not None:
        parts.clear()  # a call that was killed between its end and this line left them
        job.say(f"predict: nothing to do, {out / TABLE} is up to date.")
        return done
    refuse_foreign(out, PREDICT)  # now, not hours later
    pictures = _pictures(job, folder)
    if job.fresh:
        parts.begin_anew()
    rows, drawn = _predict(job, stages, PieceByPiece(pictures, parts))
    with making(out, wanted) as draft:
        for unit in drawn:
            for file in unit.manifest.files:
                draft.take(f"{OVERLAYS}/{file}", unit, file)
        draft.csv(TABLE, pl.DataFrame(rows))
        draft.json(JSON, {"note": DISCLAIMER, "pictures": rows})
    parts.clear()
    flagged = sum(row["goes_on"] for row in rows)
    job.say(
        f"predict: wrote {out / TABLE}: {plural(len(rows), 'picture')}, {flagged} at or above "
        f"stage 1's threshold. {DISCLAIMER}"
    )
    return open_unit(out, PREDICT)


def _resumable(wanted: Wanted, job: Job) -> Wanted:
    """Parts go on only where they began: other devices and libraries round otherwise.

    They are the same with and without overlays, so that who stops to leave these out loses nothing.
    """
    began = {"device": device_of(job).type, "versions": current_versions()}
    return wanted.model_copy(update={"settings": {"version": VERSION, **began}})


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
    names = names_in(folder)
    with job.progress("Looking at pictures") as show:
        damaged = damaged_in(folder, names, _plainly(job).workers, show)
    drops = job.recipe.verify.corrupt_images == "drop"
    for reason in damaged.values():
        job.say(f"{'notice' if drops else 'error'}: {reason}")
    if damaged and not drops:
        raise DataError(
            f"Damaged pictures: {listed(list(damaged))}; mend them, or leave them out with "
            'SET="verify.corrupt_images=drop".'
        )
    left = {name: reference for name, reference in names.items() if name not in damaged}
    if not left:
        raise DataError(f"No picture below {folder} can be decoded.")
    return Pictures(ImageReader(folder), list(left), list(left.values()), MEMORY_GB)


def _predict(
    job: Job, stages: dict[str, list[Unit]], work: PieceByPiece
) -> tuple[Rows, list[Unit]]:
    """A row for each picture, and the parts that hold the overlays."""
    every = np.arange(len(work.pictures))
    first, uses = _mean(job, stages["stage1"], work)
    limit = float(np.mean([use.threshold for use in uses]))
    goes_on = first[:, 1] >= limit
    rows = [
        {
            "picture": work.pictures.ids[place],
            f"stage1_{uses[0].classes[1]}": float(first[place, 1]),
            "threshold": limit,
            "goes_on": bool(goes_on[place]),
        }
        for place in range(len(every))
    ]
    drawn = _overlays(job, stages["stage1"], work, (every, np.ones(len(every), np.int64)))
    if stages["stage2"]:
        second, uses2 = _mean(job, stages["stage2"], work)
        names = (uses[0].classes[0], *uses2[0].classes)
        called = cascade_calls(goes_on, second)
        for place, row in enumerate(rows):
            row |= {f"stage2_{n}": float(p) for n, p in zip(names[1:], second[place], strict=True)}
            row["called"] = names[called[place]]
        on = np.flatnonzero(goes_on)
        drawn += _overlays(job, stages["stage2"], work, (on, called[on] - 1))
    return rows, drawn


def _mean(job: Job, units: Sequence[Unit], work: PieceByPiece) -> tuple[Floats, list[kept.Use]]:
    """Mean probabilities over the folds' networks."""
    found, uses = [], []
    for unit in units:
        net, use = kept.open_network(unit)
        way = way_of(job, use.views, bfloat16=use.bfloat16)
        with job.progress(f"{use.stage}, fold {use.fold}") as show:
            found.append(work.scores(unit.folder.name, net, way, show))
        uses.append(use)
    return np.mean(found, axis=0), uses


def _overlays(
    job: Job, units: Sequence[Unit], work: PieceByPiece, asked: tuple[Ints, Ints]
) -> list[Unit]:
    """Where the networks looked for their answer, if the recipe wants to see it."""
    if not job.recipe.predict.overlays:
        return []
    nets, uses = zip(*map(kept.open_network, units), strict=True)
    with job.progress(f"{uses[0].stage}, Grad-CAM") as show:
        return work.overlays(uses[0].stage, nets, _plainly(job), asked, show)


def _plainly(job: Job) -> Way:
    """One view in float32, whatever the scores were computed in."""
    return way_of(job, [view.name for view in IDENTITY], bfloat16=False)


if __name__ == "__main__":
    main(run, files={"images": "folder of pictures"}, of_finished_run=True)
