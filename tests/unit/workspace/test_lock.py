import os
import signal
import socket
import subprocess
import sys

import pytest

from workspace.errors import ArtifactError
from workspace.lock import locked

HOLD = (
    "import sys, time\n"
    "from pathlib import Path\n"
    "from workspace.lock import locked\n"
    "with locked(Path(sys.argv[1]), 'it'):\n"
    "    print('held', flush=True)\n"
    "    time.sleep(60)\n"
)


@pytest.fixture
def holder(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / ".lock")], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_second_process_is_refused_with_the_owner(tmp_path, holder):
    with pytest.raises(ArtifactError) as refused, locked(tmp_path / ".lock", "Run directory x"):
        pass
    assert str(refused.value) == (
        f"Run directory x is locked by pid {holder.pid} on {socket.gethostname()}; "
        "wait for it, stop it, or take another RUN=."
    )


def test_a_dead_owners_lock_is_taken_over(tmp_path, holder):
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    with locked(tmp_path / ".lock", "x") as dead:
        assert dead == f"pid {holder.pid} on {socket.gethostname()}"


def test_a_lock_given_back_names_nobody(tmp_path):
    for _ in range(2):
        with locked(tmp_path / ".lock", "x") as dead:
            assert dead is None


def test_an_unreadable_owner_does_not_matter(tmp_path):
    (tmp_path / ".lock").write_text("{torn")
    with locked(tmp_path / ".lock", "x") as dead:
        assert dead is None
