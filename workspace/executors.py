"""Who carries tasks out: what is asked of an executor, and the one that is this process."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

from workspace.orders import Needs
from workspace.progress import Desk


class Executor(Protocol):
    """What `concurrent.futures` calls one, for functions that tell a `desk` how far they are."""

    def side_by_side(self, needs: Sequence[Needs]) -> int:
        """How many of these tasks, all that are running or ready, it carries out at a time."""

    def together(self) -> AbstractContextManager[None]:
        """What is submitted meanwhile is known to be ready at one time."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Future[Any]:
        """Call it with the arguments and, as `desk`, a way to the person."""

    def stop(self) -> None:
        """Ask what is running to come to an end, and wait for it."""


class ThisProcess:
    """The executor that carries out a task while it is being submitted."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def side_by_side(self, needs: Sequence[Needs]) -> int:
        return 1

    def together(self) -> AbstractContextManager[None]:
        return nullcontext()

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Future[Any]:
        future = Future[Any]()
        future.set_running_or_notify_cancel()
        future.set_result(function(*arguments, desk=self._desk))  # an error goes its straight way
        return future

    def stop(self) -> None:
        pass
