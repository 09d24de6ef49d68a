"""What the finished units of a run say, as its page reads it."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

import polars as pl

from folds.schema import TARGET
from models.networks.network import in_words
from pipeline.handed_in import FILE as SUBMISSION
from pipeline.hospitals import SHEET as HOSPITAL_SHEET
from pipeline.run_units import COST, HISTORY
from pipeline.stacked import IMPORTANCE, METRICS, OOF
from pipeline.tuned import SHEET, TRIALS
from pipeline.tuning import TUNE
from reports.run.provenance import NETWORKS
from reports.run.sheets import RunSheets, Training
from reports.run.units import part_of
from stacking.fold import FOLD, SCORE
from workspace.manifest import Making
from workspace.units import Unit


def sheets_of(
    units: Mapping[str, Unit],
    trained: Mapping[str, Unit],
    made: Mapping[str, Making],
    recipe: Mapping[str, Any],
    again: str,
) -> RunSheets:
    """The contents of the units, each checked against its hash before it is read."""
    stacked, submission, tuned = (units.get(name) for name in ("stack", "submission", TUNE))
    networks = {n.removeprefix(NETWORKS): u for n, u in units.items() if n.startswith(NETWORKS)}
    return RunSheets(
        recipe=recipe,
        again=again,
        manifests={name: unit.manifest for name, unit in units.items()},
        makings=made,
        verified=_json(units, "samples", "verify.json"),
        balance=_json(units, "folds", "balance.json"),
        stacked=_json(units, "stack", METRICS),
        rows=stacked.parquet(OOF, [TARGET, SCORE, FOLD]) if stacked else None,
        importance=_csv(stacked, IMPORTANCE) if stacked else None,
        networks={name: unit.json(METRICS) for name, unit in networks.items()},
        trainings=trainings_of(trained),
        cascade=_json(units, "cascade", METRICS),
        tuned=(tuned.json(SHEET), tuned.parquet(TRIALS)) if tuned else None,
        hospitals=_json(units, COST, HOSPITAL_SHEET),
        leaks=_json(units, "leaks", "leaks.json"),
        handed_in=_csv(submission, SUBMISSION)[TARGET] if submission else None,
    )


def trainings_of(units: Mapping[str, Unit]) -> dict[str, list[Training]]:
    """By network, the folds in their order; where there are several seeds, these first."""
    parts: dict[str, list[Unit]] = {}
    for folder, unit in units.items():
        parts.setdefault(part_of(folder).removeprefix(NETWORKS), []).append(unit)
    return {name: _trainings(several) for name, several in parts.items()}


def _trainings(units: Sequence[Unit]) -> list[Training]:
    settings = [unit.manifest.settings for unit in units]
    several = len({one["seed"] for one in settings}) > 1
    each = [_training(unit, several=several) for unit in units]
    return [each[at] for at in sorted(range(len(each)), key=lambda at: _place(settings[at]))]


def _place(settings: Mapping[str, Any]) -> tuple[int, int, list[int]]:
    """Of single folds before pairs of them."""
    held_out = settings["fold"]
    folds = [held_out] if isinstance(held_out, int) else list(held_out)
    return settings["seed"], len(folds), folds


def _training(unit: Unit, *, several: bool) -> Training:
    settings = unit.manifest.settings
    held_out = settings["fold"]
    words = in_words(held_out if isinstance(held_out, int) else tuple(held_out))
    return Training(
        name=f"seed {settings['seed']}, {words}" if several else words,
        history=unit.json(HISTORY),
        watch=settings["training"]["watch"],
        chosen=settings["training"]["choose"] == "inner",
        best_epoch=unit.facts["best_epoch"],
    )


def _json(units: Mapping[str, Unit], name: str, file: str) -> Any:
    return units[name].json(file) if name in units else None


def _csv(unit: Unit, file: str) -> pl.DataFrame:
    return pl.read_csv(BytesIO(unit.text(file).encode()), infer_schema_length=None)
