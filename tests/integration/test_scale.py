"""What must not grow with the rows faster than they do: counted, never timed."""

import io
import pickle

import numpy as np
import pytest
from rich.console import Console

from folds.audit import nearest
from folds.audit.nearest import nearest_pairs
from folds.images import ImageReader
from pipeline.job import Job
from pipeline.picture_rows import open_picture_rows
from pipeline.recipe import load_recipe
from reports.desk import ConsoleDesk
from scripts import train_cnn, verify
from workspace import hdf5
from workspace.hashing import HashMemory
from workspace.hdf5 import ImageArchive


def job_of(folder, rows):
    counts = [
        f"synthetic.{one}" for one in (f"rows={rows}", "patients=8", "positives=16", "copies=3")
    ]
    recipe = load_recipe("full_size_pictures", [*counts, f"data.folder={folder / 'data'}"])
    desk = ConsoleDesk(Console(file=io.StringIO()))
    return Job("verify", recipe, folder / "run", HashMemory(), desk)


@pytest.fixture
def listings(monkeypatch):
    """Every time that an archive's names are listed."""
    seen, names = [], ImageArchive.names
    monkeypatch.setattr(ImageArchive, "names", lambda self: seen.append(self.path) or names(self))
    hdf5._names_in.cache_clear()
    return seen


def test_check_148_each_archive_is_listed_once_and_paths_alone_travel(tmp_path, listings):
    sizes = []
    for rows in (100, 400):
        place = tmp_path / str(rows)
        job = job_of(place, rows)
        job.need(verify.run)
        assert [one.name for one in listings] == ["train-image.hdf5", "test-image.hdf5"]
        listings.clear()
        files = train_cnn.files_of(job)
        pictures = open_picture_rows(files).pictures
        assert all(pictures.pixels(index).ndim == 3 for index in range(len(pictures)))
        sizes.append(len(pickle.dumps(files)))
        reader = files.reader()
        before = len(pickle.dumps(reader))
        reader.pixels(f"train-image.hdf5::{pictures.ids[0]}")
        assert isinstance(pickle.loads(pickle.dumps(reader)), ImageReader)
        assert len(pickle.dumps(reader)) == before  # neither handle nor places
        assert listings == []  # a worker asks for items by name
    assert sizes[0] == sizes[1]  # what a worker is sent does not hang on the rows


def compared(monkeypatch, rows):
    """How many distances the search looks at, and its pairs; in boxes of 32 rows, 4 a row."""
    monkeypatch.setattr(nearest, "LEAF", 32)
    monkeypatch.setattr(nearest, "BOXES", 4)
    looked_at, add = [], nearest._Nearest.add
    monkeypatch.setattr(
        nearest._Nearest,
        "add",
        lambda self, some, distances, others: (
            looked_at.append(distances.size) or add(self, some, distances, others)
        ),
    )
    keys = np.random.default_rng(0).normal(size=(rows, 12)).astype(np.float32)
    one, _ = nearest_pairs(keys, reach=9.0, neighbours=4)
    return sum(looked_at), len(one)


@pytest.mark.parametrize("rows", [512, 1024, 4096])
def test_the_search_compares_a_row_with_so_many_however_many_there_are(monkeypatch, rows):
    distances, pairs = compared(monkeypatch, rows)
    assert distances <= rows * 4 * 32
    assert rows <= pairs <= rows * 4
