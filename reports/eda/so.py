"""The sentence beside each section: which design decision what is seen there led to.

Each names the recipe's key with its value here, or the page that says why; none promises more than
that page does.
"""

from collections.abc import Callable, Mapping
from typing import Any

from reports.pages.elements import Note

Quoted = Mapping[str, Any]

STRATIFIED = ("stratified_groups", "holdout", "by_image")  # of the schemes of folds


def so(section: str, quoted: Quoted) -> Note:
    """One line for a section."""
    words, where = SENTENCES[section](quoted)
    return Note(f"So: {words}", tone="so", command=where)


def _classes(quoted: Quoted) -> tuple[str, str]:
    scheme, by = quoted["folds.scheme"], quoted["folds.stratify"]
    folds = f"are stratified by {by}" if scheme in STRATIFIED else f"follow the scheme {scheme!r}"
    return (
        f"accuracy would reward calling nobody ill; what is scored is the ranking above "
        f"{quoted['score.min_tpr']:.0%} sensitivity, and folds {folds}.",
        "score.min_tpr, folds.stratify, folds.scheme; docs/decisions/0005-folds.md, "
        "0007-metrics.md",
    )


def _missing(_: Quoted) -> tuple[str, str]:
    return (
        "nothing is filled in. A missing value stays missing in its own row, and is as if absent "
        "where a patient's lesions are compared; columns that are empty or constant are dropped.",
        "docs/decisions/0008-features.md",
    )


def _groups(quoted: Quoted) -> tuple[str, str]:
    group = quoted["data.group"]
    if group == "none":
        return (
            "nobody says whose rows are, so intervals draw rows again and say so.",
            "data.group = none; docs/decisions/0007-metrics.md",
        )
    return (
        f"a {group} is on one side of every split that we draw, and intervals draw {group}s again, "
        "never rows.",
        f"data.group = {group}; docs/decisions/0005-folds.md, 0007-metrics.md",
    )


def _hospitals(quoted: Quoted) -> tuple[str, str]:
    asked = "provenance" in quoted["features.families"]
    column = "a column here, since the recipe asks for it" if asked else "no column of the boosters"
    return (
        f"the hospital is {column}; what one that was never seen costs, 'make hospitals' says.",
        "features.families (provenance); docs/decisions/0005-folds.md, 0008-features.md",
    )


def _sizes(quoted: Quoted) -> tuple[str, str]:
    own = "as its backbone was made"
    sizes = ", ".join(f"{n} {f'{px} px' if px else own}" for n, px in quoted["size"].items())
    return (
        "every picture is squeezed to one square view, the same in training and in use"
        f"{f' ({sizes})' if sizes else ''}.",
        "networks.<name>.net.size; docs/decisions/0011-pixels.md",
    )


def _colours(quoted: Quoted) -> tuple[str, str]:
    shares = quoted["gray_world_p"]
    on = [name for name, share in shares.items() if share > 0]
    of = ", ".join(on) if on else "no network of this recipe"
    return (
        "colour may be the camera's and not the lesion's: training pictures may be evened to grey "
        f"by chance ({of}), and 'make ablate' says what that brings (no_gray_world).",
        "networks.<name>.augment.gray_world_p",
    )


def _sheet(quoted: Quoted) -> tuple[str, str]:
    views = ", ".join(f"{name} {views}" for name, views in quoted["views"].items())
    return (
        "a lesion has no up: networks learn it turned and mirrored, and answers may be averaged "
        f"over views{f' ({views})' if views else ''}.",
        "networks.<name>.augment.rotation_degrees, networks.<name>.views",
    )


def _numbers(quoted: Quoted) -> tuple[str, str]:
    has = "z" in quoted["features.families"] and "patient" in quoted["features.z_over"]
    asked = "the stack has" if has and quoted["compared"] else "the stack has no"
    return (
        f"{asked} z-scores within the patient, and the best single column, chosen on training "
        "rows, stands beside it with a paired difference.",
        "features.families, features.z_over; docs/decisions/0008-features.md, 0009-stack.md",
    )


def _words(_: Quoted) -> tuple[str, str]:
    return (
        "codes of words are numbered by the training rows of each fold, never by all; a word that "
        "is new there is unknown.",
        "docs/decisions/0008-features.md, 0009-stack.md",
    )


def _correlations(_: Quoted) -> tuple[str, str]:
    return (
        "trees may have columns that say the same; but multiples and logarithms of others are not "
        "compared within the patient again (the set 'main').",
        "features.z_over.patient = main; docs/features.md",
    )


def _source(quoted: Quoted) -> tuple[str, str]:
    asked = quoted["source_only"]
    beside = f"of this recipe: {', '.join(asked)}" if asked else "none of this recipe asks for it"
    return (
        "a baseline that sees size and mean colours alone can stand beside a network "
        f"({beside}); what a network adds to that is what it has seen of the lesion.",
        "networks.<name>.source_only",
    )


def _pairs(quoted: Quoted) -> tuple[str, str]:
    most = quoted["verify.look_alikes"]
    asked = f"{most} are asked for here" if most else "none are asked for here"
    return (
        "groups that share a picture are folded as one group; what only looks alike is for a "
        f"person to judge ({asked}).",
        "verify.near_duplicates, verify.look_alikes; docs/decisions/0006-near-duplicates.md, "
        "0024-look-alikes.md",
    )


def _looked(_: Quoted) -> tuple[str, str]:
    return (
        "labels of a side that scores are reported on alone are not on this page.",
        "docs/decisions/0034-exploration.md",
    )


SENTENCES: Mapping[str, Callable[[Quoted], tuple[str, str]]] = {
    "rows": _looked, "classes": _classes, "missing": _missing, "groups": _groups,
    "hospitals": _hospitals, "sizes": _sizes, "colours": _colours, "sheet": _sheet,
    "numbers": _numbers, "words": _words, "correlations": _correlations, "source": _source,
    "pairs": _pairs,
}  # fmt: skip
