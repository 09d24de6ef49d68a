"""Ways to stack what networks say, as tasks: each variant's scores, and all beside the recipe's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from folds.groups import patient_column
from folds.schema import ID, TARGET
from metrics.score_sheet import ScoreConfig
from models.networks.measure import ScoredRows, variant_sheet
from models.networks.use import maker_of
from pipeline.block_columns import NetworkColumns, joined
from pipeline.blocks import BlockFiles, config_of
from pipeline.columns import prefix_of
from pipeline.declared import declaration, declared_by
from pipeline.job import Job
from pipeline.samples import IMAGES
from pipeline.stack_rows import StackFiles, StackRows, open_stack
from stacking.alignment.columns import fit_aligned
from stacking.alignment.config import AlignConfig
from stacking.alignment.variants import VARIANTS, Variant
from stacking.blocks import Block
from stacking.boosters.booster import BoosterConfig
from stacking.category_codes import check_blind
from stacking.config import StackConfig
from stacking.fold import train_fold
from stacking.matrix import Matrix, lazily, left_out
from stacking.oof import MAKER
from stacking.use import FOLD, SCORE
from workspace.orders import Needs
from workspace.tasks import Output, Task
from workspace.units import Draft, Unit, open_unit

OWN = "recipe"  # its own way
COMPARISON, SCORES = "comparison.json", "scores.parquet"


@dataclass(frozen=True)
class VariantPlan:
    """What of a recipe a variant is stacked by."""

    blocks: Mapping[str, BlockFiles]
    align: Mapping[str, AlignConfig]
    own: tuple[str, ...]  # networks of the run
    stack: StackConfig
    booster: BoosterConfig
    seeds: tuple[int, ...]


def stacking_variant(
    job: Job, files: StackFiles, blocks: Mapping[str, BlockFiles], what: tuple[str, Variant],
    before: Sequence[Task],
) -> Task:  # fmt: skip
    """A variant's scores out of fold, a column for each seed; those of its like before, if any."""
    (name, variant), recipe = what, job.recipe
    learns = {network: recipe.networks[network].task.learns for network in blocks}
    asks = {True: variant.trained, False: variant.encoders}
    asked = {network: block for network, block in blocks.items() if asks[learns[network]]}
    align = {
        network: config_of(job, network).model_copy(
            update=dict(variant.align) if learns[network] else {}
        )
        for network in asked
    }
    rows = open_stack(files)
    check_blind(rows.columns, recipe.stack.blind)
    own = tuple(recipe.used)
    inputs = rows.hashes(())
    for block in _others(rows, own):
        inputs |= block.hashes()
    for one in asked.values():
        units = one.columns().units.values()
        inputs |= {unit.folder.name: maker_of(unit) for unit in units}
        inputs |= {IMAGES: one.rows.content, "anchors' content": one.anchors.content}
    settings = {
        "align": {network: config.model_dump(mode="json") for network, config in align.items()},
        "stack": recipe.stack.model_dump(
            mode="json", exclude={"average", "blocks", "boosters", "shap_rows"}
        ),
        **recipe.boosting_settings,
        "seeds": list(recipe.compare.seeds),
    }
    plan = VariantPlan(asked, align, own, recipe.stack, recipe.boosting, recipe.compare.seeds)
    like = next((t for t in before if (t.settings, t.inputs) == (settings, inputs)), None)
    return Task(
        job.run / "comparison" / name,
        "compare",
        score_variant if like is None else take_scores,
        settings=settings,
        inputs=dict(inputs),
        arguments={"files": files, "plan": plan, "name": name}
        if like is None
        else {"like": like.folder},
        needs=Needs(memory_gb=3.0),
    )


def score_variant(draft: Draft, files: StackFiles, plan: VariantPlan, name: str) -> None:
    """(ID, fold, a column for each seed) of all rows."""
    draft.parquet(SCORES, _out_of_fold(draft, open_stack(files), plan, name))


def take_scores(draft: Draft, like: Path) -> None:
    """Those of a variant that is made of the same."""
    draft.take(SCORES, open_unit(like, "compare"), SCORES)


def comparing(job: Job, files: StackFiles, tasks: Sequence[Task]) -> Task:
    """All variants minus the recipe's own way, paired."""
    recipe = job.recipe
    return Task(
        job.run / "comparison" / "all",
        "compare",
        compare_all,
        settings={
            "score": recipe.score.model_dump(mode="json"),
            **declaration(declared_by(open_stack(files).blocks)),
        },
        inputs={task.folder.name: Output(task, SCORES) for task in tasks},
        arguments={
            "files": files,
            "variants": {task.folder.name: task.folder for task in tasks},
            "seeds": [str(seed) for seed in recipe.compare.seeds],
            "score": recipe.score,
            "group": recipe.data.group,
        },
    )


def compare_all(
    draft: Draft, *, files: StackFiles, variants: Mapping[str, Path], seeds: Sequence[str],
    score: ScoreConfig, group: str,
) -> None:  # fmt: skip
    """Each variant's metrics over the seeds, and minus the recipe's own."""
    rows = open_stack(files)
    scored = {
        name: _scored_rows(rows, open_unit(folder, "compare"), seeds, group)
        for name, folder in variants.items()
    }
    own = scored[OWN]
    sheet: dict[str, Any] = {
        "n": len(own[0].true), "positives": int(own[0].true.sum()), "seeds": list(seeds),
        "patients": None if own[0].patient is None else len(set(own[0].patient)),
        "group": group, "min_tpr": score.min_tpr,
        "order": [name for name in (OWN, *VARIANTS) if name in scored],
        "variants": {
            name: {
                metric: variant_sheet("auc", own, several, (), score, metric)
                for metric in ("pauc", "auc")
            }
            for name, several in scored.items()
        },
        **declaration(declared_by(rows.blocks)),
    }  # fmt: skip
    draft.json(COMPARISON, sheet)


def _out_of_fold(draft: Draft, rows: StackRows, plan: VariantPlan, name: str) -> pl.DataFrame:
    """(ID, fold, a column for each seed) of all rows."""
    parts, known = [], dict[str, list[pl.DataFrame]]()
    asked = {network: block.columns() for network, block in plan.blocks.items()}
    for fold in rows.fold_numbers:
        own = prefix_of(fold) if plan.stack.nested else ""  # flat: one for all folds
        if own not in known:
            known = {own: [_columns(one, plan.align[n], n, fold) for n, one in asked.items()]}
        parts.append(_scores(draft, rows, plan, known[own], (name, fold)))
    return pl.concat(parts).sort(ID)


def _columns(columns: NetworkColumns, config: AlignConfig, name: str, fold: int) -> pl.DataFrame:
    """Those of all training rows, for the boosters of this fold."""
    [some] = [some for some in columns.embedders() if fold in some.folds]
    outputs = {other: columns.of_anchors(held_out) for other, held_out in some.by_fold.items()}
    aligned = fit_aligned(name, columns.classes, outputs, config)
    return joined([columns.held_out(aligned, *which) for which in some.by_fold.items()])


def _scores(
    draft: Draft, rows: StackRows, plan: VariantPlan, tables: Sequence[pl.DataFrame],
    which: tuple[str, int],
) -> pl.DataFrame:  # fmt: skip
    """(ID, fold, a column for each seed) of the rows that the fold holds out."""
    (name, fold), matrix = which, _matrix(rows, plan, tables, which[1])
    config = plan.stack.model_copy(update={"shap_rows": 0})
    columns = rows.rows.filter(pl.col(FOLD) == fold).select(ID, FOLD)
    for seed in plan.seeds:
        with draft.progress(f"{name}, fold {fold}, seed {seed}") as bar:
            scores = train_fold(matrix, fold, config, plan.booster, seed, bar).scores
        columns = columns.join(
            scores.select(ID, pl.col(SCORE).alias(str(seed))), on=ID, how="left", validate="1:1"
        )
    return columns


def _others(rows: StackRows, own: Sequence[str]) -> list[Block]:
    """Blocks that are of no network here; every variant has them."""
    return [block for block in rows.blocks if block.unit.folder.name not in own]


def _matrix(
    rows: StackRows, plan: VariantPlan, tables: Sequence[pl.DataFrame], fold: int
) -> Matrix:
    sources = [rows.tables(), *(rows.used(b.training(fold)) for b in _others(rows, plan.own))]
    for table in tables:
        names = [
            name
            for name in table.columns
            if name not in (ID, FOLD, MAKER) and not left_out(name, plan.stack.leave_out)
        ]
        sources.append(lazily("the networks", names, table.lazy))
    return rows.assembled(rows.rows, sources)


def _scored_rows(rows: StackRows, unit: Unit, seeds: Sequence[str], group: str) -> list[ScoredRows]:
    table = rows.rows.join(
        unit.parquet(SCORES).drop(FOLD), on=ID, how="inner", validate="1:1"
    ).sort(ID)
    column = patient_column(group)
    patient = None if column is None else table[column]
    true = table[TARGET].to_numpy().astype(np.int64)
    each = [table[seed].to_numpy() for seed in seeds]
    return [ScoredRows(true, np.stack([1 - score, score], axis=1), patient) for score in each]
