"""What leaving a hospital out costs a recipe, as a task; and the run within the run that tells it.

Which hospitals are left out is chosen before anything is trained. The inner run, in
<run>/hospitals/run/, is the same recipe on folds by hospital; it shares the run's samples and
features, which know no fold.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from folds.groups import joined_groups, own_groups, patient_column
from folds.hospitals import homes, worth_leaving_out
from folds.schema import HOSPITAL, ID, SPLIT, TEST
from folds.split import FoldConfig, check_anchors
from metrics.score_sheet import ScoreConfig
from pipeline.declared import declaration, declared_by
from pipeline.job import INNER_RUN, Job
from pipeline.members import members_of
from pipeline.recipe import Recipe
from pipeline.samples import DUPLICATES, SAMPLES
from pipeline.stack_rows import StackFiles, StackRows, open_stack
from pipeline.stacked import OOF, SCORES, boosting
from pipeline.unit_files import TRAINING
from pipeline.unseen_members import STACK
from stacking.blending.config import BlendConfig
from stacking.blending.members import Members, join_members
from stacking.category_codes import code_columns, fit_category_codes, never_seen
from stacking.left_out import WAYS, Scored, both_ways, left_out_sheet, notes_of
from stacking.use import FOLD, SCORE
from workspace.errors import ConfigError, DataError, name_some, shorten
from workspace.orders import Needs
from workspace.progress import Silent
from workspace.tasks import Output, Task
from workspace.units import Draft, Unit, open_unit

HOSPITALS, SHEET = "hospitals", "hospitals.json"
SCHEME = "leave_one_hospital_out"


@dataclass(frozen=True)
class LeftOut:
    """Hospitals that are left out, each alone or all others together, and why these."""

    alone: tuple[str, ...]
    together: tuple[str, ...]
    why: str

    @property
    def folds(self) -> list[tuple[str, ...]]:
        """The hospitals of each fold, as `hospital_folds` numbers them."""
        return [*((name,) for name in self.alone), *([self.together] if self.together else [])]

    def said(self) -> str:
        """One sentence."""
        few = len(self.together) < 2  # one other is alone as well
        alone = sorted((*self.alone, *(self.together if few else ())))
        rest = "" if few else f"; together: {'; '.join(map(shorten, self.together))}"
        return f"each alone: {'; '.join(map(shorten, alone))}{rest} ({self.why})."


def choose_hospitals(recipe: Recipe, verified: Unit) -> LeftOut:
    """Those that the recipe names, or those that have a positive; or a refusal."""
    _refuse(recipe)
    samples = verified.parquet(SAMPLES)
    groups = joined_groups(own_groups(samples, recipe.data.group), verified.parquet(DUPLICATES))
    rows = samples.join(groups, on=ID, how="left", validate="1:1").filter(pl.col(SPLIT) != TEST)
    rows = rows.drop_nulls(HOSPITAL)
    known = [] if rows.is_empty() else sorted(set(homes(rows)[HOSPITAL]))
    if not known:
        raise ConfigError(
            f"Source '{recipe.data.source}' knows no hospital, and so none can be left out."
        )
    if len(known) < 2:
        raise ConfigError(
            f"All rows are of one hospital, {known[0]}; to leave one out there must be two."
        )
    alone, why = recipe.folds.hospitals, "as folds.hospitals says"
    if not alone:
        alone, why = _worth(recipe, rows, samples, groups)
    others = tuple(name for name in known if name not in alone)
    chosen = LeftOut(tuple(sorted(alone)), others, why)
    _refuse_two(recipe, chosen)
    return chosen


def inner_run(job: Job, chosen: LeftOut, made: Mapping[Any, Any]) -> Job:
    """A call on the run within the run; `made` is what the two have in common."""
    recipe = job.recipe.model_copy(update={"folds": _folding(job.recipe, chosen.alone)})
    return replace(job, recipe=recipe, run=job.run / INNER_RUN, made=dict(made))


@dataclass(frozen=True)
class StackedRun:
    """A finished stack as it travels: its rows, its boosters by name and fold, its scores."""

    files: StackFiles
    boosters: Mapping[str, Mapping[int, Path]]
    stacked: Path


def measuring(
    job: Job, chosen: LeftOut, jobs: Mapping[str, Job], made: Mapping[str, tuple[StackFiles, Unit]]
) -> Task:
    """Both runs' scores of the same rows; `jobs` and `made` are by way."""
    recipe, inputs, runs = job.recipe, dict[str, str | Output](), dict[str, StackedRun]()
    for way, (files, stacked) in made.items():
        boosters, rows = boosting(jobs[way], files), open_stack(files)
        before = "" if way == WAYS[0] else f"{INNER_RUN}/"  # a run's own files by their names
        every = [task for by in boosters.values() for task in by.values()]
        inputs |= {f"{before}{task.folder.name}": Output(task, SCORES) for task in every}
        inputs |= {f"{before}{OOF}": stacked.sha256(OOF)}
        hashes = rows.hashes(rows.columns).items()
        inputs |= {f"{before}{name}": sha for name, sha in hashes}
        folders = {n: {k: task.folder for k, task in by.items()} for n, by in boosters.items()}
        runs[way] = StackedRun(files, folders, stacked.folder)
    return Task(
        job.run / HOSPITALS / "all",
        HOSPITALS,
        measure_hospitals,
        settings={
            "score": recipe.score.model_dump(mode="json"), "policy": recipe.blending.policy,
            "alone": list(chosen.alone), "why": chosen.why,
            **declaration(_declared({way: files for way, (files, _) in made.items()})),
        },
        inputs=inputs,
        arguments={
            "runs": runs, "chosen": chosen, "configs": (recipe.blending, recipe.score),
            "group": recipe.data.group, "learns": recipe.stack.networks,
        },
        needs=Needs(memory_gb=3.0),
    )  # fmt: skip


def measure_hospitals(
    draft: Draft, *, runs: Mapping[str, StackedRun], chosen: LeftOut,
    configs: tuple[BlendConfig, ScoreConfig], group: str, learns: bool,
) -> None:  # fmt: skip
    """What each member is worth either way, of all rows and of each hospital."""
    blend, score = configs
    tables = {way: scores_of(run, blend) for way, run in runs.items()}
    names = [set(table.columns) - {ID} for table in tables.values()]
    order = in_order(set.intersection(*names), blend.policy)
    both, alone = both_ways(order, tables, ID)
    inner = open_stack(runs[WAYS[1]].files)
    scored = Scored(both.join(inner.rows, on=ID, validate="1:1"), order, patient_column(group))
    unseen, sheets = unseen_codes(inner), []
    with draft.progress("Drawing patients again") as show:
        overall = left_out_sheet(scored, [*chosen.alone, *chosen.together], score, show)
    for fold, hospitals in enumerate(chosen.folds):
        sheet = left_out_sheet(scored.of_fold(fold), hospitals, score)
        sheets.append({**sheet, "unseen": unseen.get(fold, {"rows": 0, "categories": {}})})
    notes = notes_of(learns=learns)
    if lacking := sorted(set.union(*names) - set(order)):
        notes.append(f"A member of one of the runs alone is left out: {name_some(lacking)}.")
    draft.json(SHEET, {
        "min_tpr": score.min_tpr, "group": group, "handed_in": blend.policy, "order": order,
        "chosen": chosen.why, "one_run_alone": alone, "overall": overall, "hospitals": sheets,
        "notes": notes, **declaration(_declared({way: run.files for way, run in runs.items()})),
    })  # fmt: skip


def scores_of(run: StackedRun, blend: BlendConfig) -> pl.DataFrame:
    """(ID, a column for each member) out of fold: boosters, networks, and what is handed in."""
    rows = open_stack(run.files)
    own = {name: _booster_scores(by_fold) for name, by_fold in run.boosters.items()}
    # What is no member was said when the stack was joined.
    members = members_of(Silent(), blend, rows.rows, own, rows.blocks)
    members = members or join_members(rows.rows, own)
    table = _as_table(members)
    if blend.policy == STACK:
        return table
    handed_in = open_unit(run.stacked, STACK).parquet(OOF, [ID, SCORE])
    return table.join(handed_in.rename({SCORE: blend.policy}), on=ID, how="left", validate="1:1")


def in_order(names: set[str], handed_in: str) -> list[str]:
    """What is handed in first, then the stack, then the others by name."""
    return sorted(names, key=lambda name: (name != handed_in, name != STACK, name))


def unseen_codes(rows: StackRows) -> dict[int, dict[str, Any]]:
    """By fold, how many of its categories its boosters never saw, and how many rows have one."""
    columns = [rows.columns[index] for index in code_columns(rows.columns)]
    if not columns:
        return {}
    table = rows.featured.parquet(TRAINING, [ID, *columns])
    table = rows.rows.select(ID, FOLD).join(table, on=ID, how="left", validate="1:1")
    values = table.select(columns).to_numpy().astype(np.float32)
    folds, sheets = table[FOLD].to_numpy(), {}
    for fold in rows.fold_numbers:
        held = folds == fold
        known = fit_category_codes(values, columns, ~held)
        unseen = never_seen(values[held], columns, known)
        codes = {
            name: len(np.unique(values[held, at][unseen[:, at]])) for at, name in enumerate(columns)
        }
        sheets[fold] = {
            "rows": int(unseen.any(axis=1).sum()),
            "categories": {name: count for name, count in codes.items() if count},
        }
    return sheets


def _declared(files: Mapping[str, StackFiles]) -> list[str]:
    """Of either way's stack."""
    return declared_by(block for one in files.values() for block in open_stack(one).blocks)


def _refuse(recipe: Recipe) -> None:
    """What can be said of a recipe before its data are looked at."""
    if recipe.folds.scheme == SCHEME:
        raise ConfigError(
            f"folds.scheme is '{SCHEME}' already, so that there is no cross-validation to hold it "
            "against; take folds.scheme=stratified_groups."
        )
    if recipe.stack.blocks:
        raise ConfigError(
            "stack.blocks names columns that were made on this run's folds, by makers who know the "
            'hospitals that are left out; leave them out with SET="stack.blocks=[]".'
        )


def _refuse_two(recipe: Recipe, chosen: LeftOut) -> None:
    if recipe.stack.networks and recipe.stack.nested and len(chosen.folds) < 3:
        raise ConfigError(
            f"stack.nested needs three folds or more; with {', '.join(chosen.alone)} left out "
            f"there are {len(chosen.folds)}. Take stack.nested=false."
        )


def _worth(
    recipe: Recipe, rows: pl.DataFrame, samples: pl.DataFrame, groups: pl.DataFrame
) -> tuple[tuple[str, ...], str]:
    """Hospitals that have a positive; where anchors are needed, not those with the fewest."""
    fewest_first = worth_leaving_out(rows)
    if not fewest_first:
        raise DataError(
            "All positives are of one hospital, and without it there is none to learn from."
        )
    if not recipe.needs_anchors:
        return tuple(fewest_first), "alone are those with a positive"
    for aside in range(len(fewest_first)):
        alone = tuple(fewest_first[aside:])
        try:
            check_anchors(samples, groups, _folding(recipe, alone), recipe.seed,
                          recipe.align.least_anchors)  # fmt: skip
        except DataError as error:
            refused = error
        else:
            but = f" but for the {aside} with the fewest" if aside else ""
            return alone, f"alone are those with a positive{but}, and anchors are of the others"
    raise refused


def _folding(recipe: Recipe, alone: Sequence[str]) -> FoldConfig:
    """The recipe's folds by hospital, of which there is one repeat."""
    changes = {"scheme": SCHEME, "hospitals": tuple(alone), "repeats": 1}
    return recipe.folds.model_copy(update=changes)


def _booster_scores(by_fold: Mapping[int, Path]) -> pl.DataFrame:
    parts = [
        open_unit(folder, STACK).parquet(SCORES, [ID, SCORE])
        .with_columns(pl.lit(fold, dtype=pl.Int16).alias(FOLD))
        for fold, folder in by_fold.items()
    ]  # fmt: skip
    return pl.concat(parts)


def _as_table(members: Members) -> pl.DataFrame:
    scores = [pl.Series(n, raw) for n, raw in zip(members.names, members.raw, strict=True)]
    return members.rows.select(ID).hstack(scores)
