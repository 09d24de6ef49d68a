"""The evaluation transform's resize as tensor operations, so that it can lie inside a graph.

Does what `models.input.evaluation.resize` does by OpenCV, for a picture of any size: means of
areas along sides that shrink, then OpenCV's own fixed-point interpolation along those that grow,
each rounded to grey levels. Both go side by side: rows first, then columns as rows.
"""

import torch
from torch import Tensor, nn

LEAST_OVERLAP = 1000  # OpenCV leaves out what an area has of a pixel, if no more than 1 / 1000
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
        size = self.size
        rows = self._sums(picture.reshape(height, width * 3), height).reshape(size, width, 3)
        columns = rows.permute(1, 0, 2).reshape(width, size * 3)
        sums = self._sums(columns, width).reshape(size, size, 3).permute(1, 0, 2)
        of_rows, of_columns = _fewer(height, size), _fewer(width, size)
        area = (height / of_rows) * (width / of_columns)
        # OpenCV adds four pixels as whole numbers and rounds a half up; elsewhere to even.
        is_halved = (of_rows * 2 == height) & (of_columns * 2 == width)
        return torch.round(sums * (1 / area).float() + is_halved * 1e-3)

    def _sums(self, lines: Tensor, count: int) -> Tensor:
        """Lines (count, n) -> (size, n): each of its share of the lines, as overlaps have it."""
        fewer = _fewer(count, self.size)
        place = torch.arange(self.size)[:, None]  # of a line that comes out
        start = torch.div(place * count, fewer, rounding_mode="floor")
        taken = start + torch.arange(count // self.size + 2)[None]
        # From where to where both reach, in parts of a line of which it has `fewer`.
        low = torch.maximum(place * count, taken * fewer)
        high = torch.minimum((place + 1) * count, (taken + 1) * fewer)
        overlap = torch.clamp(high - low, min=0)
        overlap = overlap * (overlap * LEAST_OVERLAP > fewer)
        weight = overlap.float() / fewer.float()
        lines = lines[torch.clamp(taken, max=count - 1)].float()  # (size, taken, n)
        return torch.matmul(weight[:, None], lines)[:, 0]

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
