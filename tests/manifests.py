"""Manifests written anew, as another version or a careful forger would: without a seal."""

import json


def rewrite(folder, change):
    """`change` gets the manifest's values and returns those to keep, or changes them in place."""
    path = folder / "manifest.json"
    values = json.loads(path.read_text())
    del values["seal"]
    path.write_text(json.dumps(change(values) or values))
