"""Where training stands: phase, epoch, batch and step, what was best, how long ago.

With it, everything random is a function of the seed and the position, so no generator's state is
ever saved: dropout, MixUp and drop path of a batch are the same after a crash as without one.
"""

import hashlib
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict


class Position(BaseModel):
    """All of a checkpoint that is not a tensor."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    phase: int = 0
    epoch: int = 0  # of all phases, from 0
    epoch_in_phase: int = 0
    batch: int = 0  # the next of this epoch
    step: int = 0  # optimiser steps taken in this phase
    averaged: int = 0  # those of all phases, which the average of weights has seen
    skipped: int = 0  # steps in a row that the scaler refused
    loss_sum: float = 0.0  # of this epoch's examples so far
    loss_of: int = 0  # how many these are
    best_score: float | None = None
    best_epoch: int | None = None
    best_of_phase: float | None = None
    waited: int = 0  # epochs of this phase without a better score
    lowest_loss: float | None = None  # of the inner rows in this phase, where that decides the lr
    flat: int = 0  # epochs since it, or since the lr fell
    reductions: int = 0  # how often the lr fell in this phase
    scaler: dict[str, Any] = {}
    processors: list[str] = []  # all kinds on which it was computed so far
    ranks: list[int] = []  # and among how many processes, where that was not one

    def next_epoch(self) -> None:
        self.epoch, self.epoch_in_phase, self.batch = self.epoch + 1, self.epoch_in_phase + 1, 0
        self.loss_sum, self.loss_of = 0.0, 0

    def next_phase(self) -> None:
        self.phase, self.epoch_in_phase, self.step, self.waited = self.phase + 1, 0, 0, 0
        self.best_of_phase = self.lowest_loss = None
        self.flat = self.reductions = 0

    def note_loss(self, loss: float, patience: int) -> None:
        """As torch's ReduceLROnPlateau counts with threshold 0: any lower loss is one."""
        if self.lowest_loss is None or loss < self.lowest_loss:
            self.lowest_loss, self.flat = loss, 0
            return
        self.flat += 1
        if self.flat > patience:
            self.reductions, self.flat = self.reductions + 1, 0


def seed_of(*parts: object) -> int:
    """A seed from what it is for: the same on every machine, unlike for anything else."""
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1  # torch takes 63 bits


def seed_batch(seed: int, position: Position) -> np.random.Generator:
    """Seed torch for the batch at this position; gives a stream of its own for MixUp."""
    mine = seed_of(seed, position.phase, position.epoch, position.batch)
    on_gpu = torch.cuda.is_initialized()  # type: ignore[no-untyped-call] # torch gives it no types
    if on_gpu or torch.backends.mps.is_available():
        torch.manual_seed(mine)
    else:  # torch.manual_seed would keep the call stack for a GPU that is not at work: 4 ms a batch
        torch.default_generator.manual_seed(mine)
    return np.random.default_rng([mine, 1])
