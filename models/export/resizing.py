"""The evaluation transform's resize as tensor operations, so that it can lie inside a graph.

Does what `models.input.evaluation.resize` does by OpenCV, for a picture of any size: means of
areas along sides that shrink, then OpenCV's own fixed-point interpolation along those that grow,
each rounded to grey levels. Means that lie halfway between two levels, of which 480 x 640 pixels
have many, are decided by the last bits of a sum: so weights and sums are OpenCV's, in its order.
"""

from functools import reduce

import numpy as np
import torch
from torch import Tensor, nn
from torch._higher_order_ops import scan

from models.input.evaluation import resize
from workspace.arrays import Bytes

LEAST = 1e-3  # of a pixel: OpenCV leaves out what an area has of one, if it is no more
COEFFICIENT = 2**11  # of OpenCV's interpolation: weights are so many parts of 1


class Resized(nn.Module):
    """Picture uint8 (H, W, 3) -> grey levels (size, size, 3), float32."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, picture: Tensor) -> Tensor:
        height, width = picture.shape[0], picture.shape[1]
        return self._grown(self._shrunk(picture, height, width), height, width)

    def _shrunk(self, picture: Tensor, height: int, width: int) -> Tensor:
        """(size, size, 3): a side that is no longer than that lies in its first rows, as it was."""
        size, down, across = self.size, _steps(height, self.size), _steps(width, self.size)
        # Where areas are whole pixels along both sides OpenCV adds these and divides once.
        is_whole = _is_whole(down) & _is_whole(across)
        columns = picture.reshape(height, width * 3).T.reshape(width, 3 * height)
        columns = self._sums(columns, width, across, is_whole)
        rows = columns.reshape(size * 3, height).T
        sums = self._sums(rows, height, down, is_whole).reshape(size, size, 3)
        share = torch.where(is_whole, 1 / (down * across), torch.ones_like(down)).float()
        # It adds four pixels as whole numbers and rounds a half up; elsewhere to even.
        is_halved = (down == 2) & (across == 2)
        return torch.round(sums * share + is_halved * 1e-3)

    def _sums(self, lines: Tensor, count: int, step: Tensor, is_whole: Tensor) -> Tensor:
        """Lines (count, n) -> (size, n): each of its share of the lines."""
        start = torch.arange(self.size, dtype=torch.float64)[:, None] * step
        end, last = start + step, count - 1
        area = torch.minimum(step, count - start)
        after = torch.clamp(torch.floor(end), max=last)  # the line of which the end is left over
        first = torch.minimum(torch.ceil(start), after)  # that is taken whole
        taken = torch.floor(start) + torch.arange(count // self.size + 2)
        left_over = torch.clamp(end - after, max=1)
        part = torch.where(taken < after, torch.ones_like(taken), left_over)
        part = torch.where(taken < first, first - start, part)
        part = part * ((part > LEAST) & (taken <= after))
        weight = (part / torch.where(is_whole, torch.ones_like(area), area)).float()
        return _in_order(lines, torch.clamp(taken, max=last).long().T, weight.T)

    def _grown(self, levels: Tensor, height: int, width: int) -> Tensor:
        """The first rows and columns of levels (size, size, 3), spread over all; others stay."""
        levels = levels.to(torch.int32)
        low, share, last = self._between(width)
        # Beyond the middle of the last column there is no other. Of rows OpenCV adds one to itself.
        share = torch.where((low >= 0) & (low < last), share, torch.zeros_like(share))
        first, second, one, other = _weights(low, share, last)
        across = levels[:, first] * one[:, None] + levels[:, second] * other[:, None]
        across = _shifted(across, 4)
        first, second, one, other = _weights(*self._between(height))
        above = _shifted(across[first] * one[:, None, None], 16)
        below = _shifted(across[second] * other[:, None, None], 16)
        return _shifted(above + below + 2, 2).float()

    def _between(self, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """Behind which line each line comes to lie, how far, and which line is the last."""
        known = _fewer(count, self.size)
        # As OpenCV has them, with the inverse of an inverse and as float32: last bits decide.
        scale = 1 / (self.size / known.double())
        place = ((torch.arange(self.size).double() + 0.5) * scale - 0.5).float()
        low = torch.floor(place)
        return low.long(), place - low, known - 1


def is_alike(pixels: Bytes, size: int) -> bool:
    """Whether this machine's OpenCV makes the same of a picture."""
    ours = Resized(size)(torch.from_numpy(np.ascontiguousarray(pixels))).numpy()
    return np.array_equal(ours, resize(pixels, size))


def _steps(count: int, size: int) -> Tensor:
    """How many lines go into one, at least 1; the inverse of an inverse, as OpenCV has it."""
    known = torch.scalar_tensor(count, dtype=torch.float64)
    return 1 / (torch.clamp(known, max=size) / known)


def _is_whole(step: Tensor) -> Tensor:
    return torch.abs(step - torch.round(step)) < torch.finfo(torch.float64).eps


def _in_order(lines: Tensor, taken: Tensor, weight: Tensor) -> Tensor:
    """Sums (m, n) of lines (count, n), by places and weights (taken, m): one after the other."""

    def added(sums: Tensor, one: tuple[Tensor, Tensor]) -> Tensor:
        return sums + lines[one[0]].float() * one[1][:, None]

    nothing = torch.zeros((taken.shape[1], lines.shape[1]))
    if torch.compiler.is_exporting():  # a graph does not know how many there are
        # The exporter wants a second result of each step; nobody reads it.
        sums: Tensor = scan(lambda *at: (added(*at), at[1][1].sum()), nothing, (taken, weight))[0]
        return sums
    return reduce(added, zip(taken, weight, strict=True), nothing)


def _weights(low: Tensor, share: Tensor, last: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The two lines between which one lies, and how much it has of both."""
    first, second = (torch.minimum(torch.clamp(line, min=0), last) for line in (low, low + 1))
    one, other = (torch.round(part * COEFFICIENT).int() for part in (1 - share, share))
    return first, second, one, other


def _fewer(count: int, size: int) -> Tensor:
    """The smaller of both, as a tensor: a graph knows the one only when it runs."""
    return torch.clamp(torch.scalar_tensor(count, dtype=torch.int64), max=size)


def _shifted(values: Tensor, bits: int) -> Tensor:
    """None is below 0."""
    return torch.div(values, 2**bits, rounding_mode="floor")
