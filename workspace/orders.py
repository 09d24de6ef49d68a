"""A task as it travels: all that another process needs to make a unit, under the unit's lock."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workspace.faults import naming_faults
from workspace.hashing import HashMemory
from workspace.lazy import imported
from workspace.lock import LockedError, lock_of, locked
from workspace.manifest import Wanted
from workspace.progress import Desk
from workspace.units import OnChange, find, making

# What fills a draft: a function, or the name of one, "module:function", whose module is imported
# where it is carried out. So a call that finds all done never waits for torch.
Maker = Callable[..., None] | str


@dataclass(frozen=True)
class Needs:
    """What a task takes of a machine while it is carried out."""

    cores: int = 0  # 0: as many as there are
    memory_gb: float = 1.0
    gpu: bool = False


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


@dataclass(frozen=True)
class Busy:
    """Another call is at this unit."""

    owner: str


@naming_faults()
def carry_out_order(order: Order, desk: Desk) -> Busy | None:
    """Make one unit, under its lock; where somebody else is at it, say who."""
    try:
        with locked(lock_of(order.folder), str(order.folder)) as dead:
            if dead:
                desk.say(f"{order.folder}: took over from {dead}, which is gone.")
            if not order.anew and _made_meanwhile(order):
                return None
            with making(order.folder, order.wanted, desk, order.sources) as draft:
                function_of(order.make)(draft, **order.arguments)
    except LockedError as error:
        return Busy(error.owner)
    return None


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
