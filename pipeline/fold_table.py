"""Who is held out, as a task; and the rows of the run with their fold, for whoever trains."""

from pathlib import Path
from typing import Any

import polars as pl

from folds.findings import Findings, plural
from folds.frozen import load_folds, save_folds
from folds.groups import GROUP, joined_groups, own_groups, spread_groups
from folds.schema import ID, SPLIT
from folds.split import FoldConfig, assign_folds, balance
from pipeline.job import NOTICES, Job
from pipeline.samples import DUPLICATES, SAMPLES
from workspace.errors import name_some
from workspace.tasks import Task
from workspace.units import Draft, Unit, open_unit

BALANCE = "balance.json"


def folding(job: Job, verified: Unit) -> Task:
    """The folds of the recipe's scheme; other values never change them."""
    recipe = job.recipe
    settings: dict[str, Any] = {"folds": recipe.folds.used(), "group": recipe.data.group}
    if recipe.folds.draws():
        settings["seed"] = recipe.seed
    return Task(
        job.run / "folds",
        "folds",
        fold_samples,
        settings=settings,
        inputs={name: verified.sha256(name) for name in (SAMPLES, DUPLICATES)},
        arguments={
            "samples": verified.folder, "group": recipe.data.group, "config": recipe.folds,
            "seed": recipe.seed,
        },
        on_change="stop",
    )  # fmt: skip


def fold_samples(draft: Draft, samples: Path, group: str, config: FoldConfig, seed: int) -> None:
    """Draw the folds and count what each holds out."""
    verified, findings = open_unit(samples, "verify"), Findings()
    rows = verified.parquet(SAMPLES)
    own = own_groups(rows, group)
    if config.scheme == "official":  # the published split, kept as it is
        groups = own.drop(SPLIT)
    else:
        groups = joined_groups(own, verified.parquet(DUPLICATES))
    folds = assign_folds(rows, groups, config, seed, findings)
    spread = spread_groups(folds)
    if len(spread):
        findings.notice(
            "official-spread",
            f"{plural(len(spread), group)} on more than one side of the official "
            f"split, which is kept as published: {name_some(spread[GROUP].to_list())}.",
            count=len(spread),
        )
    save_folds(draft, folds, config, seed)
    draft.json(BALANCE, balance(folds, rows).to_dicts())
    draft.json(NOTICES, findings.as_json()["notices"])


def folded_rows(folded: Unit, samples: pl.DataFrame) -> pl.DataFrame:
    """Samples with their fold and group, checked against the folds; sorted by id."""
    table = load_folds(folded, samples.select(ID)).select(ID, SPLIT, GROUP, "fold")
    return samples.drop(SPLIT).join(table, on=ID, how="inner", validate="1:1").sort(ID)
