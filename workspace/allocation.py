"""Freed memory that is kept for the next step, while a network is at work.

A training step allocates and frees the same large arrays as the step before. The C library gives
the largest back to the kernel, which zeroes their pages anew: a quarter and more of a step of
MobileNetV2 with 32 pictures of 112 px, little of smaller ones (docs/benchmarks, pace). While
networks work it keeps them; afterwards it gives back what is free.
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

MOST = 2**31 - 1  # an int is what mallopt takes; more than a step ever frees at the top
TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD, MMAP_MAX = -1, -2, -3, -4  # mallopt(3)
# No array is a mapping of its own, and the heap shrinks only by MOST.
KEEPING = {MMAP_THRESHOLD: 2**25, TRIM_THRESHOLD: MOST, TOP_PAD: 2**26, MMAP_MAX: 0}
# What glibc's own rule comes to once it has freed an array of 32 MiB, its largest threshold.
GIVING = {MMAP_THRESHOLD: 2**25, TRIM_THRESHOLD: 2**26, TOP_PAD: 2**17, MMAP_MAX: 2**16}


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Around a network's work, in its own process; where glibc is not, it changes nothing."""
    library = _glibc()
    if library is None:
        yield
        return
    _tell(library, KEEPING)
    try:
        yield
    finally:
        _tell(library, GIVING)
        library.malloc_trim(0)


def _tell(library: ctypes.CDLL, options: dict[int, int]) -> None:
    for option, value in options.items():
        library.mallopt(option, value)


def _glibc() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(None)  # what this process is linked with
    except (OSError, TypeError):  # TypeError: Windows takes no None
        return None
    return library if hasattr(library, "gnu_get_libc_version") else None
