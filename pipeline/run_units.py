"""What of a run is finished: its units by folder, in the order in which their page shows them."""

from pathlib import Path

from reports.run.provenance import BLOCKS, NETWORKS
from workspace.manifest import NAME, load_manifest
from workspace.units import Unit

METRICS = "metrics.json"  # of what is joined
HOSPITALS = "hospitals/"
COST = f"{HOSPITALS}all"
SHOWN = ("samples", "folds", "features", "stack", "submission", "leaks", "cascade", "tune", COST)


def finished_units(run: Path) -> dict[str, Unit]:
    """The finished units of the run by folder: the stages' own, and the networks' joined ones."""
    folders = {path.parent.relative_to(run).as_posix(): path.parent for path in _manifests(run)}
    order = [*(name for name in SHOWN if name in folders), *sorted(folders.keys() - set(SHOWN))]
    units = {}
    for name in order:
        manifest = load_manifest(folders[name])
        joined = manifest is not None and METRICS in manifest.files
        if manifest is not None and name != "report" and (joined or NETWORKS not in name):
            units[name] = Unit(folders[name], manifest)
    return units


def _manifests(run: Path) -> list[Path]:
    inside = ("", NETWORKS, BLOCKS, HOSPITALS)
    paths = [path for folder in inside for path in run.glob(f"{folder}*/{NAME}")]
    return [path for path in paths if not path.parent.name.startswith(".")]
