"""Keys that recipes had once: each is told its new spelling."""

from collections.abc import Iterator, Mapping
from typing import Any

from workspace.errors import ConfigError, shorten

BASES = {"stage1": "first_stage", "stage2": "second_stage"}
OF_TASK = {
    "names": "task.names", "threshold": "task.threshold", "diagnoses": "task.classes",
    "families": "task.families", "auxiliary_weight": "task.families_weight",
}  # fmt: skip
AS_THEY_WERE = ("net", "augment", "views")  # the others are of the training now
KINDS = {"extractors": "extractor", "encoders": "encoder"}


def refuse_old_keys(values: Mapping[str, Any], where: str) -> None:
    """One sentence for the first old key in a recipe's values, with its new spelling."""
    found = list(_old(values))
    if not found:
        return
    (old, new), more = found[0], len(found) - 1
    also = f" (+{more} more)" if more else ""
    raise ConfigError(f"Option '{shorten(old)}' in {where} is now spelt {new}{also}.")


def _old(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if "booster" in values:
        yield "booster", "stack.boosters, a list of names"
    if "networks" in values and not isinstance(values["networks"], Mapping):
        yield "networks", "use_networks; [networks.<name>] are their tables"
    for keys in _leaves(values.get("net")):
        dotted = ".".join(("net", *keys))
        yield dotted, f"networks.<name>.{dotted}, for each network"
    for stage, base in BASES.items():
        for keys in _leaves(values.get(stage)):
            yield ".".join((stage, *keys)), f"{_new(stage, keys)}, with base = '{base}'"
    for kind, base in KINDS.items():
        for keys in _leaves(values.get(kind)):
            new = _new(keys[0], keys[1:]) if keys else "networks.<name>"
            yield ".".join((kind, *keys)), f"{new}, with base = '{base}'"
    ablation = values.get("ablation")
    if isinstance(ablation, Mapping) and "stage" in ablation:
        yield "ablation.stage", "ablation.network"


def _new(network: str, keys: tuple[str, ...]) -> str:
    name = f"networks.{shorten(network)}"
    if not keys:
        return name
    first, *rest = keys
    moved = OF_TASK.get(first) or (first if first in AS_THEY_WERE else f"training.{first}")
    return ".".join((name, moved, *rest))


def _leaves(section: Any, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The keys that lead to each value; to a section without one, or to what is no section."""
    if section is None:
        return
    if not isinstance(section, Mapping) or not section:
        yield before
        return
    for key, value in section.items():
        yield from _leaves(value, (*before, key))
