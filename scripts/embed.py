"""make embed: pictures as every fold's network embeds them, brought into one space for the stack.

Reads the networks of `make train-cnn`, training them first where needed; writes
<run>/embeddings/<network>_fold_<k>/ (each fold's view of its held-out rows and of test rows) and
<run>/blocks/<network>/ with oof.parquet and test.parquet (columns for the stack), maps.safetensors,
scales_<score>.safetensors and drift.json (how far the folds' views agree). For a nested stack also
inner_<k>.parquet. An encoder that learns nothing is kept in <run>/encoders/<name>/.
"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from folds.findings import Findings
from folds.frozen import FILE
from models.networks.columns import target_columns
from models.networks.kept import maker_of
from models.networks.network import HeldOut, Network, unit_name
from pipeline.block_columns import Anchors, NetworkColumns, anchors_of, joined
from pipeline.members import TARGET_FACT
from pipeline.networks import STAGE, encoder_unit
from pipeline.picture_rows import NO_NETWORK, PictureRows, load_picture_rows
from scripts import train_cnn, verify
from scripts.stage import Job, main
from scripts.verify import SAMPLES
from stacking.alignment import drift
from stacking.alignment.columns import fit_aligned, score_names
from stacking.alignment.config import AlignConfig
from stacking.blocks import INNER, INNER_MAKERS, LEARNT_NOTHING, OOF, TEST
from workspace.errors import ConfigError
from workspace.units import Draft, Unit, find, making, open_unit

VERSION = 2
DRIFT = "drift.json"


def run(job: Job) -> dict[str, Unit]:
    """A block for the stack of each of the recipe's networks, made if not there yet."""
    rows = load_picture_rows(job)
    anchors = anchors_of(rows)  # too few: told before training
    networks = rows.networks(Findings())
    if not job.recipe.used:
        raise ConfigError(NO_NETWORK)
    job.need(train_cnn.run)
    blocks = {name: _block(rows, name, networks.get(name), anchors) for name in job.recipe.used}
    places = ", ".join(str(unit.folder) for unit in blocks.values())
    job.say(f"embed: see {places}: {OOF}, {TEST}, {DRIFT}.")
    return blocks


def _block(rows: PictureRows, name: str, network: Network | None, anchors: Anchors) -> Unit:
    """A network's columns; of None, an encoder's."""
    job, folder = rows.job, rows.job.run / "blocks" / name
    columns, config = columns_of_network(rows, name, anchors), config_of(rows, name)
    settings: dict[str, Any] = {
        "align": config.model_dump(mode="json"), "classes": list(columns.classes),
        "version": VERSION,
    }  # fmt: skip
    if columns.pairs:
        settings["nested"] = True
    hashes = {unit.folder.name: maker_of(unit) for unit in columns.units.values()}
    hashes |= {FILE: rows.folded.sha256(FILE), SAMPLES: job.need(verify.run).sha256(SAMPLES)}
    hashes |= {"images.parquet": columns.content, "anchors' content": anchors.content}
    wanted = job.wanted("embed", settings, hashes)
    done = find(folder, wanted, job.hashes, on_change="redo", fresh=job.fresh)
    if done is not None:
        job.say(f"{name}: nothing to do, {folder} is up to date.")
        return done
    with making(folder, wanted) as draft:
        drifts = _fill(draft, name, columns, config)
        draft.facts["fold_hash"] = rows.folded.facts["fold_hash"]
        draft.facts["makers"] = {str(f): maker_of(columns.units[f]) for f in rows.by_fold}
        draft.facts["anchors"] = len(anchors)
        draft.facts[TARGET_FACT] = _target(network, config)
        if columns.pairs:
            draft.facts[INNER_MAKERS] = columns.inner_makers()
        if network is None:
            draft.facts[LEARNT_NOTHING] = True
    if network is not None:
        _say(job, name, drifts, len(anchors))
    return open_unit(folder, "embed")


def _fill(
    draft: Draft, name: str, columns: NetworkColumns, config: AlignConfig
) -> list[drift.Drift]:
    """The block's tables and maps; how far the folds' views agree."""
    drifts, held_out, unseen = [], [], []
    for some in columns.embedders():
        views = {fold: columns.of_anchors(left_out) for fold, left_out in some.by_fold.items()}
        aligned = fit_aligned(name, columns.classes, views, config)
        for file, tensors in aligned.files().items():
            draft.tensors(f"{some.prefix}{file}", tensors)
        drifts.append(drift.measured({k: v.embedding for k, v in views.items()}, config))
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
    return drifts


def _target(network: Network | None, config: AlignConfig) -> dict[str, Any] | None:
    """Which of the block's columns say how probable the target is; None: none does."""
    if network is None or not config.scalars:
        return None
    scores = score_names(network.name, network.classes)
    named = [f"oof_{score}_probability" for score in scores]
    target = target_columns(named, network.labels.target)
    return None if target is None else asdict(target)


def columns_of_network(rows: PictureRows, name: str, anchors: Anchors) -> NetworkColumns:
    """What the networks of this name say, once they are trained."""
    return NetworkColumns(rows, _units(rows, name), anchors, rows.content)


def _units(rows: PictureRows, name: str) -> dict[HeldOut, Unit]:
    """The networks of this name by what they left out."""
    config = rows.job.recipe.networks[name]
    if not config.task.learns:
        encoder = encoder_unit(rows, name, config)
        return dict.fromkeys(rows.by_fold, encoder)
    folder = rows.job.run / "networks"
    every: list[HeldOut] = [*rows.by_fold, *rows.fold_pairs]
    return {left_out: open_unit(folder / unit_name(name, left_out), STAGE) for left_out in every}


def config_of(rows: PictureRows, name: str) -> AlignConfig:
    """As the recipe says; an encoder has one space already, and no scores. Folders by name."""
    recipe = rows.job.recipe
    config = recipe.align
    if config.pictures is not None:
        config = config.model_copy(update={"pictures": Path(config.pictures.name)})
    if recipe.networks[name].task.learns:
        return config
    method = "relative" if config.method == "relative" else "raw"
    return config.model_copy(update={"method": method, "scalars": False})


def _say(job: Job, name: str, found: Sequence[drift.Drift], anchors: int) -> None:
    """How far the folds' views agree; one fold alone has no others."""
    if found[0].before:
        befores, results = (
            [drift.mean_over_folds(by_fold).explained for by_fold in each]
            for each in ([one.before for one in found], [one.result for one in found])
        )
        job.say(
            f"{name}: on {anchors} anchors a fold's view explains {np.mean(results):.0%} of what "
            f"the others see, {np.mean(befores):.0%} before the map."
        )
    warnings = [drift.poor(one, name) for one in found] if job.recipe.align.embeds else []
    for warning in sorted({text for text in warnings if text is not None}):
        job.say(f"WARNING: {warning}")


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


if __name__ == "__main__":
    main(run)
