"""How far long work is: whoever does it calls `show(done, total)`, whoever asked shows it."""

from collections.abc import Callable

Show = Callable[[int, int], None]


def quietly(done: int, total: int) -> None:
    """For a caller who has nobody to show it to."""
