"""The first thing of ours in a process of another node, before anything of ours is imported there.

It travels by value, since the node may have other code than the caller, or none. So it imports
nothing of ours before it has looked, and answers with what the caller can read without it.
"""

from typing import Any

Answer = tuple[str, Any]  # ("done" | "failed" | "stopped" | "refused", what belongs to it)


class Begin:
    """One attempt at a task, as a call without arguments."""

    def __init__(self, parcel: dict[str, Any]) -> None:
        self.parcel = parcel

    def __call__(self) -> Answer:
        import os  # noqa: PLC0415
        import socket  # noqa: PLC0415
        import sys  # noqa: PLC0415
        from pathlib import Path  # noqa: PLC0415

        repository, place = self.parcel["repository"], self.parcel["place"]
        for folder in (Path(repository, "scripts", "engines"), Path(place)):
            if not folder.is_dir():
                return "refused", (
                    f"{socket.gethostname()} has no {folder}; the code and the run must lie at "
                    "the same path on every node."
                )
        for name, value in self.parcel["environment"].items():
            os.environ[name] = value
            if not value:  # SLURM's jobs begin with the caller's, which knows its own cores alone
                del os.environ[name]
        os.chdir(place)
        # First, and once: Ray's processes carry out one task after another.
        sys.path[:] = [repository, *(path for path in sys.path if path != repository)]
        try:
            from scripts.engines.worker import answer  # noqa: PLC0415
        except (ImportError, SyntaxError) as error:  # of another Python, or half copied
            return "refused", (
                f"{socket.gethostname()} cannot import {repository}: {error}; bring its code and "
                "its environment to the caller's, then call again."
            )
        return answer(self.parcel)

    def checkpoint(self) -> Any:
        """Asked by submitit before a job's time ends: the same again, from where it stands."""
        from submitit.helpers import DelayedSubmission  # noqa: PLC0415

        return DelayedSubmission(Begin(self.parcel))


def call(begin: Begin) -> Answer:
    """As a function, which is what Ray's tasks are."""
    return begin()
