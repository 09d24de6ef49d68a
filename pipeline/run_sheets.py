"""What the finished units of a run say, as its page reads it."""

import re
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import polars as pl

from folds.groups import GROUP
from folds.schema import TARGET
from models.networks.names import in_words
from pipeline.ablations import FILE as ABLATION
from pipeline.blocks import DRIFT, WARNINGS
from pipeline.comparisons import COMPARISON
from pipeline.distill import ABSTENTION, PARETO
from pipeline.distill import SHEET as STUDENTS
from pipeline.distill_study import SHEET as STUDY
from pipeline.export import FOLDER as EXPORT
from pipeline.export import SHEET as BUNDLE
from pipeline.handed_in import FILE as SUBMISSION
from pipeline.hospitals import SHEET as HOSPITAL_SHEET
from pipeline.label_efficiency import FILE as LABELS
from pipeline.label_efficiency import PICTURE as CURVES
from pipeline.run_units import COST, HISTORY, SCORES, finished_units, fold_networks, makings
from pipeline.stacked import IMPORTANCE, METRICS, OOF
from pipeline.submission_scores import FILE as SCORED
from pipeline.suite import LEADERBOARD
from pipeline.tuned import SHEET, TRIALS
from pipeline.tuning import TUNE
from pipeline.typed import Typed
from reports.run.provenance import BLOCKS, NETWORKS
from reports.run.sheets import Block, RunSheets, Training
from reports.run.units import part_of
from stacking.blocks import LEARNT_NOTHING
from stacking.calibration.config import Method
from stacking.calibration.kept import PROBABILITY
from stacking.calibration.measure import cross_fitted
from stacking.use import FOLD, SCORE
from workspace.units import Unit

DRAWINGS = {"label_efficiency": (CURVES,), "distill/sheet": (PARETO, ABSTENTION)}


def sheets_of(run: Path, recipe: Mapping[str, Any], typed: Typed) -> RunSheets:
    """The contents of the units, each checked against its hash before it is read."""
    units, trained = finished_units(run), fold_networks(run)
    stacked, submission, tuned = (units.get(name) for name in ("stack", "submission", TUNE))
    networks = {n.removeprefix(NETWORKS): u for n, u in units.items() if n.startswith(NETWORKS)}
    rows, method = _handed_in(stacked, recipe) if stacked else (None, None)
    return RunSheets(
        recipe=recipe,
        again=typed.words,
        unsaid=typed.unsaid,
        manifests={name: unit.manifest for name, unit in units.items()},
        makings=makings(run),
        verified=_json(units, "samples", "verify.json"),
        balance=_json(units, "folds", "balance.json"),
        stacked=_json(units, "stack", METRICS),
        rows=rows,
        mapped_by=method,
        importance=_csv(stacked, IMPORTANCE) if stacked else None,
        networks={name: unit.json(METRICS) for name, unit in networks.items()},
        trainings=trainings_of(trained),
        blocks={
            unit.folder.name: _block(unit)
            for unit in _below(units, BLOCKS)
            if {"anchors", "makers"} <= unit.facts.keys()
        },
        cascade=_json(units, "cascade", METRICS),
        tuned=(tuned.json(SHEET), tuned.parquet(TRIALS)) if tuned else None,
        hospitals=_json(units, COST, HOSPITAL_SHEET),
        leaks=_json(units, "leaks", "leaks.json"),
        comparison=_json(units, "comparison/all", COMPARISON),
        ablation=_json(units, "ablation", ABLATION),
        label_efficiency=_json(units, "label_efficiency", LABELS),
        signs={unit.folder.name: unit.facts for unit in trained.values() if "signs" in unit.facts},
        distill=_json(units, "distill/sheet", STUDENTS),
        distill_study=_json(units, "distill/study", STUDY),
        suite=_json(units, "suite/leaderboard", LEADERBOARD),
        bundles={unit.folder.name: unit.json(BUNDLE) for unit in _below(units, f"{EXPORT}/")},
        scored={unit.folder.name: unit.json(SCORED) for unit in _below(units, SCORES)},
        drawings={
            file: units[name].text(file)
            for name, files in DRAWINGS.items()
            if name in units
            for file in files
        },
        handed_in=_csv(submission, SUBMISSION)[TARGET] if submission else None,
    )


def _below(units: Mapping[str, Unit], folder: str) -> list[Unit]:
    return [unit for name, unit in units.items() if name.startswith(folder)]


def _block(unit: Unit) -> Block:
    return Block(
        drift=unit.json(DRIFT),
        folds=sorted(int(fold) for fold in unit.facts["makers"]),
        anchors=unit.facts["anchors"],
        method=unit.manifest.settings["align"]["method"],
        learns=not unit.facts.get(LEARNT_NOTHING),
        warnings=unit.json(WARNINGS),
    )


def trainings_of(units: Mapping[str, Unit]) -> dict[str, list[Training]]:
    """By network, the folds in their order; where there are several seeds, these first."""
    parts: dict[str, list[tuple[str, Unit]]] = {}
    for folder, unit in units.items():
        parts.setdefault(part_of(folder).replace(NETWORKS, ""), []).append((folder, unit))
    return {name: _trainings(parts[name]) for name in sorted(parts, key=_as_read)}


def _as_read(name: str) -> list[tuple[int, str]]:
    """For an order in which 5 comes before 10."""
    words = re.findall(r"\d+|\D+", name)
    return [(int(word), "") if word.isdigit() else (-1, word) for word in words]


def _trainings(units: Sequence[tuple[str, Unit]]) -> list[Training]:
    several = len({unit.manifest.settings["seed"] for _, unit in units}) > 1
    ordered = sorted(units, key=lambda one: _place(one[1].manifest.settings))
    return [_training(folder, unit, several=several) for folder, unit in ordered]


def _place(settings: Mapping[str, Any]) -> tuple[int, int, list[int]]:
    """Of single folds before pairs of them."""
    held_out = settings["fold"]
    folds = [held_out] if isinstance(held_out, int) else list(held_out)
    return settings["seed"], len(folds), folds


def _training(folder: str, unit: Unit, *, several: bool) -> Training:
    settings = unit.manifest.settings
    held_out, seed = settings["fold"], f"seed {settings['seed']}"
    words = in_words(held_out if isinstance(held_out, int) else tuple(held_out))
    if not folder.startswith(NETWORKS):
        words = seed  # a split of its own has no folds
    elif several:
        words = f"{seed}, {words}"
    return Training(
        name=words,
        history=unit.json(HISTORY),
        watch=settings["training"]["watch"],
        chosen=settings["training"]["choose"] == "inner",
        best_epoch=unit.facts["best_epoch"],
    )


def _handed_in(stacked: Unit, recipe: Mapping[str, Any]) -> tuple[pl.DataFrame, Method | None]:
    """Its rows out of fold, with probabilities by maps of the other folds where the stack had any.

    By the recipe's own method; scores that are handed out as they are, by two numbers (Platt's).
    """
    rows = stacked.parquet(OOF, [TARGET, SCORE, FOLD, GROUP])
    if stacked.json(METRICS).get("calibration") is None:
        return rows, None
    own: Literal["none"] | Method = recipe["calibration"]["method"]
    method: Method = "platt" if own == "none" else own
    columns = (rows[name].to_numpy() for name in (SCORE, TARGET, FOLD))
    return rows.with_columns(pl.Series(PROBABILITY, cross_fitted(method, *columns))), method


def _json(units: Mapping[str, Unit], name: str, file: str) -> Any:
    return units[name].json(file) if name in units else None


def _csv(unit: Unit, file: str) -> pl.DataFrame:
    return pl.read_csv(BytesIO(unit.text(file).encode()), infer_schema_length=None)
