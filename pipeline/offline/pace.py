"""How fast networks look at pictures here, and an executor that stops before the time is over.

A network's rate is that of its last shards; before its first one it is that of some pictures, which
are asked for nothing else.
"""

import re
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.embeddings import OtherPictures, open_pictures
from pipeline.machine import Machine
from pipeline.offline.clock import Clock
from pipeline.offline.desk import EVERY_S, as_time
from workspace.executors import ThisProcess
from workspace.manifest import load_manifest
from workspace.orders import Order
from workspace.progress import Desk, Silent
from workspace.tasks import Task
from workspace.units import Unit

FEW = 512  # pictures that are looked at sooner than anybody could measure how long it takes
TRIAL = 64  # of them at first, then twice as many until they take LONG_S: a beginning is slower
LONG_S = 1.0
FADES = 0.8  # what a shard counts beside the one after it: one alone is as a machine's moods are


class Rates:
    """Seconds a picture by network and fold, as `<network>_fold_<k>`."""

    def __init__(self) -> None:
        self._spent: dict[str, tuple[float, float]] = {}  # seconds, and pictures, older ones faded
        self.at_work: Callable[[], int] = lambda: 1  # how many processes look

    def note(self, network: str, seconds: float, pictures: int) -> None:
        before_s, before = self._spent.get(network, (0.0, 0.0))
        if pictures:
            self._spent[network] = (FADES * before_s + seconds, FADES * before + pictures)

    def knows(self, network: str) -> bool:
        """Whether it, or one of its kind, was timed."""
        return bool(self._alike(network))

    def cost_of(self, shards: Sequence[Task]) -> float:
        """The seconds until all of these are done that are not yet."""
        waiting = [task for task in shards if load_manifest(task.folder) is None]
        return sum(map(self.cost_of_one, waiting)) / self.at_work()

    def cost_of_one(self, shard: Task) -> float:
        return self._rate_of(network_of(shard)) * pictures_in(shard)

    def _rate_of(self, network: str) -> float:
        """Its own; else of its other folds in the mean, since these are of one kind."""
        if network in self._spent:
            seconds, pictures = self._spent[network]
            return seconds / pictures
        alike = [self._rate_of(one) for one in self._alike(network)]
        return sum(alike) / len(alike) if alike else 0.0

    def _alike(self, network: str) -> list[str]:
        return [name for name in self._spent if kind_of(name) == kind_of(network)]


def kind_of(network: str) -> str:
    """Its name without the fold; an encoder, which is the same to all folds, has none."""
    return re.sub(r"_fold_\d+$", "", network)


def network_of(shard: Task) -> str:
    """Whose it is, as `<network>_fold_<k>`."""
    return shard.folder.parent.name


def pictures_in(shard: Task) -> int:
    """How many it is of."""
    return len(shard.arguments["some"][1])


def try_out(unit: Unit, pictures: OtherPictures, machine: Machine) -> float:
    """Seconds a picture of one network, by some of them."""
    from models.inference.scores import score_in_memory  # noqa: PLC0415 - torch takes seconds
    from models.networks.opened import open_network  # noqa: PLC0415

    net, use = open_network(unit)
    there = open_pictures(pictures)
    way = machine.way(use.net, use.views, bfloat16=use.bfloat16)
    count, at, rate = TRIAL * way.side_by_side, 0, None
    while at < len(there):
        some = np.arange(at, min(at + count, len(there)))  # a picture is decoded once, then held
        began = time.monotonic()
        score_in_memory(net, there, some, way, Silent(), "")
        seconds = time.monotonic() - began
        if at and seconds >= LONG_S:
            return seconds / len(some)
        rate = seconds / len(some)
        count, at = (2 * count if at else count), at + len(some)
    assert rate is not None
    return rate


class InTime(ThisProcess):
    """Carries out shards while there is time, notes how long each took, and says what is left."""

    def __init__(
        self, desk: Desk, clock: Clock, rates: Rates, reserve_s: float,
        left_s: Callable[[], float],
    ) -> None:  # fmt: skip
        super().__init__(desk)
        self._clock, self._rates, self._reserve_s = clock, rates, reserve_s
        self._left_s = left_s
        self._shards: dict[Path, Task] = {}
        self._said = -EVERY_S

    def knows(self, shards: Sequence[Task]) -> None:
        """The tasks that it will be given."""
        self._shards = {task.folder: task for task in shards}

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Future[Any]:
        order: Order = arguments[0]
        shard = self._shards[order.folder]
        self._clock.check(self._rates.cost_of_one(shard) + self._reserve_s)
        began = time.monotonic()
        future = super().submit(function, *arguments)
        if load_manifest(shard.folder) is not None:  # and not at work elsewhere
            seconds = time.monotonic() - began
            self._rates.note(network_of(shard), seconds, pictures_in(shard))
        self._say_left()
        return future

    def _say_left(self) -> None:
        """Now and then: shards of few pictures are many lines."""
        now = time.monotonic()
        if now - self._said >= EVERY_S and (left := self._left_s()):
            self._said = now
            self._desk.say(f"about {as_time(left)} left in all")
