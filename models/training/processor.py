"""The kind of processor that a training computes on, as far as it decides the last bits.

torch, MKL and oneDNN choose their kernels by what a processor can do. Two of one kind come to the
same bits; two kinds do not, and a training that began on one and goes on on another is neither's.
"""

import torch


def processor_of(device: torch.device) -> str:
    """`CPU AVX2`, `CPU AVX512 with bfloat16`, or what a GPU calls itself."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type != "cpu":
        return device.type
    bfloat16 = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    more = " with bfloat16" if bfloat16 else ""
    return f"CPU {torch.backends.cpu.get_cpu_capability()}{more}"
