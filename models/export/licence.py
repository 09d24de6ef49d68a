"""What a network came of, and what that allows, in words: its first weights, and its teachers'."""

from dataclasses import dataclass

from models.nets.config import HUB, INSTALLED, NONE
from models.nets.packages import package_of
from workspace.lazy import LazyModule

timm_models = LazyModule("timm.models")

APACHE = "Apache-2.0"


@dataclass(frozen=True)
class Ancestry:
    """The backbone, what its weights began with, as a recipe has it, and who taught it, by name."""

    backbone: str
    weights: str
    teachers: tuple[tuple[str, "Ancestry"], ...] = ()


def licence_of(origin: Ancestry) -> str:
    """A sentence of its own weights, and one of each teacher."""
    return f"Its weights began with {began_with(origin)}{_terms(origin)}.{_taught('It', origin)}"


def began_with(origin: Ancestry) -> str:
    """In words, with the licence of what is not its own."""
    backbone, weights = origin.backbone, origin.weights
    if weights == NONE:
        return "random numbers"
    if weights == INSTALLED:
        package = package_of(backbone).name.replace("_", "-")
        return f"those of the package {package} ({APACHE})"
    if weights == HUB:
        known = timm_models.get_pretrained_cfg(backbone)
        stated = getattr(known, "license", None) or "a licence that timm does not state"
        return f"timm's {backbone} ({stated})"
    return weights


def _terms(origin: Ancestry) -> str:
    """Of its own weights; theirs who taught it are said with them."""
    if not _is_free(origin):
        return ", whose terms hold on for them"
    if all(_is_free(one) for _, one in _all_teachers(origin)):
        return f"; they are handed out under {APACHE}"
    return ""


def _taught(whom: str, origin: Ancestry) -> str:
    """By each of its teachers; what these learnt of others comes with them."""
    said = ""
    for name, teacher in origin.teachers:
        terms = "" if _is_free(teacher) else ", whose terms may hold on for what was learnt of them"
        said += (
            f" {whom} learnt from what {name} says as well, whose weights began with "
            f"{began_with(teacher)}{terms}.{_taught(name, teacher)}"
        )
    return said


def _all_teachers(origin: Ancestry) -> list[tuple[str, Ancestry]]:
    """Those of its teachers too."""
    every = ((pair, *_all_teachers(pair[1])) for pair in origin.teachers)
    return [pair for some in every for pair in some]


def _is_free(origin: Ancestry) -> bool:
    """Of no terms but this project's own."""
    return origin.weights in (NONE, INSTALLED)
