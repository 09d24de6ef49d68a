"""Ending on request: Ctrl-C and SIGTERM unwind the stage cleanly, a second one ends at once.

Both become the exception `Stopped`, so that every `finally` runs: temporary folders vanish,
the lock is given back, workers end. Units that were finished stay.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stopped(BaseException):
    """Asked to stop. Not an `Exception`, so that no handler on the way takes it for a failure."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.signal = signal.Signals(number)
        self.exit_code = 128 + number


_holding: list[bool] = []  # inside `held_back`
_asked: list[int] = []  # the signal that came, if one did; signals are the process's own


def raise_if_asked() -> None:
    """For long work to call now and then, and at its end.

    A signal may arrive inside a destructor or a C callback, where Python drops what is raised.
    """
    if _asked:
        raise Stopped(_asked[0])


def is_asked() -> bool:
    """Whether a stop was asked for, for whoever has to agree with others on it first."""
    return bool(_asked)


@contextmanager
def held_back() -> Iterator[None]:
    """While it lasts the first signal is only noted, for work that must not stop in its middle.

    The work calls `raise_if_asked` where it may stop; a second signal ends it at once all the same.
    """
    _holding.append(True)
    try:
        yield
    finally:
        _holding.pop()


@contextmanager
def stopping_cleanly() -> Iterator[None]:
    """Turn the first SIGINT or SIGTERM into `Stopped`; the second exits without ceremony."""

    def stop(number: int, frame: FrameType | None) -> None:
        if _asked:
            os._exit(128 + number)
        _asked.append(number)
        if not _holding:
            raise Stopped(number)

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, stop) for number in numbers]
    try:
        yield
        raise_if_asked()
    finally:
        _asked.clear()
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


@contextmanager
def stopping_as_child() -> Iterator[None]:
    """In a process that another began: Ctrl-C is that one's affair, and only the first SIGTERM.

    A scheduler sends one to all processes, and then the parent does; a second would end this one
    without its `finally`.
    """
    with stopping_cleanly():
        stop = signal.getsignal(signal.SIGTERM)
        assert callable(stop)

        def first(number: int, frame: FrameType | None) -> None:
            if not _asked:
                stop(number, frame)

        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, first)
        yield
