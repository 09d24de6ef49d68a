"""Where networks run: the device of this call, how they are computed and pictures scored there.

What a machine is asked for is known without torch, which its methods import: it takes seconds.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from models.nets.config import NetConfig
from workspace.errors import ConfigError
from workspace.lazy import importing
from workspace.machine import cores, jobs, lent_cores, lent_memory_gb, reading_processes
from workspace.orders import Needs

if TYPE_CHECKING:
    import torch

    from models.inference.scores import Way
    from pipeline.job import Job

PRIVATE = "DERMSTACK_PRIVATE_NETWORK"  # the person's word that nobody else reaches the machines
MEMORY_GB = 4.0  # of decoded pictures; more are decoded anew whenever they are shown
PROCESS_GB = 2.0  # torch and its steps; of a small network its share of the pictures too
LOOKING_GB = MEMORY_GB + PROCESS_GB  # of a task that looks at many pictures


@dataclass(frozen=True)
class Machine:
    """What a call asks of the machine; it travels to wherever a network runs."""

    device: str = "auto"
    deterministic: bool = False
    devices: int = 1  # processes that train one network together, a GPU each or none
    nodes: int = 1  # machines that do, with so many devices each

    @classmethod
    def of(cls, job: "Job") -> "Machine":
        return cls(job.device, job.deterministic, devices_of(job), nodes_of(job))

    @property
    def ranks(self) -> int:
        """All that train one network together."""
        return self.devices * self.nodes

    def torch_device(self) -> "torch.device":
        """The device asked for, or the fastest there is; switched first where that was asked.

        Whoever runs a network asks here, so nothing is on a GPU before them.
        """
        with importing("torch"):
            import torch  # noqa: PLC0415

            from models.nets.determinism import switch_on  # noqa: PLC0415

        if self.deterministic:
            switch_on()
        there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
        if self.device == "auto":
            return torch.device(next((name for name, is_there in there.items() if is_there), "cpu"))
        if not there.get(self.device, True):
            raise ConfigError(
                f"DEVICE={self.device} is not there; take DEVICE=cpu or leave it out."
            )
        return torch.device(self.device)

    def repeatable(self) -> bool:
        """Whether a training gives the same weights again."""
        return self.torch_device().type == "cpu" or self.deterministic

    def way(self, net: NetConfig, views: Sequence[str], *, bfloat16: bool) -> "Way":
        """How pictures are scored on this machine, as these views.

        From here on this thread computes with the network's own number of threads, whatever the
        machine and the process: whoever trains or scores asks here first.
        """
        import torch  # noqa: PLC0415

        from models.inference.scores import Way  # noqa: PLC0415
        from models.inference.speed import EXACT, halved  # noqa: PLC0415
        from models.inference.views import SIX  # noqa: PLC0415
        from models.nets.work import threads_of  # noqa: PLC0415

        known = {view.name: view for view in SIX}
        chosen = tuple(known[name] for name in views)
        device = self.torch_device()
        pace = halved(device) if bfloat16 else EXACT
        way = Way(device, workers=reading_processes(), views=chosen, pace=pace)
        if device.type != "cpu":
            return way
        own = threads_of(net)
        torch.set_num_threads(own)
        # A reader beside it would only take the one core from whoever computes.
        workers = reading_processes(own) if cores() > 1 else 0
        return replace(way, workers=workers, side_by_side=max(1, lent_cores() // own))

    def needs(self, net: NetConfig, ranks: int = 1) -> Needs:
        """What a task takes that trains this network among so many, or asks it."""
        from models.nets.work import is_small, threads_of  # noqa: PLC0415

        if self.torch_device().type != "cpu":
            return Needs(memory_gb=MEMORY_GB + ranks * PROCESS_GB, gpus=ranks)
        shared = 0.0 if is_small(net) else MEMORY_GB  # ranks keep together what one would
        return Needs(cores=ranks * threads_of(net), memory_gb=shared + ranks * PROCESS_GB)

    def check_devices(self) -> None:
        """Refuse more than there are: two on one GPU would only wait for one another."""
        kind = self.torch_device().type
        if self.devices == 1 or kind == "cpu":
            return
        import torch  # noqa: PLC0415

        there = torch.cuda.device_count() if kind == "cuda" else 1
        if self.devices > there:
            raise ConfigError(
                f"DEVICES={self.devices} are asked for, and this machine lends {there} of kind "
                f"{kind}; take as many, or DEVICE=cpu."
            )


def devices_of(job: "Job") -> int:
    """DEVICES=n of this call."""
    return _number(job, "devices", "devices")


def nodes_of(job: "Job") -> int:
    """NODES=m of this call."""
    nodes = _number(job, "nodes", "machines")
    if nodes > 1 and job.fresh:
        raise ConfigError(
            f"FRESH=1 would delete what other machines of NODES={nodes} have begun; delete the "
            f"networks in {job.run / 'networks'} that are to be trained anew, and leave FRESH out."
        )
    if nodes > 1 and os.environ.get(PRIVATE) != "1":
        raise ConfigError(
            f"NODES={nodes} needs {PRIVATE}=1: machines meet by torch's store, and whoever else "
            "reaches its port runs there what they like (docs/cluster.md)."
        )
    return nodes


def _number(job: "Job", word: str, of: str) -> int:
    text = job.words.get(word, "") or "1"
    if not text.isdecimal() or int(text) < 1:
        raise ConfigError(f"{word.upper()}={text} is no number of {of}; take 1 or more.")
    return int(text)


def memory_gb() -> float:
    """Of decoded pictures in this process; workers share what one process would take.

    Where little is lent, as to a small network's job of SLURM, the rest of a process comes first.
    """
    lent = lent_memory_gb()
    return min(MEMORY_GB, max(lent / 2, lent - PROCESS_GB)) / jobs()


def notice_unswitched(job: "Job") -> Machine:
    """The machine, with a notice if training there is not repeatable; by `job.need` said once."""
    machine = Machine.of(job)
    if not machine.repeatable():
        from models.nets.determinism import UNSWITCHED  # noqa: PLC0415

        job.say(f"notice: {UNSWITCHED}")
    return machine
