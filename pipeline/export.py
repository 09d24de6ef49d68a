"""A network of the run as a bundle that others can ask, as a task.

A bundle is a unit in <run>/export/<network>_fold_<k>/: model.onnx, labels.json, predict.py,
sheet.json, model_card.md, LICENSE, and index.html where the runtime of browsers is there. What
makes it, with torch, is in `bundle`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from metrics.score_sheet import ScoreConfig
from models.export.config import ExportConfig
from models.export.licence import Ancestry
from models.networks.names import unit_name
from models.networks.network import Network
from pipeline.declared import declaration
from pipeline.job import Job
from pipeline.machine import Machine
from pipeline.picture_rows import PictureFiles
from reports.bundle import page as bundle_page
from reports.bundle.runtime import VERSION, open_runtime
from workspace.errors import ConfigError, name_some
from workspace.hashing import sha256_file
from workspace.tasks import Output, Task

STAGE, FOLDER = "export", "export"
MODEL, LABELS, SHEET, PAGE = "model.onnx", "labels.json", "sheet.json", "index.html"
CARD, LOADER, LICENSE = "model_card.md", "predict.py", "LICENSE"
LOADED_FROM = Path(__file__).resolve().parents[1] / "models" / "export" / LOADER
NO_PAGE = (
    "notice: no index.html: export.runtime names no folder of the npm package onnxruntime-web "
    f"{VERSION}."
)


@dataclass(frozen=True)
class Asked:
    """What is to be made of which network, as it travels."""

    unit: Path  # of the network
    config: ExportConfig
    score: ScoreConfig
    source: str  # of the rows
    origin: Ancestry
    declared: tuple[str, ...] = ()  # what every number of it is to be read with


def asked_for(
    config: ExportConfig, networks: Mapping[str, Network], folds: Sequence[int]
) -> tuple[Network, int]:
    """The network and the fold that the recipe names, or the first of each."""
    speaking = {name: one for name, one in networks.items() if one.labels.target is not None}
    if not speaking:
        raise ConfigError(
            f"None of the run's networks ({name_some(networks) or 'there are none'}) says how "
            "probable target 1 is; add one whose task.kind is 'target'."
        )
    name = config.network or next(iter(speaking))
    if name not in speaking:
        raise ConfigError(
            f"export.network names {name}, which says nothing of target 1; there are "
            f"{name_some(speaking)}."
        )
    config.precision_of(name, speaking[name].config.net.weight_bits)
    fold = folds[0] if config.fold is None else config.fold
    if fold not in folds:
        raise ConfigError(
            f"There is no fold export.fold={fold}; there are {', '.join(map(str, folds))}."
        )
    return speaking[name], fold


def bundling(job: Job, files: PictureFiles, network: Network, trained: Task) -> Task:
    """The bundle of a fold's network, which is made first."""
    config, recipe = job.recipe.export, job.recipe
    has_page = config.runtime is not None
    if config.runtime is not None:
        open_runtime(config.runtime)  # what is wrong with it is said before hours of training
    [held_out, seed] = trained.arguments["run"]
    declared = recipe.declared_of(network.name)
    return Task(
        job.run / FOLDER / unit_name(network.name, held_out),
        STAGE,
        "pipeline.bundle:make_bundle",
        settings={
            "export": config.settings(), "score": recipe.score.model_dump(mode="json"),
            "runtime": VERSION if has_page else "none",
            "look": bundle_page.look_hash() if has_page else "none",
            "loader": sha256_file(LOADED_FROM)[:16], **declaration(declared),
        },
        inputs={**files.hashes(), trained.folder.name: Output(trained)},
        arguments={
            "files": files, "network": (network.name, network.config), "run": (held_out, seed),
            "machine": Machine.of(job),
            "asked": Asked(
                trained.folder, config, recipe.score, recipe.data.source,
                origin_of(job, network.name), tuple(declared),
            ),
        },
        needs=partial(Machine.of(job).needs, network.config.net),
    )  # fmt: skip


def origin_of(job: Job, name: str) -> Ancestry:
    """What its weights began with, through networks of this recipe, and who taught any of these."""
    recipe, taught = job.recipe, list[str]()
    start: str | None = name
    while start is not None:
        network = recipe.networks[start]
        if network.teacher is not None:
            taught.append(network.teacher.network)
        start = recipe.beginning_of(network.net)
    teachers = tuple((one, origin_of(job, one)) for one in dict.fromkeys(taught))
    return Ancestry(network.net.backbone, Path(network.net.weights).name, teachers)
