"""make distill: a teacher, its students alone and taught, beside baselines, on a holdout.

Trains the networks of [distill] with several seeds on whole groups and, of distill.by_image, on a
split by image; TRIALS=n first looks for better values of a taught student, which then stands beside
itself. Writes <run>/distill/<scheme>/ with folds, trainings and trials, <run>/distill/study/, and
<run>/distill/sheet/ with distill.json, pareto.svg, abstention.svg. A stopped call goes on.
"""

from dataclasses import replace
from itertools import product

from folds.split import Scheme
from models.nets.config import NONE
from pipeline.distill import (
    DISTILL,
    LEAK,
    SHEET,
    Trained,
    asked_networks,
    check_sides,
    comparing,
    describing,
    fitting,
    made_from,
    network_on,
    rounded_name,
    rounding,
    student,
)
from pipeline.distill_study import (
    OVERLAY,
    TRIALS,
    StudentStudy,
    search,
    study_of,
    summing_up,
    with_tuned,
)
from pipeline.distill_study import SHEET as STUDY
from pipeline.job import Job, mended_by
from pipeline.machine import notice_unswitched
from pipeline.networks import needed_by
from pipeline.picture_rows import open_picture_rows, picture_files
from pipeline.sided import FOLD, Split, begin_sided_anew, inner_job
from pipeline.studies import trials_of
from reports.distill import tables
from reports.distill_study import tables as study_tables
from scripts import folds, verify
from scripts.stage import main
from workspace.lazy import importing
from workspace.tasks import Task
from workspace.units import Unit


def run(job: Job) -> Unit:
    """Every training and baseline, made as far as they are not there yet; what they are worth."""
    names = asked_networks(job)
    splits = _splits(job)
    for scheme, split in splits.items():
        check_sides(scheme, split, network_on(split, names[0]))
    plan = _plan(job, splits, names)
    trainings = _trainings(job, splits, names)
    if job.fresh:
        begin_sided_anew(job, splits, list(trainings.values()), DISTILL)
    job.need(notice_unswitched)
    as_it_is = replace(job, fresh=False)
    every = _in_order(trainings)
    wanted = every if plan is None else [*every, summing_up(plan, None)]
    if job.watcher is None and not all(one.done for one in as_it_is.states_of(wanted).values()):
        _check_beforehand(splits, trainings, plan)
    studied = None if plan is None else search(job, plan)
    job = as_it_is
    if plan is not None and studied is not None:
        job, splits = _with_tuned(job, splits, plan, studied)
        names = job.recipe.distill.networks
        trainings = _trainings(job, splits, names, chosen=plan.tuned)
        every = _in_order(trainings)
    rounded, baselines = _rounded(job, splits, trainings), _baselines(job, splits, names)
    fitted = [*needed_by(list(baselines.values())), *baselines.values()]
    job.carry_out(*every, *rounded.values(), *fitted)
    every_score = {**trainings, **rounded, **baselines}
    done, new = job.make(comparing(job, names, splits, every_score))
    if not new:
        job.rest(DISTILL, f"{done.folder} is up to date.")
        return done
    if studied is not None:
        job.show(study_tables(studied.json(STUDY)))
        job.say(f"{DISTILL}: see {studied.folder}: {STUDY}, {TRIALS}, {OVERLAY}, a recipe.")
    job.show(tables(done.json(SHEET)))
    job.say(f"{DISTILL}: see {done.folder}.")
    return done


def _plan(job: Job, splits: dict[Scheme, Split], names: tuple[str, ...]) -> StudentStudy | None:
    """The study, if one is asked for."""
    config = job.recipe.distill
    trials = trials_of(job, config.study.trials)
    return study_of(job.run, splits[config.scheme], names, trials) if trials else None


def _with_tuned(
    job: Job, splits: dict[Scheme, Split], plan: StudentStudy, done: Unit
) -> tuple[Job, dict[Scheme, Split]]:
    """The call and its splits, with the student of the best values as one more network."""
    values = done.json(STUDY)["best_values"]
    return (
        replace(job, recipe=with_tuned(job.recipe, plan, values)),
        {
            scheme: replace(
                split, job=replace(split.job, recipe=with_tuned(split.job.recipe, plan, values))
            )
            for scheme, split in splits.items()
        },
    )


def _in_order(trainings: dict[Trained, Task]) -> list[Task]:
    """With what they are made from, each once."""
    first = needed_by(list(trainings.values()))
    return [*first, *(task for task in trainings.values() if task not in first)]


def _splits(job: Job) -> dict[Scheme, Split]:
    """Of each scheme its folds; the samples are the run's."""
    verified, config = job.need(verify.run), job.recipe.distill
    splits = dict[Scheme, Split]()
    for scheme in (config.scheme, *([LEAK] if config.by_image else [])):
        inner = inner_job(job, DISTILL, scheme, {verify.run: verified})
        with mended_by(DISTILL):
            folded = folds.run(inner)
        splits[scheme] = Split(inner, picture_files(inner, verified, folded))
    return splits


def _trainings(
    job: Job, splits: dict[Scheme, Split], names: tuple[str, ...], chosen: str = ""
) -> dict[Trained, Task]:
    """Seed by seed, so that a stopped call has all networks of the first ones.

    Values that a study chose nobody typed: others of a longer study redo what they made.
    """
    config = job.recipe.distill
    tasks = {
        (scheme, name, seed): student(split, name, seed)
        for seed, (scheme, split) in product(config.seeds, splits.items())
        for name in (names if scheme == config.scheme else config.by_image)
    }
    return {
        key: replace(task, on_change="redo") if key[1] == chosen else task
        for key, task in tasks.items()
    }


def _rounded(
    job: Job, splits: dict[Scheme, Split], trainings: dict[Trained, Task]
) -> dict[Trained, Task]:
    """On the first split alone."""
    config = job.recipe.distill
    scheme = config.scheme
    return {
        (scheme, rounded_name(name, precision), seed): rounding(
            splits[scheme], trainings[scheme, name, seed], precision
        )
        for name, precision, seed in product(config.rounded, config.precisions, config.seeds)
    }


def _baselines(
    job: Job, splits: dict[Scheme, Split], names: tuple[str, ...]
) -> dict[Trained, Task]:
    """On the first split alone, of the first network's rows and labels."""
    config = job.recipe.distill
    split = splits[config.scheme]
    columns, network = describing(split, job), network_on(split, names[0])
    return {
        (config.scheme, which, seed): fitting(split, columns, network, which, seed)
        for which, seed in product(config.baselines, config.seeds)
    }


def _check_beforehand(
    splits: dict[Scheme, Split], trainings: dict[Trained, Task], plan: StudentStudy | None
) -> None:
    with importing("pipeline.beforehand"):
        from pipeline.beforehand import build, check_beforehand  # noqa: PLC0415 - it imports torch

    for scheme, split in splits.items():
        every = dict.fromkeys(
            (one, seed) for known, name, seed in trainings if known == scheme
            for one in (*made_from(split.job.recipe, name), name)
        )  # fmt: skip
        names = [name for name, _ in every]
        asked = [
            (network_on(split, name), [FOLD] * names.count(name)) for name in dict.fromkeys(names)
        ]
        check_beforehand(split.job, open_picture_rows(split.files), asked)
    if plan is not None:
        for net in plan.space.nets:
            build(plan.student, net.model_copy(update={"weights": NONE}), 1)


if __name__ == "__main__":
    main(run, words={"trials": "trials of a study", "storage": "address of the studies' database"})
