"""Check 141: CI runs the tests where nothing but this machine can be reached.

The guard of `tests/conftest.py` stops this process; the namespace stops what it starts as well, and
libraries that open sockets in C.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OFFLINE = ROOT / ".ci" / "offline"
LENT = subprocess.run([OFFLINE, "true"], capture_output=True, check=False).returncode == 0
lent = pytest.mark.skipif(not LENT, reason="no network namespace can be made here")

REACH = """
import socket
with socket.create_server(("127.0.0.1", 0)) as server:
    socket.create_connection(server.getsockname()).close()
print([name for _, name in socket.if_nameindex()])
for address in ("192.0.2.1", "8.8.8.8"):
    try:
        socket.create_connection((address, 53), timeout=5)
    except OSError as error:
        print(error.strerror)
"""


@lent
def test_loopback_alone_is_reached():
    done = subprocess.run(
        [OFFLINE, sys.executable, "-c", REACH],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "['lo']\n" + 2 * "Network is unreachable\n"


@lent
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_who_is_not_root_is_alone_too_and_stays_who_he_is():
    nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    script = "id -u; grep CapEff /proc/self/status; tail -n +3 /proc/net/dev | cut -d : -f 1"
    done = subprocess.run(
        [*nobody, "bash", "-s", "sh", "-c", script], input=OFFLINE.read_text(),
        capture_output=True, text=True, check=False, cwd="/",
    )  # fmt: skip
    if "unshare failed" in done.stderr:
        pytest.xfail("no namespace of users can be made here")
    assert done.stdout.split() == ["65534", "CapEff:", "0000000000000000", "lo"]
    assert done.returncode == 0


@lent
def test_the_command_s_exit_code_and_words_are_its_own():
    done = subprocess.run(
        [ROOT / ".ci" / "offline", "sh", "-c", 'echo "$1"; exit 7', "sh", "two  words"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (7, "two  words\n")


def test_ci_runs_every_test_in_there_and_nothing_that_needs_a_network():
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    tested = [line for line in lines if "make" in line and "test" in line and "#" not in line]
    assert tested
    assert all(line.startswith("$offline make ") for line in tested)
