"""Manifests written anew: sealed again as a careful forger would, or as a version of before."""

import json

from workspace.hashing import sha256_text
from workspace.manifest import sealed


def keep(folder, manifest):
    """This manifest, sealed."""
    (folder / "manifest.json").write_text(json.dumps(sealed(manifest)))


def rewrite(folder, change):
    """`change` gets the manifest's values and returns those to keep, or changes them in place.

    Without `for_people` it is a manifest of before, which had no seal.
    """
    path = folder / "manifest.json"
    values = json.loads(path.read_text())
    del values["seal"]
    values = change(values) or values
    if "for_people" in values:
        values["seal"] = sha256_text(json.dumps(values, sort_keys=True))
    path.write_text(json.dumps(values))
