"""SLURM's jobs through submitit: what is ready at one time and of equal needs is one array.

Partition, account, time limit and the like are SLURM's own affair: sbatch reads them from its
SBATCH_... variables. A job whose time ends is put into the queue again and goes on from its
checkpoint. Without a SLURM the same jobs run as processes of this machine (ADDRESS=local).
"""

import math
import os
import re
import signal
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from scripts.engines.attempts import Attempt, DiedError, ShortOfMemoryError, threads_of
from scripts.engines.boot import Answer, Begin
from scripts.engines.packing import unpacked
from scripts.engines.processes import fitting_now
from workspace.errors import ArtifactError, ConfigError
from workspace.machine import cores
from workspace.orders import Needs

TIME_LIMIT = "SBATCH_TIMELIMIT"
ENDLESS = ("UNLIMITED", "INFINITE")
YEAR = 365 * 24 * 60  # submitit ends a process whose time is 0 at once
MINUTES = 24 * 60  # where nobody says; sbatch itself would take the partition's
OUT_OF_MEMORY = re.compile("OUT_OF_ME|oom.kill")  # a job's state, or a line of its step's
VISIBLE_GPUS = "CUDA_VISIBLE_DEVICES"
CORES_OF_TASK = "SLURM_CPUS_PER_TASK"  # of a job within which the call is made; inherited
FORGET = f"unset {CORES_OF_TASK} SRUN_CPUS_PER_TASK"  # before srun binds to so many
TOO_OFTEN = "timed-out too many times"  # submitit's words


class SlurmJobs:
    """Jobs of the SLURM that this machine submits to."""

    every_s = 2.0
    by_sigint = False
    _cluster = "slurm"
    requeues = 10  # of one job, because its time ended

    def __init__(self, device: str = "auto") -> None:
        self._device, self._folder = device, Path()

    def side_by_side(self, needs: Sequence[Needs]) -> int:
        return len(needs)  # SLURM holds back what does not fit yet

    def connect(self, folder: Path, probe: Begin) -> None:
        from submitit.core import core  # noqa: PLC0415

        from scripts.engines import boot  # noqa: PLC0415

        self._folder = folder / "jobs"
        self._folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)  # what lies there is opened as code
        core.utils.cloudpickle.register_pickle_by_value(boot)

    def environment(self, needs: Needs) -> dict[str, str]:
        """A whole node sees itself how many cores it has; what the caller had is no matter."""
        if needs.cores:
            return threads_of(needs.cores)
        return dict.fromkeys((*threads_of(1), CORES_OF_TASK), "")

    def begin(self, attempts: Sequence[Attempt]) -> None:
        alike: dict[tuple[Needs, str], list[Attempt]] = defaultdict(list)
        for attempt in attempts:
            alike[attempt.needs, ",".join(sorted(attempt.avoid - {""}))].append(attempt)
        for (needs, avoid), group in alike.items():
            self._begin_array(needs, avoid, group)

    def _begin_array(self, needs: Needs, avoid: str, attempts: Sequence[Attempt]) -> None:
        executor = self._executor()
        executor.update_parameters(**self._parameters(needs, avoid))
        try:
            with executor.batch():
                for attempt in attempts:
                    attempt.handle = executor.submit(attempt.begin)
        except Exception as error:
            for attempt in attempts:
                attempt.handle = None  # submitit gives one before it asks
            if avoid:  # there may be no other node
                self._begin_array(needs, "", attempts)
                return
            raise ArtifactError(
                f"SLURM does not take the jobs: {_last_line(str(error))}; what the partition "
                "lacks is named by SBATCH_PARTITION and its like (docs/cluster.md)."
            ) from error

    def _executor(self) -> Any:
        from submitit import AutoExecutor  # noqa: PLC0415

        requeues = {f"{self._cluster}_max_num_timeout": self.requeues}
        try:
            return AutoExecutor(self._folder, cluster=self._cluster, **requeues)
        except RuntimeError as error:
            raise ConfigError(
                "ENGINE=slurm finds no SLURM on this machine (no 'srun'); call from one that "
                "submits jobs, or rehearse with ADDRESS=local."
            ) from error

    def _parameters(self, needs: Needs, avoid: str) -> dict[str, Any]:
        """A task of all cores has a node for itself."""
        size = (
            {"cpus_per_task": needs.cores, "mem_gb": needs.memory_gb}
            if needs.cores
            else {"slurm_exclusive": True, "slurm_mem": "0", "slurm_setup": [FORGET]}
        )
        gpus = {"gpus_per_node": needs.gpus} if needs.gpus and self._device == "cuda" else {}
        excluded = {"slurm_exclude": avoid} if avoid else {}
        return {
            "name": "dermstack", "timeout_min": minutes_of(os.environ.get(TIME_LIMIT)),
            "slurm_additional_parameters": {"requeue": True}, **size, **gpus, **excluded,
        }  # fmt: skip

    def ended(self, attempts: Sequence[Attempt]) -> list[Attempt]:
        return [attempt for attempt in attempts if attempt.handle.done()]

    def answer(self, attempt: Attempt) -> Answer:
        from submitit.core.utils import UncompletedJobError  # noqa: PLC0415

        try:
            answer: Answer = attempt.handle.result()
        except UncompletedJobError as error:
            state, text = attempt.handle.state, str(error)
            self._refuse_to_go_on(attempt, text)
            kind = ShortOfMemoryError if OUT_OF_MEMORY.search(f"{state} {text}") else DiedError
            raise kind(f"{state}: {_last_line(text)}") from error
        if answer[0] == "failed":  # submitit raises amid the task
            self._refuse_to_go_on(attempt, str(unpacked(answer[1])[0]))
        return answer

    def _refuse_to_go_on(self, attempt: Attempt, error: str) -> None:
        """Where submitit requeues a job no more."""
        if TOO_OFTEN in error:
            raise ArtifactError(
                f"{attempt.name} ran into its time limit {self.requeues + 1} times; its last "
                f"checkpoint is kept: the same command goes on, with a longer {TIME_LIMIT} if it "
                "must."
            )

    def interrupt(self, attempts: Sequence[Attempt]) -> None:
        """All by one call: each may take a busy SLURM a second."""
        with suppress(OSError):
            command = ["scancel", *(str(one.handle.job_id) for one in attempts)]
            subprocess.run(command, check=False)

    def kill(self, attempts: Sequence[Attempt]) -> None:
        self.interrupt(attempts)

    def close(self) -> None:
        """SLURM needs no goodbye."""


class JobsHere(SlurmJobs):
    """The same jobs as processes of this machine: to rehearse, and to test."""

    every_s = 0.2
    _cluster = "local"
    requeues = 5  # submitit's own controller begins nothing for the seventh time

    def side_by_side(self, needs: Sequence[Needs]) -> int:
        return fitting_now(needs)  # nobody else holds back what does not fit

    def environment(self, needs: Needs) -> dict[str, str]:
        """And the caller's GPUs, which submitit hides; what the caller hid stays so."""
        gpus = os.environ.get(VISIBLE_GPUS)
        seen = {} if gpus == "" else {VISIBLE_GPUS: gpus or ""}
        return threads_of(min(needs.cores or cores(), cores())) | seen

    def _begin_array(self, needs: Needs, avoid: str, attempts: Sequence[Attempt]) -> None:
        with _deaf_to_the_terminal():
            super()._begin_array(needs, avoid, attempts)

    def _parameters(self, needs: Needs, avoid: str) -> dict[str, Any]:
        return {"timeout_min": minutes_of(os.environ.get(TIME_LIMIT)) or YEAR}

    def answer(self, attempt: Attempt) -> Answer:
        if not attempt.handle.paths.result_pickle.exists():  # on one machine no file comes late
            raise DiedError("it was killed, perhaps for want of memory")
        return super().answer(attempt)

    def interrupt(self, attempts: Sequence[Attempt]) -> None:
        for attempt in attempts:  # its controller's pid, which passes it on
            _signal(int(attempt.handle.job_id), signal.SIGTERM)

    def kill(self, attempts: Sequence[Attempt]) -> None:
        for attempt in attempts:
            for pid in filter(None, (attempt.pid, int(attempt.handle.job_id))):
                _signal(pid, signal.SIGKILL)


def minutes_of(limit: str | None) -> int:
    """SLURM's words for a time: minutes, m:s, h:m:s, d-h, d-h:m, d-h:m:s; 0 is without end.

    As SLURM does it, seconds are rounded up.
    """
    if not limit:
        return MINUTES
    if limit.upper() in ENDLESS:
        return 0
    form = re.fullmatch(r"(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?", limit)
    if form is None:
        raise ConfigError(
            f"{TIME_LIMIT}={limit} is no time of SLURM's; write minutes, h:m:s or days-hours."
        )
    days, first, second, third = (int(one or 0) for one in form.groups())
    is_short = form[1] is None and form[4] is None
    hours, minutes, seconds = (0, first, second) if is_short else (first, second, third)
    return (days * 24 + hours) * 60 + minutes + math.ceil(seconds / 60)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else "no reason given"


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


@contextmanager
def _deaf_to_the_terminal() -> Iterator[None]:
    """A Ctrl-C reaches all processes of a terminal; these have the news from the caller alone."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
