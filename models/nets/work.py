"""How many threads compute a network on a CPU: a matter of its work, never of the machine.

The last bits of a sum hang on how many threads add it up, so a number that followed the machine's
cores would make other networks of the same recipe elsewhere. In small steps threads mostly wait for
one another (docs/benchmarks, pace): such networks take one, and several are trained side by
side. Large ones take a few, which machines that train them without a GPU have.
"""

from functools import lru_cache

import torch
from torch.utils.flop_counter import FlopCounterMode

from models.nets.config import NetConfig
from models.nets.network import LesionNet

# Multiply-adds of one picture from which on threads pay: MobileNetV2 has 0.3e9 at 224 px,
# ConvNeXt-Tiny 4.5e9.
LARGE = 10**9
THREADS = 4  # of a large one


def threads_of(config: NetConfig) -> int:
    """Those that the recipe states, or by the size of the work."""
    if config.threads is not None:
        return config.threads
    return 1 if is_small(config) else THREADS


def is_small(config: NetConfig) -> bool:
    """Whether its steps are too small for threads."""
    return multiply_adds(config) < LARGE


def multiply_adds(config: NetConfig) -> int:
    """Of one picture's forward pass."""
    # Weights change no count, nor does in how many bits they are; as text, which can be looked up.
    blank = {"weights": "none", "sha256": None, "weight_bits": None}
    return _counted(config.model_copy(update=blank).model_dump_json())


@lru_cache
def _counted(config: str) -> int:
    with torch.device("meta"):  # shapes alone: nothing is allocated or computed
        net = LesionNet.blank(NetConfig.model_validate_json(config), 1).eval()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            net(torch.zeros(1, 3, net.size, net.size))
    return int(counter.get_total_flops()) // 2
