"""What a training step keeps in memory, counted by bytes: no accelerator is needed to know it.

Activations are what autograd saves for the backward pass, each storage once. Work space of the
convolutions, the allocator's slack and the driver's context come on top.
"""

from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

ADAM_MOMENTS = 2  # AdamW keeps two numbers a parameter


@dataclass(frozen=True)
class TrainingMemory:
    """Bytes at the fullest moment: just before the backward pass, gradients already allocated."""

    parameters: int
    gradients: int
    optimiser: int
    activations: int

    @property
    def total(self) -> int:
        return sum(asdict(self).values())


def training_memory(net: nn.Module, images: Tensor, autocast: torch.dtype | None) -> TrainingMemory:
    """One training forward pass of these images, all parameters trainable but the frozen ones."""
    weights = [*net.parameters(), *net.buffers()]
    lasting = {tensor.untyped_storage().data_ptr() for tensor in weights}
    saved: dict[int, int] = {}

    def count(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in lasting:
            saved[storage.data_ptr()] = storage.nbytes()
        return tensor

    net.train()
    with (
        torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor),
        torch.autocast(images.device.type, autocast, enabled=autocast is not None),
    ):
        loss = net(images).sum()  # kept: its graph holds the storages, so no address comes twice
    del loss
    trained = _bytes([parameter for parameter in net.parameters() if parameter.requires_grad])
    return TrainingMemory(_bytes(weights), trained, ADAM_MOMENTS * trained, sum(saved.values()))


def _bytes(tensors: list[Tensor]) -> int:
    return sum(tensor.nbytes for tensor in tensors)
