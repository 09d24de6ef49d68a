"""Two Ray nodes on this machine, ended by their process ids: `ray stop` would end anybody's.

With their workers they take some 1.2 GB. A node gives up where its agents need longer than 15 s to
begin, as on a machine with much other work.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

# With these named a node does not wait for its agents, 15 s at most, to say which they took.
AGENTS = ("dashboard-agent-grpc", "dashboard-agent-listen", "metrics-export", "runtime-env-agent")
RAY = Path(sys.executable).parent / "ray"
STORE = 80_000_000  # bytes; the least that Ray takes is 75 MB
BEGIN_S = 90.0


@dataclass
class Nodes:
    """A head, whose machine the caller sits at, and another node."""

    address: str
    environment: dict[str, str]
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def pids(self, node: int) -> list[int]:
        """Of all that belongs to a node, its workers among them."""
        return descendants(self.processes[node].pid)

    def kill(self, node: int) -> None:
        for pid in [*self.pids(node), self.processes[node].pid]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.processes[node].wait()


@contextmanager
def two_nodes() -> Iterator[Nodes]:
    """A core each, and a token, since Ray listens on every interface."""
    folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))  # a socket's path is short
    port = _free_port()
    nodes = Nodes(
        f"127.0.0.1:{port}",
        {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": secrets.token_hex(32),
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_raylet_start_wait_time_s": "180",  # six times what it is, beside other tests
        },
    )
    head = ["--head", f"--port={port}", f"--temp-dir={folder}", "--include-dashboard=false"]
    try:
        for words in (head, [f"--address={nodes.address}"]):
            _begin(nodes, folder, words)
        yield nodes
    finally:
        for node in range(len(nodes.processes)):
            nodes.kill(node)
        shutil.rmtree(folder, ignore_errors=True)


def _begin(nodes: Nodes, folder: Path, words: list[str]) -> None:
    """Ray itself may give up on a machine with other work: twice more."""
    for last in (False, False, True):
        path = folder / f"node{len(nodes.processes)}-{last}.log"
        process = _process(nodes, path, words)
        nodes.processes.append(process)
        until = time.monotonic() + BEGIN_S
        while process.poll() is None and time.monotonic() < until:
            if "Ray runtime started" in path.read_text():
                return
            time.sleep(0.1)
        nodes.kill(len(nodes.processes) - 1)
        nodes.processes.pop()
        assert not last, path.read_text()


def _process(nodes: Nodes, path: Path, words: list[str]) -> "subprocess.Popen[bytes]":
    with path.open("w") as said:
        return subprocess.Popen(
            [
                RAY, "start", "--block", "--num-cpus=1", "--node-ip-address=127.0.0.1",
                f"--object-store-memory={STORE}", "--disable-usage-stats",
                *(f"--{agent}-port={_free_port()}" for agent in AGENTS), *words,
            ],
            env={**os.environ, **nodes.environment},
            stdout=said, stderr=said, start_new_session=True,
        )  # fmt: skip


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def descendants(pid: int) -> list[int]:
    """The processes that a process began, and these in turn."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(stat.parent.name))
    descended, waiting = [], [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        descended += below
        waiting += below
    return descended
