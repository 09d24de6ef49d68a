"""The deterministic switches: what makes two trainings on one GPU the same to the bit.

On one kind of CPU the loop is so anyway, and the switches change no bit there. On a GPU sums are
added up in whatever order threads end, so that two runs drift apart unless torch is told to take
slower forms.
The switches hold for the whole process and are never turned back.
"""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from workspace.errors import ConfigError

VARIABLE = "CUBLAS_WORKSPACE_CONFIG"
WORKSPACES = (":4096:8", ":16:8")  # the two with which cuBLAS is deterministic, by its manual
UNSWITCHED = (
    "training on a GPU is not bit for bit repeatable; with DETERMINISTIC=1 torch takes slower "
    "forms that are."
)


def switch_on(*, warn_only: bool = False) -> None:
    """Before anything runs on a GPU; an operation that has no such form raises, or only warns."""
    if os.environ.get(VARIABLE) not in WORKSPACES:
        begun: Callable[[], bool] = torch.cuda.is_initialized
        assert not begun(), f"cuBLAS reads {VARIABLE} once, when CUDA starts"
        os.environ[VARIABLE] = WORKSPACES[0]
    torch.use_deterministic_algorithms(True, warn_only=warn_only)
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False  # it takes whichever form was fastest this time


def without_form(message: str) -> str | None:
    """The operation that torch says has no deterministic form; None for other messages."""
    found = re.match(r"(\S+) does not have a deterministic implementation", message)
    return found[1] if found else None


@contextmanager
def refused_plainly() -> Iterator[None]:
    """Such an operation ends in one line: the switch is the user's, so it is no bug of ours."""
    try:
        yield
    except RuntimeError as error:
        operation = without_form(str(error))
        if operation is None:
            raise
        raise ConfigError(
            f"{operation} has no deterministic form on this device; leave DETERMINISTIC=1 out."
        ) from error
