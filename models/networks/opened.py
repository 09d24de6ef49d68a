"""A network that a run has trained, opened to score: its weights, and how they are used.

Reads a unit of `<run>/networks/` or `<run>/encoders/`; imports nothing that trains.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.nets.attention import began_otherwise
from models.nets.network import LesionNet
from models.nets.weights import shapes, unpack
from models.networks.use import BEST, HALF, Use, use_of
from workspace.errors import ArtifactError
from workspace.units import Unit


def open_network(unit: Unit, classes: Sequence[str] | None = None) -> tuple[LesionNet, Use]:
    """The network with its best weights, ready to score."""
    use = use_of(unit, classes)
    outputs = len(use.classes) if len(use.classes) > 2 else 1
    net = LesionNet.blank(use.net, outputs)
    weights = unit.tensors(BEST) if HALF not in unit.manifest.files else widened(unit.tensors(HALF))
    if began_otherwise(weights, shapes(net)):
        raise ArtifactError(
            f"{unit.folder} has SE or CBAM whose gates begin at one half, which this version "
            f"computes otherwise; run 'make {unit.manifest.stage} FRESH=1', or use it with the "
            f"code that made it ({unit.manifest.code.commit[:9]})."
        )
    unpack(net, weights)
    return net.eval(), use


def halved(weights: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Every float32 in 16 bits; counters as they are."""
    return {
        name: one.astype(np.float16) if one.dtype == np.float32 else one
        for name, one in weights.items()
    }


def widened(weights: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """What `halved` gave, to compute with in 32 bits."""
    return {
        name: one.astype(np.float32) if one.dtype == np.float16 else one
        for name, one in weights.items()
    }
