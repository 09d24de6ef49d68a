"""A library that is imported when something of it is first asked for.

Every stage is a process of its own, and most calls of a finished run have nothing to do: SciPy and
scikit-learn take such a call longer to import than all the rest of its work.
"""

from importlib import import_module
from typing import Any


class LazyModule:
    """Stands for a module: `special = LazyModule("scipy.special")`, then `special.expit(x)`."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(import_module(self._name), attribute)
