"""make predict IMAGES=folder: the run's networks on pictures of your own, one or ten thousand.

Reads every JPEG and PNG below IMAGES and the networks of a finished `make train-cnn`: those that
predict.networks names, else the recipe's cascade, else all. Writes
<run>/predictions/<folder>-<hash>/ with predictions.csv and predictions.json (probabilities by
class, thresholds, what is called), isic_challenge.csv if a network has all of that challenge's
classes, and overlays/ (Grad-CAM as PNG), these unless predict.overlays=false. All folds' networks
answer; probabilities and thresholds are their means. What is done of it is kept in
<run>/checkpoints/ until all is.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from folds.findings import plural
from folds.images import ImageReader
from models.inference.pieces import PieceByPiece
from models.inference.scores import Way
from models.inference.views import IDENTITY
from models.input.folder import names_in
from models.input.pictures import Pictures
from models.networks import kept
from models.networks.kept import maker_of
from models.networks.network import unit_name
from pipeline.answers import Answer, Cascade, Rows, alone
from pipeline.job import Job
from pipeline.machine import MEMORY_GB, Machine
from pipeline.networks import STAGE
from pipeline.new_data import damaged_pictures
from scripts.stage import main
from submissions import isic_challenge
from workspace.arrays import Ints
from workspace.errors import ArtifactError, ConfigError, DataError, name_some
from workspace.manifest import Wanted, current_versions, load_manifest
from workspace.pieces import KeptPieces
from workspace.units import Unit, find, making, open_unit, refuse_foreign

PREDICT = "predict"
TABLE, JSON, OVERLAYS = "predictions.csv", "predictions.json", "overlays"
DISCLAIMER = "A research tool, no medical device: it gives no diagnosis."

Networks = Mapping[str, Sequence[Unit]]  # the folds' units by the network's name


def run(job: Job) -> Unit:
    """Predictions for the pictures, made if they are not there yet."""
    folder = job.files.get("images")
    if folder is None or not folder.is_dir():
        raise ConfigError(f"There is no folder {folder}; name one with IMAGES=.")
    networks = _answering(job)
    hashes = {unit.folder.name: maker_of(unit) for units in networks.values() for unit in units}
    hashes["images"] = job.hashes.of(folder)
    name = f"{folder.resolve().name}-{hashes['images'][:8]}"
    out = job.run / "predictions" / name
    asked = job.recipe.predict
    settings = {"overlays": asked.overlays, "challenge": asked.challenge}
    settings["networks"] = list(networks)
    wanted = job.wanted(PREDICT, settings, hashes)
    pieces = KeptPieces(
        job.run / "checkpoints" / f"{PREDICT}_{name}", _resumable(wanted, job), job.say
    )
    done = find(out, wanted, job.hashes, on_change="redo", fresh=job.fresh or pieces.anew)
    if done is not None:
        pieces.clear()  # a call that was killed between its end and this line left them
        job.say(f"predict: nothing to do, {out / TABLE} is up to date.")
        return done
    refuse_foreign(out, PREDICT)  # now, not hours later
    challenged = _challenged(job, networks)
    pictures = _pictures(job, folder)
    if job.fresh:
        pieces.begin_anew()
    work = PieceByPiece(pictures, pieces)
    answers = {name: _answer(job, name, units, work) for name, units in networks.items()}
    rows, shown, last = _rows_and_overlays(job, answers, pictures.ids.to_list())
    drawn = [unit for name, which in shown.items()
             for unit in _overlays(job, name, networks[name], work, which)]  # fmt: skip
    with making(out, wanted) as draft:
        for unit in drawn:
            for file in unit.manifest.files:
                draft.take(f"{OVERLAYS}/{file}", unit, file)
        draft.csv(TABLE, pl.DataFrame(rows))
        draft.json(JSON, {"note": DISCLAIMER, "pictures": rows})
        for file, (network, categories) in challenged.items():
            draft.csv(file, _challenge_rows(pictures, answers[network], categories))
    pieces.clear()
    job.say(f"predict: wrote {out / TABLE}: {plural(len(rows), 'picture')}{last}. {DISCLAIMER}")
    return open_unit(out, PREDICT)


def _answering(job: Job) -> Networks:
    """Those that are asked for; else the cascade's, as far as it is there; else all there are."""
    recipe = job.recipe
    there = {name: _folds_of(job, name) for name, c in recipe.used.items() if c.task.learns}
    finished = {name: units for name, units in there.items() if units}
    if not finished:
        raise ArtifactError(f"{job.run} holds no networks; run 'make train-cnn' first.")
    if recipe.predict.networks is not None:
        absent = [name for name in recipe.predict.networks if name not in finished]
        if absent:
            raise ConfigError(
                f"predict.networks names {name_some(absent)}, which {job.run} holds no finished "
                f"network of; there are {name_some(finished)}."
            )
        return {name: finished[name] for name in recipe.predict.networks}
    cascade = recipe.cascade
    if cascade is not None and cascade.first in finished:
        both = (cascade.first, cascade.second)
        return {name: finished[name] for name in both if name in finished}
    return finished


def _rows_and_overlays(
    job: Job, answers: Mapping[str, Answer], ids: Sequence[str]
) -> tuple[Rows, Mapping[str, tuple[Ints, Ints]], str]:
    """The rows, what overlays are drawn of, and the end of the line that is said."""
    cascade = job.recipe.cascade
    if cascade is None or next(iter(answers)) != cascade.first or set(answers) - {
        cascade.first, cascade.second
    }:  # fmt: skip
        every = np.arange(len(ids))
        shown = {name: (every, answer.shown) for name, answer in answers.items()}
        return alone(ids, list(answers.values())), shown, ""
    both = Cascade(answers[cascade.first], answers.get(cascade.second))
    flagged = int(both.goes_on.sum())
    return both.rows(ids), both.shown(), f", {flagged} at or above {cascade.first}'s threshold"


def _challenged(job: Job, networks: Networks) -> dict[str, tuple[str, dict[str, str]]]:
    """The challenge's files, and of each the network and the class of every category."""
    named, found = job.recipe.predict.challenge, {}
    for name, units in networks.items():
        categories = isic_challenge.categories_of(kept.use_of(units[0]).classes, named)
        if categories is not None:
            found[name] = categories
    if named and not found:
        raise ConfigError(
            "predict.challenge is given, but no network that answers has a class for each of its "
            f"categories ({', '.join(isic_challenge.CATEGORIES)}); name them all, or leave it out."
        )
    if len(found) == 1:
        return {isic_challenge.FILE: next(iter(found.items()))}
    stem, _, suffix = isic_challenge.FILE.partition(".")
    return {f"{stem}_{name}.{suffix}": (name, categories) for name, categories in found.items()}


def _challenge_rows(
    pictures: Pictures, answer: Answer, categories: Mapping[str, str]
) -> pl.DataFrame:
    ids = pictures.ids.to_list()
    return isic_challenge.challenge_table(ids, answer.probability, answer.classes, categories)


def _resumable(wanted: Wanted, job: Job) -> Wanted:
    """Pieces go on only where they began: other devices and libraries round otherwise.

    They are the same with and without overlays, so that who stops to leave these out loses nothing.
    """
    began = {"device": Machine.of(job).torch_device().type, "versions": current_versions()}
    return wanted.model_copy(update={"settings": began})


def _folds_of(job: Job, name: str) -> list[Unit]:
    """The folds' networks that the finished one was joined of, and no others; none without it."""
    folder = job.run / "networks" / name
    if load_manifest(folder) is None:
        return []
    joined, units = open_unit(folder, STAGE), []
    for fold, maker in joined.facts["makers"].items():
        unit = open_unit(job.run / "networks" / unit_name(name, int(fold)), STAGE)
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
    damaged = damaged_pictures(job, folder, names)
    whole = {name: reference for name, reference in names.items() if name not in damaged}
    if not whole:
        raise DataError(f"No picture below {folder} can be decoded.")
    return Pictures(ImageReader(folder), list(whole), list(whole.values()), MEMORY_GB)


def _answer(job: Job, name: str, units: Sequence[Unit], work: PieceByPiece) -> Answer:
    """Mean probabilities over the folds' networks."""
    found, uses = [], []
    for unit in units:
        net, use = kept.open_network(unit)
        way = Machine.of(job).way(use.views, bfloat16=use.bfloat16)
        with job.progress(f"{use.network}, fold {use.held_out}") as show:
            found.append(work.scores(unit.folder.name, net, way, show))
        uses.append(use)
    return Answer(name, np.mean(found, axis=0), uses)


def _overlays(
    job: Job, name: str, units: Sequence[Unit], work: PieceByPiece, asked: tuple[Ints, Ints]
) -> list[Unit]:
    """Where the networks looked for their answer, if the recipe wants to see it."""
    if not job.recipe.predict.overlays:
        return []
    nets = [kept.open_network(unit)[0] for unit in units]
    with job.progress(f"{name}, Grad-CAM") as show:
        return work.overlays(name, nets, _plainly(job), asked, show)


def _plainly(job: Job) -> Way:
    """One view in float32, whatever the scores were computed in."""
    return Machine.of(job).way([view.name for view in IDENTITY], bfloat16=False)


if __name__ == "__main__":
    main(run, files={"images": "folder of pictures"}, of_finished_run=True)
