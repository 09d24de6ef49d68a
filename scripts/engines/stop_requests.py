"""How a worker hears that it is to stop: at the first request, and never twice.

A scheduler may signal all processes, and then their caller does, again and again until they end:
a second request would end a worker without its `finally`.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from workspace.stopping import Stopped, stopping_cleanly

_ASKED: list[int] = []  # the first request to this worker, whatever it was at


def await_stop() -> None:
    """From the worker's first moment on: a request between two tasks counts for the next."""
    signal.signal(signal.SIGTERM, lambda number, frame: _ASKED.append(number))


@contextmanager
def stopping_as_worker(*also: signal.Signals) -> Iterator[None]:
    """Stop at the first SIGTERM, or one of these; a terminal's Ctrl-C is for the caller."""
    with stopping_cleanly():
        stop = signal.getsignal(signal.SIGTERM)
        assert callable(stop)

        def first(number: int, frame: FrameType | None) -> None:
            if not _ASKED:
                _ASKED.append(number)
                stop(number, frame)

        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for number in (signal.SIGTERM, *also):
            signal.signal(number, first)
        if _ASKED:
            raise Stopped(_ASKED[0])
        yield
