"""What boosters share: training rows by index out of several blocks; whose columns a model has."""

from collections.abc import Sequence

import numpy as np

from workspace.arrays import Floats32, Ints
from workspace.errors import ArtifactError
from workspace.units import Unit


def gathered(blocks: Sequence[Floats32], indices: Ints) -> Floats32:
    """The rows at these indices (sorted, repeats allowed) of the blocks one after another."""
    edges = np.cumsum([0, *map(len, blocks)])
    cuts = np.searchsorted(indices, edges)
    some = [
        block[indices[a:b] - edge]
        for block, edge, a, b in zip(blocks, edges, cuts, cuts[1:], strict=False)
    ]
    return np.concatenate(some)


def check_columns(unit: Unit, name: str, learnt: Sequence[str], columns: Sequence[str]) -> None:
    """Refuse a kept model of other columns, or of another order of them."""
    if list(learnt) != list(columns):
        raise ArtifactError(
            f"{unit.path(name)} was trained on other columns than those at hand; run "
            "'make stack FRESH=1'."
        )
