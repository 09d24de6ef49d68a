"""The pictures of a run as a network sees them, shard by shard: for the search for look-alikes.

A shard is a unit in <run>/audit/, beside the fingerprints of the same pictures. What makes it,
with torch, is in `embedded_look`.
"""

from collections.abc import Sequence
from functools import partial

from folds.sources import Source
from pipeline.job import Job
from pipeline.look_alikes import NET, seen_by
from pipeline.machine import Machine
from workspace.tasks import Task


def seeing(job: Job, source: Source, looks: Sequence[Task]) -> list[Task]:
    """A task for each shard of `looking`, if look-alikes are asked for."""
    if not job.recipe.verify.look_alikes:
        return []
    machine = Machine.of(job)
    return [
        Task(
            look.folder.with_name(f"embedded_{look.folder.name}"),
            "verify",
            "pipeline.embedded_look:embed_look",
            settings={**look.settings, **seen_by()},
            inputs=look.inputs,
            arguments={
                "folder": source.folder,
                "pixel_limit": source.config.pixel_limit,
                "references": look.arguments["references"],
                "look": look.folder,
                "machine": machine,
            },
            needs=partial(machine.needs, NET),
            on_damage="redo",
            after=[look],
            stays=True,
        )
        for look in looks
    ]
