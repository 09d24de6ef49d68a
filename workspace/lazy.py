"""A library that is imported when something of it is first asked for.

Every stage is a process of its own, and most calls of a finished run have nothing to do: SciPy and
scikit-learn take such a call longer to import than all the rest of its work.
"""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any


class LazyModule:
    """Stands for a module: `special = LazyModule("scipy.special")`, then `special.expit(x)`."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(import_module(self._name), attribute)


def imported(name: str) -> ModuleType:
    """The module of this name, with whatever large it stands on."""
    with importing(name):
        return import_module(name)


@contextmanager
def importing(name: str) -> Iterator[None]:
    """Around the import of something large: nobody looks for garbage in it, now or later.

    What a module makes at its import stays. Torch and what stands on it make so much that looking
    through it, 1,400 times, takes an eighth of their import.
    """
    if name in sys.modules:
        yield
        return
    looking = gc.isenabled()
    gc.collect()  # what is garbage now would stay too
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if looking:
            gc.enable()
