"""Where networks run: the device of this call, and how pictures are scored on it."""

import os
from collections.abc import Sequence

import torch

from models.inference.scores import Way
from models.inference.speed import EXACT, Pace
from models.inference.views import SIX
from models.training.determinism import UNSWITCHED, switch_on
from scripts.stage import Job
from workspace.errors import ConfigError


def device_of(job: Job) -> torch.device:
    """The device asked for, or the fastest there is; switched first where that was asked.

    Whoever runs a network asks here, so nothing is on a GPU before them.
    """
    if job.deterministic:
        switch_on()
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if job.device == "auto":
        return torch.device(next((name for name, is_there in there.items() if is_there), "cpu"))
    if not there.get(job.device, True):
        raise ConfigError(f"DEVICE={job.device} is not there; take DEVICE=cpu or leave it out.")
    return torch.device(job.device)


def training_device(job: Job) -> torch.device:
    """The device, with a notice if training there is not repeatable; by `job.need` said once."""
    device = device_of(job)
    if device.type != "cpu" and not job.deterministic:
        job.say(f"notice: {UNSWITCHED}")
    return device


def way_of(job: Job, views: Sequence[str], *, bfloat16: bool) -> Way:
    """How pictures are scored on this machine, as these views."""
    known = {view.name: view for view in SIX}
    chosen = tuple(known[name] for name in views)
    pace = Pace("bfloat16") if bfloat16 else EXACT
    return Way(device_of(job), workers=min(8, os.cpu_count() or 1), views=chosen, pace=pace)
