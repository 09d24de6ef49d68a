"""The learning rate of a step, as a function of the step alone: nothing to save, nothing to drift.

OneCycle (Smith 2018) as torch has it by default: a cosine from max/25 up to max, then down to a
ten-thousandth of where it began. Cosine: a straight line up, then a cosine (Loshchilov & Hutter
2017) that would reach 0 one step after the last, so that every step learns something. Plateau is
fixed within an epoch; how far the inner loss has brought it down is the position's.
"""

import math

from models.training.config import PhaseConfig

BEGIN, END = 25.0, 1e4  # max / begin, and that / end


def lr_factor(phase: PhaseConfig, step: int, steps: int) -> float:
    """Share of the phase's learning rate at `step` of `steps`, counted from 0."""
    if phase.schedule in ("fixed", "plateau") or steps == 1:
        return 1.0
    if phase.schedule == "cosine":
        up = max(1, round(phase.warm_up * steps))  # steps, the last of them at the whole rate
        share = min(1.0, (step + 1 - up) / (steps + 1 - up))
        return (step + 1) / up if step < up else _cosine(1.0, 0.0, share)
    top = phase.warm_up * steps - 1.0
    if step < top:
        return _cosine(1 / BEGIN, 1.0, step / top)
    return _cosine(1.0, 1 / BEGIN / END, min(1.0, (step - top) / (steps - 1.0 - top)))


def base_lr(phase: PhaseConfig, reductions: int) -> float:
    """The phase's learning rate after the inner loss stood still so often."""
    return phase.lr * float(phase.plateau_factor**reductions)


def mean_lr(phase: PhaseConfig, first: int, count: int, reductions: int = 0) -> float:
    """The learning rate of the phase's steps from `first` on, on average; an epoch has `count`."""
    steps, lr = phase.epochs * count, base_lr(phase, reductions)
    return lr * sum(lr_factor(phase, first + step, steps) for step in range(count)) / count


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2.0 * (1.0 + math.cos(math.pi * share))
