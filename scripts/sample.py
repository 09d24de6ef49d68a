"""make sample: draw the synthetic competition that stands in for real data.

Reads the recipe's [synthetic] section; writes an ISIC-2024-shaped folder, data/sample by default.
Everything in it is drawn by a program: it shows no person.
"""

from pathlib import Path

from scripts.stage import Job, main
from synthetic.competition import write_competition
from workspace.errors import ArtifactError, ConfigError, DataError
from workspace.lock import locked
from workspace.manifest import load_manifest
from workspace.units import Unit, find, making, open_unit


def run(job: Job) -> Unit:
    """The folder of the synthetic competition, drawn if it is not there yet."""
    config = job.recipe.synthetic
    if config is None:
        raise ConfigError(
            f"Recipe {job.recipe.name} has no [synthetic] section: its data are real and lie in "
            f"{job.recipe.data.folder}."
        )
    folder = job.recipe.data.folder
    if folder.exists() and not is_drawn(folder) and (folder.is_file() or any(folder.iterdir())):
        raise DataError(
            f"{folder} holds files that 'make sample' did not write; name another folder with "
            "DATA=, or move them away."
        )
    part = {"synthetic": config.model_dump(mode="json")}
    wanted = job.wanted("sample", part, inputs={})
    with locked(folder.with_name(f".{folder.name}.lock"), f"Data folder {folder}"):
        done = find(folder, wanted, job.hashes, on_change="stop", fresh=job.fresh)
        if done is not None:
            job.say(f"sample: nothing to do, {folder} is drawn (synthetic, no person in it).")
            return done
        with making(folder, wanted) as draft, job.progress("Drawing crops") as show:
            counts = write_competition(draft.folder, config, config.seed, show)
            draft.facts.update(counts)
    shown = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items())
    job.say(f"sample: drew {folder}: {shown}. Synthetic: no person is in it.", **counts)
    return open_unit(folder, "sample")


def is_drawn(folder: Path) -> bool:
    """Whether this stage wrote the folder; a stranger's manifest.json is no claim that it did."""
    try:
        manifest = load_manifest(folder)
    except ArtifactError:
        return False
    return manifest is not None and manifest.stage == "sample"


if __name__ == "__main__":
    main(
        run,
        flags={
            "patients": "synthetic.patients",
            "rows": "synthetic.rows",
            "positives": "synthetic.positives",
            "images": "synthetic.images",
            "seed": "synthetic.seed",
        },
    )
