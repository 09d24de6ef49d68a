"""Ray's nodes: each attempt is one of Ray's tasks, with its cores, memory and GPU.

Ray finds a node and tells when it died; it repeats nothing by itself, since it knows nothing of
units. Whoever reaches its ports may run what they like, so that it must be said how they are kept.
"""

import math
import os
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from scripts.engines.attempts import Attempt, DiedError, ShortOfMemoryError, threads_of
from scripts.engines.boot import Answer, Begin
from workspace.errors import ArtifactError, ConfigError, name_some
from workspace.orders import Needs

CONNECT_S = 10.0
ANSWER_S = 120.0  # a node begins a process and hashes the sources in a few seconds
MODE = "RAY_AUTH_MODE"


class RayTasks:
    """The nodes of one Ray, of which this machine is one."""

    every_s = 0.2
    by_sigint = True

    def __init__(self, address: str, device: str) -> None:
        self._address, self._device = address, device
        self._ray: Any = None
        if MODE not in os.environ:
            raise ConfigError(
                f"ENGINE=ray needs {MODE} to be set: 'token', as docs/cluster.md shows, or "
                "'disabled' where nobody else reaches these machines; who reaches Ray's ports runs "
                "there what they like."
            )

    def side_by_side(self, needs: Sequence[Needs]) -> int:
        return len(needs)  # Ray holds back what does not fit yet

    def connect(self, folder: Path, probe: Begin) -> None:
        self._refuse_silence()
        import ray  # noqa: PLC0415
        from ray import cloudpickle  # noqa: PLC0415

        from scripts.engines import boot  # noqa: PLC0415

        cloudpickle.register_pickle_by_value(boot)
        with _handlers_of_ours():
            try:
                ray.init(
                    self._address, log_to_driver=False, logging_level="ERROR",
                    configure_logging=False,
                )  # fmt: skip
            except Exception as error:
                raise ArtifactError(
                    f"ENGINE=ray cannot join the Ray at {self._address}: {_first_line(error)}; "
                    "this machine must be one of its nodes ('ray start')."
                ) from error
        self._ray = ray
        self._task = ray.remote(max_retries=0)(boot.call)
        self._refuse_unlike(probe)

    def environment(self, needs: Needs) -> dict[str, str]:
        return threads_of(self._cores(needs))

    def begin(self, attempts: Sequence[Attempt]) -> None:
        for attempt in attempts:
            needs = attempt.needs
            most = self._most(needs)["Resources"].get("memory", 0)
            task = self._task.options(
                num_cpus=self._cores(needs),
                num_gpus=self._gpus(needs),
                memory=int(min(needs.memory_gb * 2**30, most)),
                name=Path(attempt.name).name,
                **self._elsewhere(attempt),
            )
            attempt.handle = task.remote(attempt.begin)

    def ended(self, attempts: Sequence[Attempt]) -> list[Attempt]:
        if not attempts:
            return []
        handles = [attempt.handle for attempt in attempts]
        done, _ = self._ray.wait(handles, num_returns=len(handles), timeout=0)
        return [attempt for attempt in attempts if attempt.handle in done]

    def answer(self, attempt: Attempt) -> Answer:
        from ray import exceptions  # noqa: PLC0415

        try:
            answer: Answer = self._ray.get(attempt.handle)
        except exceptions.TaskCancelledError:
            return "stopped", int(signal.SIGINT)
        except exceptions.RayTaskError:  # of `Begin` itself: a bug
            raise
        except exceptions.OutOfMemoryError as error:
            raise ShortOfMemoryError(f"{type(error).__name__}") from error
        except exceptions.RayError as error:
            raise DiedError(f"{type(error).__name__}") from error
        return answer

    def interrupt(self, attempts: Sequence[Attempt]) -> None:
        for attempt in attempts:
            self._ray.cancel(attempt.handle, force=False)

    def kill(self, attempts: Sequence[Attempt]) -> None:
        for attempt in attempts:
            with suppress(Exception):  # it, or its node, is gone
                self._ray.cancel(attempt.handle, force=True)

    def close(self) -> None:
        if self._ray is not None:
            with _handlers_of_ours():
                self._ray.shutdown()  # which ends what workers of this call there are
            self._ray = None

    def _nodes(self) -> list[dict[str, Any]]:
        """Those that are alive and compute."""
        nodes = [one for one in self._ray.nodes() if one["Alive"] and _cpus(one)]
        if not nodes:
            raise ArtifactError(
                f"The Ray at {self._address} has no node with a core; start one with 'ray start'."
            )
        return nodes

    def _most(self, needs: Needs) -> dict[str, Any]:
        """The node that lends it most: no task waits for what no single one of them has."""
        gpus = self._gpus(needs)
        nodes = [one for one in self._nodes() if _gpus(one) >= gpus]
        memory = needs.memory_gb * 2**30
        wanted = needs.cores or math.inf
        return max(
            nodes,
            key=lambda one: (
                min(_cpus(one), wanted), min(one["Resources"].get("memory", 0), memory)
            ),
        )  # fmt: skip

    def _cores(self, needs: Needs) -> int:
        """All, where it takes all, are those of the largest node, or its GPUs' share of them."""
        node, gpus = self._most(needs), self._gpus(needs)
        most = _cpus(node)
        share = max(1, most * gpus // _gpus(node)) if gpus else most
        return min(needs.cores or share, most)

    def _gpus(self, needs: Needs) -> int:
        """None where there are none; of more than any node has a task would wait for ever."""
        most = max(map(_gpus, self._nodes()))
        if self._device == "cpu" or not most:
            return 0
        if needs.gpus > most:
            raise ConfigError(
                f"DEVICES={needs.gpus} are asked for, and no node of the Ray at {self._address} "
                f"has more than {most}; take as many, or DEVICE=cpu."
            )
        return needs.gpus

    def _elsewhere(self, attempt: Attempt) -> dict[str, Any]:
        """Where it died before only if no other node would do."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy  # noqa: PLC0415

        cores = self._cores(attempt.needs)
        others = [
            one["NodeID"] for one in self._nodes()
            if _cpus(one) >= cores and one["NodeID"] not in attempt.avoid
        ]  # fmt: skip
        if not attempt.avoid or not others:
            return {}
        chosen = others[attempt.number % len(others)]
        return {"scheduling_strategy": NodeAffinitySchedulingStrategy(chosen, soft=True)}

    def _refuse_silence(self) -> None:
        """Ray itself would try for minutes."""
        host, _, port = self._address.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()
        except (OSError, OverflowError) as error:
            raise ArtifactError(
                f"Nobody answers at ADDRESS={self._address} ({_reason(error)}); begin a head "
                "there with 'ray start --head' (docs/cluster.md)."
            ) from error

    def _refuse_unlike(self, probe: Begin) -> None:
        """Before anything is given out, by every node at once."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy  # noqa: PLC0415

        asked = {
            self._task.options(
                num_cpus=0, scheduling_strategy=NodeAffinitySchedulingStrategy(one["NodeID"], False)
            ).remote(probe): one["NodeManagerHostname"]
            for one in self._nodes()
        }
        answered, silent = self._ray.wait(list(asked), num_returns=len(asked), timeout=ANSWER_S)
        if silent:
            raise ArtifactError(
                f"{name_some(asked[one] for one in silent)} of the Ray at {self._address} did not "
                f"answer in {ANSWER_S:.0f} s; look at 'ray status', or take the node out."
            )
        for kind, value in self._ray.get(answered):
            if kind == "refused":
                raise ArtifactError(value)


def _cpus(node: dict[str, Any]) -> int:
    return int(node["Resources"].get("CPU", 0))


def _gpus(node: dict[str, Any]) -> int:
    return int(node["Resources"].get("GPU", 0))


def _reason(error: OSError | OverflowError) -> str:
    return getattr(error, "strerror", None) or str(error)


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")


@contextmanager
def _handlers_of_ours() -> Iterator[None]:
    """Ray takes SIGTERM for itself, where ours unwinds the call."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            if handler is not None:
                signal.signal(number, handler)
