"""A PostgreSQL server of one's own, on a free port, gone afterwards."""

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PASSWORD = "not-asked-for"  # noqa: S105 - the server trusts whoever is on this machine


def programs() -> Path | None:
    """Where PostgreSQL's own programs lie; Debian keeps them off the PATH."""
    found = shutil.which("initdb")
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return Path(found).resolve().parent if found else places[-1].parent if places else None


@contextmanager
def server(where: Path, folder: Path) -> Iterator[str]:
    """The address of an empty database in this folder, which whoever serves it may enter."""
    who = _as_nobody(folder)
    data = folder / "data"
    subprocess.run(
        [where / "initdb", "-D", data, "-U", "dermstack", "-A", "trust", "--no-sync"],
        check=True, capture_output=True, **who,
    )  # fmt: skip
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [where / "postgres", "-D", data, "-p", str(port), "-k", "", "-h", "127.0.0.1", "-F"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **who,
    )  # fmt: skip
    try:
        _wait(process, [where / "pg_isready", "-h", "127.0.0.1", "-p", str(port)])
        yield f"postgresql://dermstack:{PASSWORD}@127.0.0.1:{port}/postgres"
    finally:
        process.terminate()
        process.wait(30)


def _wait(process: subprocess.Popen[bytes], ready: list[str | Path]) -> None:
    deadline = time.monotonic() + 60
    while subprocess.run(ready, capture_output=True, check=False).returncode:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _as_nobody(folder: Path) -> dict[str, str]:
    """PostgreSQL refuses to run as root."""
    if os.getuid() != 0:
        return {}
    known = {one.pw_name for one in pwd.getpwall()}
    user = "postgres" if "postgres" in known else "nobody"
    for path in (folder, *folder.rglob("*")):
        shutil.chown(path, user)
    return {"user": user}
