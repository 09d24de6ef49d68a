"""How scores grow with labels, as a task: several networks, each with shares of the labels."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from folds.findings import Findings
from metrics.score_sheet import ScoreConfig
from models.networks.config import NetworkConfig
from models.networks.few_labels import few_labels
from models.networks.measure import ScoredRows, variant_sheet
from models.networks.network import Network, network_of
from pipeline.ablations import scored_rows
from pipeline.job import Job
from pipeline.picture_rows import PictureFiles, PictureRows, open_picture_rows
from pipeline.unit_files import TRAIN_CNN
from reports.label_efficiency import draw
from workspace.tasks import Output, Task
from workspace.units import Draft, open_unit

STAGE = "label-efficiency"
FILE, PICTURE = "label_efficiency.json", "label_efficiency.svg"
Which = tuple[str, float, int, int]  # network, share, seed, fold


def measuring(
    job: Job, files: PictureFiles, networks: Sequence[Network], trainings: Mapping[Which, Task]
) -> Task:
    """The curves, once all is trained."""
    score = job.recipe.score
    return Task(
        job.run / "label_efficiency",
        STAGE,
        measure_curves,
        settings={
            "networks": [one.name for one in networks], "score": score.model_dump(mode="json"),
            "notes": notes_of(job, networks),
        },
        inputs={task.folder.name: Output(task) for task in trainings.values()},
        arguments={
            "files": files, "networks": [(one.name, one.config) for one in networks],
            "units": {which: task.folder for which, task in trainings.items()}, "score": score,
            "notes": notes_of(job, networks),
        },
    )  # fmt: skip


def notes_of(job: Job, networks: Sequence[Network]) -> list[str]:
    """What the curves are to be read with."""
    recipe, notes = job.recipe, list[str]()
    for one in networks:
        notes += recipe.declared_of(one.name)
        if (start := recipe.beginning_of(one.config.net)) is not None:
            notes.append(
                f"All seeds of {one.name} begin with one and the same {start}: its own luck is in "
                "no interval."
            )
    return notes


def measure_curves(
    draft: Draft, files: PictureFiles, networks: Sequence[tuple[str, NetworkConfig]],
    units: Mapping[Which, Path], score: ScoreConfig, notes: Sequence[str],
) -> None:  # fmt: skip
    """Each network's score by share, and that minus the first network's with as many labels."""
    rows = open_picture_rows(files)
    asked = {name: network_of(name, config, rows.table, Findings()) for name, config in networks}
    reference, watch = networks[0][0], next(iter(asked.values())).config.learning.watch
    shares = sorted({share for _, share, _, _ in units})
    seeds = list(dict.fromkeys(seed for _, _, seed, _ in units))
    folds = list(dict.fromkeys(fold for _, _, _, fold in units))

    def scored(name: str, share: float) -> list[ScoredRows]:
        return [
            scored_rows(rows, asked[name], {
                fold: open_unit(units[name, share, seed, fold], TRAIN_CNN) for fold in folds
            }) for seed in seeds
        ]  # fmt: skip

    curves: dict[str, list[dict[str, object]]] = {name: [] for name in asked}
    for share in shares:
        first = scored(reference, share)
        for name, network in asked.items():
            gain = variant_sheet(watch, first, scored(name, share), network.classes, score)
            curves[name].append({"share": share, **gain})
    sheet = {
        "watch": watch, "reference": reference, "seeds": seeds, "folds": folds,
        "n": len(scored(reference, shares[0])[0].true), "group": files.group,
        "groups": [_groups(rows, asked[reference], folds[0], share) for share in shares],
        "names": list(asked),  # in order, which a JSON object would not keep
        "curves": curves, "notes": list(notes),
    }  # fmt: skip
    draft.json(FILE, sheet)
    draft.text(PICTURE, draw(sheet))


def _groups(rows: PictureRows, network: Network, fold: int, share: float) -> int:
    """How many groups keep their labels; seeds choose others, but as many."""
    learnt, _ = rows.without(fold)
    known = learnt.training[network.codes[learnt.training] >= 0]
    kept = few_labels(known, network.codes[known], learnt.groups[known], share, 0)
    return len(np.unique(learnt.groups[kept]))
