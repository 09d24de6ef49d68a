"""A network's columns for the stack as a task: held-out rows, unseen rows, maps, drift.

A block is <run>/blocks/<network>/, made of the shards in <run>/embeddings/.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from folds.findings import Findings
from folds.frozen import FILE
from models.networks.columns import target_columns
from models.networks.config import NetworkConfig
from models.networks.names import HeldOut, unit_name
from models.networks.network import Network, network_of
from models.networks.use import maker_of
from pipeline.block_columns import Anchors, NetworkColumns, joined
from pipeline.declared import declaration
from pipeline.embeddings import embedding
from pipeline.job import Job
from pipeline.machine import Machine
from pipeline.networks import encoding
from pipeline.picture_rows import PictureFiles, open_picture_rows
from pipeline.samples import IMAGES, SAMPLES
from pipeline.unit_files import TRAIN_CNN
from pipeline.unseen_members import TARGET_FACT
from stacking.alignment import drift
from stacking.alignment.columns import fit_aligned, score_names
from stacking.alignment.config import AlignConfig
from stacking.blocks import INNER, INNER_MAKERS, LEARNT_NOTHING, OOF, TEST
from workspace.tasks import Task
from workspace.units import Draft, open_unit

DRIFT, WARNINGS = "drift.json", "warnings.json"


@dataclass(frozen=True)
class BlockFiles:
    """What a block is made of, as it travels."""

    run: Path
    rows: PictureFiles
    units: Mapping[HeldOut, tuple[Path, str]]  # folder and stage of each network
    anchors: Anchors

    def columns(self) -> NetworkColumns:
        units = {k: open_unit(folder, stage) for k, (folder, stage) in self.units.items()}
        return NetworkColumns(self.run, open_picture_rows(self.rows), units, self.anchors)


def block_files(job: Job, files: PictureFiles, name: str, anchors: Anchors) -> BlockFiles:
    """The networks of this name by what they left out, once they are trained."""
    rows, config = open_picture_rows(files), job.recipe.networks[name]
    if not config.task.learns:
        encoder, _ = job.make(encoding(job, files, name, config))
        units: dict[HeldOut, tuple[Path, str]] = dict.fromkeys(
            rows.by_fold, (encoder.folder, "embed")
        )
    else:
        pairs = rows.fold_pairs(nested=job.recipe.stack.nested)
        every: list[HeldOut] = [*rows.by_fold, *pairs]
        units = {k: (job.run / "networks" / unit_name(name, k), TRAIN_CNN) for k in every}
    return BlockFiles(job.run, files, units, anchors)


def embeddings(job: Job, block: BlockFiles) -> list[Task]:
    """All shards that the block is made of."""
    machine = Machine.of(job)
    sets = block.columns().sets()
    return [task for unit, some in sets for task in embedding(job.run, machine, unit, some)]


def blocking(job: Job, name: str, block: BlockFiles, shards: list[Task]) -> Task:
    """The block of a network; of an encoder too."""
    columns, config = block.columns(), config_of(job, name)
    settings: dict[str, Any] = {
        "align": config.model_dump(mode="json"), "classes": list(columns.classes),
    }  # fmt: skip
    if columns.pairs:
        settings["nested"] = True
    files = block.rows
    hashes = {unit.folder.name: maker_of(unit) for unit in columns.units.values()}
    hashes |= {FILE: files.folds_sha, SAMPLES: files.rows_sha, IMAGES: files.content}
    return Task(
        job.run / "blocks" / name,
        "embed",
        fill_block,
        settings=settings,
        inputs=hashes | {"anchors' content": block.anchors.content},
        arguments={
            "block": block, "network": (name, job.recipe.networks[name]), "align": config,
            "declared": job.recipe.declared_of(name),
        },
        after=shards,
    )  # fmt: skip


def fill_block(
    draft: Draft, block: BlockFiles, network: tuple[str, NetworkConfig], align: AlignConfig,
    declared: Sequence[str] = (),
) -> None:  # fmt: skip
    """Tables, maps, drift, and who made what."""
    columns, (name, config) = block.columns(), network
    _fill(draft, name, columns, align)
    rows, learns = columns.rows, config.task.learns
    draft.facts["fold_hash"] = rows.folded.facts["fold_hash"]
    draft.facts["makers"] = {str(f): maker_of(columns.units[f]) for f in rows.by_fold}
    draft.facts["anchors"] = len(block.anchors)
    asked = network_of(name, config, rows.table, Findings()) if learns else None
    draft.facts[TARGET_FACT] = _target(asked, align)
    if columns.pairs:
        draft.facts[INNER_MAKERS] = columns.inner_makers()
    if not learns:
        draft.facts[LEARNT_NOTHING] = True
    draft.facts.update(declaration(declared))


def config_of(job: Job, name: str) -> AlignConfig:
    """As the recipe says; an encoder has one space already, and no scores. Folders by name."""
    recipe = job.recipe
    config = recipe.align
    if config.pictures is not None:
        config = config.model_copy(update={"pictures": Path(config.pictures.name)})
    if recipe.networks[name].task.learns:
        return config
    method = "relative" if config.method == "relative" else "raw"
    return config.model_copy(update={"method": method, "scalars": False})


def _fill(draft: Draft, name: str, columns: NetworkColumns, config: AlignConfig) -> None:
    """The block's tables and maps; how far the folds' networks agree."""
    drifts, held_out, unseen = [], [], []
    for some in columns.embedders():
        outputs = {fold: columns.of_anchors(left_out) for fold, left_out in some.by_fold.items()}
        aligned = fit_aligned(name, columns.classes, outputs, config)
        for file, tensors in aligned.files().items():
            draft.tensors(f"{some.prefix}{file}", tensors)
        seen = {fold: output.embedding for fold, output in outputs.items()}
        drifts.append(drift.measure_drift(seen, config, columns.anchor_groups))
        for fold in some.folds:
            held_out.append(columns.held_out(aligned, fold, some.by_fold[fold]))
            unseen.append(columns.unseen(aligned, fold))
        if columns.pairs:
            [fold] = some.folds
            others = [pair for pair in some.by_fold.items() if pair[0] != fold]
            inner = [columns.held_out(aligned, *other) for other in others]
            draft.parquet(INNER.format(fold), joined(inner))
    draft.parquet(OOF, joined(held_out))
    draft.parquet(TEST, joined(unseen))
    as_json = [_as_json(one) for one in drifts]
    draft.json(DRIFT, as_json[0] if len(as_json) == 1 else as_json)
    draft.json(WARNINGS, _warnings(name, drifts, config))


def _target(network: Network | None, config: AlignConfig) -> dict[str, Any] | None:
    """Which of the block's columns say how probable the target is; None: none does."""
    if network is None or not config.scalars:
        return None
    scores = score_names(network.name, network.classes)
    named = [f"oof_{score}_probability" for score in scores]
    target = target_columns(named, network.labels.target)
    return None if target is None else asdict(target)


def _as_json(found: drift.Drift) -> dict[str, Any]:
    """The drift as JSON: by fold and in the mean, before and after the map."""
    return {
        when: None
        if by_fold is None
        else {
            "mean": asdict(drift.mean_over_folds(by_fold)) if by_fold else None,
            "folds": {str(fold): asdict(one) for fold, one in by_fold.items()},
        }
        for when, by_fold in (("before", found.before), ("after", found.after))
    }


def _warnings(name: str, drifts: list[drift.Drift], config: AlignConfig) -> list[str]:
    """Where the folds' networks agree so little that their columns are of little use."""
    warnings = [drift.poor(one, name) for one in drifts] if config.embeds else []
    return sorted({text for text in warnings if text is not None})
