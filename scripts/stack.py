"""make stack: LightGBM on the features over the frozen folds, beside its baselines.

Reads folds, features and the recipe's blocks; writes <run>/boosters/<name>_fold_<k>/ for every fold
of the stack and of each baseline, then <run>/stack/ with oof_stack.parquet, test_stack.parquet,
importance.csv, metrics.json and, of a blend, what it takes to blend new rows. What a call finished
is kept; a changed value redoes what it feeds.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import polars as pl
from rich.box import SIMPLE_HEAD
from rich.table import Table

from folds.findings import plural
from folds.frozen import FILE, load_folds
from folds.groups import GROUP
from folds.schema import HOLDOUT, ID, SPLIT, TARGET, TRAIN
from folds.schema import TEST as TEST_SPLIT
from pipeline.members import (
    PARTS,
    STACK,
    blended,
    keep_blend,
    members_of,
    outside,
    parts_of,
    seen_elsewhere,
    show_members,
)
from scripts import features, folds, verify
from scripts.features import TESTS, TRAINING
from scripts.score import short, subgroups
from scripts.stage import Job, main
from scripts.verify import SAMPLES
from stacking.baselines import fewer, naive
from stacking.blending.measure import BlendSheet
from stacking.blending.members import Members, blended_members
from stacking.blending.policies import Blended
from stacking.blocks import TEST as BLOCK_TEST
from stacking.blocks import Block, open_block
from stacking.fold import FOLD, SCORE, SPREAD, USE, train_fold
from stacking.importance import FILE as IMPORTANCES
from stacking.importance import over_folds
from stacking.matrix import NEVER, Matrix, Source, assemble, lazily, used_columns
from stacking.measure import stack_sheet
from stacking.oof import all_files, models_hash, out_of_fold
from stacking.unseen import FOLD_SPREAD, score_unseen
from workspace.errors import ConfigError, name_some
from workspace.units import Unit, find, making, open_unit

VERSION = 3  # another one trains anew where boosters are kept
SCORES = "scores.parquet"
OOF, TEST = "oof_stack.parquet", "test_stack.parquet"
METRICS, IMPORTANCE = "metrics.json", "importance.csv"


@dataclass(frozen=True)
class Inputs:
    """What a stack is made of, read when it is first asked for."""

    job: Job
    folded: Unit
    featured: Unit
    rows: pl.DataFrame  # ID, fold, target, group of the rows to train on, fold after fold
    blocks: tuple[Block, ...]

    @cached_property
    def matrix(self) -> Matrix:
        """All columns of all training rows."""
        return assemble(self.rows, self._sources())

    def learnt(self, columns: Sequence[str], fold: int) -> Matrix:
        """These columns of all training rows, as the boosters of this fold may learn from them."""
        some = set(columns)
        if not any(block.nested and some.intersection(block.columns) for block in self.blocks):
            return self.matrix.select(columns)
        return assemble(self.rows, self._sources(fold)).select(columns)

    def view(self, rows: pl.DataFrame, file: str, fold: int) -> Matrix:
        """The same columns of rows outside the folds, as the makers of this fold see them."""
        sources = [self._features(file), *(block.unseen(fold) for block in self.blocks)]
        return assemble(rows, map(self.used, sources))

    @cached_property
    def fold_numbers(self) -> list[int]:
        return sorted(set(self.rows[FOLD].to_list()) - {NEVER})

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The names of the matrix, known without it."""
        own = [name for block in self.blocks for name in block.columns]
        names = [*self.featured.facts["names"], *own]
        return tuple(used_columns(names, self.job.recipe.stack.leave_out))

    def columns_of(self, name: str) -> tuple[str, ...]:
        """The columns of the stack, or of a part of it."""
        return self.columns if name == STACK else parts_of(self.columns)[name]

    def ids(self, split: str) -> pl.DataFrame:
        """The rows of another split, by id."""
        table = self.folded.parquet(FILE, [ID, SPLIT])
        return table.filter(pl.col(SPLIT) == split).select(ID).sort(ID)

    def hashes(self, columns: Sequence[str], fold: int | None = None) -> dict[str, str]:
        """What boosters on these columns, of one fold if nested, depend on besides the recipe."""
        used = {FILE: self.folded.sha256(FILE), TRAINING: self.featured.sha256(TRAINING)}
        some = [block for block in self.blocks if set(block.columns) & set(columns)]
        return used | {name: sha for block in some for name, sha in block.hashes(fold).items()}

    def tables(self) -> Source:
        """The features of the training rows."""
        return self.used(self._features(TRAINING))

    def _sources(self, fold: int | None = None) -> list[Source]:
        return [self.tables(), *(self.used(block.training(fold)) for block in self.blocks)]

    def _features(self, file: str) -> Source:
        return lazily(file, self.featured.facts["names"], lambda: self.featured.lazy(file))

    def used(self, source: Source) -> Source:
        """Its columns but those that the recipe leaves out."""
        columns = tuple(name for name in source.columns if name in self._wanted)
        return replace(source, columns=columns)

    @cached_property
    def _wanted(self) -> frozenset[str]:
        return frozenset(self.columns)


def run(job: Job) -> Unit:
    """The stack's scores and what they are worth, made if they are not there yet."""
    inputs = gather(job)
    columns = {STACK: inputs.columns, **parts_of(inputs.columns), **fewer(inputs.columns)}
    trained = {
        name: {fold: _fold(inputs, name, some, fold) for fold in inputs.fold_numbers}
        for name, some in columns.items()
    }
    folder, config = job.run / STACK, job.recipe
    part = {
        "score": config.score.model_dump(mode="json"),
        "average": config.stack.average,
        "blend": config.blend.model_dump(mode="json"),
        "version": VERSION,
    }
    used = {unit.folder.name: all_files(unit) for by in trained.values() for unit in by.values()}
    for block in inputs.blocks:  # its scores are a member's, even where no column is used
        used |= block.hashes() | {f"{block.unit.folder.name} test": block.unit.sha256(BLOCK_TEST)}
    used |= {SAMPLES: job.need(verify.run).sha256(SAMPLES), TESTS: inputs.featured.sha256(TESTS)}
    wanted = job.wanted(STACK, part, used | inputs.hashes(inputs.columns))
    done = find(folder, wanted, job.hashes, on_change="redo", fresh=job.fresh)
    if done is not None:
        job.say(f"stack: nothing to do, {folder} is up to date.")
        return done
    with making(folder, wanted) as draft:
        oof = {name: _out_of_fold(inputs, units) for name, units in trained.items()}
        metrics = _measured(inputs, oof)
        found = _blended(inputs, oof)
        if found is not None:
            metrics["blend"] = found.sheet
        if found is not None and found.chosen is not None:
            keep_blend(draft, found.blended, found.chosen.last)  # for new data
        draft.parquet(OOF, _handed_in(oof[STACK], found))
        draft.parquet(TEST, _outside(inputs, trained, found))
        draft.csv(IMPORTANCE, over_folds(trained[STACK]))
        draft.json(METRICS, metrics)
        draft.facts["pauc"] = metrics["stack"]["metrics"]["pauc"]["value"]
    done = open_unit(folder, STACK)
    show_stack(job, done.json(METRICS))
    job.say(f"stack: see {folder}: {METRICS}, {OOF}, {TEST}, {IMPORTANCE}.", **done.facts)
    return done


def gather(job: Job) -> Inputs:
    """Folds, features and blocks of the run, made first where needed."""
    repeats = job.recipe.folds.repeats
    if repeats > 1:
        raise ConfigError(
            f"The stack works on one repeat of the folds; folds.repeats is {repeats}."
        )
    folded, featured = job.need(folds.run), job.need(features.run)
    samples = job.need(verify.run).parquet(SAMPLES, [ID, TARGET])
    table = load_folds(folded, samples).join(samples, on=ID, how="left", validate="1:1")
    columns = [ID, pl.col(FOLD).fill_null(NEVER), TARGET, GROUP]
    rows = table.filter(pl.col(SPLIT) == TRAIN).select(columns).sort(FOLD, ID)
    units = [open_unit(Path(folder), STACK) for folder in job.recipe.stack.blocks]
    if job.recipe.stack.networks:
        if (rows[FOLD] == NEVER).any():
            raise ConfigError(
                "Networks say nothing out of fold of rows that no fold holds out; take a "
                "folds.scheme that holds out every row, or stack.networks=false."
            )
        from scripts import embed  # noqa: PLC0415 - torch takes seconds to import

        units += job.need(embed.run).values()
    _check_names([unit.folder.name for unit in units])
    opened = [open_block(unit, rows, folded.facts["fold_hash"]) for unit in units]
    _check_nested(job.recipe.stack.nested, opened)
    return Inputs(job, folded, featured, rows, tuple(opened))


def _check_names(blocks: Sequence[str]) -> None:
    """A block's folder names it among the members, and in what boosters were made from."""
    taken = {name for name in blocks if blocks.count(name) > 1 or name in (STACK, *PARTS)}
    if taken:
        raise ConfigError(
            f"Blocks are called as another score is: {name_some(sorted(taken))}; rename their "
            "folders."
        )


def _check_nested(nested: bool, blocks: Sequence[Block]) -> None:
    """Rows made for boosters of each fold alone are of no use to others, nor others' to them."""
    other = [b.name for b in blocks if b.nested != nested and not b.same_for_all]
    if other:
        kind = "no rows made for each fold's boosters" if nested else "rows for nested boosters"
        raise ConfigError(
            f"stack.nested={str(nested).lower()}, but these blocks have {kind}: "
            f"{name_some(other)}; make them so, or leave them out of stack.blocks."
        )


def _fold(inputs: Inputs, name: str, columns: Sequence[str], fold: int) -> Unit:
    """One fold's boosters, trained if they are not there yet."""
    job, config = inputs.job, inputs.job.recipe.stack
    folder = job.run / "boosters" / f"{name}_fold_{fold}"
    if name != STACK:
        config = config.model_copy(update={"shap_rows": 0})
    part = {
        "stack": config.model_dump(
            mode="json", exclude={"average", "blocks", "networks", "nested", "leave_out"}
        ),
        "lightgbm": job.recipe.lightgbm.model_dump(mode="json"),
        "seed": job.recipe.seed,
        "columns": list(columns),
        "fold": fold,
        "version": VERSION,
    }
    wanted = job.wanted(STACK, part, inputs.hashes(columns, fold))
    done = find(folder, wanted, job.hashes, on_change="redo", fresh=job.fresh)
    if done is not None:
        return done
    matrix = inputs.learnt(columns, fold)
    with making(folder, wanted) as draft, job.progress(f"{name}, fold {fold}") as bar:
        trained = train_fold(matrix, fold, config, job.recipe.lightgbm, job.recipe.seed, bar)
        for model, text in trained.models.items():
            draft.text(model, text)
        draft.json(USE, trained.use)
        draft.parquet(SCORES, trained.scores)
        draft.parquet(IMPORTANCES, trained.importance)
        draft.facts["rounds"] = trained.rounds
    return open_unit(folder, STACK)


def _out_of_fold(inputs: Inputs, units: Mapping[int, Unit]) -> pl.DataFrame:
    parts = {fold: unit.parquet(SCORES) for fold, unit in units.items()}
    makers = {fold: models_hash(unit) for fold, unit in units.items()}
    table = out_of_fold(parts, makers, inputs.rows)
    return inputs.rows.join(table.drop(FOLD), on=ID, how="inner", validate="1:1").sort(ID)


def _measured(inputs: Inputs, scored: Mapping[str, pl.DataFrame]) -> dict[str, Any]:
    job, oof = inputs.job, scored[STACK]
    plain, chosen = naive(inputs.matrix)
    scores = {
        name: other.select(ID, SCORE)
        for name, other in scored.items()
        if name not in (STACK, *PARTS)
    }
    for name in plain.columns[2:]:
        scores[name] = plain.select(ID, pl.col(name).alias(SCORE))
    clinical = job.need(verify.run).parquet(SAMPLES).drop(TARGET)
    rows = oof.join(clinical, on=ID, how="left", validate="1:1", maintain_order="left")
    with job.progress("Drawing patients again") as bar:
        found = stack_sheet(rows, scores, _patient(job), subgroups(rows), job.recipe.score, bar)
    return {**found, "best_column": chosen, "group": job.recipe.data.group}


def _patient(job: Job) -> str | None:
    return GROUP if job.recipe.data.group != "none" else None


@dataclass(frozen=True)
class Found:
    """The members, what they are worth, and the blend that the recipe hands in."""

    members: Members
    blended: Members  # those of them that the recipe blends
    sheet: BlendSheet
    chosen: Blended | None  # None: the stack itself


def _blended(inputs: Inputs, oof: Mapping[str, pl.DataFrame]) -> Found | None:
    """Members and blends; None where the stack is the only member."""
    job = inputs.job
    own = {name: table for name, table in oof.items() if name in (STACK, *PARTS)}
    members = members_of(job, inputs.rows, own, inputs.blocks)
    if members is None:
        return None
    sheet, blends = blended(job, members, _patient(job))
    some = blended_members(members, job.recipe.blend)
    return Found(members, some, sheet, blends.get(job.recipe.blend.policy))


def _handed_in(oof: pl.DataFrame, found: Found | None) -> pl.DataFrame:
    """The stack's rows with the score of what is handed in, by id."""
    if found is None or found.chosen is None:
        return oof
    score = found.members.rows.select(ID).with_columns(pl.Series(SCORE, found.chosen.score))
    return oof.drop(SCORE, SPREAD).join(
        score, on=ID, how="left", validate="1:1", maintain_order="left"
    )


def _outside(
    inputs: Inputs, trained: Mapping[str, Mapping[int, Unit]], found: Found | None
) -> pl.DataFrame:
    """Scores of the test set, then of the holdout, by all folds."""
    job, parts = inputs.job, []
    for split, file in ((TEST_SPLIT, TESTS), (HOLDOUT, TRAINING)):
        ids = inputs.ids(split)
        if len(ids) == 0:
            continue
        view = partial(inputs.view, ids, file)
        if found is None or found.chosen is None:
            scores = score_unseen(view, trained[STACK], job.recipe.stack.average)
        else:
            stacked = {
                name: (partial(_part_of, view, inputs.columns_of(name)), trained[name])
                for name in (STACK, *PARTS)
                if name in trained
            }
            seen = partial(seen_elsewhere, inputs.blocks, ids)
            scores = outside(found.blended, found.chosen.last, ids, stacked, seen)
        parts.append(scores.with_columns(pl.lit(split).alias(SPLIT)))
    columns = {ID: pl.String, SCORE: pl.Float64, FOLD_SPREAD: pl.Float64, SPLIT: pl.String}
    return pl.concat([pl.DataFrame(schema=columns), *parts])


def _part_of(view: Callable[[int], Matrix], columns: Sequence[str], fold: int) -> Matrix:
    return view(fold).select(columns)


def show_stack(job: Job, metrics: dict[str, Any]) -> None:
    """The stack beside its baselines, then its folds."""
    sheet, folded, config = metrics["stack"], metrics["folds"], job.recipe.score
    job.say(
        f"stack: out of fold, {plural(sheet['n'], 'row')}, {plural(sheet['positives'], 'positive')}"
        + (f", {sheet['patients']} {metrics['group']}s." if sheet["patients"] else ".")
    )
    table = Table("scores", box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    for name in (f"pAUC above {100 * config.min_tpr:.6g}% TPR", "AUC", "stack minus this, pAUC"):
        table.add_column(name, no_wrap=True)
    table.add_row("stack", *(short(sheet["metrics"][name]) for name in ("pauc", "auc")), "")
    for name, found in metrics["baselines"].items():
        values = (short(found["metrics"][metric]) for metric in ("pauc", "auc"))
        table.add_row(name, *values, short(found["stack_minus_this"]["pauc"]))
    job.console.print(table)
    if "blend" in metrics:
        show_members(job, metrics["blend"])
    each = ", ".join(f"{entry['metrics']['pauc']['value']:.4f}" for entry in folded["folds"])
    job.say(
        f"stack: pAUC by fold {each}; mean {folded['mean']['pauc']:.4f}"
        + (f", sd {folded['sd']['pauc']:.4f}" if folded["sd"]["pauc"] is not None else "")
        + f"; {folded['pooled_is']}: {folded['pooled']['pauc']['value']:.4f}."
    )
    for note in sheet["notes"]:
        job.say(f"notice: {note}")


if __name__ == "__main__":
    main(run)
