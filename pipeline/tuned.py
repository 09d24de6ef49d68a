"""What tuning came to, as tasks: each fold's boosters by its study's best values, and all together.

Reads the studies; writes `boosters/tuned_fold_<k>/` and, last, `tune/`: the sheet, the trials, and
a recipe with the values for use.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from folds.groups import patient_column
from folds.schema import ID, TARGET
from metrics.across_folds import mean_over_folds
from metrics.bootstrap import difference, intervals
from metrics.cohort import cohort
from metrics.ranking import ranking_tally
from metrics.score_sheet import ScoreConfig
from pipeline.declared import declaration, declared_by
from pipeline.overlay import overlay
from pipeline.stack_rows import StackFiles, StackRows, open_stack
from pipeline.stacked import BESIDES, SCORES, grow_boosters
from pipeline.tuning import ALL, TUNE, Plan
from stacking.measure import interval_sheets
from stacking.tuning.space import Space
from stacking.tuning.study import Study, Trial
from stacking.use import FOLD, SCORE
from workspace.orders import Needs
from workspace.tasks import Task
from workspace.units import Draft, open_unit

TRIALS, SHEET, OVERLAY = "trials.parquet", "tuning.json", "tuned.toml"
ABOUT = "Values that make tune found; their inner score is optimistic."


def growing(plan: Plan, studies: Mapping[str, Study]) -> dict[int, Task]:
    """The boosters of each fold by the best values of its own study."""
    recipe, tasks = plan.job.recipe, {}
    for name, fold in plan.outer.items():
        best = studies[name].best(plan.trials) if fold is not None else None
        if fold is None or best is None:
            continue
        setting = plan.space.setting(best.values, recipe.stack.seeds)
        tasks[fold] = Task(
            plan.job.run / "boosters" / f"tuned_fold_{fold}",
            TUNE,
            grow_boosters,
            settings={
                "stack": setting.stack.model_dump(mode="json", exclude=BESIDES),
                plan.space.name: setting.booster.model_dump(mode="json"),
                "seed": recipe.seed,
                "columns": list(setting.columns),
                "fold": fold,
            },
            inputs=plan.rows.hashes(setting.columns, fold),
            arguments={
                "files": plan.files,
                "what": ("tuned", fold),
                "columns": setting.columns,
                "configs": (setting.stack, setting.booster),
                "seed": recipe.seed,
            },
            needs=Needs(memory_gb=3.0),
        )
    return tasks


@dataclass(frozen=True)
class Tried:
    """What a study came to, as it travels."""

    name: str
    trials: pl.DataFrame
    own: float | None  # what the recipe's own values are worth
    best: Trial | None
    importances: Mapping[str, float]


def summing_up(
    plan: Plan, studies: Mapping[str, Study] | None, boosters: Mapping[str, Mapping[int, Path]]
) -> Task:
    """All studies together; `studies` None: only to ask whether it is done."""
    recipe = plan.job.recipe
    tried = [
        Tried(
            name,
            study.table(plan.trials),
            study.own(plan.trials),
            study.best(plan.trials),
            study.importances(plan.trials),
        )
        for name, study in (studies or {}).items()
    ]
    return Task(
        plan.job.run / TUNE,
        TUNE,
        sum_up,
        settings={
            **plan.settings(),
            "trials": plan.trials,
            "seeds": recipe.stack.seeds,
            "score": recipe.score.model_dump(mode="json"),
            "scored": ["pooled", "mean of folds"],  # without the second before
            **declaration(declared_by(plan.rows.blocks)),
        },
        inputs=plan.rows.hashes(plan.space.columns),
        arguments={
            "files": plan.files,
            "space": plan.space,
            "tried": tried,
            "boosters": boosters,
            "score": recipe.score,
            "group": recipe.data.group,
            "base": recipe.address,
            "blend": recipe.blend.model_dump(
                mode="json", include=set(recipe.blend.model_fields_set)
            ),
        },
        needs=Needs(memory_gb=2.0),
    )


def sum_up(  # noqa: PLR0913 - what a recipe says, and what was tried
    draft: Draft, files: StackFiles, *, space: Space, tried: Sequence[Tried],
    boosters: Mapping[str, Mapping[int, Path]], score: ScoreConfig, group: str, base: str,
    blend: Mapping[str, Any],
) -> None:  # fmt: skip
    """The trials in one table, the tuned score beside the recipe's own, the values for use."""
    rows = open_stack(files)
    tables = [one.trials.select(pl.lit(one.name).alias("study"), pl.all()) for one in tried]
    draft.parquet(TRIALS, pl.concat(tables, how="diagonal_relaxed"))
    sheet: dict[str, Any] = {
        "booster": space.name,
        "min_tpr": score.min_tpr,
        "own": space.own,
        "studies": {one.name: _study_sheet(one) for one in tried},
        "nested": None,
        "flattered": any(not (block.nested or block.same_for_all) for block in rows.blocks),
        "inner_is": "mean pAUC over inner folds of the best trial, which was chosen by it: "
        "optimistic",
        **declaration(declared_by(rows.blocks)),
    }
    if boosters.get("tuned"):
        with draft.progress("Drawing patients again, for the tuned score") as show:
            sheet["nested"] = _nested(rows, boosters, score, patient_column(group), show)
    draft.json(SHEET, sheet)
    [last] = [one for one in tried if one.name == ALL]
    if last.best is not None:
        sections = space.overlay(last.best.values) | ({"blend": blend} if blend else {})
        draft.text(OVERLAY, overlay(sections, base=base, about=ABOUT))


def _study_sheet(tried: Tried) -> dict[str, Any]:
    states = tried.trials["state"]
    best = tried.best
    return {
        "trials": len(tried.trials),
        "failed": int((states == "fail").sum()),
        "own_inner_pauc": tried.own,
        "best_inner_pauc": None
        if best is None
        else tried.trials.filter(pl.col("number") == best.number)["pauc"][0],
        "best_trial": None if best is None else best.number,
        "best_values": None if best is None else dict(best.values),
        "importances": dict(tried.importances),
    }


def _nested(
    rows: StackRows, boosters: Mapping[str, Mapping[int, Path]], score: ScoreConfig,
    patient: str | None, show: Any,
) -> dict[str, Any]:  # fmt: skip
    """Tuned and the recipe's own, on rows that had no say in either, paired."""
    held = rows.rows.filter(pl.col(FOLD).is_in(rows.fold_numbers)).sort(ID)
    target = held[TARGET].to_numpy()
    whose = cohort(None if patient is None else held[patient], target)
    tallies, by_folds = {}, {}
    for name, by_fold in boosters.items():
        tables = [open_unit(folder, TUNE).parquet(SCORES) for folder in by_fold.values()]
        table = pl.concat(tables).select(ID, SCORE)
        scores = held.select(ID).join(
            table, on=ID, how="left", validate="1:1", maintain_order="left"
        )[SCORE]
        tallies[name] = ranking_tally(target, scores.to_numpy(), whose, score.min_tpr)
        by_folds[name] = mean_over_folds(
            target, scores.to_numpy(), held[FOLD].to_numpy(), whose, score.min_tpr
        )
    for each in (tallies, by_folds):
        each["tuned minus own"] = difference(each["own"], each["tuned"])
    both = {**tallies, "mean of folds": by_folds["tuned minus own"]}
    by_name = intervals(both, whose, score.bootstrap(), show)
    return {
        "n": len(held),
        "positives": int(target.sum()),
        "patients": whose.size if whose.unit == "patient" else None,
        **{_key(name): interval_sheets(by_name[name]) for name in tallies},
        # A few positives of a fold shift its pAUC: so the difference alone has an interval here.
        "mean_of_folds": {
            "tuned": by_folds["tuned"].point(),
            "own": by_folds["own"].point(),
            "tuned_minus_own": interval_sheets(by_name["mean of folds"]),
        },
    }


def _key(name: str) -> str:
    return name.replace(" ", "_")
