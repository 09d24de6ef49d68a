"""How far the folds' networks agree, in a sentence; and where they do not."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reports.table import Said


def sentences(
    name: str,
    drift: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    anchors: int,
    warnings: Sequence[str],
) -> Iterator[Said]:
    """`drift` is one, or of a nested stack one for each fold's boosters; one fold has none."""
    several = [drift] if isinstance(drift, Mapping) else drift
    before = [one["before"]["mean"]["explained"] for one in several if one["before"]["mean"]]
    after = [(one["after"] or one["before"])["mean"] for one in several if one["before"]["mean"]]
    if before:
        results = [mean["explained"] for mean in after]
        yield (
            f"{name}: on {anchors} anchors a fold's view explains "
            f"{sum(results) / len(results):.0%} of what the others see, "
            f"{sum(before) / len(before):.0%} before the map."
        )
    for warning in warnings:
        yield f"WARNING: {warning}"
