"""An exponential moving average of the weights (Polyak 1992), which evaluation may prefer.

Floating-point tensors are averaged, buffers too; whole numbers, such as a batch norm's count, are
taken as they stand.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch


class Average:
    """`decay` of the old average and the rest of the new weights, once a step."""

    def __init__(self, net: torch.nn.Module, decay: float) -> None:
        self.decay = decay
        self.tensors = {name: value.detach().clone() for name, value in net.state_dict().items()}

    @torch.no_grad()
    def update(self, net: torch.nn.Module) -> None:
        """After a step that was taken; a skipped one changes nothing."""
        for name, value in net.state_dict().items():
            mine = self.tensors[name]
            if mine.is_floating_point():
                mine.lerp_(value.to(mine.dtype), 1.0 - self.decay)
            else:
                mine.copy_(value)

    def restore(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """The average of a checkpoint."""
        for name, value in self.tensors.items():
            value.copy_(tensors[name])

    @contextmanager
    def in_place_of(self, net: torch.nn.Module) -> Iterator[None]:
        """While it lasts, the network's weights are the average."""
        own = {name: value.detach().clone() for name, value in net.state_dict().items()}
        net.load_state_dict(self.tensors)
        try:
            yield
        finally:
            net.load_state_dict(own)
