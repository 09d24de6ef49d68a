"""What all tests share: real data where there is any, no network, no silent skips in CI."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

REAL_DATA = os.environ.get("DERMSTACK_REAL_DATA")
NO_SKIPS = bool(os.environ.get("DERMSTACK_NO_SKIPS"))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real images and tables, where this machine has one."""
    if REAL_DATA is None:  # CI has it and allows no skip
        pytest.skip("no real data: set DERMSTACK_REAL_DATA")  # its licences keep it out of here
    return Path(REAL_DATA).resolve()


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only this machine may be talked to."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"a test reached for the network: {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Where nothing may be lacking, a skip is a failure."""
    outcome = yield
    report = outcome.get_result()
    if NO_SKIPS and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped where nothing may be skipped: {report.longrepr}"
