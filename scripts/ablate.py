"""make ablate: what each part of the network brings, by training without it or with another.

For each variant and seed, trains one stage on the first folds in <run>/networks/ and compares the
held-out rows' score with the whole network's, paired, over the same draws of patients. Writes
<run>/ablation/ablation.json and prints one table.
"""

from collections.abc import Mapping
from itertools import product
from typing import Any

import polars as pl

from folds.findings import Findings
from folds.groups import GROUP
from folds.schema import ID
from models.cascade.ablation import VARIANTS
from models.cascade.fold import Stage
from models.cascade.measure import HeldOut, shares_of, variant_sheet
from pipeline.job import Job
from pipeline.networks import (
    SCORES,
    Inputs,
    begin_anew,
    fold_unit,
    gather,
    maker_of,
    probability_columns,
)
from pipeline.recipe import Recipe
from reports.ablation import WHOLE, tables
from scripts.stage import main
from workspace.errors import ConfigError
from workspace.units import Unit, find, making, open_unit

VERSION = 1


def run(job: Job) -> Unit:
    """Every variant beside the whole network, made if not there yet."""
    inputs, findings, config = gather(job), Findings(), job.recipe.ablation
    there = {stage.name: stage for stage in inputs.stages(findings)}
    if config.stage not in there:
        raise ConfigError(f"{config.stage} is not in this recipe; see ablation.stage.")
    stage = there[config.stage]
    folds = list(inputs.parts)[: config.folds]
    recipes = _recipes(job, stage)
    if job.fresh:
        named = product(recipes, config.seeds, folds)
        inputs = begin_anew(inputs, [_name(stage, *which) for which in named])
    units = {
        name: {seed: {fold: _unit(inputs, stage, recipe, name, seed, fold) for fold in folds}
               for seed in config.seeds}
        for name, recipe in recipes.items()
    }  # fmt: skip
    folder = job.run / "ablation"
    part = {"ablation": config.model_dump(mode="json"), "version": VERSION}
    part["score"] = job.recipe.score.model_dump(mode="json")
    used = [u for by in units.values() for several in by.values() for u in several.values()]
    wanted = job.wanted("ablate", part, {unit.folder.name: maker_of(unit) for unit in used})
    done = find(folder, wanted, job.hashes, on_change="redo", fresh=job.fresh)
    if done is None:
        with making(folder, wanted) as draft:
            draft.json("ablation.json", _compared(inputs, stage, units))
        done = open_unit(folder, "ablate")
    job.show(tables(stage.name, done.json("ablation.json")))
    job.say(f"ablate: see {folder / 'ablation.json'}.")
    return done


def _recipes(job: Job, stage: Stage) -> dict[str, Recipe]:
    """The whole recipe, and each variant that is another than it."""
    recipe, found = job.recipe, {WHOLE: job.recipe}
    for name in job.recipe.ablation.variants or VARIANTS:
        net, config = VARIANTS[name](recipe.net, getattr(recipe, stage.name))
        if (net, config) == (recipe.net, getattr(recipe, stage.name)):
            job.say(f"notice: {name} changes nothing in this recipe and is left out.")
        else:
            found[name] = recipe.model_copy(update={"net": net, stage.name: config})
    return found


def _unit(inputs: Inputs, stage: Stage, recipe: Recipe, name: str, seed: int, fold: int) -> Unit:
    recipe = recipe.model_copy(update={"seed": seed})
    changed = Stage(stage.name, getattr(recipe, stage.name), stage.labels)
    return fold_unit(inputs, changed, fold, _name(stage, name, seed, fold), recipe)


def _name(stage: Stage, variant: str, seed: int, fold: int) -> str:
    return f"{variant}_seed_{seed}_{stage.name}_fold_{fold}"


def _compared(
    inputs: Inputs, stage: Stage, units: Mapping[str, Mapping[int, Mapping[int, Unit]]]
) -> dict[str, Any]:
    """Each variant's score minus the whole network's, over the seeds, on the same draws."""
    tables = {
        name: [_rows(inputs, stage, several) for several in by_seed.values()]
        for name, by_seed in units.items()
    }
    whole = tables[WHOLE]
    found = {
        name: variant_sheet(
            stage.config.watch, whole, several, stage.classes, inputs.job.recipe.score
        )
        for name, several in tables.items()
    }
    return {
        "stage": stage.name, "watch": stage.config.watch, "n": len(whole[0].true),
        "seeds": list(units[WHOLE]), "folds": list(next(iter(units[WHOLE].values()))),
        "variants": found,
    }  # fmt: skip


def _rows(inputs: Inputs, stage: Stage, units: Mapping[int, Unit]) -> HeldOut:
    """What these folds held out, by id."""
    names = probability_columns(stage.name, stage.classes)
    table = pl.concat(unit.parquet(SCORES, [ID, *names]) for unit in units.values()).sort(ID)
    known = inputs.rows.select(ID, GROUP).with_columns(pl.Series("label", stage.labels))
    rows = table.join(known, on=ID, how="left", validate="1:1", maintain_order="left")
    rows = rows.filter(pl.col("label") >= 0)
    patient = None if inputs.job.recipe.data.group == "none" else rows[GROUP]
    return HeldOut(rows["label"].to_numpy(), shares_of(rows.select(names).to_numpy()), patient)


if __name__ == "__main__":
    main(run)
