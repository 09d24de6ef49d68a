"""What a run's results were made from: commit, seed, versions, files with their hashes, recipe.

Reads the manifests alone; also says where one part was made from another state of a second part
than the one that lies beside it now.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from reports.pages.elements import Element, Folded, Section, Source
from reports.run import units
from reports.run.sheets import RunSheets
from reports.table import Table, Words, columns, count
from workspace.manifest import Manifest

# What one part leaves for others, who keep its hash under the file's name.
HANDED_ON = {
    "samples": ("samples.parquet",),
    "folds": ("folds.parquet",),
    "features": ("features.parquet", "test_features.parquet"),
    "stack": ("test_stack.parquet", "oof_stack.parquet"),
}
NETWORKS = "networks/"
BLOCKS, OOF = "blocks/", "oof.parquet"
OF_NETWORKS = "cascade"  # it names a network by its folder; whoever stacks names a block so


def sections(sheets: RunSheets) -> list[Section]:
    """Enough to make the run again, and to see that it is the same."""
    recipe, manifests = sheets.recipe, sheets.manifests
    elements: tuple[Element, ...] = (
        units.unit_table(sheets.makings),
        units.version_table(sheets.makings.values()),
        Folded("All files with their hashes", _files(manifests)),
        Folded("The whole recipe", Source(json.dumps(recipe, indent=2, ensure_ascii=False))),
    )
    lead = (
        "Each unit keeps a manifest of what it was made from; this is what all of them say: every "
        "fold's network, embeddings and boosters, every trial."
    )
    return [Section("made-from", "What it was made from", elements, lead)]


def stale(manifests: Mapping[str, Manifest]) -> list[str]:
    """Which parts belong to another state of what lies beside them."""
    found = []
    for folder, manifest in manifests.items():
        named = manifest.recipe.get("stack", {}).get("blocks", ())
        blocks = [Path(folder).name for folder in named]
        for name, sha in sorted(manifest.inputs.items()):
            if name in blocks:  # named by the recipe: perhaps of another run
                continue
            source, file = _handed_on(
                manifests, name, NETWORKS if folder == OF_NETWORKS else BLOCKS
            )
            if source and manifests[source].files[file].sha256 != sha:
                found.append(
                    f"'{folder}' was made from another {file} than the one that lies in '{source}' "
                    f"now: the two do not belong together. Run 'make {manifest.stage}' again."
                )
    return found


def _handed_on(manifests: Mapping[str, Manifest], name: str, among: str) -> tuple[str, str]:
    """The part of this run, and its file, that an input of this name is; or nothing."""
    for folder, manifest in manifests.items():
        if name in HANDED_ON.get(folder, ()) and name in manifest.files:
            return folder, name
        if folder == among + name:
            return folder, OOF
    return "", ""


def _files(manifests: Mapping[str, Manifest]) -> Table:
    rows = tuple(
        (Words(f"{folder}/{name}", code=True), count(file.size), Words(file.sha256, code=True))
        for folder, manifest in manifests.items()
        for name, file in manifest.files.items()
    )
    return Table(columns("file", "bytes", "SHA-256"), rows)
