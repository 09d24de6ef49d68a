"""make compare: ways to stack what networks say, beside the recipe's own, on the same folds.

Reads the run's networks and features (made first where needed); no network is trained for it. Each
variant is a unit in <run>/comparison/<variant>/ with its scores out of fold for every seed of the
boosters; <run>/comparison/all/comparison.json has all of them minus the recipe's own way, paired.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
from rich.box import SIMPLE_HEAD
from rich.table import Table

from folds.findings import plural
from folds.groups import GROUP
from folds.schema import ID, TARGET
from models.networks.kept import maker_of
from models.networks.measure import ScoredRows, variant_sheet
from pipeline.block_columns import NetworkColumns, anchors_of, joined, prefix_of
from pipeline.picture_rows import load_picture_rows
from scripts import embed, stack
from scripts.score import short
from scripts.stage import Job, main
from stacking.alignment.columns import fit_aligned
from stacking.alignment.config import AlignConfig
from stacking.alignment.variants import VARIANTS, Variant
from stacking.blocks import Block
from stacking.fold import FOLD, SCORE, train_fold
from stacking.matrix import Matrix, assemble, lazily, left_out
from stacking.oof import MAKER
from workspace.errors import ConfigError
from workspace.units import Unit, find, making, open_unit

VERSION = 1
OWN = "recipe"  # its own way
COMPARISON, SCORES = "comparison.json", "scores.parquet"


def run(job: Job) -> Unit:
    """Every variant beside the recipe's own way, made if not there yet."""
    if not job.recipe.stack.networks:
        raise ConfigError("There is nothing to compare without networks; take stack.networks=true.")
    stacked, rows = stack.gather(job), load_picture_rows(replace(job, fresh=False))
    anchors = anchors_of(rows)
    names = [block.unit.folder.name for block in stacked.blocks]
    columns = {
        name: embed.columns_of_network(rows, name, anchors)
        for name in names
        if name in job.recipe.used
    }
    variants = _variants(job, tables=bool(stacked.tables().columns))
    units = dict[str, Unit]()
    for name, variant in variants.items():
        try:
            units[name] = _unit(stacked, columns, (name, variant), list(units.values()))
        except ConfigError as error:
            if name == OWN:
                raise
            job.say(f"notice: {name} cannot be done with this run and is left out: {error}")
    folder, config = job.run / "comparison" / "all", job.recipe
    settings = {"score": config.score.model_dump(mode="json"), "version": VERSION}
    wanted = job.wanted("compare", settings, {n: unit.sha256(SCORES) for n, unit in units.items()})
    done = find(folder, wanted, job.hashes, on_change="redo", fresh=job.fresh)
    if done is None:
        with making(folder, wanted) as draft:
            draft.json(COMPARISON, _compared(stacked, units))
        done = open_unit(folder, "compare")
    _show(job, done.json(COMPARISON))
    job.say(f"compare: see {folder / COMPARISON}.")
    return done


def _variants(job: Job, tables: bool) -> dict[str, Variant]:
    """The recipe's own way, then those that its networks allow."""
    recipe = job.recipe
    learning = [config.task.learns for config in recipe.used.values()]
    trained, still = any(learning), not all(learning)
    found = {OWN: Variant(taught=trained, encoders=still)}
    for name in recipe.compare.variants or VARIANTS:
        variant = VARIANTS[name]
        asks = variant.encoders or variant.taught
        if (variant.encoders and not still) or (variant.taught and not trained):
            job.say(f"notice: {name} needs networks that this recipe has not; it is left out.")
        elif not (asks or tables):
            job.say(f"notice: {name} has no column in this run; it is left out.")
        else:
            found[name] = variant
    return found


def _unit(
    stacked: stack.Inputs,
    columns: Mapping[str, NetworkColumns],
    what: tuple[str, Variant],
    before: Sequence[Unit],
) -> Unit:
    """A variant's scores out of fold, a column for each seed; those of its like before, if any."""
    job, (name, variant) = stacked.job, what
    folder, recipe = job.run / "comparison" / name, job.recipe
    asked = {
        network: one for network, one in columns.items()
        if (variant.taught if recipe.networks[network].task.learns else variant.encoders)
    }  # fmt: skip
    configs = {
        network: embed.config_of(one.rows, network).model_copy(
            update=dict(variant.align) if recipe.networks[network].task.learns else {}
        )
        for network, one in asked.items()
    }
    settings = {
        "align": {name: config.model_dump(mode="json") for name, config in configs.items()},
        "stack": recipe.stack.model_dump(mode="json", exclude={"average", "blocks", "shap_rows"}),
        "lightgbm": recipe.lightgbm.model_dump(mode="json"),
        "seeds": list(recipe.compare.seeds), "version": [VERSION, stack.VERSION],
    }  # fmt: skip
    used = stacked.hashes(()) | {n: sha for b in _others(stacked) for n, sha in b.hashes().items()}
    for one in asked.values():
        used |= {unit.folder.name: maker_of(unit) for unit in one.units.values()}
        used |= {"images.parquet": one.content, "anchors' content": one.anchors.content}
    wanted = job.wanted("compare", settings, used)
    done = find(folder, wanted, job.hashes, on_change="redo", fresh=job.fresh)
    if done is not None:
        return done
    like = next(
        (u for u in before if u.manifest.part == settings and u.manifest.inputs == used), None
    )
    with making(folder, wanted) as draft:
        if like is None:
            draft.parquet(SCORES, _out_of_fold(stacked, asked, configs, name))
        else:
            draft.take(SCORES, like, SCORES)
    return open_unit(folder, "compare")


def _out_of_fold(
    stacked: stack.Inputs,
    asked: Mapping[str, NetworkColumns],
    configs: Mapping[str, AlignConfig],
    name: str,
) -> pl.DataFrame:
    """(ID, fold, a column for each seed) of all rows."""
    parts, known = [], dict[str, list[pl.DataFrame]]()
    for fold in stacked.fold_numbers:
        own = prefix_of(fold) if stacked.job.recipe.stack.nested else ""  # flat: one for all folds
        if own not in known:
            known = {own: [_columns(one, configs[n], n, fold) for n, one in asked.items()]}
        parts.append(_scores(stacked, known[own], name, fold))
    return pl.concat(parts).sort(ID)


def _columns(columns: NetworkColumns, config: AlignConfig, name: str, fold: int) -> pl.DataFrame:
    """Those of all training rows, for the boosters of this fold."""
    [some] = [some for some in columns.embedders() if fold in some.folds]
    views = {other: columns.of_anchors(held_out) for other, held_out in some.by_fold.items()}
    aligned = fit_aligned(name, columns.classes, views, config)
    return joined([columns.held_out(aligned, *which) for which in some.by_fold.items()])


def _scores(
    stacked: stack.Inputs, tables: Sequence[pl.DataFrame], name: str, fold: int
) -> pl.DataFrame:
    """(ID, fold, a column for each seed) of the rows that the fold holds out."""
    job, matrix = stacked.job, _matrix(stacked, tables, fold)
    config = job.recipe.stack.model_copy(update={"shap_rows": 0})
    found = stacked.rows.filter(pl.col(FOLD) == fold).select(ID, FOLD)
    for seed in job.recipe.compare.seeds:
        with job.progress(f"{name}, fold {fold}, seed {seed}") as bar:
            scores = train_fold(matrix, fold, config, job.recipe.lightgbm, seed, bar).scores
        found = found.join(
            scores.select(ID, pl.col(SCORE).alias(str(seed))), on=ID, how="left", validate="1:1"
        )
    return found


def _others(stacked: stack.Inputs) -> list[Block]:
    """Blocks that are of no network here; every variant has them."""
    own = stacked.job.recipe.used
    return [block for block in stacked.blocks if block.unit.folder.name not in own]


def _matrix(stacked: stack.Inputs, tables: Sequence[pl.DataFrame], fold: int) -> Matrix:
    sources = [stacked.tables(), *(stacked.used(b.training(fold)) for b in _others(stacked))]
    for table in tables:
        names = [
            name
            for name in table.columns
            if name not in (ID, FOLD, MAKER)
            and not left_out(name, stacked.job.recipe.stack.leave_out)
        ]
        sources.append(lazily("the networks", names, table.lazy))
    return assemble(stacked.rows, sources)


def _compared(stacked: stack.Inputs, units: Mapping[str, Unit]) -> dict[str, Any]:
    job = stacked.job
    seeds = [str(seed) for seed in job.recipe.compare.seeds]
    scored = {name: _scored_rows(stacked, unit, seeds) for name, unit in units.items()}
    own = scored[OWN]
    return {
        "n": len(own[0].true), "positives": int(own[0].true.sum()), "seeds": seeds,
        "patients": None if own[0].patient is None else len(set(own[0].patient)),
        "group": job.recipe.data.group,
        "variants": {
            name: {
                metric: variant_sheet("auc", own, several, (), job.recipe.score, metric)
                for metric in ("pauc", "auc")
            }
            for name, several in scored.items()
        },
    }  # fmt: skip


def _scored_rows(stacked: stack.Inputs, unit: Unit, seeds: Sequence[str]) -> list[ScoredRows]:
    table = unit.parquet(SCORES).drop(FOLD)
    rows = stacked.rows.join(table, on=ID, how="inner", validate="1:1").sort(ID)
    patient = None if stacked.job.recipe.data.group == "none" else rows[GROUP]
    true = rows[TARGET].to_numpy().astype(np.int64)
    each = [rows[seed].to_numpy() for seed in seeds]
    return [ScoredRows(true, np.stack([1 - score, score], axis=1), patient) for score in each]


def _show(job: Job, found: dict[str, Any]) -> None:
    job.say(
        f"compare: {plural(found['n'], 'row')}, {plural(found['positives'], 'positive')}, "
        + (f"{found['patients']} {found['group']}s, " if found["patients"] else "")
        + f"{plural(len(found['seeds']), 'seed')} of boosters."
    )
    table = Table(box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    pauc = f"pAUC above {100 * job.recipe.score.min_tpr:.6g}% TPR"
    for title in ("variant", pauc, "AUC", "minus recipe, pAUC"):
        table.add_column(title, no_wrap=True)
    for name in (OWN, *VARIANTS):
        if name in found["variants"]:
            entry = found["variants"][name]
            values = [short(entry[metric]["value"]) for metric in ("pauc", "auc")]
            gain = "" if name == OWN else short(entry["pauc"]["minus_whole"])
            table.add_row(name, *values, gain)
    job.console.print(table)


if __name__ == "__main__":
    main(run)
