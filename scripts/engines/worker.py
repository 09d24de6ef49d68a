"""In a process of another node: refuse what is not the caller's, then carry out one task.

The task itself is unpacked last, when the node is known to have the same code, and with the
process's cores in its environment. Imports nothing that computes.
"""

import os
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import Any

from scripts.engines.boot import Answer
from scripts.engines.identity import refusal
from scripts.engines.letters import WritingDesk
from scripts.engines.packing import packed, unpacked
from scripts.engines.stop_requests import stopping_as_worker
from workspace.stopping import Stopped

NODE = "SLURMD_NODENAME"  # the scheduler's own name of this node


def answer(parcel: dict[str, Any]) -> Answer:
    """What became of the task; an error of ours or a bug as itself, with where it was raised."""
    node = os.environ.get(NODE) or socket.gethostname()
    folder = Path(parcel["folder"])
    if why := refusal(folder, parcel["token"], node):
        return "refused", why
    if parcel["call"] is None:  # the caller only asks whether this node would do
        return "done", packed(node)
    desk = WritingDesk(folder / parcel["letters"])
    desk.send("began", node, _id_of(node), os.getpid())
    try:
        with stopping_as_worker(*((signal.SIGINT,) if parcel["sigint"] else ())):
            function, arguments = unpacked(parcel["call"])
            return "done", packed(function(*arguments, desk=desk))
    except Stopped as stopped:
        return "stopped", int(stopped.signal)
    except Exception as error:
        return "failed", packed((error, traceback.format_exc()))


def _id_of(node: str) -> str:
    """What the engine calls it: of Ray, several may stand on one machine."""
    ray = sys.modules.get("ray")
    return str(ray.get_runtime_context().get_node_id()) if ray is not None else node
