import errno
import fcntl
import json
import os
import pickle
import signal
import socket
import subprocess
import sys

import pytest

from workspace import lock
from workspace.errors import ArtifactError
from workspace.lock import LockedError, clear_abandoned, clear_free_lock, lock_of, locked, owner_of

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


def test_who_only_asks_for_the_owner_neither_holds_nor_leaves_a_lock(tmp_path, holder):
    assert owner_of(tmp_path / ".lock") == f"pid {holder.pid} on {socket.gethostname()}"
    holder.kill()
    holder.wait()
    assert owner_of(tmp_path / ".lock") is None
    assert owner_of(tmp_path / "none") is None
    assert not (tmp_path / "none").exists()


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


def test_a_free_locks_file_is_gone_also_after_an_error(tmp_path):
    path = tmp_path / "run" / ".one.lock"
    with locked(path, "x"):
        assert json.loads(path.read_text())["pid"] == os.getpid()
    assert not path.exists()
    with pytest.raises(ZeroDivisionError), locked(path, "x"):
        _ = 1 / 0
    assert not list(path.parent.iterdir())


def test_the_second_in_one_process_is_refused_too(tmp_path):
    with locked(tmp_path / ".lock", "x"):
        with pytest.raises(LockedError) as refused, locked(tmp_path / ".lock", "x"):
            pass
        assert (tmp_path / ".lock").is_file()
    again = pickle.loads(pickle.dumps(refused.value))
    assert (type(again), str(again)) == (LockedError, str(refused.value))
    assert again.owner == f"pid {os.getpid()} on {socket.gethostname()}"


def test_a_file_system_without_locks_is_named_and_not_taken_for_an_owner(tmp_path, monkeypatch):
    def refuse(handle, how):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(ArtifactError) as refused, locked(tmp_path / ".lock", "x"):
        pass
    assert not isinstance(refused.value, LockedError)
    assert str(refused.value) == (
        f"Cannot write {tmp_path / '.lock'}: No locks available; what was there before is "
        "untouched."
    )


def test_where_no_lock_can_be_written_it_is_said(tmp_path):
    (tmp_path / "run").write_text("a file")
    path = tmp_path / "run" / ".one.lock"
    with pytest.raises(ArtifactError, match=rf"^Cannot write {path}: "), locked(path, "x"):
        pass


def test_the_lock_of_a_unit_whose_maker_died_once_it_was_whole_is_cleared(tmp_path):
    owner = json.dumps({"pid": 1, "host": "h", "since": 0})
    for name in ("whole", "half", "held"):
        lock_of(tmp_path / name).write_text(owner)
    (tmp_path / "whole").mkdir()
    (tmp_path / "held").mkdir()
    with locked(lock_of(tmp_path / "held"), "held"):
        assert clear_abandoned(tmp_path) == 0
        left = sorted(path.name for path in tmp_path.glob(".*"))
        assert left == [".half.lock", ".held.lock"]  # who takes the half one over is told of it
    assert not lock_of(tmp_path / "held").exists()


def test_the_lock_of_one_who_died_while_clearing_is_cleared(tmp_path):
    with locked(lock_of(tmp_path / "gone"), "gone", named=False):
        left = lock_of(tmp_path / "gone").read_text()
    lock_of(tmp_path / "gone").write_text(left)  # as kill -9 leaves it
    assert clear_abandoned(tmp_path) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_free_lock_is_cleared_and_a_held_one_stays(tmp_path):
    clear_free_lock(tmp_path / "none")
    lock_of(tmp_path / "free").write_text(json.dumps({"pid": 1, "host": "h", "since": 0}))
    clear_free_lock(tmp_path / "free")
    assert list(tmp_path.iterdir()) == []
    with locked(lock_of(tmp_path / "held"), "held"):
        clear_free_lock(tmp_path / "held")
        assert (
            owner_of(lock_of(tmp_path / "held")) == f"pid {os.getpid()} on {socket.gethostname()}"
        )


FULL = (
    "import resource, signal, sys\n"
    "from pathlib import Path\n"
    "from workspace.lock import locked\n"
    "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"  # as a full disk: a file, but no byte
    "with locked(Path(sys.argv[1]), 'it'):\n"
    "    print('held')\n"
)


def test_on_a_full_disk_it_is_one_line_and_no_lock_is_left(tmp_path):
    path = tmp_path / ".lock"
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, check=False
    )
    assert done.stdout == ""
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"workspace.errors.CannotWriteError: Cannot write {path}: ")
    assert not path.exists()


def test_a_lock_that_was_waited_for_and_taken_away_is_opened_anew(tmp_path, monkeypatch):
    """Between the opening and the locking its owner may end and delete the file."""
    path, flock, opened = tmp_path / ".lock", fcntl.flock, []

    def taken_away(handle, how):
        if not opened:
            path.unlink()
        opened.append(handle.name)
        flock(handle, how)

    monkeypatch.setattr("workspace.lock.fcntl.flock", taken_away)
    with locked(path, "x"):
        assert len(opened) == 2
        assert path.is_file()
    assert not path.exists()


def test_the_lock_of_a_unit_lies_beside_its_folder(tmp_path):
    assert lock_of(tmp_path / "networks" / "net") == tmp_path / "networks" / ".net.lock"


def test_what_killed_writers_left_is_cleared_but_not_what_is_being_written(tmp_path):
    for name in ("folds", "audit"):
        (tmp_path / f".{name}.0123abcd.tmp").mkdir()
        (tmp_path / f".{name}.4567abcd.old.tmp").mkdir()
    (tmp_path / "folds").mkdir()
    with locked(lock_of(tmp_path / "audit"), "audit"):
        assert clear_abandoned(tmp_path) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".audit.0123abcd.tmp", ".audit.4567abcd.old.tmp", "folds"
    ]  # fmt: skip
    assert clear_abandoned(tmp_path) == 2


def test_leftovers_of_what_may_only_be_read_stay_and_stop_nobody(tmp_path, monkeypatch):
    (tmp_path / ".stack.01234567.tmp").mkdir()

    def refuse(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(lock, "_open", refuse)
    assert clear_abandoned(tmp_path) == 0
    assert [path.name for path in tmp_path.iterdir()] == [".stack.01234567.tmp"]
