import errno
import json
import os
import time
from pathlib import Path

import pytest

from workspace import hashing
from workspace.errors import DataError
from workspace.hashing import HashMemory, sha256_file
from workspace.lock import clear_abandoned


@pytest.fixture
def counted(monkeypatch):
    """Count how often a file is really read."""
    reads = []

    def counting(path):
        reads.append(path.name)
        return sha256_file(path)

    monkeypatch.setattr(hashing, "sha256_file", counting)
    monkeypatch.setattr(hashing, "SETTLED_S", -1.0)
    return reads


def test_a_file_is_read_once_until_it_changes(tmp_path, counted):
    path, store = tmp_path / "a", tmp_path / ".hashes.json"
    path.write_text("x")
    first = HashMemory(store).of(path)
    assert HashMemory(store).of(path) == first == sha256_file(path)
    assert counted == ["a"]
    path.write_text("y")
    assert HashMemory(store).of(path) != first


def test_touch_costs_one_read_and_changes_nothing(tmp_path, counted):
    path = tmp_path / "a"
    path.write_text("x")
    memory = HashMemory()
    first = memory.of(path)
    os.utime(path, (1, 1))
    assert memory.of(path) == first
    assert counted == ["a", "a"]


def test_a_file_changed_just_now_is_not_remembered(tmp_path):
    path, store = tmp_path / "a", tmp_path / ".hashes.json"
    path.write_text("x")
    HashMemory(store).of(path)
    assert not store.exists() or time.time() - path.stat().st_mtime > hashing.SETTLED_S


def test_a_folder_is_its_names_and_contents(tmp_path):
    folder = tmp_path / "images"
    (folder / "sub").mkdir(parents=True)
    (folder / "a").write_text("1")
    (folder / "sub" / "b").write_text("2")
    first = HashMemory().of(folder)
    (folder / ".lock").write_text("hidden files do not count")
    assert HashMemory().of(folder) == first
    (folder / "a").rename(folder / "c")
    renamed = HashMemory().of(folder)
    (folder / "sub" / "b").write_text("3")
    assert len({first, renamed, HashMemory().of(folder)}) == 3


def test_a_torn_memory_only_costs_a_read(tmp_path, counted):
    store = tmp_path / ".hashes.json"
    store.write_text('{"half": [')
    (tmp_path / "a").write_text("x")
    assert HashMemory(store).of(tmp_path / "a") == sha256_file(tmp_path / "a")


def test_a_missing_input_is_one_line(tmp_path):
    with pytest.raises(DataError) as missing:
        HashMemory().of(tmp_path / "a.csv")
    assert str(missing.value) == f"a.csv is missing in {tmp_path}."


def test_pipes_loops_and_odd_names_do_not_stop_a_folder(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    (folder / "a.jpg").write_text("1")
    first = HashMemory().of(folder)
    os.mkfifo(folder / "pipe.jpg")
    (folder / "gone.jpg").symlink_to("nowhere")
    (folder / "loop").symlink_to(folder)
    assert HashMemory().of(folder) == first
    with open(os.fsencode(folder) + b"/\xff.jpg", "w") as odd:
        odd.write("2")
    assert HashMemory().of(folder) != first


def test_a_memory_of_another_form_is_not_believed(tmp_path, counted):
    store = tmp_path / ".hashes.json"
    (tmp_path / "a").write_text("x")
    store.write_text(json.dumps({str(tmp_path / "a"): 5}))
    assert HashMemory(store).of(tmp_path / "a") == sha256_file(tmp_path / "a")


def test_many_files_are_saved_once_even_if_the_work_ends_badly(tmp_path, counted):
    paths, store = [tmp_path / name for name in "abc"], tmp_path / ".hashes.json"
    for path in paths:
        path.write_text("x")
    memory = HashMemory(store)
    with pytest.raises(RuntimeError), memory.saving_once():
        for path in paths:
            memory.of(path)
            assert not store.exists()
        raise RuntimeError
    for path in paths:
        HashMemory(store).of(path)
    assert counted == ["a", "b", "c"]


def test_a_memory_that_cannot_be_written_costs_a_read_and_no_more(tmp_path, counted, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    path, store = tmp_path / "a", tmp_path / ".hashes.json"
    path.write_text("x")
    with monkeypatch.context() as full:
        full.setattr(os, "replace", refuse)
        memory = HashMemory(store)
        assert memory.of(path) == memory.of(path) == sha256_file(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("text", [None, "[" * 100_000])
def test_a_memory_that_is_a_folder_or_endless_is_none(tmp_path, counted, text):
    path, store = tmp_path / "a", tmp_path / ".hashes.json"
    path.write_text("x")
    store.mkdir() if text is None else store.write_text(text)
    memory = HashMemory(store)
    assert memory.of(path) == memory.of(path) == sha256_file(path)
    assert counted == ["a"]


def test_a_memory_that_may_not_be_read_is_none(tmp_path, counted, monkeypatch):
    def refuse(self, *_, **__):
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    (tmp_path / "a").write_text("x")
    (tmp_path / ".hashes.json").write_text("{}")
    with monkeypatch.context() as locked:
        locked.setattr(Path, "read_text", refuse)
        memory = HashMemory(tmp_path / ".hashes.json")
    assert memory.of(tmp_path / "a") == sha256_file(tmp_path / "a")


def test_a_pipe_is_not_read_since_it_never_ends(tmp_path):
    os.mkfifo(tmp_path / "a.hdf5")
    with pytest.raises(DataError) as refused:
        HashMemory().of(tmp_path / "a.hdf5")
    assert str(refused.value) == f"a.hdf5 in {tmp_path} is neither a file nor a folder."


def test_what_a_killed_process_left_half_saved_is_cleared_as_any_leftover(
    tmp_path, counted, monkeypatch
):
    (tmp_path / "a").write_text("x")
    with monkeypatch.context() as killed:
        killed.setattr(os, "replace", lambda *_: None)  # as if it ended here
        HashMemory(tmp_path / ".hashes.json").of(tmp_path / "a")
    assert clear_abandoned(tmp_path) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


def test_a_memory_that_another_call_takes_for_a_leftover_is_saved_later(
    tmp_path, counted, monkeypatch
):
    store = tmp_path / ".hashes.json"
    for name in "ab":
        (tmp_path / name).write_text("x")
    memory, replace = HashMemory(store), os.replace
    monkeypatch.setattr(os, "replace", lambda *names: (clear_abandoned(tmp_path), replace(*names)))
    memory.of(tmp_path / "a")
    assert not store.exists()
    monkeypatch.setattr(os, "replace", replace)
    memory.of(tmp_path / "b")
    assert len(json.loads(store.read_text())) == 2
