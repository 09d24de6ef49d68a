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
        return sent  # type: ignore[return-value] # None only until the first has sent it

    def gathered(self, one: Sent) -> list[Sent]:
        """Each one's, by number."""
        if self.count == 1:
            return [one]
        of_each: list[Sent | None] = [None] * self.count
        distributed.all_gather_object(of_each, one)
        return of_each  # type: ignore[return-value] # None only until all have sent theirs

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


def join_ranks(kind: str, file: str | None = None) -> Ranks:
    """This process as one of those that torch's agent began, each with a GPU of its own or none.

    Those of one machine meet in a file: torch's own store listens on every interface.
    """
    if kind == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    else:
        _refuse_without_interface()
    distributed.init_process_group(
        "nccl" if kind == "cuda" else "gloo", timeout=PATIENCE,
        init_method=f"file://{file}" if file else "env://",
        rank=int(os.environ["RANK"]), world_size=int(os.environ["WORLD_SIZE"]),
    )  # fmt: skip
    return Ranks(distributed.get_rank(), distributed.get_world_size())


def leave_ranks() -> None:
    """The end of it, where it has begun."""
    if distributed.is_initialized():
        distributed.destroy_process_group()


def is_of_lost_rank(error: Exception) -> bool:
    """Whether what failed is the talk with another rank, which is gone."""
    return isinstance(error, distributed.DistError) or (
        isinstance(error, RuntimeError) and "gloo" in str(error)
    )


def _refuse_without_interface() -> None:
    """Gloo can begin on this machine, so that what fails from here on is the talk with others."""
    gloo, named = distributed.ProcessGroupGloo, os.environ.get("GLOO_SOCKET_IFNAME")
    try:
        if named is None:
            gloo.create_default_device()
        else:
            for interface in named.split(","):
                gloo.create_device(interface=interface)
    except RuntimeError as error:
        first = str(error).partition("\n")[0].rstrip(". ")
        reason = re.sub(r"^\[enforce fail at [^]]*\] ", "", first)
        raise ConfigError(
            f"Ranks on {socket.gethostname()} cannot talk by gloo ({reason}); name in "
            "GLOO_SOCKET_IFNAME a network interface of this machine by which its ranks reach the "
            "others (all on one machine: lo, on macOS lo0), or leave DEVICES and NODES out."
        ) from error
