"""What a run took: the seconds of every unit that lies in it, by stage, and on which processors."""

from pathlib import Path

from workspace.errors import ArtifactError
from workspace.manifest import NAME, Manifest, load_manifest

ASIDE = "report"  # made of the run, no part of it


def spent(run: Path) -> tuple[dict[str, float], list[str]]:
    """Seconds by stage, the longest first; processors by name."""
    seconds: dict[str, float] = {}
    processors: set[str] = set()
    for path in sorted(run.rglob(NAME)):
        where = path.parent.relative_to(run)
        manifest = None if _is_aside(where) else _manifest(path.parent)
        if manifest is not None:
            seconds[manifest.stage] = seconds.get(manifest.stage, 0.0) + manifest.seconds
            processors.update(manifest.facts.get("processors", ()))
    longest = sorted(seconds, key=lambda stage: (-seconds[stage], stage))
    return {stage: round(seconds[stage], 3) for stage in longest}, sorted(processors)


def _is_aside(where: Path) -> bool:
    return where.parts[:1] == (ASIDE,) or any(part.startswith(".") for part in where.parts)


def _manifest(folder: Path) -> Manifest | None:
    try:
        return load_manifest(folder)
    except ArtifactError:
        return None  # whoever reads the unit says what is wrong with it
