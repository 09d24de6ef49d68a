import subprocess
import sys

import pytest

from workspace.atomic import (
    clear_leftovers,
    leftovers_in,
    remove_folder,
    replacing_file,
    replacing_folder,
)
from workspace.errors import ArtifactError
from workspace.files import write_json, write_text


def test_a_file_is_whole_or_not_there(tmp_path):
    path = tmp_path / "deep" / "a.txt"
    with replacing_file(path) as aside:
        aside.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    assert [p.name for p in path.parent.iterdir()] == ["a.txt"]


def test_an_error_keeps_the_old_file_and_leaves_nothing(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), replacing_file(path) as aside:
        aside.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_replaces_the_old_one_whole(tmp_path):
    path = tmp_path / "unit"
    for content in ("one", "two"):
        with replacing_folder(path) as aside:
            (aside / content).write_text(content)
    assert [p.name for p in path.iterdir()] == ["two"]
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_folder_keeps_the_old_one(tmp_path):
    path = tmp_path / "unit"
    path.mkdir()
    (path / "old").touch()
    with pytest.raises(ValueError, match="x"), replacing_folder(path) as aside:
        (aside / "new").touch()
        raise ValueError("x")
    assert [p.name for p in path.iterdir()] == ["old"]


def test_leftovers_of_a_killed_writer_are_cleared_by_the_next(tmp_path):
    (tmp_path / ".a.txt.12345678.tmp").write_text("half")
    (tmp_path / ".unit.12345678.tmp").mkdir()
    (tmp_path / ".other.txt.12345678.tmp").write_text("not mine")
    write_text(tmp_path / "a.txt", "whole")
    assert clear_leftovers(tmp_path, "unit") == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == [".other.txt.12345678.tmp", "a.txt"]


def test_a_link_is_never_written_through(tmp_path):
    target = tmp_path / "elsewhere"
    target.write_text("mine")
    link = tmp_path / "out.json"
    link.symlink_to(target)
    with pytest.raises(ArtifactError) as refused:
        write_json(link, {})
    assert str(refused.value) == (f"Cannot write {link}: it is a symbolic link; remove it first.")
    assert target.read_text() == "mine"


WRITERS = {
    "bytes": "files.write_bytes(path, b'x' * 5000)",
    "json": "files.write_json(path, ['x'] * 5000)",
    "csv": "files.write_csv(path, pl.DataFrame({'x': ['y'] * 5000}))",
    "parquet": "files.write_parquet(path, pl.DataFrame({'x': np.random.rand(5000)}))",
    "array": "files.write_array(path, np.zeros(5000))",
    "tensors": "files.write_tensors(path, {'x': np.zeros(5000)})",
    "archive": "write_archive(path, [(str(n), b'x' * 500) for n in range(50)])",
}


@pytest.mark.parametrize("writer", WRITERS)
def test_check_59_a_full_disk_is_one_line_and_the_old_file_is_intact(tmp_path, writer):
    """RLIMIT_FSIZE stands in for the full disk: the kernel refuses the write with EFBIG."""
    path = tmp_path / "a.file"
    path.write_text("old")
    code = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "import numpy as np, polars as pl\n"
        "from workspace import files\n"
        "from workspace.errors import ArtifactError\n"
        "from workspace.hdf5 import write_archive\n"
        "path = Path(sys.argv[1])\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try:\n"
        f"    {WRITERS[writer]}\n"
        "except ArtifactError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    assert done.stdout == (
        f"Cannot write {path}: File too large; what was there before is untouched.\n"
    )
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_path_below_a_file_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(
        ArtifactError, match=r"Cannot write .*file/a\.txt: (Not a directory|File exists); "
    ):
        write_text(tmp_path / "file" / "a.txt", "x")


def test_only_names_of_our_own_form_are_leftovers(tmp_path):
    mine = [".cache.v1.tmp", ".notes.swap.tmp", "a.tmp", ".x.1234567g.tmp"]
    for name in mine:
        (tmp_path / name).touch()
    (tmp_path / ".folds.0123abcd.old.tmp").mkdir()
    assert leftovers_in(tmp_path) == {"folds"}
    assert clear_leftovers(tmp_path) == 1
    assert leftovers_in(tmp_path) == set()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(mine)


def test_a_folder_is_removed_whole_and_one_that_is_not_there_is_no_error(tmp_path):
    (tmp_path / "working" / "deep").mkdir(parents=True)
    (tmp_path / "working" / "deep" / "a.txt").write_text("x")
    remove_folder(tmp_path / "working")
    assert not list(tmp_path.iterdir())
    remove_folder(tmp_path / "working")
