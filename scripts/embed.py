"""make embed: every picture as every fold's network sees it, brought into one space for the stack.

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
from models.cascade.fold import Left
from pipeline.job import Job
from pipeline.networks import (
    NO_NETWORK,
    STAGE,
    Inputs,
    content_of,
    encoder_unit,
    gather,
    maker_of,
    unit_name,
)
from pipeline.samples import SAMPLES
from pipeline.sights import Anchors, Sights, anchors_of, joined
from scripts import train_cnn, verify
from scripts.stage import main
from stacking.alignment import drift
from stacking.alignment.columns import fit_aligned
from stacking.alignment.config import AlignConfig
from stacking.blocks import INNER, INNER_MAKERS, LEARNT_NOTHING, OOF, TEST
from workspace.errors import ConfigError
from workspace.units import Unit, find, making, open_unit

VERSION = 1
DRIFT = "drift.json"


def run(job: Job) -> dict[str, Unit]:
    """A block for the stack of each of the recipe's networks, made if not there yet."""
    inputs = gather(job)
    anchors = anchors_of(inputs)  # too few: told before training
    there = {stage.name for stage in inputs.stages(Findings())} | job.recipe.encoders.keys()
    names = [name for name in job.recipe.networks if name in there]
    if not names:
        raise ConfigError(NO_NETWORK)
    job.need(train_cnn.run)
    blocks = {name: _block(inputs, name, anchors) for name in names}
    places = ", ".join(str(unit.folder) for unit in blocks.values())
    job.say(f"embed: see {places}: {OOF}, {TEST}, {DRIFT}.")
    return blocks


def _block(inputs: Inputs, name: str, anchors: Anchors) -> Unit:
    job, folder = inputs.job, inputs.job.run / "blocks" / name
    sights, config = sights_of(inputs, name, anchors), config_of(inputs, name)
    classes, units = sights.classes, sights.units
    part: dict[str, Any] = {
        "align": config.model_dump(mode="json"), "classes": list(classes), "version": VERSION,
    }  # fmt: skip
    if sights.pairs:
        part["nested"] = True
    hashes = {unit.folder.name: maker_of(unit) for unit in units.values()}
    hashes |= {FILE: inputs.folded.sha256(FILE), SAMPLES: job.need(verify.run).sha256(SAMPLES)}
    hashes |= {"images.parquet": sights.content, "anchors' content": anchors.content}
    wanted = job.wanted("embed", part, hashes)
    done = find(folder, wanted, job.hashes, on_change="redo", fresh=job.fresh)
    if done is not None:
        job.say(f"{name}: nothing to do, {folder} is up to date.")
        return done
    found, held, outside = [], [], []
    with making(folder, wanted) as draft:
        for crew in sights.crews():
            views = {fold: sights.of_anchors(left) for fold, left in crew.seen_by.items()}
            aligned = fit_aligned(name, classes, views, config)
            for file, tensors in aligned.files().items():
                draft.tensors(f"{crew.prefix}{file}", tensors)
            found.append(drift.measured({k: v.embedding for k, v in views.items()}, config))
            for fold in crew.folds:
                held.append(sights.held_out(aligned, fold, crew.seen_by[fold]))
                outside.append(sights.outside(aligned, fold))
            if sights.pairs:
                [fold] = crew.folds
                others = {other: left for other, left in crew.seen_by.items() if other != fold}
                inner = [sights.held_out(aligned, *other) for other in others.items()]
                draft.parquet(INNER.format(fold), joined(inner))
        draft.parquet(OOF, joined(held))
        draft.parquet(TEST, joined(outside))
        draft.json(DRIFT, _told(found[0]) if len(found) == 1 else [_told(one) for one in found])
        draft.facts["fold_hash"] = inputs.folded.facts["fold_hash"]
        draft.facts["makers"] = {str(fold): maker_of(units[fold]) for fold in inputs.parts}
        draft.facts["anchors"] = len(anchors)
        if sights.pairs:
            draft.facts[INNER_MAKERS] = sights.inner_makers()
        if name in job.recipe.encoders:
            draft.facts[LEARNT_NOTHING] = True
    if name not in job.recipe.encoders:
        _say(job, name, found, len(anchors))
    return open_unit(folder, "embed")


def sights_of(inputs: Inputs, name: str, anchors: Anchors) -> Sights:
    """What the networks of this name see, once they are trained."""
    return Sights(inputs, _units(inputs, name), anchors, content_of(inputs))


def _units(inputs: Inputs, name: str) -> dict[Left, Unit]:
    """The networks of this name by what they left out."""
    if name in inputs.job.recipe.encoders:
        encoder = encoder_unit(inputs, name)
        return dict.fromkeys(inputs.parts, encoder)
    folder = inputs.job.run / "networks"
    every: list[Left] = [*inputs.parts, *inputs.pairs]
    return {left: open_unit(folder / unit_name(name, left), STAGE) for left in every}


def config_of(inputs: Inputs, name: str) -> AlignConfig:
    """As the recipe says; an encoder has one space already, and no scores. Folders by name."""
    config = inputs.job.recipe.align
    if config.pictures is not None:
        config = config.model_copy(update={"pictures": Path(config.pictures.name)})
    if name not in inputs.job.recipe.encoders:
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


def _told(found: drift.Drift) -> dict[str, Any]:
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
