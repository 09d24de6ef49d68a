"""The learning rate of a step, as a function of the step alone: nothing to save, nothing to drift.

OneCycle (Smith 2018) as torch has it by default: a cosine from max/25 up to max, then down to a
ten-thousandth of where it began.
"""

import math

from models.training.config import PhaseConfig

BEGIN, END = 25.0, 1e4  # max / begin, and that / end


def lr_factor(phase: PhaseConfig, step: int, steps: int) -> float:
    """Share of the phase's learning rate at `step` of `steps`, counted from 0."""
    if phase.schedule == "fixed" or steps == 1:
        return 1.0
    top = phase.warm_up * steps - 1.0
    if step < top:
        return _cosine(1 / BEGIN, 1.0, step / top)
    return _cosine(1.0, 1 / BEGIN / END, min(1.0, (step - top) / (steps - 1.0 - top)))


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2.0 * (1.0 + math.cos(math.pi * share))
