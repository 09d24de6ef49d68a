"""Ranks: the processes that train one network together, each on a share of every step.

Who computes is theirs, what is computed is the recipe's: a step is the same group of batches
whatever their number, and all of them come to the same weights. This process alone is one rank.
"""

import os
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
from torch import distributed

from workspace.errors import ConfigError

# A rank that dies is noticed by whoever began it, at once; this long others wait for one that
# scores the inner rows.
PATIENCE = timedelta(hours=6)

Sent = TypeVar("Sent")


@dataclass(frozen=True)
class Ranks:
    """How many there are, and which of them this process is."""

    number: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this one scores, writes and speaks; the others only compute."""
        return self.number == 0

    def add(self, values: torch.Tensor) -> None:
        """Their sum over all ranks, in place; to the bit the same for all of them."""
        if self.count > 1:
            distributed.all_reduce(values)

    def by_first(self, compute: Callable[[], Sent]) -> Sent:
        """What the first comes to, for all: the others wait for it."""
        shared = [compute() if self.is_first else None]
        if self.count > 1:
            distributed.broadcast_object_list(shared, src=0)
        [sent] = shared
        return sent  # type: ignore[return-value] # the first computed it

    def gathered(self, one: Sent) -> list[Sent]:
        """Each one's, by number."""
        if self.count == 1:
            return [one]
        of_each: list[Sent | None] = [None] * self.count
        distributed.all_gather_object(of_each, one)
        return of_each  # type: ignore[return-value] # each was filled

    @torch.no_grad()
    def begin_alike(self, net: torch.nn.Module) -> None:
        """All take the first one's weights: other kinds of processors may have drawn others."""
        if self.count > 1:
            for tensor in net.state_dict().values():
                distributed.broadcast(tensor, src=0)

    def wait(self) -> None:
        """Until all are here."""
        if self.count > 1:
            distributed.barrier()


ALONE = Ranks()


class UnmetError(ConfigError):
    """Ranks cannot talk at all, so that nothing is known of any of them."""

    def __init__(self, error: object) -> None:
        said = re.sub(r"^\[enforce fail at [^]]*\] ", "", str(error).partition("\n")[0]).rstrip(
            ". "
        )
        super().__init__(
            f"Ranks on {socket.gethostname()} could not meet by gloo ({said}); name in "
            "GLOO_SOCKET_IFNAME a network interface of this machine by which its ranks reach the "
            "others (all on one machine: lo, on macOS lo0), or leave DEVICES and NODES out."
        )
        self.error = str(error)

    def __reduce__(self) -> tuple[type["UnmetError"], tuple[str]]:
        return UnmetError, (self.error,)  # it travels between processes


def join_ranks(kind: str, file: str | None = None) -> Ranks:
    """This process as one of those that torch's agent began, each with a GPU of its own or none.

    Those of one machine meet in a file: torch's own store listens on every interface.
    """
    if kind == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    try:
        distributed.init_process_group(
            "nccl" if kind == "cuda" else "gloo", timeout=PATIENCE,
            init_method=f"file://{file}" if file else "env://",
            rank=int(os.environ["RANK"]), world_size=int(os.environ["WORLD_SIZE"]),
        )  # fmt: skip
    except RuntimeError as error:
        if _is_of_gloo(error):
            raise UnmetError(error) from error
        raise
    return Ranks(distributed.get_rank(), distributed.get_world_size())


def leave_ranks() -> None:
    """The end of it, where it has begun."""
    if distributed.is_initialized():
        distributed.destroy_process_group()


def is_of_lost_rank(error: Exception) -> bool:
    """Whether what failed is the talk with another rank, which is gone; they had met before."""
    return isinstance(error, distributed.DistError) or (
        distributed.is_initialized() and _is_of_gloo(error)
    )


def _is_of_gloo(error: Exception) -> bool:
    """It has no type of error of its own."""
    of_torch = isinstance(error, distributed.DistError)
    return isinstance(error, RuntimeError) and not of_torch and "gloo" in str(error).lower()
