"""The pictures of a folder of one's own, under names that a table can hold.

A picture is called by its path below the folder without its suffix, with it where two would be
called the same. All are decoded once before any work begins: damage is told now, not hours later.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from folds.images import ITEM, ImageReader, image_files, unread_in
from folds.orientation import UPRIGHT, orientation
from workspace.errors import DataError, listed
from workspace.progress import Show

_FORMULA = tuple("=+-@\t\r")  # what a spreadsheet would compute


def names_in(folder: Path) -> dict[str, str]:
    """Every JPEG and PNG below the folder: its name -> its path below."""
    references = [path.relative_to(folder).as_posix() for path in image_files(folder)]
    if not references:
        mend = unread_in(folder) or "put pictures there, or name another folder."
        raise DataError(f"There is no JPEG or PNG below {folder}; {mend}")
    return called(references)


def called(references: Sequence[str]) -> dict[str, str]:
    """What each of these paths is called: its name -> its path."""
    strange = [reference for reference in references if not _is_plain(reference)]
    if strange:
        raise DataError(
            "Pictures with names that a table cannot hold: "
            f"{listed([ascii(name) for name in strange])}; rename them."
        )
    stems = [str(PurePosixPath(reference).with_suffix("")) for reference in references]
    times = Counter([*stems, *references])  # `a.png` is also what `a.png.png` would be called
    return {
        reference if times[stem] > 1 else stem: reference
        for reference, stem in zip(references, stems, strict=True)
    }


def damaged_in(
    reader: ImageReader, names: Mapping[str, str], workers: int, show: Show
) -> dict[str, str]:
    """The names of those that cannot be decoded, and why."""

    def reason(reference: str) -> str | None:
        try:
            reader.pixels(reference)
        except DataError as error:
            return str(error)
        return None

    found = {}
    with ThreadPoolExecutor(max(1, workers)) as pool:
        for done, (name, why) in enumerate(
            zip(names, pool.map(reason, names.values()), strict=True)
        ):
            if why is not None:
                found[name] = why
            show(done + 1, len(names))
    return found


def turned_in(reader: ImageReader, names: Mapping[str, str]) -> list[str]:
    """The names of those that their EXIF says to turn."""
    return [
        name
        for name, reference in names.items()
        if orientation(reader.encoded(reference)) != UPRIGHT
    ]


def _is_plain(name: str) -> bool:
    """Neither a formula to a spreadsheet, nor an item of a container, nor no text at all."""
    return name.isprintable() and ITEM not in name and not name.startswith(_FORMULA)
