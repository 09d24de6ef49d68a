"""The images of a table, decoded: by index, as uint8 RGB, kept in memory as far as that goes.

What was decoded once is kept until the allowance is used up; the rest is read anew each time, so
small sets are decoded once and large ones never overflow. Pixels lie in a few large blocks, not in
an object an image. Damage is an error with the image's id, never a stand-in.
"""

import threading
from collections.abc import Sequence

import numpy as np
import polars as pl

from folds.images import ImageReader
from workspace.arrays import Bytes
from workspace.errors import DataError, listed

BLOCK = 64 * 2**20  # bytes: pixels are laid out in blocks of this size


class Pictures:
    """Images by index; may be shared by threads, and sent to another process without its pixels."""

    def __init__(
        self,
        reader: ImageReader,
        ids: Sequence[str] | pl.Series,
        references: Sequence[str | None] | pl.Series,
        memory_gb: float = 0.0,
    ) -> None:
        self.ids = pl.Series("id", ids, dtype=pl.String)
        self._references = pl.Series("image", references, dtype=pl.String)
        assert len(self.ids) == len(self._references)
        assert self.ids.n_unique() == len(self.ids)
        lacking = self.ids.filter(self._references.is_null()).to_list()
        if lacking:
            raise DataError(
                f"Rows without an image: {listed(lacking)} ({len(lacking)} of {len(self.ids)}); "
                "leave them out or add their images."
            )
        self._reader = reader
        self._memory_gb = memory_gb
        self._store = _Store(len(self.ids), int(memory_gb * 2**30))

    def __reduce__(self) -> tuple[type["Pictures"], tuple[object, ...]]:
        return Pictures, (self._reader, self.ids, self._references, self._memory_gb)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def kept(self) -> int:
        """How many images lie in memory."""
        return self._store.count

    @property
    def kept_gb(self) -> float:
        """The memory that they take."""
        return self._store.taken / 2**30

    def pixels(self, index: int) -> Bytes:
        """RGB (H, W, 3); not to be written to."""
        image = self._store.get(index)
        if image is None:
            image = self._reader.pixels(self._references[index])
            self._store.add(index, image)
        return image


class _Store:
    """Pixels by index in blocks, up to an allowance of bytes. Blocks are never moved or freed."""

    def __init__(self, indices: int, allowance: int) -> None:
        self.allowance = allowance
        self.taken = 0
        self.count = 0
        # Where an image lies: block, first byte, height, width. Block -1: not kept.
        self._where = np.full((indices, 4) if allowance else (0, 4), -1, np.int32)
        self._blocks: list[Bytes] = []
        self._used = 0  # bytes of the last block
        self._adding = threading.Lock()

    def get(self, index: int) -> Bytes | None:
        if not self.allowance:
            return None
        block, start, height, width = self._where[index].tolist()
        if block < 0:
            return None
        shape = (height, width, 3)
        image: Bytes = self._blocks[block][start : start + height * width * 3]
        image = image.reshape(shape)
        image.flags.writeable = False
        return image

    def add(self, index: int, pixels: Bytes) -> None:
        if not self.allowance:
            return
        with self._adding:
            if self._where[index, 0] >= 0 or not self._room_for(pixels.nbytes):
                return
            start = self._used
            self._blocks[-1][start : start + pixels.nbytes] = pixels.reshape(-1)
            self._used += pixels.nbytes
            self.count += 1
            # The block last: whoever reads meanwhile without the lock sees the rest in place.
            self._where[index, 1:] = (start, *pixels.shape[:2])
            self._where[index, 0] = len(self._blocks) - 1

    def _room_for(self, size: int) -> bool:
        """Whether these bytes fit into the last block, or into a new one."""
        if self._blocks and self._used + size <= len(self._blocks[-1]):
            return True
        block = max(size, min(BLOCK, self.allowance - self.taken))
        if self.taken + block > self.allowance:
            return False
        self._blocks.append(np.empty(block, np.uint8))
        self.taken += block
        self._used = 0
        return True
