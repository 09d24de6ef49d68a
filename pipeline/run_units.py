"""What of a run is finished: its units by folder, in the order in which their page shows them."""

import os
from collections.abc import Iterator
from pathlib import Path

from reports.run.provenance import BLOCKS, NETWORKS
from workspace.hashing import HashMemory, sha256_text
from workspace.manifest import NAME, Making, load_making, load_manifest
from workspace.units import Unit

METRICS = "metrics.json"  # of what is joined
HISTORY = "history.json"  # of a training
HOSPITALS = "hospitals/"
# Nothing that the run was made of: what is made of it, and trainings that are not finished.
ASIDE = ("bundle", "checkpoints", "familiar", "predictions", "scores", "cases", "report")
COST = f"{HOSPITALS}all"
EXPORT, SCORES = "export/", "scores/"
FURTHER = ("comparison/all", "distill/sheet", "distill/study", "suite/leaderboard")
SHOWN = (
    "samples", "folds", "features", "stack", "submission", "leaks", "cascade", "tune", COST,
    "ablation", "label_efficiency", *FURTHER,
)  # fmt: skip


def finished_units(run: Path) -> dict[str, Unit]:
    """The finished units of the run by folder: the stages' own, and the networks' joined ones."""
    folders = {path.parent.relative_to(run).as_posix(): path.parent for path in _manifests(run)}
    order = [*(name for name in SHOWN if name in folders), *sorted(folders.keys() - set(SHOWN))]
    units = {}
    for name in order:
        manifest = load_manifest(folders[name])
        joined = manifest is not None and METRICS in manifest.files
        if manifest is not None and name not in ASIDE and (joined or NETWORKS not in name):
            units[name] = Unit(folders[name], manifest)
    return units


def fold_networks(run: Path) -> dict[str, Unit]:
    """Every training of a network by its folder; a suite's are on the suite's own page."""
    inside = (NETWORKS, f"distill/*/{NETWORKS}")
    folders = [path.parent for one in inside for path in sorted(run.glob(f"{one}*/{NAME}"))]
    loaded = [(folder, load_manifest(folder)) for folder in folders if folder.name[0] != "."]
    return {
        folder.relative_to(run).as_posix(): Unit(folder, manifest)
        for folder, manifest in loaded
        if manifest is not None and HISTORY in manifest.files
    }


def makings(run: Path) -> dict[str, Making]:
    """How every finished unit of the run came about, those of folds and trials too, by folder."""
    return {folder.relative_to(run).as_posix(): load_making(folder) for folder in _units(run)}


def makings_hash(run: Path, hashes: HashMemory) -> str:
    """One hash of all their manifests."""
    with hashes.saving_once():
        each = [f"{path.relative_to(run)} {hashes.of(path / NAME)}" for path in _units(run)]
    return sha256_text("\n".join(each))


def _units(run: Path) -> Iterator[Path]:
    """Every folder with a manifest; units hold no units, and what is hidden is unfinished."""
    for folder, below, files in os.walk(run):
        place = Path(folder)
        is_unit = NAME in files
        if is_unit:
            yield place
        inside = [] if is_unit else below
        below[:] = sorted(name for name in inside if name not in ASIDE and name[0] != ".")


def _manifests(run: Path) -> list[Path]:
    inside = ("", NETWORKS, BLOCKS, HOSPITALS, EXPORT, SCORES)
    paths = [path for folder in inside for path in run.glob(f"{folder}*/{NAME}")]
    paths += [run / name / NAME for name in FURTHER if (run / name / NAME).is_file()]
    return [path for path in paths if not path.parent.name.startswith(".")]
