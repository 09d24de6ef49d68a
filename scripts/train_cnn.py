"""make train-cnn: the recipe's networks on every fold, out of fold, and what they are worth.

Reads samples and folds (making them first where needed); trains each of [networks] that learns, or
those of use_networks, in <run>/networks/<name>_fold_<k>/, then joins each network's folds in
<run>/networks/<name>/ (oof.parquet, metrics.json) and those of [cascade] in <run>/cascade/. Nested
stacks need a network more for each pair of folds, in <run>/networks/<name>_fold_<j>_<k>/. FOLD=k
trains one fold alone, with its share of the pairs. A stopped training goes on where it was.
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import product

from folds.findings import Findings
from models.networks.network import HeldOut, unit_name
from pipeline.job import Job
from pipeline.joined import METRICS, cascading, joining
from pipeline.machine import notice_unswitched
from pipeline.networks import TRAIN_CNN, begin_anew, notice_kept_unswitched, training
from pipeline.picture_rows import (
    NO_NETWORK,
    PictureFiles,
    networks_of,
    notice_pictureless,
    open_picture_rows,
    picture_files,
)
from pipeline.stack_rows import notice_unstacked
from reports.networks import cascade_tables, tables
from scripts import folds, verify
from scripts.stage import main
from stacking.blocks import OOF
from workspace.errors import ConfigError
from workspace.units import Unit


def run(job: Job) -> dict[str, Unit]:
    """All networks on all folds; or on the one fold that was asked for, which joins nothing."""
    files, findings = files_of(job), Findings()
    rows = open_picture_rows(files)
    networks = networks_of(job, rows, findings)
    job.show_notices(findings)
    notice_unstacked(job)  # before hours of training for a stack that does not look at it
    asked = _folds(job, list(rows.by_fold))
    if not networks:
        if not job.recipe.used:
            raise ConfigError(NO_NETWORK)
        job.say("train-cnn: the recipe has encoders alone, which learn nothing; nothing to do.")
        return {}
    # Each pair is one fold's, by turns, so that every machine has as many.
    pairs = rows.fold_pairs(nested=job.recipe.stack.nested)
    every: list[HeldOut] = [*asked, *(pair for pair in pairs if pair[sum(pair) % 2] in asked)]
    if job.fresh:
        begin_anew(job, [unit_name(*which) for which in product(networks, every)])
        job = replace(job, fresh=False)  # what is left of it goes on
    tasks = {
        name: {held_out: training(job, files, network, held_out) for held_out in every}
        for name, network in networks.items()
    }
    trainings = [task for by_fold in tasks.values() for task in by_fold.values()]
    if not all(job.state_of(task).done for task in trainings):
        job.need(notice_unswitched)
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
    units = dict(zip(joined, made[len(trainings) :], strict=False))
    _show(job, units, made[len(trainings) + len(joined) :])
    folders = ", ".join(str(unit.folder) for unit, _ in units.values())
    job.say(f"train-cnn: see {folders}: {METRICS}, {OOF}.")
    return {name: unit for name, (unit, _) in units.items()}


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
    main(run, words={"fold": "train this fold alone"})
