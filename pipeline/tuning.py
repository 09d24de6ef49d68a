"""Tuning as tasks: a trial is a unit in `<run>/trials/`; what all add up to is `<run>/tune/`.

Studies and the numbers of their trials are in a database; what a trial was worth is in its unit. So
a call that is killed leaves trials that another finishes by their number, and several calls on one
run share them as they share any other unit.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import studies
from pipeline.job import Job
from pipeline.stack_rows import StackFiles, StackRows, open_stack
from pipeline.stacked import BESIDES
from stacking.boosters.known import check_installed
from stacking.category_codes import check_blind
from stacking.tuning.inner import InnerFolds, mean_and_spread
from stacking.tuning.space import Setting, Space
from stacking.tuning.study import Study, Trial, forget, open_storage
from workspace.errors import ArtifactError, ConfigError, DermstackError, name_some
from workspace.hashing import sha256_text
from workspace.machine import lent_memory_gb
from workspace.orders import Needs
from workspace.tasks import Task
from workspace.units import Draft, Unit

TUNE = "tune"
ALL = "all_folds"  # the study whose values are for use
TRIAL = "trial.json"
KEPT_SHARE = 0.25  # of the memory that is free, for bins that are kept from trial to trial
BYTES_A_BIN = 2  # at most; with up to 256 bins a column it is one


@dataclass(frozen=True)
class Plan:
    """The studies of a run: of which fold each is, None: of all; and what they try."""

    job: Job
    files: StackFiles
    space: Space
    trials: int

    @property
    def folder(self) -> Path:
        """Where trials lie, and what their studies know of them."""
        return self.job.run / "trials"

    @property
    def rows(self) -> StackRows:
        return open_stack(self.files)

    @property
    def outer(self) -> dict[str, int | None]:
        """By the study's name, the fold for whose boosters it chooses."""
        folds = self.rows.fold_numbers if self.job.recipe.tune.nested else []
        return {**{f"fold_{fold}": fold for fold in folds}, ALL: None}

    def settings(self) -> dict[str, Any]:
        """What the trials of all studies depend on besides rows."""
        recipe = self.job.recipe
        return {
            "stack": recipe.stack.model_dump(mode="json", exclude=BESIDES | {"seeds", "shap_rows"}),
            self.space.name: self.space.booster.model_dump(mode="json"),
            "tune": recipe.tune.model_dump(mode="json", exclude={"trials"}),
            "columns": sha256_text("\n".join(self.space.columns)),
            "min_tpr": recipe.score.min_tpr,
            "seed": recipe.seed,
        }


def plan_of(job: Job, files: StackFiles, trials: int) -> Plan:
    """What is to be tuned, or why it cannot be."""
    recipe, rows = job.recipe, open_stack(files)
    check_installed(recipe.stack.boosters)
    check_blind(rows.columns, recipe.stack.blind)
    if len(rows.fold_numbers) < (3 if recipe.tune.nested else 2):
        raise ConfigError(
            "tune.nested=true chooses for a fold on two others at the least, and there are "
            f"{len(rows.fold_numbers)} folds; take more, or tune.nested=false."
            if recipe.tune.nested
            else "Settings are compared on held-out folds, and there is one fold; take more."
        )
    name = recipe.stack.boosters[0]
    space = Space.of(name, recipe.stack, recipe.boosting, rows.columns, recipe.tune)
    return Plan(job, files, space, trials)


def open_studies(plan: Plan, *, fresh: bool) -> dict[str, Study]:
    """All studies of the plan, made if they are not there; `fresh`: begun anew."""
    recipe = plan.job.recipe
    with studies.alone(plan.folder):
        storage = open_storage(studies.address_of(plan.job, plan.folder))
        if fresh:
            for name in plan.outer:
                forget(storage, _named(plan, name))
        return {
            name: Study.open(
                storage, _named(plan, name), plan.space, _made_from(plan, outer),
                recipe.seed, recipe.tune.random,
            )
            for name, outer in plan.outer.items()
        }  # fmt: skip


def asked(plan: Plan, opened: Mapping[str, Study]) -> list[tuple[str, Trial]]:
    """The trials to carry out next."""
    return studies.asked(plan.folder, opened, plan.trials, plan.job.recipe.tune.at_once)


def tell(plan: Plan, opened: Mapping[str, Study], done: Mapping[tuple[str, int], Unit]) -> None:
    """What finished trials were worth."""
    outcomes = {which: unit.json(TRIAL) for which, unit in done.items()}
    why = "no inner fold has both classes to learn and to score"
    worth = {which: (one["mean"], one["failed"] or why) for which, one in outcomes.items()}
    studies.tell(plan.job, plan.folder, opened, worth)


def check_best(plan: Plan, opened: Mapping[str, Study]) -> None:
    """Refuse to go on where no trial of a study could be scored."""
    if failed := [name for name, study in opened.items() if study.best(plan.trials) is None]:
        raise ArtifactError(
            f"Every trial of {name_some(failed)} failed; the notices above say why. Mend it and "
            "run 'make tune FRESH=1', or take tune.nested=false if it lies in one fold."
        )


def trying(plan: Plan, name: str, trial: Trial) -> Task:
    """One trial."""
    job, outer = plan.job, plan.outer[name]
    setting = plan.space.setting(trial.values, job.recipe.tune.seeds)
    return Task(
        plan.folder / f"{name}_{trial.number:04d}",
        TUNE,
        try_setting,
        settings={
            "values": dict(trial.values),
            "outer": outer,
            **plan.settings(),
        },
        inputs=plan.rows.hashes(plan.space.columns, outer),
        arguments={
            "files": plan.files,
            "outer": outer,
            "setting": setting,
            "seed": job.recipe.seed,
            "min_tpr": job.recipe.score.min_tpr,
        },
        needs=Needs(cores=1, memory_gb=2.0),
    )


def try_setting(
    draft: Draft, files: StackFiles, outer: int | None, setting: Setting, seed: int, min_tpr: float
) -> None:
    """What one trial's values are worth; a trial that fails is a result, and says why."""
    inner = _inner_folds(files, outer, setting)
    reason = None
    worth: dict[int, float | None] = {}
    with draft.progress(draft.folder.name) as show:
        try:
            worth = inner.pauc(setting, seed, min_tpr, show)
        except (MemoryError, AssertionError, ImportError):
            raise  # not the values' fault
        except Exception as error:  # kept as the trial's reason: libraries raise what they like
            reason = str(error) if isinstance(error, DermstackError) else repr(error)
    mean, spread = mean_and_spread(worth)
    draft.json(
        TRIAL,
        {
            "pauc": {str(fold): value for fold, value in worth.items()},
            "mean": None if np.isnan(mean) else mean,
            "sd": spread,
            "failed": reason,
        },
    )


_KEPT: OrderedDict[tuple[object, ...], InnerFolds] = OrderedDict()


def _inner_folds(files: StackFiles, outer: int | None, setting: Setting) -> InnerFolds:
    """The rows of a study with these columns, binned once a process as long as there is room."""
    columns, booster = setting.columns, setting.booster
    bins = {k: v for k, v in booster.model_dump(mode="json").items() if k not in booster.ranges}
    blind = setting.stack.blind  # its copies lie in the bins
    key = (files.content, outer, columns, blind, type(booster).__name__, repr(bins))
    if key not in _KEPT:
        rows = open_stack(files)
        matrix = rows.matrix.select(columns) if outer is None else rows.learnt(columns, outer)
        _KEPT[key] = InnerFolds(matrix, outer)
    _KEPT.move_to_end(key)
    while len(_KEPT) > 1 and _size(list(_KEPT.values())) > KEPT_SHARE * lent_memory_gb() * 2**30:
        _KEPT.popitem(last=False)
    return _KEPT[key]


def _size(several: Sequence[InnerFolds]) -> int:
    """Bytes of their rows, which studies may share, and of each inner fold's bins."""
    values = {id(one.matrix.values): one.matrix.values.nbytes for one in several}
    bins = sum(len(one.numbers) * one.matrix.values.size * BYTES_A_BIN for one in several)
    return sum(values.values()) + bins


def _named(plan: Plan, name: str) -> str:
    """A study's name in a database that other runs may use."""
    return f"{plan.job.run.name}/{name}"


def _made_from(plan: Plan, outer: int | None) -> dict[str, str]:
    """Hashes of rows, and values as text: another of these is another study."""
    values = {f"{a}.{b}": repr(v) for a, some in plan.settings().items() if isinstance(some, dict)
              for b, v in some.items()}  # fmt: skip
    plain = {k: repr(v) for k, v in plan.settings().items() if not isinstance(v, dict)}
    return {**values, **plain, **plan.rows.hashes(plan.space.columns, outer)}
