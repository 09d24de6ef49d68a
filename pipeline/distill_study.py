"""A study of one taught student as tasks: trials on validation rows, the best values for use.

Each trial is a unit in <run>/distill/<scheme>/trials/, trained by the first seed on the split's
training rows; what all came to is <run>/distill/study/: study.json, trials.parquet, tuned.toml.
Nothing here looks at the test side. The best values are one more student of the comparison.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from models.distill.study import StudentSpace
from models.networks.config import NetworkConfig
from pipeline import studies
from pipeline.distill import DISTILL, student
from pipeline.job import Job
from pipeline.networks import needed_by
from pipeline.overlay import overlay
from pipeline.recipe import Recipe
from pipeline.sided import Split
from stacking.tuning.space import Values
from stacking.tuning.study import Study, Trial, forget, open_storage
from workspace.errors import ArtifactError, ConfigError
from workspace.tasks import Output, Task
from workspace.units import Draft, Unit

TRIAL = "trial.json"
TRIALS, SHEET, OVERLAY = "trials.parquet", "study.json", "tuned.toml"
ABOUT = "Values that make distill found for {}; their validation AUC is optimistic."


@dataclass(frozen=True)
class StudentStudy:
    """What is searched, of whom, on which split."""

    run: Path
    split: Split
    space: StudentSpace
    names: tuple[str, ...]  # of all that are compared
    trials: int

    @property
    def student(self) -> str:
        return self.space.name

    @property
    def teacher(self) -> str:
        teacher = self.space.student.teacher
        assert teacher is not None, "it has one"
        return teacher.network

    @property
    def tuned(self) -> str:
        """The student of the best values, in the comparison and in the recipe that is kept."""
        return f"{self.student}_tuned"

    @property
    def seed(self) -> int:
        return self.split.job.recipe.distill.seeds[0]

    @property
    def folder(self) -> Path:
        """Where trials lie, and what their study knows of them."""
        return self.split.job.run / "trials"

    @cached_property
    def own(self) -> Task:
        """The student as the recipe says it: what its trials have in common is in it."""
        return student(self.split, self.student, self.seed)

    def training(self, config: NetworkConfig) -> Task:
        """The same student of other values: by the same teacher, and with the same luck."""
        own, job = self.own, self.split.job
        networks = {**job.recipe.networks, self.student: config}
        recipe = job.recipe.model_copy(update={"networks": networks})
        made = {key: task for key, task in job.made.items() if task is not own}
        split = replace(self.split, job=replace(job, recipe=recipe, made=made))
        return student(split, self.student, self.seed)

    def settings(self) -> dict[str, Any]:
        """What all trials depend on besides rows and the teacher's words."""
        recipe = self.split.job.recipe
        return {
            "student": self.own.settings, "network": self.student, "seed": recipe.seed,
            "study": recipe.distill.study.model_dump(mode="json", exclude={"trials", "network"}),
        }  # fmt: skip


def study_of(run: Path, split: Split, names: tuple[str, ...], trials: int) -> StudentStudy:
    """What is to be tried, or why it cannot be."""
    recipe = split.job.recipe
    config, networks = recipe.distill.study, recipe.networks
    students = [name for name in names if networks[name].teacher is not None]
    name = config.network or next(iter(students), None)
    if name not in students:
        others = f"take {' or '.join(students)}" if students else "give one of them a teacher"
        whom = "none of distill.networks" if name is None else f"not networks.{name}"
        raise ConfigError(f"A study is of a student that has a teacher, and {whom} has; {others}.")
    space = StudentSpace(name, networks[name], config, recipe.seed)
    space.check()
    study = StudentStudy(run, split, space, names, min(trials, len(space.grid) or trials))
    if study.tuned in networks:
        raise ConfigError(
            f"The study of {name} makes networks.{study.tuned}, and the recipe has one; give that "
            "another name, or take another distill.study.network."
        )
    return study


def search(job: Job, plan: StudentStudy) -> Unit:
    """All trials made that are not there yet, and what they came to; `job.fresh`: begun anew."""
    as_it_is = replace(job, fresh=False)  # FRESH=1 is of the trials alone
    teaching = needed_by([plan.own])
    teachers = dict(zip(teaching, as_it_is.carry_out(*teaching), strict=True))
    known = job.state_of(summing_up(plan, None))
    if known.unit is not None or job.watcher is not None:
        [(done, _)] = job.carry_out(known.task)
        return done
    study = _opened(plan, {task: unit for task, (unit, _) in teachers.items()}, fresh=job.fresh)
    at_once, name = job.recipe.distill.study.at_once, plan.student
    while asked := studies.asked(plan.folder, {name: study}, plan.trials, at_once):
        made = job.carry_out(*(trying(plan, trial) for _, trial in asked))
        outcomes = [unit.json(TRIAL) for unit, _ in made]
        worth = {
            (name, trial.number): (one["auc"], one["failed"])
            for (_, trial), one in zip(asked, outcomes, strict=True)
        }
        studies.tell(job, plan.folder, {name: study}, worth)
        job.say(f"{DISTILL}: {study.finished} of {plan.trials} trials of {name} done.")
    if study.best(plan.trials) is None:
        raise ArtifactError(
            f"Every trial of {name} failed; the notices above say why. Mend it and run "
            "'make distill FRESH=1'."
        )
    done, _ = job.make(summing_up(plan, study))
    return done


def trying(plan: StudentStudy, trial: Trial) -> Task:
    """One trial: its training, which answers validation rows alone."""
    task = plan.training(plan.space.network(trial.values))
    name = f"{plan.student}_{trial.number:04d}"
    checkpoints = plan.split.job.run / "checkpoints" / f"trial_{name}"
    return replace(
        task,
        folder=plan.folder / name,
        make="pipeline.student_trial:try_student",
        arguments={**task.arguments, "checkpoints": checkpoints},
        on_change="redo",
    )


def summing_up(plan: StudentStudy, study: Study | None) -> Task:
    """What the trials came to; `study` None: only to ask whether it is done."""
    return Task(
        plan.run / DISTILL / "study",
        DISTILL,
        sum_up,
        settings={**plan.settings(), "trials": plan.trials},
        inputs=plan.own.inputs,
        arguments={} if study is None else _sheet_of(plan, study),
    )


def sum_up(draft: Draft, *, sheet: Mapping[str, Any], trials: pl.DataFrame, recipe: str) -> None:
    """The trials as a table, the best of them, and a recipe that has it as one more student."""
    draft.json(SHEET, sheet)
    draft.parquet(TRIALS, trials)
    draft.text(OVERLAY, recipe)


def with_tuned(recipe: Recipe, plan: StudentStudy, values: Values) -> Recipe:
    """The recipe with the student of these values beside the one it was made of."""
    at = plan.names.index(plan.student) + 1
    distill = recipe.distill.model_copy(
        update={
            "networks": (*plan.names[:at], plan.tuned, *plan.names[at:]),
            "against": {**recipe.distill.against, plan.tuned: plan.student},
        }
    )
    networks = {**recipe.networks, plan.tuned: plan.space.network(values)}
    return recipe.model_copy(update={"networks": networks, "distill": distill})


def _sheet_of(plan: StudentStudy, study: Study) -> dict[str, Any]:
    """What a finished study says, as it travels to who writes it."""
    best, table = study.best(plan.trials), study.table(plan.trials)
    assert best is not None, "one trial has a number"
    sheet = {
        "student": plan.student, "tuned": plan.tuned, "teacher": plan.teacher,
        "sampler": plan.space.config.sampler, "grid": len(plan.space.grid) or None,
        "trials": len(table), "failed": int((table["state"] == "fail").sum()), "seed": plan.seed,
        "own": plan.space.own, "own_auc": study.own(plan.trials),
        "best_trial": best.number, "best_values": dict(best.values),
        "best_auc": table.filter(pl.col("number") == best.number)["auc"][0],
        "importances": study.importances(plan.trials),
        "auc_is": "validation AUC of the best trial, which was chosen by it: optimistic",
    }  # fmt: skip
    return {"sheet": sheet, "trials": table, "recipe": _overlay(plan, best.values)}


def _overlay(plan: StudentStudy, values: Values) -> str:
    """The recipe with one more student, whole: what SET= said of it is in it too."""
    recipe, name = with_tuned(plan.split.job.recipe, plan, values), plan.tuned
    used = recipe.use_networks
    listed = {} if used is None else {"use_networks": (*used, name)}
    compared = {"networks": recipe.distill.networks, "against": {name: plan.student}}
    sections = {
        f"networks.{name}": recipe.networks[name].model_dump(mode="json", exclude_none=True),
        "distill": {**compared, "study": {"trials": 0}},
    }
    return overlay(sections, base=recipe.address, about=ABOUT.format(plan.student), **listed)


def _opened(plan: StudentStudy, made: Mapping[Task, Unit], *, fresh: bool) -> Study:
    """The study, made if it is not there."""
    recipe = plan.split.job.recipe
    name = f"{plan.run.name}/{DISTILL}/{plan.student}"
    inputs = {
        key: one.sha256(made[one.task]) if isinstance(one, Output) else one
        for key, one in plan.own.inputs.items()
    }
    made_from = {**_flat(plan.settings()), **inputs}
    with studies.alone(plan.folder):
        storage = open_storage(studies.address_of(plan.split.job, plan.folder))
        if fresh:
            forget(storage, name)
        random = recipe.distill.study.random
        return Study.open(storage, name, plan.space, made_from, recipe.seed, random)


def _flat(settings: Mapping[str, Any]) -> dict[str, str]:
    """As text by key, so that a sentence can name which of them are others."""
    several = {key: one for key, one in settings.items() if isinstance(one, dict)}
    plain = {key: repr(one) for key, one in settings.items() if key not in several}
    return plain | {f"{a}.{b}": repr(value) for a, some in several.items()
                    for b, value in some.items()}  # fmt: skip
