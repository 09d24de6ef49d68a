"""Random numbers for one showing of one image, whoever computes it and in whatever order.

The stream hangs on the seed, the epoch, the image's id and how often it came before in the epoch.
Not on workers, rows or batches: two workers are never twins, and no epoch repeats another.
"""

import hashlib

import numpy as np


def stream_of(seed: int, epoch: int, identifier: str, repeat: int = 0) -> np.random.Generator:
    """A generator of its own for the nth (from 0) showing of this id in this epoch."""
    key = f"{seed}/{epoch}/{repeat}/{identifier}".encode()
    digest = hashlib.blake2b(key, digest_size=16).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "little")))
