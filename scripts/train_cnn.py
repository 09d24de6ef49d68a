"""make train-cnn: the recipe's networks on every fold, out of fold, and what they are worth.

Reads samples and folds (making them first where needed); trains stage 1 (the target) and stage 2
(the diagnosis of rows with target 1), and the recipe's extractors (the target, for embeddings) in
<run>/networks/<name>_fold_<k>/, then joins each network's folds in <run>/networks/<name>/
(oof.parquet, metrics.json) and both stages in <run>/cascade/. Nested stacks need a network more for
each pair of folds, in <run>/networks/<name>_fold_<j>_<k>/. FOLD=k trains one fold alone, with its
share of the pairs. A stopped training goes on where it was.
"""

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np
import polars as pl

from folds.findings import Findings
from folds.frozen import FILE
from folds.groups import GROUP
from folds.images import ImageReader
from folds.schema import ID, IMAGE
from metrics.classification import predicted_class
from models.cascade import kept
from models.cascade.fold import Floats, Ints, Left, Stage
from models.cascade.measure import (
    CLAIMS,
    against,
    cascade_calls,
    cascade_sheet,
    shares_of,
    stage_sheet,
)
from models.cascade.source_only import source_columns, source_scores
from pipeline.job import Job
from pipeline.networks import (
    LAST,
    NO_NETWORK,
    STAGE,
    Inputs,
    begin_anew,
    fold_unit,
    gather,
    held_out,
    maker_of,
    probability_columns,
    unit_name,
)
from reports.networks import cascade_tables, tables
from scripts.stage import main
from stacking.blocks import OOF
from stacking.fold import FOLD
from stacking.matrix import NEVER
from stacking.oof import check_oof
from workspace.errors import ConfigError
from workspace.units import Unit, find, making, open_unit

METRICS, CALLS = "metrics.json", "calls.parquet"


def run(job: Job) -> dict[str, Unit]:
    """All networks on all folds; or on the one fold that was asked for, which joins nothing."""
    inputs, findings = gather(job), Findings()
    stages = inputs.stages(findings)
    job.show_notices(findings)
    wanted = _folds(job, list(inputs.parts))
    if not stages:
        if not job.recipe.encoders.keys() & set(job.recipe.networks):
            raise ConfigError(NO_NETWORK)
        job.say("train-cnn: the recipe has encoders alone, which learn nothing; nothing to do.")
        return {}
    # Each pair is one fold's, by turns, so that every machine has as many.
    pairs = [pair for pair in inputs.pairs if pair[sum(pair) % 2] in wanted]
    lefts: list[Left] = [*wanted, *pairs]
    if job.fresh:
        names = [unit_name(s.name, left) for s in stages for left in lefts]
        inputs = begin_anew(inputs, names)
    units = {stage.name: {k: fold_unit(inputs, stage, k) for k in wanted} for stage in stages}
    for stage, pair in product(stages, pairs):
        fold_unit(inputs, stage, pair)
    if len(wanted) < len(inputs.parts):
        job.say(
            f"train-cnn: fold {wanted[0]} is trained; {STAGE} without FOLD= trains the others and "
            "joins them."
        )
        return {}
    joined = {stage.name: _joined(inputs, stage, units[stage.name]) for stage in stages}
    if {"stage1", "stage2"} <= joined.keys():
        _cascade(inputs, stages, joined)
    places = ", ".join(str(unit.folder) for unit in joined.values())
    job.say(f"train-cnn: see {places}: {METRICS}, {OOF}.")
    return joined


def _folds(job: Job, known: list[int]) -> list[int]:
    text = job.words.get("fold", "")
    if not text:
        return known
    if not text.isdecimal() or int(text) not in known:
        raise ConfigError(f"There is no fold FOLD={text}; there are {', '.join(map(str, known))}.")
    return [int(text)]


def _joined(inputs: Inputs, stage: Stage, units: Mapping[int, Unit]) -> Unit:
    """All folds of a network as one table with its metrics."""
    job, folder = inputs.job, inputs.job.run / "networks" / stage.name
    part = {"score": job.recipe.score.model_dump(mode="json"), "version": 1}
    hashes = {unit.folder.name: maker_of(unit) for unit in units.values()}
    hashes[FILE] = inputs.folded.sha256(FILE)
    wanted = job.wanted(STAGE, part, hashes)
    done = find(folder, wanted, job.hashes, on_change="redo", fresh=job.fresh)
    if done is not None:
        job.say(f"{stage.name}: nothing to do, {folder} is up to date.")
        if job.stage == STAGE:  # another stage that needs it has things of its own to tell
            job.show(tables(stage.name, done.json(METRICS)))
        return done
    names = probability_columns(stage.name, stage.classes)
    table = held_out(inputs, units, [*names, *(f"{LAST}{name}" for name in names)])
    with making(folder, wanted) as draft:
        every = pl.concat([inputs.rows.select(ID, FOLD), inputs.blind.select(ID, FOLD)])
        rows = every.with_columns(pl.col(FOLD).fill_null(NEVER).cast(pl.Int16))
        check_oof(table, rows, stage.name)
        draft.parquet(OOF, table.drop(f"{LAST}{name}" for name in names))
        draft.json(METRICS, _measured(inputs, stage, units, table))
        draft.facts["fold_hash"] = inputs.folded.facts["fold_hash"]
        draft.facts["makers"] = {str(fold): maker_of(unit) for fold, unit in units.items()}
        draft.facts["classes"] = list(stage.classes)
    done = open_unit(folder, STAGE)
    job.show(tables(stage.name, done.json(METRICS)))
    return done


def _measured(
    inputs: Inputs, stage: Stage, units: Mapping[int, Unit], table: pl.DataFrame
) -> dict[str, Any]:
    """Metrics of the best inner epoch and of the last epoch, each named, beside the claims."""
    job, names = inputs.job, probability_columns(stage.name, stage.classes)
    rows = _of_stage(inputs, stage, table)
    patient = None if job.recipe.data.group == "none" else rows[GROUP]
    uses = {fold: kept.use_of(unit, stage.classes) for fold, unit in units.items()}
    true = rows["label"].to_numpy()
    found: dict[str, Any] = {
        "stage": stage.name, "classes": list(stage.classes), "claim": CLAIMS.get(stage.name),
        "group": job.recipe.data.group,
    }  # fmt: skip
    for what, prefix in (("best_epoch", ""), ("last_epoch", LAST)):
        probability = shares_of(rows.select(f"{prefix}{name}" for name in names).to_numpy())
        limits = {
            fold: use.threshold if prefix == "" else use.last_threshold
            for fold, use in uses.items()
        }
        called = _calls(stage, rows, probability, limits)
        found[what] = stage_sheet(
            true, called, probability, stage.classes, patient, job.recipe.score
        )
    found["folds"] = [
        {
            "fold": fold, "best_epoch": use.best_epoch + 1, "inner_score": use.inner_score,
            "inner_score_is": f"{stage.config.watch} of inner rows, on which the epoch was chosen"
            if use.inner_score is not None else None,
            "threshold": use.threshold, "last_threshold": use.last_threshold,
            "epochs": unit.json(kept.HISTORY)[-1]["epoch"],
        }
        for (fold, unit), use in zip(units.items(), uses.values(), strict=True)
    ]  # fmt: skip
    if stage.name == "stage1":
        found["source_only"] = _source_only(inputs, stage, rows, patient)
    return found


def _of_stage(inputs: Inputs, stage: Stage, table: pl.DataFrame) -> pl.DataFrame:
    """The held-out rows that have a class of the stage, with its place and their patient."""
    labelled = inputs.rows.select(ID, GROUP).with_columns(pl.Series("label", stage.labels))
    rows = table.join(labelled, on=ID, how="inner", validate="1:1", maintain_order="left")
    return rows.filter(pl.col("label") >= 0)


def _calls(
    stage: Stage, rows: pl.DataFrame, probability: Floats, limits: Mapping[int, float | None]
) -> Ints:
    """Stage 1 by each fold's own threshold, others by the greatest probability."""
    if stage.name != "stage1":
        return predicted_class(probability)
    limit = rows[FOLD].replace_strict(dict(limits)).to_numpy()
    return (probability[:, 1] >= limit).astype(np.int64)


def _source_only(
    inputs: Inputs, stage: Stage, rows: pl.DataFrame, patient: pl.Series | None
) -> dict[str, Any]:
    """The baseline that sees no lesion, on the same folds; ours minus it, paired."""
    reader = ImageReader(inputs.job.recipe.data.folder)
    with inputs.job.progress("Looking at sources") as bar:
        columns = source_columns(reader, inputs.rows[IMAGE].to_list(), bar, 4)
    splits = [(part.training, held) for part, held in inputs.parts.values()]
    scores = source_scores(columns, stage.labels, splits)
    other = pl.DataFrame({ID: inputs.rows[ID], "source_only": scores})
    both = rows.join(other, on=ID, how="left", validate="1:1", maintain_order="left")
    [name] = probability_columns(stage.name, stage.classes)
    return against(
        both["label"].to_numpy(), both[name].to_numpy(), both["source_only"].to_numpy(), patient,
        inputs.job.recipe.score,
    )  # fmt: skip


def _cascade(inputs: Inputs, stages: list[Stage], joined: Mapping[str, Unit]) -> Unit:
    """Both stages end to end, on the rows whose class is known to both."""
    job, folder = inputs.job, inputs.job.run / "cascade"
    part = {"score": job.recipe.score.model_dump(mode="json"), "version": 1}
    hashes = {name: joined[name].sha256(OOF) for name in ("stage1", "stage2")}
    wanted = job.wanted(STAGE, part, hashes | {METRICS: joined["stage1"].sha256(METRICS)})
    done = find(folder, wanted, job.hashes, on_change="redo", fresh=job.fresh)
    if done is not None:
        if job.stage == STAGE:
            job.show(cascade_tables(done.json(METRICS)))
        return done
    first, second = (next(s for s in stages if s.name == name) for name in ("stage1", "stage2"))
    limits = {
        entry["fold"]: entry["threshold"] for entry in joined["stage1"].json(METRICS)["folds"]
    }
    [name], names = (probability_columns(s.name, s.classes) for s in (first, second))
    table = joined["stage1"].parquet(OOF, [ID, FOLD, name]).join(
        joined["stage2"].parquet(OOF, [ID, *names]), on=ID, how="inner", validate="1:1"
    )  # fmt: skip
    true = np.where(second.labels >= 0, 1 + second.labels, np.where(first.labels == 0, 0, -1))
    labelled = inputs.rows.select(ID, GROUP).with_columns(pl.Series("label", true))
    known = table.join(labelled, on=ID, how="inner", validate="1:1").sort(ID)
    rows = known.filter(pl.col("label") >= 0)
    goes_on = (rows[name] >= rows[FOLD].replace_strict(limits)).to_numpy()
    called = cascade_calls(goes_on, shares_of(rows.select(names).to_numpy()))
    classes = (first.classes[0], *second.classes)
    patient = None if job.recipe.data.group == "none" else rows[GROUP]
    with making(folder, wanted) as draft:
        sheet = cascade_sheet(rows["label"].to_numpy(), called, classes, patient, job.recipe.score)
        left_out = len(known) - len(rows)
        draft.json(METRICS, {"classes": list(classes), "left_out": left_out, **sheet})
        draft.parquet(
            CALLS, rows.select(ID, FOLD, "label").with_columns(pl.Series("called", called))
        )
    done = open_unit(folder, STAGE)
    job.show(cascade_tables(done.json(METRICS)))
    return done


if __name__ == "__main__":
    main(run, words={"fold": "train this fold alone"})
