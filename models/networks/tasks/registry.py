"""The kinds of tasks by name: what a recipe may write as `task.kind`."""

from typing import Any

from models.networks.tasks.classes import ClassesTask
from models.networks.tasks.contrastive import ContrastiveTask
from models.networks.tasks.nothing import NothingTask
from models.networks.tasks.target import TargetTask
from models.networks.tasks.task import Task

TASKS: dict[str, type[Task]] = {
    "target": TargetTask, "classes": ClassesTask, "nothing": NothingTask,
    "contrastive": ContrastiveTask,
}  # fmt: skip


def task_of(values: Any) -> Any:
    """The task that a recipe's table says; what is none is left for the caller to refuse."""
    if not isinstance(values, dict):
        return values
    kind = values.get("kind")
    if kind not in TASKS:
        raise ValueError(f"kind is {kind!r}; there are {', '.join(TASKS)}")
    return TASKS[kind].model_validate(values)
