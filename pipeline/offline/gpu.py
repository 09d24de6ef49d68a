"""Whether the GPU that torch reports works: some are there and fail at their first operation."""

from pipeline.machine import Machine
from workspace.errors import one_line


def fault_of_gpu() -> str | None:
    """What a tiny operation ends in; None: it works, or there is none."""
    import torch  # noqa: PLC0415 - takes seconds to import

    if not torch.cuda.is_available():
        return None
    try:
        ones = torch.ones(8, 8, device="cuda")
        assert float((ones @ ones).sum()) == 512
    except (RuntimeError, AssertionError) as error:  # a driver's errors are RuntimeErrors
        return one_line(str(error).splitlines()[0] if str(error) else type(error).__name__)
    return None


def gpus(machine: Machine) -> int:
    """How many there are to look with."""
    import torch  # noqa: PLC0415

    return torch.cuda.device_count() if machine.torch_device().type == "cuda" else 0
