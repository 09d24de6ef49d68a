"""Who carries tasks out: this process, several of this machine, or other nodes (ENGINE=).

The only file that chooses an engine; all that is known of one lies in `scripts/engines`.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.engines.processes import ByWork, LocalProcesses
from workspace.errors import ConfigError
from workspace.executors import Executor, ThisProcess
from workspace.progress import Desk

if TYPE_CHECKING:
    from scripts.engines.other_nodes import OtherNodes

ENGINES = {"local": "", "ray": "ray", "slurm": "submitit"}  # with the library that each needs
LOCAL = "local"  # ENGINE=slurm ADDRESS=local: the jobs as processes of this machine
HOST_AND_PORT = re.compile(r"(\[[0-9a-fA-F:]+\]|[\w.-]+):\d{1,5}")


@dataclass(frozen=True)
class Engine:
    """What was asked for, looked at before anything is begun."""

    name: str = "local"
    address: str = ""
    jobs: int | None = None

    @property
    def is_here(self) -> bool:
        return self.name == "local"

    def refuse_nodes(self, nodes: str) -> None:
        """Machines on which the same is called, where an engine calls one of its own."""
        if nodes not in ("", "1") and not self.is_here:
            raise ConfigError(
                f"NODES={nodes} is for a call on each of {nodes} machines, and ENGINE={self.name} "
                "trains a network on one node; leave one of the two out."
            )


def engine_of(name: str | None, address: str | None, jobs: int | None) -> Engine:
    """The engine that these words name, or one sentence why there is none."""
    engine = Engine(name or "local", address or "", jobs)
    if engine.name not in ENGINES:
        raise ConfigError(f"ENGINE={name} is no engine; there are {', '.join(ENGINES)}.")
    if not engine.is_here and jobs is not None:
        raise ConfigError(
            f"JOBS={jobs} divides this machine, and ENGINE={name} gives work to others, which say "
            "themselves how much they take; leave one of the two out."
        )
    _refuse_address(engine)
    library = ENGINES[engine.name]
    if library and find_spec(library) is None:
        raise ConfigError(
            f"ENGINE={name} needs the library {library}, which is not installed; run "
            "'pip install .[cluster]' in the environment of every node."
        )
    return engine


def _refuse_address(engine: Engine) -> None:
    address = engine.address
    if engine.is_here and address:
        mend = "ENGINE=slurm" if address == LOCAL else "ENGINE=ray"
        raise ConfigError(
            f"ADDRESS={address} is for {mend}, and no engine but this machine is named; add {mend}."
        )
    if engine.name == "slurm" and address not in ("", LOCAL):
        raise ConfigError(
            f"ADDRESS={address} means nothing to ENGINE=slurm, which asks the SLURM of this "
            f"machine; leave it out, or take ADDRESS={LOCAL} to rehearse without one."
        )
    if engine.name == "ray" and not HOST_AND_PORT.fullmatch(address):
        given = f"ADDRESS={address} is no host:port" if address else "ENGINE=ray needs an ADDRESS="
        raise ConfigError(f"{given}; name the head node, as in ADDRESS=10.0.0.1:6379.")


@contextmanager
def executor_of(
    engine: Engine, desk: Desk, log: Callable[[], None], run: Path, device: str = "auto"
) -> Iterator[Executor]:
    """The executor of a call; `log` lets a process of this machine write the run's log."""
    if engine.is_here and engine.jobs == 1:
        yield ThisProcess(desk)
        return
    executor = (
        _of_this_machine(engine.jobs, desk, log)
        if engine.is_here
        else _of_other_nodes(engine, desk, run, device)
    )
    try:
        yield executor
    finally:
        executor.close()


def _of_this_machine(
    jobs: int | None, desk: Desk, log: Callable[[], None]
) -> ByWork | LocalProcesses:
    return ByWork(desk, log) if jobs is None else LocalProcesses(jobs, desk, log)


def _of_other_nodes(engine: Engine, desk: Desk, run: Path, device: str) -> "OtherNodes":
    from scripts.engines.other_nodes import OtherNodes  # noqa: PLC0415

    if engine.name == "ray":
        from scripts.engines.ray_tasks import RayTasks  # noqa: PLC0415

        return OtherNodes(RayTasks(engine.address, device), run, desk)
    from scripts.engines.slurm_jobs import JobsHere, SlurmJobs  # noqa: PLC0415

    jobs = JobsHere() if engine.address == LOCAL else SlurmJobs(device)
    return OtherNodes(jobs, run, desk)
