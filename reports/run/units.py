"""What a run took: of each part how many units, their seconds, by which code and which versions.

A part is a folder of the run, or the units of it that differ by fold, seed, shard or trial alone:
`networks/small` is every fold's network and what joins them.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from reports.table import Column, Number, Row, Table, Words, columns, count
from workspace.errors import name_some
from workspace.manifest import Code, Making

MANY = ("audit", "boosters/tuned", "predictions", "scores", "trials")  # parts of unlike names
ONE_OF_MANY = re.compile(r"_(fold_(all|\d+(_\d+)?)|seed_\d+)(?=_|$)")
SHARD = re.compile(r"/(held_out|elsewhere|anchors|[a-z_]+)_\d{5}$")
IN_ORDER = (
    "sample", "verify", "folds", "features", "pretrain", "train-cnn", "embed", "tune", "stack",
    "submission",
)  # fmt: skip
SIDE_BY_SIDE = (
    "Seconds of all units added up: units that were made side by side took less on the clock, and "
    "a training that was stopped and went on counts from where it went on. 'changed': tracked "
    "files differed from the commit when a part was made."
)


@dataclass(frozen=True)
class Took:
    """A part of a run: the units of one stage that belong together."""

    stage: str
    part: str
    makings: Sequence[Making]

    @property
    def seconds(self) -> float:
        return sum(one.seconds for one in self.makings)


def part_of(folder: str) -> str:
    """The part that a unit's folder is of."""
    for part in MANY:
        before, found, _ = f"/{folder}".partition(f"/{part}")
        if found:
            return f"{before}{found}".removeprefix("/")
    return ONE_OF_MANY.sub("", SHARD.sub("", folder))


def took_of(makings: Mapping[str, Making]) -> list[Took]:
    """The parts of a run, in the order in which a run is made."""
    parts: dict[tuple[str, str], list[Making]] = {}
    for folder, making in makings.items():
        parts.setdefault((making.stage, part_of(folder)), []).append(making)
    every = [Took(stage, part, several) for (stage, part), several in parts.items()]
    return sorted(every, key=lambda one: (_place(one.stage), one.stage, one.part))


def unit_table(makings: Mapping[str, Making]) -> Table:
    """A row a part, and all of them together."""
    parts = took_of(makings)
    greatest = max((one.seconds for one in parts), default=0.0) or 1.0
    rows: list[Row] = [
        (
            Words(one.stage), Words(one.part), count(len(one.makings)),
            _seconds(one.seconds, one.seconds / greatest),
            Words(commits(m.code for m in one.makings), code=True),
            Words(", ".join(str(seed) for seed in sorted({m.seed for m in one.makings}))),
        )
        for one in parts
    ]  # fmt: skip
    whole = sum(one.seconds for one in parts)
    empty = Words("")
    rows.append((Words("all"), empty, count(len(makings)), _seconds(whole), empty, empty))
    heads = columns("stage", "part", "units", "seconds", "commit", "seed")
    return Table(heads, tuple(rows), SIDE_BY_SIDE, apart=1)


def version_table(makings: Iterable[Making]) -> Table:
    """Each library once; more than one version only where units were made by several."""
    seen: dict[str, set[str]] = {}
    for making in makings:
        named = {**making.versions, "requirements.lock (SHA-256)": making.lock}
        for name, version in named.items():
            seen.setdefault(name, set()).add(version)
    rows = tuple(
        (Words(name), Words(", ".join(sorted(versions)), code=True))
        for name, versions in sorted(seen.items())
    )
    return Table((Column("made with"), Column("version")), rows)


def commits(codes: Iterable[Code]) -> str:
    """The states of the code that units were made by, each once."""
    named = (code.commit[:12] + (", changed" if code.dirty else "") for code in codes)
    return name_some(list(dict.fromkeys(named)))


def _place(stage: str) -> int:
    return IN_ORDER.index(stage) if stage in IN_ORDER else len(IN_ORDER)


def _seconds(value: float, share: float | None = None) -> Number:
    return Number(f"{value:,.1f}", repr(round(value, 3)), share=share)
