"""A trained network in fewer bits than it learnt in: what post-training rounding makes of it.

Ranges of what layers see come from pictures that the network learnt from, and from no other: rows
that choose a threshold or measure must be as new to the rounded network as to the whole one.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import torch
from torch import Tensor

from models.inference.scores import Way, images_of
from models.input.pictures import Pictures
from models.nets.config import BITS, Precision
from models.nets.network import LesionNet
from models.nets.quantised import in_few_bits, take_ranges
from workspace.arrays import Ints
from workspace.errors import DataError, listed

RANGES = 256  # pictures from which ranges are taken, at most
LARGEST = 65504.0  # that 16 bits have
SMALLEST = 64  # numbers: tensors of fewer are not worth halving


@dataclass(frozen=True)
class LearntRows:
    """The rows that a network learnt from, and those that choose or measure: held-out, inner, test.

    Both come from those who made the split, each by its own way: neither is the other's rest.
    """

    learnt: Ints
    kept_back: Ints


def rounded(
    net: LesionNet, precision: Precision, pictures: Pictures, rows: LearntRows, way: Way
) -> LesionNet:
    """A copy of the net in this precision."""
    if precision == "float16":
        return _halved(net)
    return in_few_bits(net, BITS[precision], _seen(net, pictures, rows, way))


def begin_ranges(net: LesionNet, pictures: Pictures, rows: LearntRows, way: Way) -> None:
    """Before a net in few bits learns: an average over its training begins with true ranges then,
    and a frozen backbone has them.
    """
    take_ranges(net, _seen(net, pictures, rows, way))


def _seen(net: LesionNet, pictures: Pictures, rows: LearntRows, way: Way) -> Iterator[Tensor]:
    some = some_of(rows.learnt, RANGES)
    check_learnt(some, rows.kept_back, pictures.ids)
    here = replace(way, device=torch.device("cpu"))  # where a network lies that was opened
    return images_of(net, pictures, some, here)


def some_of(rows: Ints, most: int) -> Ints:
    """The same ones whenever they are asked for."""
    return np.sort(np.random.default_rng(0).permutation(rows)[:most])


def check_learnt(indices: Ints, kept_back: Ints, ids: pl.Series) -> None:
    """Refuse ranges of pictures that choose or measure."""
    if (others := indices[np.isin(indices, kept_back)]).size:
        raise DataError(
            f"Ranges of few bits would be taken from {listed(ids.gather(others).to_list())} "
            f"({len(others)} of {len(indices)} pictures), which the network holds out or chooses "
            "by; take pictures of its training rows alone."
        )


@torch.no_grad()
def _halved(net: LesionNet) -> LesionNet:
    """With its weights as 16 bits have them; it computes in 32, as before."""
    halved = copy.deepcopy(net)
    for one in halved.state_dict().values():
        if one.dtype == torch.float32 and one.numel() >= SMALLEST:
            one.copy_(one.clamp(-LARGEST, LARGEST).half())
    return halved
