"""What a bundle's submit.py calls, once it has checked every file: from words to an exit code.

0: all that was asked for; 1: a fault of our own; 2: an error that the user can mend, in one
sentence; 3: a whole file, of less than was asked for; 130 and 143: stopped, and the same call goes
on.
"""

import sys
from collections.abc import Mapping
from typing import Any

from workspace.machine import begin_process

begin_process()  # before a library loads that computes with threads


def answer(asked: Mapping[str, Any]) -> int:
    """The command line's words as `submit.py` reads them."""
    # Where it is installed, LightGBM imports it for two seconds, for classes that nobody uses here.
    sys.modules.setdefault("sklearn", None)  # type: ignore[arg-type]  # None: its import fails
    from pipeline.offline.ending import ended  # noqa: PLC0415 - after `begin_process`

    return ended(asked)
