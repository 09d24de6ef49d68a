"""Who is held out, as a task; and the rows of the run with their fold, for whoever trains."""

from pathlib import Path
from typing import Any

import polars as pl

from folds.findings import Findings, plural
from folds.frozen import load_folds, save_folds
from folds.groups import GROUP, joined_groups, own_groups, spread_groups
from folds.official import PUBLISHED
from folds.samples import refuse_ignored
from folds.schema import ID, SPLIT
from folds.split import (
    WITH_ANCHORS,
    FoldConfig,
    assign_folds,
    balance,
    check_anchors,
    rows_to_place,
)
from pipeline.job import Job
from pipeline.notices import NOTICES
from pipeline.samples import DUPLICATES, SAMPLES
from workspace.errors import ArtifactError, ConfigError, name_some
from workspace.manifest import load_manifest
from workspace.tasks import Task
from workspace.units import Draft, Unit, open_unit

BALANCE = "balance.json"


def folding(job: Job, verified: Unit) -> Task:
    """The folds of the recipe's scheme; other values never change them."""
    recipe, config = job.recipe, _config(job)
    if recipe.needs_anchors:
        _check_share(config)
    settings: dict[str, Any] = {"folds": config.used(), "group": recipe.data.group}
    if config.draws():
        settings["seed"] = recipe.seed
    return Task(
        job.run / "folds",
        "folds",
        fold_samples,
        settings=settings,
        inputs={name: verified.sha256(name) for name in (SAMPLES, DUPLICATES)},
        arguments={
            "samples": verified.folder, "group": recipe.data.group, "config": config,
            "seed": recipe.seed, "least_anchors": recipe.align.least_anchors,
        },
        on_change="stop",
    )  # fmt: skip


def _config(job: Job) -> FoldConfig:
    """The recipe's; folds that have set groups aside stay as they are where nobody needs them.

    So tables alone can be compared with a stack of networks, on the same rows.
    """
    recipe, folder = job.recipe, job.run / "folds"
    wanted, share = recipe.folding, recipe.folds.anchor_share
    if recipe.needs_anchors or not share or job.fresh or _set_aside(folder) != share:
        return wanted
    if "anchors kept" not in job.noticed:
        job.noticed.add("anchors kept")
        job.say(
            f"notice: {folder} keeps {share:g} of the groups aside (folds.anchor_share), which "
            "nothing of this call needs; 'make folds FRESH=1' gives them back."
        )
    return recipe.folds


def _set_aside(folder: Path) -> float:
    """The share of the groups that folds were made without."""
    manifest = load_manifest(folder)
    return 0.0 if manifest is None else manifest.settings["folds"].get("anchor_share", 0.0)


def explained(error: ArtifactError, job: Job) -> ArtifactError:
    """The refusal of other values, so that who never named `anchor_share` knows why it changed."""
    made, asked = _set_aside(job.run / "folds"), job.recipe.folding.anchor_share
    if "(folds.anchor_share)" not in str(error) or (made and asked):
        return error
    there = f"{made:g} of the groups" if made else "no group"
    networks = str(job.recipe.stack.networks).lower()
    return ArtifactError(
        f"{job.run / 'folds'} sets {there} aside (folds.anchor_share), which counts where networks "
        f"are stacked, and stack.networks={networks} now; restore it, take another RUN=, or run "
        "'make folds FRESH=1'."
    )


def _check_share(folds: FoldConfig) -> None:
    """Where networks are aligned on groups that are set aside, some must be."""
    otherwise = "name pictures of your own in align.pictures, or take stack.networks=false."
    if folds.scheme not in WITH_ANCHORS:
        raise ConfigError(
            f"align.anchors='anchor' needs groups that are set aside, which folds.scheme="
            f"'{folds.scheme}' does not do; {otherwise}"
        )
    if folds.scheme == "leave_one_hospital_out" and not folds.hospitals:
        raise ConfigError(
            "align.anchors='anchor' takes patients of hospitals that are not held out alone, and "
            f"all are; name those that are in folds.hospitals, {otherwise}"
        )
    if not folds.anchor_share:
        raise ConfigError(
            "align.anchors='anchor' needs groups that are set aside, and folds.anchor_share is 0; "
            f"take folds.anchor_share=0.02, {otherwise}"
        )


def fold_samples(
    draft: Draft, samples: Path, group: str, config: FoldConfig, seed: int, least_anchors: int
) -> None:
    """Draw the folds and count what each holds out."""
    verified, findings = open_unit(samples, "verify"), Findings()
    rows = verified.parquet(SAMPLES)
    groups = _groups_of(rows, group, config, verified.parquet(DUPLICATES))
    if config.anchor_share:
        check_anchors(rows, groups, config, seed, least_anchors)
    folds = assign_folds(rows, groups, config, seed, findings)
    spread = spread_groups(folds)
    if len(spread):
        findings.notice(
            f"{config.scheme}-spread", _spread(spread, group, config), count=len(spread)
        )
    save_folds(draft, folds, config, seed)
    draft.json(BALANCE, balance(folds, rows).to_dicts())
    draft.json(NOTICES, findings.as_json()["notices"])


def _spread(spread: pl.DataFrame, group: str, config: FoldConfig) -> str:
    """What scheme has which groups on several sides."""
    many, names = plural(len(spread), group), name_some(spread[GROUP].to_list())
    if config.scheme == PUBLISHED:
        return (
            f"{many} on more than one side of the official split, which is kept as published: "
            f"{names}."
        )
    return (
        f"{many} on more than one side of a split by image, whose scores show what a leak is worth "
        f"and nothing else: {names}."
    )


def _groups_of(
    rows: pl.DataFrame, group: str, config: FoldConfig, pairs: pl.DataFrame
) -> pl.DataFrame:
    """What is kept together: as the source says, and by the pictures that groups share."""
    if config.scheme == PUBLISHED:  # kept as it is
        return own_groups(rows, group).drop(SPLIT)
    ours = rows_to_place(rows, config)
    refuse_ignored(ours, group)
    return joined_groups(own_groups(ours, group), pairs)


def folded_rows(folded: Unit, samples: pl.DataFrame) -> pl.DataFrame:
    """Samples with their fold and group, checked against the folds; sorted by id."""
    table = load_folds(folded, samples.select(ID)).select(ID, SPLIT, GROUP, "fold")
    return samples.drop(SPLIT).join(table, on=ID, how="inner", validate="1:1").sort(ID)
