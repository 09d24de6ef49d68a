"""Which parameters learn, how fast, and with what decay; the optimiser's state by their names.

An optimiser counts its parameters; a checkpoint names them, so that another order of layers cannot
give one parameter another's moments.
"""

from collections.abc import Mapping
from typing import Any

import torch

from models.nets.config import Part
from models.nets.network import LesionNet
from models.training.config import PhaseConfig, TrainConfig
from workspace.errors import ArtifactError, name_some

Tensors = dict[str, torch.Tensor]


def optimiser(net: LesionNet, phase: PhaseConfig, config: TrainConfig) -> torch.optim.Optimizer:
    """Over what the phase leaves free; no decay on norms, biases, tokens and positions."""
    groups: dict[tuple[Part, bool], list[tuple[str, torch.nn.Parameter]]] = {}
    for name, parameter in net.named_parameters():
        part = net.part_of(name)
        if part not in phase.frozen:
            plain = parameter.ndim < 2 or name.endswith(".bias") or name in net.undecayed
            groups.setdefault((part, not plain), []).append((name, parameter))
    return _of_kind(
        config,
        [
            {
                "params": [parameter for _, parameter in members],
                "names": [name for name, _ in members],
                "weight_decay": config.weight_decay if decays else 0.0,
                "lr": phase.lr,
                "share": phase.scale.get(part, 1.0),
            }
            for (part, decays), members in sorted(groups.items(), key=lambda group: group[0])
        ],
    )


def _of_kind(config: TrainConfig, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    if config.optimiser == "sgd":
        return torch.optim.SGD(groups, momentum=config.momentum)
    kind = torch.optim.Adam if config.optimiser == "adam" else torch.optim.AdamW
    return kind(groups)


def set_lr(optimiser: torch.optim.Optimizer, lr: float) -> None:
    """The same learning rate for all groups, but for their share of it."""
    for group in optimiser.param_groups:
        group["lr"] = lr * group["share"]


def moments(optimiser: torch.optim.Optimizer) -> Tensors:
    """The state of each parameter as `<what>.<name>`."""
    found: Tensors = {}
    for group in optimiser.param_groups:
        for name, parameter in zip(group["names"], group["params"], strict=True):
            for what, value in optimiser.state.get(parameter, {}).items():
                if value is not None:  # SGD's buffer, where it has no momentum
                    found[f"{what}.{name}"] = torch.as_tensor(value).detach()
    return found


def restore_moments(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Any]) -> None:
    """Put the state of a checkpoint back, by name."""
    left = dict(tensors)
    for group in optimiser.param_groups:
        for name, parameter in zip(group["names"], group["params"], strict=True):
            mine = {key: left.pop(key) for key in list(left) if key.split(".", 1)[1] == name}
            if mine:
                optimiser.state[parameter] = {
                    key.split(".", 1)[0]: _placed(torch.as_tensor(value), parameter)
                    for key, value in mine.items()
                }
    if left:
        raise ArtifactError(
            f"The checkpoint's optimiser knows other parameters ({name_some(sorted(left))}); it "
            "belongs to another network."
        )


def _placed(value: torch.Tensor, parameter: torch.nn.Parameter) -> torch.Tensor:
    """A step count stays where Adam keeps it, on the CPU; moments go to their parameter."""
    if value.ndim == 0:
        return value.clone()
    return value.to(parameter.device, parameter.dtype).clone()
