"""Training rows that lie in several blocks, as boosters want them: some, by index, as one array."""

from collections.abc import Sequence

import numpy as np

from workspace.arrays import Floats32, Ints


def gathered(blocks: Sequence[Floats32], indices: Ints) -> Floats32:
    """The rows at these indices (sorted, repeats allowed) of the blocks one after another."""
    edges = np.cumsum([0, *map(len, blocks)])
    cuts = np.searchsorted(indices, edges)
    some = [
        block[indices[a:b] - edge]
        for block, edge, a, b in zip(blocks, edges, cuts, cuts[1:], strict=False)
    ]
    return np.concatenate(some)
