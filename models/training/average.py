"""An exponential moving average of the weights (Polyak 1992), which evaluation may prefer.

It begins with the network as drawn, whose head knows nothing. So that this is soon forgotten, its
decay grows with the steps, as TensorFlow's does: (1 + n) / (10 + n) until that is the recipe's.
Floating-point tensors are averaged, buffers too; whole numbers, such as a batch norm's count, are
taken as they stand.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch

WARMING = 10


class Average:
    """The decay's share of the old average and the rest of the new weights, once a step."""

    def __init__(self, net: torch.nn.Module, decay: float) -> None:
        self.decay = decay
        self.tensors = {name: value.detach().clone() for name, value in net.state_dict().items()}

    @torch.no_grad()
    def update(self, net: torch.nn.Module, before: int) -> None:
        """After a step that was taken, `before` others before it; a skipped one changes nothing."""
        decay = min(self.decay, (1 + before) / (WARMING + before))
        for name, value in net.state_dict().items():
            mine = self.tensors[name]
            if mine.is_floating_point():
                mine.lerp_(value.to(mine.dtype), 1.0 - decay)
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
