"""make embed: every picture as every fold's network sees it, brought into one space for the stack.

Reads the networks of `make train-cnn`, training them first where needed; writes
<run>/embeddings/<network>_fold_<k>/ (each fold's view of its held-out rows and of test rows) and
<run>/blocks/<network>/ with oof.parquet and test.parquet (columns for the stack), maps.safetensors,
scales_<score>.safetensors and drift.json (how far the folds' views agree).
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import polars as pl

from folds.findings import Findings
from folds.frozen import FILE
from folds.schema import ANCHOR, HOLDOUT, ID, PATIENT, SPLIT, TRAIN
from folds.schema import TEST as TEST_SPLIT
from models.cascade.fold import Ints, Stage
from scripts import train_cnn, verify
from scripts.embeddings import Seen, eye_of, look
from scripts.networks import STAGE, Inputs, gather, maker_of
from scripts.stage import Job, main
from scripts.verify import SAMPLES
from stacking.alignment import drift
from stacking.alignment.anchors import anchor_places
from stacking.alignment.columns import Aligned, View, fit_aligned
from stacking.alignment.patients import Patients
from stacking.blocks import OOF, TEST
from stacking.fold import FOLD
from stacking.oof import MAKER
from workspace.units import Unit, find, making, open_unit

VERSION = 1
SIZE = "clin_size_long_diam_mm"  # by which the patient's largest lesion is found, if it is there
DRIFT = "drift.json"


def run(job: Job) -> dict[str, Unit]:
    """A block for the stack of each network that the recipe trains, made if not there yet."""
    inputs = gather(job)
    anchors, stages = _anchors(inputs), inputs.stages(Findings())  # too few: told before training
    trained = job.need(train_cnn.run)
    blocks = {stage.name: _block(inputs, stage, trained[stage.name], anchors) for stage in stages}
    places = ", ".join(str(unit.folder) for unit in blocks.values())
    job.say(f"embed: see {places}: {OOF}, {TEST}, {DRIFT}.")
    return blocks


def _block(inputs: Inputs, stage: Stage, joined: Unit, anchors: Ints) -> Unit:
    job, folder = inputs.job, inputs.job.run / "blocks" / stage.name
    part = {
        "align": job.recipe.align.model_dump(mode="json"),
        "classes": list(stage.classes),
        "version": VERSION,
    }
    hashes = {f"{stage.name}_fold_{k}": maker for k, maker in joined.facts["makers"].items()}
    hashes |= {FILE: inputs.folded.sha256(FILE), SAMPLES: job.need(verify.run).sha256(SAMPLES)}
    hashes["images.parquet"] = job.need(verify.run).sha256("images.parquet")
    wanted = job.wanted("embed", part, hashes)
    done = find(folder, wanted, job.hashes, on_change="redo", fresh=job.fresh)
    if done is not None:
        job.say(f"{stage.name}: nothing to do, {folder} is up to date.")
        return done
    units = {
        fold: open_unit(job.run / "networks" / f"{stage.name}_fold_{fold}", STAGE)
        for fold in inputs.parts
    }
    held, outside = _seen(inputs, units, hashes["images.parquet"])
    views = {fold: view_of(seen, anchors) for fold, seen in outside.items()}
    aligned = fit_aligned(stage.name, stage.classes, views, job.recipe.align)
    with making(folder, wanted) as draft:
        for name, tensors in aligned.files().items():
            draft.tensors(name, tensors)
        found = drift.measured({k: v.embedding for k, v in views.items()}, job.recipe.align)
        draft.json(DRIFT, _told(found))
        for file, seen in ((OOF, held), (TEST, outside)):
            table = _columns(inputs, units, seen, aligned)
            draft.parquet(file, _whole(inputs, units, table, held=file == OOF))
        draft.facts["fold_hash"] = inputs.folded.facts["fold_hash"]
        draft.facts["makers"] = {str(fold): maker_of(unit) for fold, unit in units.items()}
        draft.facts["anchors"] = len(anchors)
        warning = drift.poor(found, stage.name) if job.recipe.align.embeds else None
    if found.before:  # a fold alone has no others
        before, now = (drift.mean_over_folds(one).explained for one in (found.before, found.result))
        job.say(
            f"{stage.name}: on {len(anchors)} anchors a fold's view explains {now:.0%} of what the "
            f"others see, {before:.0%} before the map."
        )
    if warning:
        job.say(f"WARNING: {warning}")
    return open_unit(folder, "embed")


def _seen(
    inputs: Inputs, units: Mapping[int, Unit], content: str
) -> tuple[dict[int, Seen], dict[int, Seen]]:
    """By fold: the rows it holds out, and the rows that no fold has anything to do with."""
    held: dict[int, Seen] = {}
    outside: dict[int, Seen] = {}
    for fold, unit in units.items():
        eye = eye_of(unit)
        for found, places, name in (
            (held, inputs.parts[fold][1], "held_out"),
            (outside, inputs.elsewhere, "elsewhere"),
        ):
            found[fold] = look(inputs.job, eye, inputs.pictures, places, (name, content))
    return held, outside


def _anchors(inputs: Inputs) -> Ints:
    """Places of the anchors among the rows that no fold has anything to do with."""
    config = inputs.job.recipe.align
    splits = inputs.rows[SPLIT].gather(inputs.elsewhere)
    known = np.flatnonzero((splits == config.anchors).to_numpy())
    return known[anchor_places(len(known), config)]


def view_of(seen: Seen, places: Ints | None = None) -> View:
    """What a fold's network says of these pictures, or of those at some places."""
    probability = seen.rows().drop(ID).to_numpy()
    embedding = seen.embedding()
    return View(*(x if places is None else x[places] for x in (embedding, probability)))


def _columns(
    inputs: Inputs, units: Mapping[int, Unit], seen: Mapping[int, Seen], aligned: Aligned
) -> pl.DataFrame:
    """Every fold's view as a block has it, without anchors."""
    parts = []
    for fold, unit in units.items():
        ids = seen[fold].rows().select(ID)
        rows = ids.join(inputs.rows, on=ID, how="left", validate="1:1", maintain_order="left")
        used = np.flatnonzero((rows[SPLIT] != ANCHOR).to_numpy())
        made = columns_of(aligned, fold, view_of(seen[fold], used), rows[used])
        parts.append(made.with_columns(_made_by(fold, unit)))
    return pl.concat(parts)


def columns_of(aligned: Aligned, fold: int, view: View, rows: pl.DataFrame) -> pl.DataFrame:
    """A fold's view of these rows as the stack has it, by id; new data too goes through here."""
    size = rows[SIZE].cast(pl.Float64).to_numpy() if SIZE in rows.columns else None
    columns = aligned.columns(fold, view, Patients.of(rows[PATIENT]), size)
    return rows.select(ID).hstack(pl.DataFrame(columns).fill_nan(None))


def _whole(
    inputs: Inputs, units: Mapping[int, Unit], table: pl.DataFrame, *, held: bool
) -> pl.DataFrame:
    """The rows without a picture besides, which networks say nothing of."""
    train = pl.col(SPLIT) == TRAIN
    parts = [table]
    for fold, unit in units.items():
        which = (
            train & (pl.col(FOLD) == fold) if held else pl.col(SPLIT).is_in([TEST_SPLIT, HOLDOUT])
        )
        parts.append(inputs.blind.filter(which).select(ID).with_columns(_made_by(fold, unit)))
    return pl.concat(parts, how="diagonal").sort(ID, FOLD)


def _made_by(fold: int, unit: Unit) -> tuple[pl.Expr, pl.Expr]:
    return pl.lit(fold, dtype=pl.Int16).alias(FOLD), pl.lit(maker_of(unit)).alias(MAKER)


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
