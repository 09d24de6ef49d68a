"""Manifests written anew, sealed again as a careful forger would; what a run holds, by hash."""

import hashlib
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


RUN_FILES = ("log.jsonl", ".hashes.json")
TIMES = ("seconds", "peak_gb", "code", "seal")


def hashes(folder):
    """Of every file of every unit; of a manifest what no clock had a hand in."""
    by_path = {}
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.name in RUN_FILES:
            continue
        data = path.read_bytes()
        if path.name == "manifest.json":
            values = json.loads(data)
            same = {name: values[name] for name in values if name not in TIMES}
            data = json.dumps(same, sort_keys=True).encode()
        by_path[path.relative_to(folder).as_posix()] = hashlib.sha256(data).hexdigest()
    return by_path
