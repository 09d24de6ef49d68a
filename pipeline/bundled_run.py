"""A finished run as a folder that answers unseen data by itself: `make bundle`, as a task.

Reads the run's stack, its features' state, boosters, blocks and networks; writes <run>/bundle/: of
each unit what inference reads, this project's code that does it, the launcher and the notebook, and
bundle.json, which has a hash of every file.
"""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from folds.schema import ID, IMAGE, SPLIT, TEST
from folds.sources import DataConfig
from models.networks.use import BEST, USE
from pipeline.job import Job
from pipeline.machine import Machine
from pipeline.new_columns import units_of
from pipeline.new_scores import Stacked
from pipeline.samples import SAMPLES
from pipeline.unit_files import STATE
from pipeline.unseen_members import IMAGE_COLUMNS, MEMBERS, RULE
from stacking.boosters.known import BOOSTERS, EXTRAS
from stacking.calibration.kept import FILE as CALIBRATION
from stacking.thresholds import FILE as THRESHOLD
from submissions.offline.config import BundleConfig
from submissions.offline.contents import HERE, guides, platform_files
from workspace.closure import REPOSITORY, Closure, closure_of
from workspace.hashing import sha256_file, sha256_text
from workspace.manifest import LOCK, NAME
from workspace.tasks import Task
from workspace.units import Draft, Unit, open_unit

BUNDLE, LISTING, ZIP = "bundle", "bundle.json", "bundle.zip"
ENTRY = "pipeline.offline.entry"
OF_PICTURES = {
    "albumentations", "cv2", "h5py", "huggingface_hub", "simplejpeg", "timm", "torch",
}  # fmt: skip
VERSION = 1  # of the listing; `submit.py` reads no other


def bundling(job: Job, verified: Unit) -> Task:
    """All that is needed to score unseen rows by the run's stack."""
    stacked = Stacked.open(job.run)
    stacked.refuse_other_blocks()
    code = closure_of([ENTRY])
    config = job.recipe.bundle
    units = {unit.folder.relative_to(job.run).as_posix(): unit for unit, _ in read_units(stacked)}
    return Task(
        job.run / BUNDLE,
        BUNDLE,
        make_bundle,
        settings={"bundle": config.model_dump(mode="json"), "code": hash_of(code)},
        inputs={name: unit.content() for name, unit in units.items()}
        | {SAMPLES: verified.sha256(SAMPLES)},
        arguments={
            "run": job.run, "samples": verified.folder, "config": config,
            "name": job.recipe.name, "data": job.recipe.data, "machine": Machine.of(job),
        },
    )  # fmt: skip


def make_bundle(  # noqa: PLR0913 - the run, its data, and what is asked for: none holds another
    draft: Draft, *, run: Path, samples: Path, config: BundleConfig, name: str, data: DataConfig,
    machine: Machine,
) -> None:  # fmt: skip
    """Every file, then the listing of all of them."""
    stacked, code = Stacked.open(run), closure_of([ENTRY])
    for unit, files in read_units(stacked):
        _take(draft, run, unit, [file for file in files if config.whole or file != BEST])
    if not config.whole:
        draft.facts["moved_by_halving"] = _halve(draft, stacked, samples, data, machine)
    for path in code.files:
        _write(draft, Path("code") / path, (REPOSITORY / path).read_bytes())
    facts = facts_of(stacked, samples, config, name)
    for file, text in guides(
        config, name, sorted(needed_of(stacked, code)), LOCK.read_text(encoding="utf-8")
    ).items():
        _write(draft, Path(file), text.encode())
    listing = {"version": VERSION, **facts, "files": _listed(draft.folder)}
    draft.json(LISTING, listing)
    # What is handed to the platform beside the bundle carries the listing's own hash.
    sha256 = sha256_file(draft.folder / LISTING)
    for file, text in platform_files(config, sha256, name).items():
        draft.text(file, text)
    draft.facts.update(facts | {"sha256": sha256})
    if config.form == "zip":
        _pack(draft)


def facts_of(stacked: Stacked, samples: Path, config: BundleConfig, name: str) -> dict[str, Any]:
    """What a call of the bundle must know beside the units."""
    rows = open_unit(samples, "verify").parquet(SAMPLES, [IMAGE, SPLIT])
    training = rows.filter(pl.col(SPLIT) != TEST)
    return {
        "name": name, "minutes": config.minutes, "policy": stacked.policy,
        "members": list(scoring_members(stacked)), "networks": list(looking_networks(stacked)),
        "folds": list(stacked.folds), "pictureless": training[IMAGE].null_count() > 0,
    }  # fmt: skip


def scoring_members(stacked: Stacked) -> tuple[str, ...]:
    """Those with boosters that may score: what is handed in, and its two parts.

    By tables alone there is a file at the beginning; pictures may come without a table.
    """
    handed_in = [name for name in stacked.handed_in if name in stacked.grown]
    return tuple(dict.fromkeys([*handed_in, *stacked.parts]))


def looking_networks(stacked: Stacked) -> tuple[str, ...]:
    """Those that must look: all where boosters see what they say, else the members among them."""
    seen = any(
        column.startswith(IMAGE_COLUMNS)
        for name in scoring_members(stacked)
        for column in stacked.columns(name)
    )
    return tuple(n for n in stacked.networks if seen or n in stacked.handed_in)


def read_units(stacked: Stacked) -> Iterator[tuple[Unit, list[str]]]:
    """The run's units that are read to score, each with the files that are."""
    yield stacked.featured, [STATE]
    own = (RULE, MEMBERS, CALIBRATION, THRESHOLD)
    yield stacked.unit, [name for name in own if name in stacked.unit.manifest.files]
    for member in scoring_members(stacked):
        for unit in stacked.boosters(member).values():
            beside = (".parquet", ".csv")
            yield unit, [name for name in unit.manifest.files if not name.endswith(beside)]
    for name in looking_networks(stacked):
        block, networks = units_of(stacked.run, name)
        yield block, [file for file in block.manifest.files if file.endswith(".safetensors")]
        for unit in {one.folder: one for one in networks.values()}.values():
            yield unit, [USE, BEST]


def needed_of(stacked: Stacked, code: Closure) -> set[str]:
    """The libraries that this run's members need, of all that the code may import."""
    fitting = {"sklearn"}  # imported where something is fitted, which a bundle never does
    models = {file for unit, files in read_units(stacked) for file in files}
    others = {name for name in EXTRAS if BOOSTERS[name].file.format(0) not in models}
    looking = set() if looking_networks(stacked) else OF_PICTURES
    return set(code.libraries) - fitting - others - looking


def hash_of(code: Closure) -> str:
    """One hash of all files of the code, and of what writes the texts beside it."""
    paths = [*(REPOSITORY / path for path in code.files), *sorted(HERE.glob("*.py"))]
    return sha256_text("\n".join(f"{p.name} {sha256_file(p)}" for p in paths))


def _take(draft: Draft, run: Path, unit: Unit, files: list[str]) -> None:
    folder = Path("run") / unit.folder.relative_to(run)
    for name in files:
        (draft.folder / folder / name).parent.mkdir(parents=True, exist_ok=True)
        draft.take((folder / name).as_posix(), unit, name)
    _write(draft, folder / NAME, (unit.folder / NAME).read_bytes())


def _halve(
    draft: Draft, stacked: Stacked, samples: Path, data: DataConfig, machine: Machine
) -> float:
    """The networks' weights in 16 bits; the most that any of them moves a probability."""
    from pipeline import halved_weights  # noqa: PLC0415 - torch takes seconds to import

    rows = open_unit(samples, "verify").parquet(SAMPLES, [ID, IMAGE])
    pictures = halved_weights.trial_pictures(data.folder, rows, data.pixel_limit)
    networks = [unit for unit, files in read_units(stacked) if BEST in files]
    for unit in networks:
        place = Path("run") / unit.folder.relative_to(stacked.run)
        halved_weights.take_halved(draft, place, unit)
    with draft.progress("Networks in 16 bits") as show:
        moved = []
        for number, unit in enumerate(networks):
            moved.append(halved_weights.moved_by_halving(unit, pictures, machine))
            show(number + 1, len(networks))
    return max(moved, default=0.0)


def _write(draft: Draft, path: Path, data: bytes) -> None:
    (draft.folder / path).parent.mkdir(parents=True, exist_ok=True)
    draft.encoded(path.as_posix(), data)


def _listed(folder: Path) -> dict[str, dict[str, Any]]:
    return {
        path.relative_to(folder).as_posix(): {
            "sha256": sha256_file(path), "size": path.stat().st_size,
        }
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }  # fmt: skip


def _pack(draft: Draft) -> None:
    """The same as one ZIP of equal bytes for equal files; weights do not shrink."""
    paths = [path for path in sorted(draft.folder.rglob("*")) if path.is_file()]
    packed = draft.folder / ZIP
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for path in paths:
            entry = zipfile.ZipInfo(path.relative_to(draft.folder).as_posix())
            with path.open("rb") as source, archive.open(entry, "w", force_zip64=True) as target:
                while piece := source.read(2**20):
                    target.write(piece)
            path.unlink()
    for folder in sorted((p for p in draft.folder.rglob("*") if p.is_dir()), reverse=True):
        folder.rmdir()
