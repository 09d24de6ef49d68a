"""What a run's networks answer of pictures of one's own, as a task.

Reads every JPEG and PNG of a folder. What is done of it is kept in <run>/checkpoints/ until all is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from folds.images import ImageReader
from models.inference.overlays import Asked as Overlaid
from models.inference.pieces import PieceByPiece
from models.inference.scores import Way
from models.inference.views import IDENTITY
from models.input.folder import names_in, turned_in
from models.input.pictures import Pictures
from models.nets.config import NetConfig
from models.networks import opened
from models.networks.use import maker_of
from pipeline import unlike
from pipeline.answerers import Challenged, Networks, answering_networks, cascade_of, challenged_by
from pipeline.answers import Answer, Cascade, Rows, alone
from pipeline.asked import as_made
from pipeline.distances import DISTANCE, UNLIKE, Distances, mean_distances, not_said
from pipeline.job import Job
from pipeline.machine import LOOKING_GB, MEMORY_GB, Machine
from pipeline.new_data import PREDICT, as_turned, damaged_pictures, notice_unread
from pipeline.picture_page import OVERLAYS, Answered, Meant, prediction_page
from pipeline.unit_files import TRAIN_CNN
from pipeline.unlike import FOLDER as FAMILIAR
from pipeline.unlike import Known
from reports.predictions.page import look_hash
from submissions import isic_challenge
from workspace.allocation import freed_memory_kept
from workspace.arrays import Floats, Ints
from workspace.errors import DataError
from workspace.manifest import Wanted, current_versions
from workspace.orders import Needs
from workspace.pieces import KeptPieces
from workspace.progress import Desk
from workspace.tasks import Output, Task
from workspace.units import Draft, Unit, open_unit

TABLE, JSON, PAGE = "predictions.csv", "predictions.json", "predictions.html"
BLIND = (
    "notice: {name} works on tokens, not on a map of the picture: nothing shows where it looked."
)
DISCLAIMER = "A research tool, no medical device: it gives no diagnosis."


@dataclass(frozen=True)
class Asked:
    """How the pictures are to be answered."""

    networks: Mapping[str, Sequence[Path]]  # the folds' units by the network's name
    cascade: tuple[str, str] | None  # these two answer, the second what the first lets go on
    challenged: Challenged
    looks: Mapping[str, Path]  # by the fold's unit what its network knows; none: not to be said
    false_alarms: float
    meant: Mapping[str, Meant]
    overlays: bool
    drop_damaged: bool
    pixel_limit: int
    machine: Machine


def answering(job: Job, folder: Path) -> Task:
    """Predictions for the pictures below a folder; what is to be known of networks comes first."""
    networks, predict = answering_networks(job), job.recipe.predict
    looks = _looks(job, *next(iter(networks.items())))
    hashes = {unit.folder.name: maker_of(unit) for units in networks.values() for unit in units}
    hashes["images"] = job.hashes.of(folder)
    name = f"{folder.resolve().name}-{hashes['images'][:8]}"
    asked = Asked(
        networks={name: [unit.folder for unit in units] for name, units in networks.items()},
        cascade=cascade_of(job, networks),
        challenged=challenged_by(job, networks),
        looks={look.folder.name: look.folder for look in looks},
        false_alarms=predict.false_alarms,
        meant=_meant(job, networks),
        overlays=predict.overlays,
        drop_damaged=job.recipe.verify.corrupt_images == "drop",
        pixel_limit=job.recipe.data.pixel_limit,
        machine=Machine.of(job),
    )
    return Task(
        job.results / "predictions" / name,
        PREDICT,
        answer_pictures,
        settings={
            "overlays": predict.overlays, "challenge": predict.challenge,
            "networks": list(networks), "look": look_hash(),
            **({"false_alarms": predict.false_alarms} if looks else {}),
        },
        inputs={**hashes, **{f"{FAMILIAR}/{look.name}": Output(look) for look in looks}},
        arguments={
            "folder": folder, "asked": asked,
            "working": job.results / "checkpoints" / f"{PREDICT}_{name}",
        },
        needs=Needs(memory_gb=LOOKING_GB, gpus=1),
        as_of=as_made(next(iter(networks.values()))[0].manifest, job.recipe),
    )  # fmt: skip


def _looks(job: Job, name: str, units: Sequence[Unit]) -> list[Task]:
    """At what the network that answers first learnt from; none, and why, is said."""
    if not job.recipe.predict.unlike:
        return []
    looks = unlike.looking(job, name, units)
    if isinstance(looks, str):
        job.say(not_said(looks))
        return []
    return looks


def _meant(job: Job, networks: Networks) -> dict[str, Meant]:
    """Where the run's own rows tell what scores meant, if they are there."""
    files, recipe = unlike.own_files(job), job.recipe
    return (
        {}
        if isinstance(files, str)
        else {
            name: Meant(files, job.run / "networks" / name, (name, recipe.networks[name]))
            for name in networks
        }
    )


def working_folder(task: Task) -> Path:
    """Where what is done of an answer is kept until all is."""
    working: Path = task.arguments["working"]
    return working


@freed_memory_kept()
def answer_pictures(draft: Draft, folder: Path, asked: Asked, working: Path) -> None:
    """Probabilities by class, what is called, overlays, and the challenge's files."""
    networks = {
        name: [open_unit(place, TRAIN_CNN) for place in places]
        for name, places in asked.networks.items()
    }
    reader = ImageReader(folder, asked.pixel_limit)
    pictures = _pictures(draft.desk, reader, drop=asked.drop_damaged)
    pieces = KeptPieces(working, _resumable(draft.wanted, asked.machine), draft.desk.say)
    work = PieceByPiece(pictures, pieces)
    known = {unit: _known(asked, unit) for unit in asked.looks}
    answers, distances = dict[str, Answer](), None
    for name, units in networks.items():
        answers[name], far = _answer(draft, asked.machine, units, work, known)
        if far:
            distances = mean_distances(name, far, asked.false_alarms)
    rows, shown = _rows(asked.cascade, answers, pictures.ids.to_list(), draft.facts)
    if distances is not None:
        _measure(rows, distances, draft.facts)
    overlaid = list[str]()
    if asked.overlays:
        for name, which in shown.items():
            nets = [opened.open_network(unit)[0] for unit in networks[name]]
            if not nets[0].last_map:
                draft.desk.say(BLIND.format(name=name))
                continue
            overlaid.append(name)
            with draft.progress(f"{name}, Grad-CAM") as show:
                way = _plainly(asked.machine, nets[0].config)
                drawn = work.overlays(name, nets, way, _captioned(answers[name], *which), show)
            for unit in drawn:
                for file in unit.manifest.files:
                    draft.take(f"{OVERLAYS}/{file}", unit, file)
    draft.csv(TABLE, pl.DataFrame(rows))
    draft.json(JSON, {"note": DISCLAIMER, "pictures": rows})
    measured_by = None if distances is None else distances.network
    answered = Answered(answers, rows, shown, measured_by, asked.meant, overlaid)
    with draft.progress("The page") as show:
        draft.show(PAGE, prediction_page(folder.name, answered, pictures, show))
    for file, (network, categories) in asked.challenged.items():
        answer, ids = answers[network], pictures.ids.to_list()
        draft.csv(
            file,
            isic_challenge.challenge_table(ids, answer.probability, answer.classes, categories),
        )
    draft.facts["pictures"] = len(rows)
    draft.afterwards(pieces.clear)


def _resumable(wanted: Wanted, machine: Machine) -> Wanted:
    """Pieces go on only where they began: other devices and libraries round otherwise.

    They are the same with and without overlays, so that who stops to leave these out loses nothing.
    """
    began = {"device": machine.torch_device().type, "versions": current_versions()}
    return wanted.model_copy(update={"settings": began})


def _pictures(desk: Desk, reader: ImageReader, *, drop: bool) -> Pictures:
    """All that can be decoded; the others stop, or are named and left out, as the recipe says."""
    notice_unread(desk, reader.folder)
    names = names_in(reader.folder)
    damaged = damaged_pictures(desk, reader, names, drop=drop)
    for reason in damaged.values():
        desk.say(f"notice: {reason}", private=True)
    whole = {name: reference for name, reference in names.items() if name not in damaged}
    if not whole:
        raise DataError(f"No picture below {reader.folder} can be decoded.")
    if turned := turned_in(reader, whole):
        desk.say(f"notice: {as_turned(turned)}", private=True)
    return Pictures(reader, list(whole), list(whole.values()), MEMORY_GB)


def _known(asked: Asked, unit: str) -> Known:
    return Known.of(open_unit(asked.looks[unit], PREDICT), asked.false_alarms)


def _answer(
    draft: Draft, machine: Machine, units: Sequence[Unit], work: PieceByPiece,
    known: Mapping[str, Known],
) -> tuple[Answer, list[Floats]]:  # fmt: skip
    """Mean probabilities over the folds' networks; the distances that each has, if it knows."""
    each, uses, far = [], [], []
    for unit in units:
        net, use = opened.open_network(unit)
        way = machine.way(use.net, use.views, bfloat16=use.bfloat16)
        with draft.progress(f"{use.network}, fold {use.held_out}") as show:
            said = work.scores(unit.folder.name, net, way, show, known.get(unit.folder.name))
        each.append(said.probability)
        uses.append(use)
        if said.distance is not None:
            far.append(said.distance)
    return Answer(uses[0].network, np.mean(each, axis=0), uses), far


def _measure(rows: Rows, distances: Distances, facts: dict[str, Any]) -> None:
    """How far each picture is from what was learnt, and how many are unlike it."""
    for row, far, is_unlike in zip(rows, distances.each, distances.unlike, strict=True):
        row |= {DISTANCE: float(far), UNLIKE: bool(is_unlike)}
    facts[UNLIKE] = distances.facts()


def _captioned(answer: Answer, places: Ints, classes: Ints) -> Overlaid:
    """With the class that an overlay speaks of and its probability."""
    words = [
        f"{answer.classes[code]} {answer.probability[at, code]:.3f}"
        for at, code in zip(places, classes, strict=True)
    ]
    return Overlaid(places, classes, words)


def _rows(
    both: tuple[str, str] | None, answers: Mapping[str, Answer], ids: Sequence[str],
    facts: dict[str, Any],
) -> tuple[Rows, Mapping[str, tuple[Ints, Ints]]]:  # fmt: skip
    """The rows, and what overlays are drawn of; how many go on is a fact of the cascade."""
    if both is None:
        every = np.arange(len(ids))
        shown = {name: (every, answer.shown) for name, answer in answers.items()}
        return alone(ids, list(answers.values())), shown
    first, second = both
    cascade = Cascade(answers[first], answers.get(second))
    facts["flagged"] = int(cascade.goes_on.sum())
    return cascade.rows(ids), cascade.shown()


def _plainly(machine: Machine, net: NetConfig) -> Way:
    """One view in float32, whatever the scores were computed in."""
    return machine.way(net, [view.name for view in IDENTITY], bfloat16=False)
