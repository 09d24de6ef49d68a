"""An ablation's comparison as a task: every variant of a network beside the whole."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from folds.findings import Findings
from folds.schema import ID
from metrics.score_sheet import ScoreConfig
from models.networks.columns import shares_of
from models.networks.config import NetworkConfig
from models.networks.measure import ScoredRows, variant_sheet
from models.networks.network import Network, network_of
from pipeline.declared import declaration
from pipeline.job import Job
from pipeline.joined import LABEL, labelled, patient_of
from pipeline.networks import SCORES
from pipeline.picture_rows import PictureFiles, PictureRows, open_picture_rows
from pipeline.unit_files import TRAIN_CNN
from reports.ablation import WHOLE
from workspace.tasks import Output, Task
from workspace.units import Draft, Unit, open_unit

FILE = "ablation.json"
Which = tuple[str, int, int]  # variant, seed, fold


def ablating(
    job: Job, files: PictureFiles, variants: Mapping[str, Network], units: Mapping[Which, Path],
    trainings: Sequence[Task],
) -> Task:  # fmt: skip
    """The comparison of all variants, once they are trained."""
    recipe, whole = job.recipe, variants[WHOLE]
    declared = recipe.declared_of(whole.name)
    return Task(
        job.run / "ablation",
        "ablate",
        compare_variants,
        settings={
            "ablation": recipe.ablation.model_dump(mode="json"),
            "score": recipe.score.model_dump(mode="json"),
            **declaration(declared),
        },
        inputs={task.folder.name: Output(task) for task in trainings},
        arguments={
            "files": files, "network": (whole.name, whole.config), "units": dict(units),
            "score": recipe.score, "declared": declared,
        },
    )  # fmt: skip


def compare_variants(
    draft: Draft, files: PictureFiles, network: tuple[str, NetworkConfig],
    units: Mapping[Which, Path], score: ScoreConfig, declared: Sequence[str] = (),
) -> None:  # fmt: skip
    """Each variant's score minus the whole network's, over the seeds, on the same draws."""
    rows = open_picture_rows(files)
    asked = network_of(*network, rows.table, Findings())
    by_variant: dict[str, dict[int, dict[int, Unit]]] = {}
    for (name, seed, fold), folder in units.items():
        by_seed = by_variant.setdefault(name, {}).setdefault(seed, {})
        by_seed[fold] = open_unit(folder, TRAIN_CNN)
    tables = {
        name: [scored_rows(rows, asked, several) for several in by_seed.values()]
        for name, by_seed in by_variant.items()
    }
    whole, watch = tables[WHOLE], asked.config.learning.watch
    variants = {
        name: variant_sheet(watch, whole, several, asked.classes, score)
        for name, several in tables.items()
    }
    sheet = {
        "network": asked.name, "watch": watch, "n": len(whole[0].true),
        "seeds": list(by_variant[WHOLE]),
        "folds": list(next(iter(by_variant[WHOLE].values()))),
        "variants": variants,
        **declaration(declared),
    }  # fmt: skip
    draft.json(FILE, sheet)


def scored_rows(rows: PictureRows, network: Network, units: Mapping[int, Unit]) -> ScoredRows:
    """What these folds held out, by id."""
    names = network.columns
    table = pl.concat(unit.parquet(SCORES, [ID, *names]) for unit in units.values()).sort(ID)
    known = labelled(rows, network, table)
    shares = shares_of(known.select(names).to_numpy())
    return ScoredRows(known[LABEL].to_numpy(), shares, patient_of(rows, known))
