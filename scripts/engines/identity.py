"""The caller's identity in the shared folder, and a worker's refusal where its own is another.

Each worker holds itself against it before it unpacks a task. Imports nothing that computes: a
worker does not know its cores yet.
"""

import json
from dataclasses import asdict
from pathlib import Path

from workspace.identity import Identity, of_this_process

FILE = "caller.json"


def write_identity(folder: Path, token: str) -> None:
    """The caller's, for the workers; the token tells this folder from another of its name."""
    text = json.dumps({"token": token, **asdict(of_this_process())})
    (folder / FILE).write_text(text)


def refusal(folder: Path, token: str, node: str) -> str:
    """Why this process may not work for the caller, in one sentence; "" where it may."""
    try:
        values = json.loads((folder / FILE).read_text())
    except (OSError, ValueError):
        values = {"token": None}
    if values.pop("token") != token:
        return (
            f"{node} does not see the run's folder of the caller at {folder.parents[1]}; mount "
            "the same shared folder there on every node."
        )
    if differences := Identity(**values).differences(of_this_process()):
        return (
            f"{node} has {differences}; bring its code and its environment to the caller's, "
            "then call again."
        )
    return ""
