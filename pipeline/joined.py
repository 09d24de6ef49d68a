"""All folds of a network as one table with its metrics, and a cascade end to end.

Reads <run>/networks/<name>_fold_<k>/; writes <run>/networks/<name>/ with oof.parquet and
metrics.json, and <run>/cascade/ with metrics.json and calls.parquet.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from folds.findings import Findings
from folds.frozen import FILE
from folds.groups import GROUP
from folds.schema import ID, IMAGE
from metrics.score_sheet import ScoreConfig
from models.cascade.calls import cascade_calls, cascade_sheet
from models.cascade.claims import claim_of
from models.cascade.source_only import source_columns, source_scores
from models.networks.columns import shares_of
from models.networks.config import NetworkConfig
from models.networks.measure import Patients, against
from models.networks.network import Network, network_of
from models.networks.use import HISTORY, Use, maker_of, use_of
from pipeline.declared import declaration
from pipeline.job import Job
from pipeline.networks import LAST, held_out_table
from pipeline.picture_rows import PictureFiles, PictureRows, open_picture_rows
from pipeline.unit_files import TRAIN_CNN
from stacking.blocks import OOF
from stacking.matrix import NEVER
from stacking.oof import check_oof
from stacking.use import FOLD
from workspace.arrays import Floats
from workspace.machine import reading_processes
from workspace.tasks import Output, Task
from workspace.units import Draft, Unit, open_unit

METRICS, CALLS = "metrics.json", "calls.parquet"
LABEL = "label"


@dataclass(frozen=True)
class NetworkFolds:
    """One network with the units of its folds, as they travel."""

    name: str
    config: NetworkConfig
    by_fold: Mapping[int, Path]
    declared: tuple[str, ...] = ()  # what every number of it is to be read with


def joining(job: Job, files: PictureFiles, network: Network, folds: Mapping[int, Task]) -> Task:
    """All folds of a network as one table, with what it is worth."""
    config, score = network.config, job.recipe.score
    declared = job.recipe.declared_of(network.name)
    inputs: dict[str, str | Output] = {task.folder.name: Output(task) for task in folds.values()}
    return Task(
        job.run / "networks" / network.name,
        TRAIN_CNN,
        join_folds,
        settings={
            "score": score.model_dump(mode="json"),
            "claim": config.claim,
            "source_only": config.source_only,
            **declaration(declared),
        },
        inputs={**inputs, FILE: files.folds_sha},
        arguments={
            "files": files,
            "folds": NetworkFolds(
                network.name,
                config,
                {fold: task.folder for fold, task in folds.items()},
                tuple(declared),
            ),
            "score": score,
        },
    )


def cascading(
    job: Job, files: PictureFiles, networks: tuple[Network, Network], joined: tuple[Task, Task]
) -> Task:
    """Both networks end to end, on the rows whose class is known."""
    (first, second), (one, other) = networks, joined
    return Task(
        job.run / "cascade",
        TRAIN_CNN,
        join_cascade,
        settings={"score": job.recipe.score.model_dump(mode="json")},
        inputs={
            first.name: Output(one, OOF),
            second.name: Output(other, OOF),
            METRICS: Output(one, METRICS),
        },
        arguments={
            "files": files,
            "networks": tuple((network.name, network.config) for network in networks),
            "joined": tuple(task.folder for task in joined),
            "score": job.recipe.score,
            "declared": [s for n in (first, second) for s in job.recipe.declared_of(n.name)],
        },
    )


def labelled(rows: PictureRows, network: Network, table: pl.DataFrame) -> pl.DataFrame:
    """The rows of a table that the task knows, with their codes and their groups."""
    return _with_codes(rows, network.codes, table).filter(pl.col(LABEL) >= 0)


def patient_of(rows: PictureRows, table: pl.DataFrame) -> Patients:
    """Whose these rows are, where the data say it."""
    return None if rows.patient is None else table[GROUP]


def join_folds(draft: Draft, files: PictureFiles, folds: NetworkFolds, score: ScoreConfig) -> None:
    """Each row once, by the network that never saw it; its metrics."""
    rows = open_picture_rows(files)
    network = network_of(folds.name, folds.config, rows.table, Findings())
    units = {fold: open_unit(folder, TRAIN_CNN) for fold, folder in folds.by_fold.items()}
    names = network.columns
    table = held_out_table(rows, units, [*names, *(f"{LAST}{name}" for name in names)])
    every = pl.concat([rows.table.select(ID, FOLD), rows.pictureless.select(ID, FOLD)])
    held_out_by = every.with_columns(pl.col(FOLD).fill_null(NEVER).cast(pl.Int16))
    check_oof(table, held_out_by, network.name)
    draft.parquet(OOF, table.drop(f"{LAST}{name}" for name in names))
    sheet = _measured(draft, rows, (network, score), units, table)
    draft.json(METRICS, sheet | declaration(folds.declared))
    draft.facts["fold_hash"] = rows.folded.facts["fold_hash"]
    draft.facts["makers"] = {str(fold): maker_of(unit) for fold, unit in units.items()}
    draft.facts["classes"] = list(network.classes)


def _measured(
    draft: Draft, rows: PictureRows, what: tuple[Network, ScoreConfig],
    units: Mapping[int, Unit], table: pl.DataFrame,
) -> dict[str, Any]:  # fmt: skip
    """Metrics of the best inner epoch and of the last epoch, each named, beside the claims."""
    network, score = what
    known = labelled(rows, network, table)
    patient = patient_of(rows, known)
    uses = {fold: use_of(unit, network.classes) for fold, unit in units.items()}
    sheet: dict[str, Any] = {
        "network": network.name, "kind": network.task.kind, "classes": list(network.classes),
        "claim": claim_of(network.config.claim, network.classes), "group": rows.files.group,
    }  # fmt: skip
    if network.columns:
        true = known[LABEL].to_numpy()
        for which, prefix in (("best_epoch", ""), ("last_epoch", LAST)):
            columns = [f"{prefix}{name}" for name in network.columns]
            probability = shares_of(known.select(columns).to_numpy())
            limits = {k: use.last_threshold if prefix else use.threshold for k, use in uses.items()}
            called = network.task.called(probability, _limits(known, limits))
            sheet[which] = network.task.sheet(
                true, called, probability, network.labels, patient, score
            )
    watch = network.config.learning.watch
    sheet["folds"] = [
        _of_fold(fold, use, unit, watch)
        for (fold, unit), use in zip(units.items(), uses.values(), strict=True)
    ]
    if network.config.source_only:
        sheet["source_only"] = _source_only(draft, rows, what, known)
    return sheet


def _of_fold(fold: int, use: Use, unit: Unit, watch: str) -> dict[str, Any]:
    chosen = use.inner_score is not None
    return {
        "fold": fold, "best_epoch": use.best_epoch + 1, "inner_score": use.inner_score,
        "inner_score_is": f"{watch} of inner rows, on which the epoch was chosen"
        if chosen else None,
        "threshold": use.threshold, "last_threshold": use.last_threshold,
        "epochs": unit.json(HISTORY)[-1]["epoch"],
    }  # fmt: skip


def _limits(rows: pl.DataFrame, limits: Mapping[int, float | None]) -> Floats | None:
    """(rows,): the threshold of each row's fold; None where there is none."""
    if None in limits.values():
        return None
    of_rows: Floats = rows[FOLD].replace_strict(dict(limits), return_dtype=pl.Float64).to_numpy()
    return of_rows


def _with_codes(rows: PictureRows, codes: Any, table: pl.DataFrame) -> pl.DataFrame:
    known = rows.table.select(ID, GROUP).with_columns(pl.Series(LABEL, codes))
    return table.join(known, on=ID, how="inner", validate="1:1", maintain_order="left")


def _source_only(
    draft: Draft, rows: PictureRows, what: tuple[Network, ScoreConfig], known: pl.DataFrame
) -> dict[str, Any]:
    """The baseline that sees no lesion, on the same folds; ours minus it, paired."""
    network, score = what
    reader = rows.files.reader()
    with draft.progress("Looking at sources") as show:
        columns = source_columns(reader, rows.table[IMAGE].to_list(), show, reading_processes())
    splits = [(learnt.training, held_out) for learnt, held_out in rows.by_fold.values()]
    scores = source_scores(columns, network.codes, splits)
    other = pl.DataFrame({ID: rows.table[ID], "source_only": scores})
    both = known.join(other, on=ID, how="left", validate="1:1", maintain_order="left")
    [name] = network.columns
    return against(
        both[LABEL].to_numpy(), both[name].to_numpy(), both["source_only"].to_numpy(),
        patient_of(rows, known), score,
    )  # fmt: skip


def join_cascade(
    draft: Draft, files: PictureFiles, networks: Sequence[tuple[str, NetworkConfig]],
    joined: Sequence[Path], score: ScoreConfig, declared: Sequence[str] = (),
) -> None:  # fmt: skip
    """The first decides who goes on to the second; the calls of both together."""
    rows = open_picture_rows(files)
    first, second = (network_of(*network, rows.table, Findings()) for network in networks)
    one, other = (open_unit(folder, TRAIN_CNN) for folder in joined)
    limits = {entry["fold"]: entry["threshold"] for entry in one.json(METRICS)["folds"]}
    [name], names = first.columns, second.columns
    table = one.parquet(OOF, [ID, FOLD, name]).join(
        other.parquet(OOF, [ID, *names]), on=ID, how="inner", validate="1:1"
    )
    true = np.where(second.codes >= 0, 1 + second.codes, np.where(first.codes == 0, 0, -1))
    everyone = _with_codes(rows, true, table).sort(ID)
    known = everyone.filter(pl.col(LABEL) >= 0)
    goes_on = (known[name] >= known[FOLD].replace_strict(limits)).to_numpy()
    called = cascade_calls(goes_on, shares_of(known.select(names).to_numpy()))
    classes = (first.classes[0], *second.classes)
    sheet = cascade_sheet(known[LABEL].to_numpy(), called, classes, patient_of(rows, known), score)
    left_out = len(everyone) - len(known)
    whole = {"classes": list(classes), "left_out": left_out, **sheet}
    draft.json(METRICS, whole | declaration(declared))
    draft.parquet(CALLS, known.select(ID, FOLD, LABEL).with_columns(pl.Series("called", called)))
