"""What the run's log says of an epoch besides its history: how long, how fast, how much memory.

None of it is the same twice, so it is in no file that a result hangs on.
"""

import resource
import sys
import time
from typing import Any

import torch

KIB = 1 if sys.platform == "darwin" else 1024  # bytes of what the kernel counts memory in


class EpochWatch:
    """From the epoch's first batch in this process on, which after a stop is not its first."""

    def __init__(self, images_before: int) -> None:
        self._began, self._before = time.monotonic(), images_before
        self._learnt: float | None = None
        self._images = 0

    def learnt(self, images: int) -> None:
        """All batches are done; what comes now is scoring."""
        self._learnt, self._images = time.monotonic(), images - self._before

    def facts(self, device: torch.device) -> dict[str, Any]:
        """`seconds` with scoring, `images_per_s` without."""
        assert self._learnt is not None, "the epoch is not learnt yet"
        return {
            "seconds": round(time.monotonic() - self._began, 3),
            "images_per_s": round(self._images / max(self._learnt - self._began, 1e-9), 2),
            "peak_memory_gb": round(peak_memory(device) / 1e9, 3),
        }


def peak_memory(device: torch.device) -> int:
    """Bytes: the most that this process has held so far, on a GPU the most of its tensors there."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIB
