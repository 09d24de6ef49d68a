"""make train-cnn: the recipe's networks on every fold, out of fold, and what they are worth.

Reads samples and folds (making them first where needed); trains each of [networks] that learns, or
those of use_networks, in <run>/networks/<name>_fold_<k>/, then joins each network's folds in
<run>/networks/<name>/ (oof.parquet, metrics.json) and those of [cascade] in <run>/cascade/. Nested
stacks need a network more for each pair of folds, in <run>/networks/<name>_fold_<j>_<k>/. FOLD=k
trains one fold alone, with its share of the pairs. What a network begins with is trained first, if
it is another of the recipe (`make pretrain`). A stopped training goes on where it was.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from folds.findings import Findings
from models.networks.names import HeldOut
from models.networks.network import Network
from pipeline.job import Job, up_to_date
from pipeline.joined import METRICS, cascading, joining
from pipeline.machine import notice_unswitched
from pipeline.networks import (
    begin_anew,
    needed_by,
    notice_kept_unswitched,
    to_make_anew,
    trainings_of,
)
from pipeline.picture_rows import (
    NO_NETWORK,
    PictureFiles,
    PictureRows,
    beginnings_of,
    networks_of,
    notice_pictureless,
    open_picture_rows,
    picture_files,
)
from pipeline.stack_rows import notice_unstacked
from pipeline.unit_files import TRAIN_CNN
from reports.networks import cascade_tables, tables
from scripts import folds, verify
from scripts.stage import main
from stacking.blocks import OOF
from workspace.errors import ConfigError
from workspace.lazy import importing
from workspace.tasks import State, Task
from workspace.units import Unit

NO_TASKS: Mapping[str, Mapping[HeldOut, Task]] = MappingProxyType({})
WORDS = {
    "fold": "train this fold alone",
    "devices": "train each network by so many processes, a GPU each or none: the same network",
    "nodes": "on so many machines, where the same is called; they share the run's folder",
}
BEGINNINGS_ALONE = (
    "The recipe has networks alone that others begin with, and no other; 'make pretrain' trains "
    "them."
)


def run(job: Job) -> dict[str, Unit]:
    """All networks on all folds; or on the one fold that was asked for, which joins nothing."""
    files, findings = files_of(job), Findings()
    rows = open_picture_rows(files)
    networks = networks_of(job, rows, findings)
    begun = beginnings_of(job, rows, Findings())
    job.show_notices(findings)
    notice_unstacked(job)  # before hours of training for a stack that does not look at it
    every = left_out(job, rows)
    if not networks:
        if not job.recipe.used:
            raise ConfigError(NO_NETWORK if not begun else BEGINNINGS_ALONE)
        job.say("train-cnn: the recipe has encoders alone, which learn nothing; nothing to do.")
        return {}
    asked = [held_out for held_out in every if isinstance(held_out, int)]
    tasks = {name: trainings_of(job, files, network, every) for name, network in networks.items()}
    begun = {name: begun[name] for name in job.recipe.needed}
    first = {name: trainings_of(job, files, one, every) for name, one in begun.items()}
    job = prepared(job, rows, {**begun, **networks}, tasks, first)
    trainings = _with_needed(_every(tasks))
    if len(asked) < len(rows.by_fold):
        notice_kept_unswitched(job, [unit for unit, new in job.carry_out(*trainings) if not new])
        job.say(
            f"train-cnn: fold {asked[0]} is trained; train-cnn without FOLD= trains the others "
            "and joins them."
        )
        return {}
    joined = {
        name: joining(job, files, networks[name], {k: by_fold[k] for k in asked})
        for name, by_fold in tasks.items()
    }
    cascade = [
        cascading(job, files, (networks[first], networks[second]), (joined[first], joined[second]))
        for first, second in job.recipe.cascades
    ]
    made = job.carry_out(*trainings, *joined.values(), *cascade)
    notice_kept_unswitched(job, [unit for unit, new in made[: len(trainings)] if not new])
    shown = dict(zip(joined, made[len(trainings) :], strict=False))
    units = {name: unit for name, (unit, _) in shown.items()}
    if not any(new for _, new in made):
        job.rest(TRAIN_CNN, up_to_date(units))
        return units
    _show(job, shown, made[len(trainings) + len(joined) :])
    folders = ", ".join(str(unit.folder) for unit in units.values())
    job.say(f"train-cnn: see {folders}: {METRICS}, {OOF}.")
    return units


def prepared(
    job: Job, rows: PictureRows, networks: Mapping[str, Network],
    tasks: Mapping[str, Mapping[HeldOut, Task]],
    first: Mapping[str, Mapping[HeldOut, Task]] = NO_TASKS,
) -> Job:  # fmt: skip
    """The call, once what cannot be is refused and what FRESH=1 asks for is gone.

    `tasks` are by network and by what they leave out; of those that come `first` FRESH=1 keeps all.
    """
    if job.fresh:
        job = replace(job, fresh=False)  # what is left of it goes on
        anew = to_make_anew(job, _every(tasks))
        begin_anew(job, [task.name for task in anew], anew[0].stage)
    states = job.states_of(_with_needed([*_every(first), *_every(tasks)]))
    if not all(state.done for state in states.values()):
        job.need(notice_unswitched)
        if job.watcher is None and not any(state.stops for state in states.values()):
            with importing("pipeline.beforehand"):
                from pipeline.beforehand import check_beforehand  # noqa: PLC0415 - it imports torch

            check_beforehand(job, rows, _to_do(networks, {**first, **tasks}, states))
    return job


def left_out(job: Job, rows: PictureRows) -> list[HeldOut]:
    """The folds that are asked for, and for a nested stack the pairs of them."""
    asked = _folds(job, list(rows.by_fold))
    # Each pair is one fold's, by turns, so that every machine has as many.
    pairs = rows.fold_pairs(nested=job.recipe.stack.nested)
    return [*asked, *(pair for pair in pairs if pair[sum(pair) % 2] in asked)]


def files_of(job: Job) -> PictureFiles:
    """Rows and pictures of the run, verified and folded first where needed."""
    files = picture_files(job, job.need(verify.run), job.need(folds.run))
    notice_pictureless(job, open_picture_rows(files))
    return files


def _folds(job: Job, known: list[int]) -> list[int]:
    text = job.words.get("fold", "")
    if not text:
        return known
    if not text.isdecimal() or int(text) not in known:
        raise ConfigError(f"There is no fold FOLD={text}; there are {', '.join(map(str, known))}.")
    return [int(text)]


def _every(tasks: Mapping[str, Mapping[HeldOut, Task]]) -> list[Task]:
    return [task for by_fold in tasks.values() for task in by_fold.values()]


def _with_needed(tasks: list[Task]) -> list[Task]:
    """Before these what they begin with and what they are taught, each once."""
    return list(dict.fromkeys([*needed_by(tasks), *tasks]))


def _to_do(
    networks: Mapping[str, Network], tasks: Mapping[str, Mapping[HeldOut, Task]],
    states: Mapping[Task, State],
) -> list[tuple[Network, list[HeldOut]]]:  # fmt: skip
    """The networks with what is still to be left out of each."""
    return [
        (networks[name], [held_out for held_out, task in by.items() if not states[task].done])
        for name, by in tasks.items()
    ]


def _show(
    job: Job, joined: Mapping[str, tuple[Unit, bool]], cascade: list[tuple[Unit, bool]]
) -> None:
    """What each network is worth; to another stage, which has things of its own to say, news."""
    for name, (unit, new) in joined.items():
        if not new:
            job.say(f"{name}: nothing to do, {unit.folder} is up to date.")
        if new or job.stage == TRAIN_CNN:
            job.show(tables(name, unit.json(METRICS)))
    for unit, new in cascade:
        if new or job.stage == TRAIN_CNN:
            job.show(cascade_tables(unit.json(METRICS)))


if __name__ == "__main__":
    main(run, words=WORDS)
