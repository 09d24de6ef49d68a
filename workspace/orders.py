"""A task as it travels: all that another process needs to make a unit, under the unit's lock."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from workspace.errors import ConfigError
from workspace.faults import naming_faults
from workspace.hashing import HashMemory
from workspace.lazy import imported
from workspace.likes import held_by
from workspace.lock import LockedError, lock_of, locked
from workspace.machine import MEMORY_GB, lent_memory
from workspace.manifest import Wanted
from workspace.memory import held_gb
from workspace.progress import Desk
from workspace.units import OnChange, find, making

MARGIN, LOOKS, LOOK_S = 1.25, 5, 2.0
# What fills a draft: a function, or the name of one, "module:function", whose module is imported
# where it is carried out. So a call that finds all done never waits for torch.
Maker = Callable[..., None] | str


@dataclass(frozen=True)
class Needs:
    """What a task takes of a machine while it is carried out."""

    cores: int = 0  # 0: as many as there are
    memory_gb: float = 1.0
    gpus: int = 0  # where there are any


def measured_needs(
    needs: Needs | Callable[[], Needs], folder: Path, stage: str, settings: Mapping[str, Any]
) -> Needs:
    """With the memory that it or its like was seen to take, where that is more than was thought."""
    thought = needs() if callable(needs) else needs
    held = held_by(folder, stage, settings)
    return thought if held is None else replace(thought, memory_gb=max(thought.memory_gb, held.gb))


@dataclass(frozen=True)
class Order:
    """A task as it travels to whoever carries it out."""

    folder: Path
    wanted: Wanted
    sources: str
    make: Maker
    arguments: Mapping[str, Any]
    anew: bool  # also where the unit is there
    on_change: OnChange  # where another call made it of other values a moment ago
    needs: Needs
    join: Maker | None = None  # where another call makes it: help there, and return once it ended


@dataclass(frozen=True)
class Busy:
    """Another call is at this unit."""

    owner: str


@naming_faults()
def carry_out_order(order: Order, desk: Desk) -> Busy | None:
    """Make one unit, under its lock; where somebody else is at it, say who, or help there."""
    while True:
        try:
            _make(order, desk)
            return None
        except LockedError as error:
            if order.join is None:
                return Busy(error.owner)
        function_of(order.join)(order.folder, order.wanted, desk, **order.arguments)


def _make(order: Order, desk: Desk) -> None:
    """Under its lock, unless another call made it a moment ago."""
    with locked(lock_of(order.folder), str(order.folder)) as dead:
        if dead:
            desk.say(f"{order.folder}: took over from {dead}, which is gone.")
        if not order.anew and _made_meanwhile(order):
            return
        refuse_too_large(order)
        with making(order.folder, order.wanted, desk, order.sources) as draft:
            function_of(order.make)(draft, **order.arguments)


def refuse_too_large(order: Order) -> None:
    """Before the kernel kills it: what was measured, against what this machine lends now.

    What this process holds already it may use again. A peak counts libraries and mapped files,
    which need not stay in memory: so a quarter is let go. And what others hold they may hold for
    a moment: so it is looked at a few times.
    """
    wanted = order.wanted
    held = held_by(order.folder, wanted.stage, wanted.settings)
    if held is None:
        return
    for look in range(LOOKS):
        if look:
            time.sleep(LOOK_S)
        lent = lent_memory(swapping=True)
        if held.gb <= MARGIN * (lent.gb + held_gb()):
            return
    who = "the last time it" if held.name == order.folder.name else held.name
    raise ConfigError(
        f"{order.folder.name} would take {held.gb:.1f} GB of memory, as {who} did, and "
        f"{lent.gb:.1f} GB are lent now, by {lent.by}; take fewer JOBS=, free some, or a larger "
        f"machine ({MEMORY_GB}=n says that n GB are there)."
    )


def function_of(maker: Maker) -> Callable[..., None]:
    """The function that a maker is, or names."""
    if not isinstance(maker, str):
        return maker
    module, _, name = maker.partition(":")
    function: Callable[..., None] = getattr(imported(module), name)
    return function


def _made_meanwhile(order: Order) -> bool:
    done = find(
        order.folder, order.wanted, HashMemory(), on_change=order.on_change, on_damage="redo"
    )
    return done is not None
