"""The stack as tasks: boosters of every fold, of the stack and of what it stands beside; its join.

A fold's boosters lie in <run>/boosters/<name>_fold_<k>/, all of it together in <run>/stack/.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import polars as pl

from folds.groups import patient_column
from folds.schema import HOLDOUT, ID, SPLIT, TARGET
from folds.schema import TEST as TEST_SPLIT
from metrics.cohort import cohort
from metrics.score_sheet import ScoreConfig
from pipeline.declared import declaration, declared_by
from pipeline.job import Job
from pipeline.members import (
    MatrixOf,
    blended,
    blended_unseen,
    keep_blend,
    members_of,
    network_scores,
)
from pipeline.samples import SAMPLES
from pipeline.stack_rows import StackFiles, StackRows, open_stack
from pipeline.submission_scores import subgroups_of
from pipeline.unit_files import TESTS, TRAINING
from pipeline.unseen_members import PARTS, STACK, parts_of
from stacking.baselines import fewer, naive
from stacking.blending.config import BlendConfig
from stacking.blending.handed_in import HandedIn
from stacking.blending.policies import FLAG, flag_scores
from stacking.blocks import TEST as BLOCK_TEST
from stacking.boosters.booster import BoosterConfig
from stacking.boosters.known import check_installed
from stacking.calibration.config import CalibrationConfig
from stacking.calibration.kept import FILE as CALIBRATION
from stacking.calibration.kept import PROBABILITY, Calibrated
from stacking.calibration.measure import CalibrationSheet, calibration_sheet
from stacking.category_codes import check_blind
from stacking.config import StackConfig
from stacking.fold import train_fold
from stacking.importance import FILE as IMPORTANCES
from stacking.importance import over_folds
from stacking.matrix import Matrix
from stacking.measure import stack_sheet
from stacking.oof import models_hash, out_of_fold
from stacking.thresholds import FILE as THRESHOLD
from stacking.thresholds import threshold_sheet
from stacking.unseen import FOLD_SPREAD, ODDS_SPREAD, score_unseen
from stacking.use import FOLD, SCORE, USE
from workspace.orders import Needs
from workspace.tasks import Output, Task
from workspace.units import Draft, Unit, open_unit

SCORES = "scores.parquet"
BESIDES = {"average", "blocks", "boosters", "networks", "nested", "leave_out"}  # read elsewhere
OOF, TEST = "oof_stack.parquet", "test_stack.parquet"
METRICS, IMPORTANCE = "metrics.json", "importance.csv"
Boosters = Mapping[str, Mapping[int, Path]]  # by name and fold


@dataclass(frozen=True)
class JoinConfigs:
    """What of a recipe the joined stack depends on."""

    score: ScoreConfig
    blend: BlendConfig
    average: Literal["probability", "rank"]
    group: str
    calibration: CalibrationConfig = field(default_factory=CalibrationConfig)
    others: tuple[str, ...] = ()  # boosters that are members beside the stack's own

    @property
    def grown(self) -> tuple[str, ...]:
        """The members that boosters are."""
        return (STACK, *self.others, *PARTS)


def boosting(job: Job, files: StackFiles) -> dict[str, dict[int, Task]]:
    """A task for the boosters of each fold: of the stack, its parts, others, its baselines."""
    rows, others = open_stack(files), job.recipe.stack.boosters[1:]
    check_installed(job.recipe.stack.boosters)
    check_blind(rows.columns, job.recipe.stack.blind)
    columns = {STACK: rows.columns, **dict.fromkeys(others, rows.columns)}
    columns |= {**parts_of(rows.columns), **fewer(rows.columns)}
    return {
        name: {fold: _boosting(job, rows, name, some, fold) for fold in rows.fold_numbers}
        for name, some in columns.items()
    }


def joining(job: Job, files: StackFiles, boosters: Mapping[str, Mapping[int, Task]]) -> Task:
    """The stack's scores and what they are worth, of all these boosters."""
    rows, recipe = open_stack(files), job.recipe
    inputs: dict[str, str | Output] = {
        task.folder.name: Output(task) for by in boosters.values() for task in by.values()
    }
    for block in rows.blocks:  # its scores are a member's, even where no column is used
        inputs |= block.hashes() | {f"{block.unit.folder.name} test": block.unit.sha256(BLOCK_TEST)}
    samples = open_unit(files.samples, "verify")
    inputs |= {SAMPLES: samples.sha256(SAMPLES), TESTS: rows.featured.sha256(TESTS)}
    return Task(
        job.run / STACK,
        STACK,
        join_stack,
        settings={
            "score": recipe.score.model_dump(mode="json"),
            "average": recipe.stack.average,
            "blend": recipe.blending.model_dump(mode="json"),
            "calibration": recipe.calibration.model_dump(mode="json"),
        },
        inputs=inputs | rows.hashes(rows.columns),
        arguments={
            "files": files,
            "boosters": {n: {k: t.folder for k, t in by.items()} for n, by in boosters.items()},
            "configs": JoinConfigs(
                recipe.score,
                recipe.blending,
                recipe.stack.average,
                recipe.data.group,
                recipe.calibration,
                recipe.stack.boosters[1:],
            ),
        },
        needs=Needs(memory_gb=4.0),
    )


def grow_boosters(
    draft: Draft, files: StackFiles, what: tuple[str, int], columns: Sequence[str],
    configs: tuple[StackConfig, BoosterConfig], seed: int,
) -> None:  # fmt: skip
    """One fold's boosters; `what` is their name and the fold that they never see."""
    name, fold = what
    matrix = open_stack(files).learnt(columns, fold)
    with draft.progress(f"{name}, fold {fold}") as show:
        trained = train_fold(matrix, fold, *configs, seed, show)
    for model, text in trained.models.items():
        draft.text(model, text)
    draft.json(USE, trained.use)
    draft.parquet(SCORES, trained.scores)
    draft.parquet(IMPORTANCES, trained.importance)
    draft.facts["rounds"] = trained.rounds


def join_stack(draft: Draft, files: StackFiles, boosters: Boosters, configs: JoinConfigs) -> None:
    """All folds together: scores out of fold and of the test set, metrics, importance."""
    rows = open_stack(files)
    trained = {
        name: {fold: open_unit(folder, STACK) for fold, folder in by.items()}
        for name, by in boosters.items()
    }
    oof = {name: _out_of_fold(rows, units) for name, units in trained.items()}
    metrics = _measured(draft, rows, oof, configs)
    own = {name: table for name, table in oof.items() if name in configs.grown}
    members = members_of(draft.desk, configs.blend, rows.rows, own, rows.blocks)
    handed = HandedIn(oof[STACK])
    if members is not None:
        both, patient = (configs.blend, configs.score), patient_column(configs.group)
        metrics["blend"], blends = blended(draft.desk, members, both, patient)
        handed = HandedIn.of(oof[STACK], members, configs.blend, blends)
    if handed.blend is not None:
        keep_blend(draft, *handed.blend)  # for new data
    handed_in = handed.scores
    metrics["calibration"] = _calibrations(draft, handed_in, configs)
    calibrated = Calibrated.of(
        handed_in[SCORE].to_numpy(), handed_in[TARGET].to_numpy(), configs.calibration
    )
    if calibrated is not None:
        draft.json(CALIBRATION, calibrated.as_json())
    draft.parquet(OOF, handed_in)
    unseen = _unseen_scores(rows, trained, handed, calibrated, configs)
    draft.parquet(TEST, unseen)
    views, wanted = len(trained[STACK]), configs.blend.sensitivity
    alike = configs.average == "probability" or configs.blend.policy != STACK
    compared, by = flag_scores(unseen), handed.flagged_by
    sheet = threshold_sheet(handed.flagging, compared, views, wanted, alike=alike, flagged_by=by)
    draft.json(THRESHOLD, sheet)
    draft.csv(IMPORTANCE, over_folds(trained[STACK]))
    metrics.update(declaration(declared_by(rows.blocks)))
    draft.json(METRICS, metrics)
    draft.facts["pauc"] = metrics["stack"]["metrics"]["pauc"]["value"]


def _boosting(job: Job, rows: StackRows, name: str, columns: Sequence[str], fold: int) -> Task:
    recipe, config = job.recipe, job.recipe.stack
    booster = name if name in config.boosters[1:] else config.boosters[0]
    if name != STACK:
        config = config.model_copy(update={"shap_rows": 0})
    return Task(
        job.run / "boosters" / f"{name}_fold_{fold}",
        STACK,
        grow_boosters,
        settings={
            "stack": config.model_dump(mode="json", exclude=BESIDES),
            **recipe.booster_settings(booster),
            "seed": recipe.seed,
            "columns": list(columns),
            "fold": fold,
        },
        inputs=rows.hashes(columns, fold),
        arguments={
            "files": rows.files,
            "what": (name, fold),
            "columns": tuple(columns),
            "configs": (config, recipe.booster(booster)),
            "seed": recipe.seed,
        },
        needs=Needs(memory_gb=3.0),
    )


def _out_of_fold(rows: StackRows, units: Mapping[int, Unit]) -> pl.DataFrame:
    parts = {fold: unit.parquet(SCORES) for fold, unit in units.items()}
    makers = {fold: models_hash(unit) for fold, unit in units.items()}
    table = out_of_fold(parts, makers, rows.rows)
    return rows.rows.join(table.drop(FOLD), on=ID, how="inner", validate="1:1").sort(ID)


def _measured(
    draft: Draft, rows: StackRows, scored: Mapping[str, pl.DataFrame], configs: JoinConfigs
) -> dict[str, Any]:
    plain, chosen = naive(rows.matrix)
    scores = {
        name: other.select(ID, SCORE) for name, other in scored.items() if name not in configs.grown
    }
    for name in plain.columns[2:]:
        scores[name] = plain.select(ID, pl.col(name).alias(SCORE))
    clinical = open_unit(rows.files.samples, "verify").parquet(SAMPLES).drop(TARGET)
    table = scored[STACK].join(clinical, on=ID, how="left", validate="1:1", maintain_order="left")
    with draft.progress("Drawing patients again") as show:
        sheet = stack_sheet(
            table, scores, patient_column(configs.group), subgroups_of(table), configs.score, show
        )
    return {**sheet, "best_column": chosen, "group": configs.group}


def _calibrations(draft: Draft, oof: pl.DataFrame, configs: JoinConfigs) -> CalibrationSheet | None:
    """What each method would make of the score that is handed in; None: one fold, no others."""
    if oof[FOLD].n_unique() < 2:
        return None
    patient = patient_column(configs.group)
    target = oof[TARGET].to_numpy()
    whose = cohort(None if patient is None else oof[patient], target)
    with draft.progress("Drawing patients again, for calibration") as show:
        return calibration_sheet(
            oof[SCORE].to_numpy(), target, oof[FOLD].to_numpy(), whose=whose,
            config=configs.score, show=show,
        )  # fmt: skip


def _unseen_scores(
    rows: StackRows,
    trained: Mapping[str, Mapping[int, Unit]],
    handed: HandedIn,
    calibrated: Calibrated | None,
    configs: JoinConfigs,
) -> pl.DataFrame:
    """Scores of the test set, then of the holdout, by all folds."""
    tables = []
    for split, file in ((TEST_SPLIT, TESTS), (HOLDOUT, TRAINING)):
        ids = rows.ids(split)
        if len(ids) == 0:
            continue
        matrix_of = partial(rows.unseen, ids, file)
        if handed.blend is None:
            scores = score_unseen(matrix_of, trained[STACK], configs.average, calibrated=calibrated)
        else:
            stacked = {
                name: (partial(_part_of, matrix_of, rows.columns_of(name)), trained[name])
                for name in configs.grown
                if name in trained
            }
            seen = partial(network_scores, rows.blocks, ids)
            scores = blended_unseen(*handed.blend, ids, stacked, seen, calibrated)
        tables.append(scores.with_columns(pl.lit(split).alias(SPLIT)))
    columns = [SCORE, FOLD_SPREAD, ODDS_SPREAD]
    if handed.flagged_by is not None:
        columns += [f"{FLAG}{name}" for name in columns]
    columns += [] if calibrated is None else [PROBABILITY]
    schema = [(ID, pl.String), *((name, pl.Float64) for name in columns), (SPLIT, pl.String)]
    return pl.concat([pl.DataFrame(schema=schema), *tables])


def _part_of(matrix_of: MatrixOf, columns: Sequence[str], fold: int) -> Matrix:
    return matrix_of(fold).select(columns)
