"""The synthetic competition of a recipe that has one, as a task."""

from pathlib import Path

from pipeline.job import Job
from synthetic.competition import write_competition
from synthetic.config import SyntheticConfig
from workspace.errors import ArtifactError, ConfigError, DataError
from workspace.manifest import load_manifest
from workspace.tasks import Task
from workspace.units import Draft


def drawing(job: Job) -> Task:
    """The synthetic competition of the recipe."""
    config, folder = job.recipe.synthetic, job.recipe.data.folder
    if config is None:
        raise ConfigError(
            f"Recipe {job.recipe.name} has no [synthetic] section: its data are real and lie in "
            f"{folder}."
        )
    if folder.exists() and not is_drawn(folder) and (folder.is_file() or any(folder.iterdir())):
        raise DataError(
            f"{folder} holds files that 'make sample' did not write; name another folder with "
            "DATA=, or move them away."
        )
    return Task(
        folder,
        "sample",
        draw,
        settings={"synthetic": config.model_dump(mode="json")},
        arguments={"config": config},
        on_change="stop",
    )


def draw(draft: Draft, config: SyntheticConfig) -> None:
    """The whole competition's folder."""
    with draft.progress("Drawing crops") as show:
        draft.facts.update(write_competition(draft.folder, config, config.seed, show))


def is_drawn(folder: Path) -> bool:
    """Whether `make sample` wrote the folder; a stranger's manifest.json does not say so."""
    try:
        manifest = load_manifest(folder)
    except ArtifactError:
        return False
    return manifest is not None and manifest.stage == "sample"
