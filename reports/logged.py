"""What the run's log says of a unit that was made: seconds, numbers, then each of its scores.

A line each, so that lines stay short: several processes write into one log.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from workspace.units import Unit

SHEET = "metrics.json"
UNIT, SCORE = "unit", "score"  # the messages of these lines
WHOLE = "all"  # of a sheet that is one score

Line = tuple[str, dict[str, Any]]  # message and facts


def lines_of(unit: Unit) -> Iterator[Line]:
    """For whoever draws curves elsewhere; no id is among a unit's numbers."""
    made = unit.manifest
    folder = unit.folder.resolve()
    whose = {"unit": folder.name, "within": folder.parent.name, "made_by": made.stage}
    numbers = {key: value for key, value in made.facts.items() if _is_number(value)}
    yield UNIT, {**whose, "unit_seconds": made.seconds, "facts": numbers}
    if SHEET in made.files:
        for name, values in scores_of(unit.json(SHEET)):
            yield SCORE, {**whose, "score": name, **values}


def scores_of(sheet: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """(dotted name, n and every metric as value, low, high) of all that a sheet has scored.

    Lists, such as folds and subgroups, stay in the sheet.
    """
    metrics = sheet.get("metrics")
    if isinstance(metrics, Mapping):
        n = sheet.get("n", sheet.get("report", {}).get("n"))
        ends = {key: _ends(one) for key, one in metrics.items() if _is_measured(one)}
        yield prefix or WHOLE, {"n": n, **ends}
    for key, value in sheet.items():
        if isinstance(value, Mapping) and key != "metrics":
            yield from scores_of(value, f"{prefix}.{key}" if prefix else key)


def _ends(interval: Mapping[str, Any]) -> list[float | None]:
    return [interval["value"], interval["low"], interval["high"]]


def _is_measured(one: Any) -> bool:
    return isinstance(one, Mapping) and {"value", "low", "high"} <= one.keys()


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
