"""A bundle of the tiny run of networks and tables, inputs for it, and calls on it."""

import io
import shutil
import sys
import time
from contextlib import redirect_stdout
from pathlib import Path

import h5py
import numpy as np
import polars as pl

from pipeline.offline.answers import AnswerFile
from pipeline.offline.asked import Asked
from pipeline.offline.clock import Clock
from pipeline.offline.course import follow
from pipeline.offline.ending import ended
from scripts import bundle
from tests.multimodal import again
from tests.stages import Place
from workspace.progress import Silent

TABLE, PICTURES, SAMPLE = "test-metadata.csv", "test-image.hdf5", "sample_submission.csv"


def bundle_of(made, folder, *settings):
    """The run that was made, copied, and its bundle, which lies where no run is."""
    shutil.copytree(made.folder, folder / "copy")
    place = Place(folder / "copy")
    again(place, *settings, stage=bundle)
    shutil.move(place.run / "bundle", folder / "handed")
    (folder / "handed" / "manifest.json").unlink()  # of the run, which stays behind
    return place, folder / "handed"


def hidden_rows(place, folder):
    """The competition's own, as a bundle is given it."""
    folder.mkdir(parents=True)
    for name in (TABLE, PICTURES, SAMPLE):
        shutil.copy(place.data / name, folder)
    return folder


def rows_as_input(place, folder, ids):
    """Training rows with their pictures, as if they were new."""
    folder.mkdir(parents=True)
    header, *lines = (place.data / "train-metadata.csv").read_text().splitlines()
    some = [line for line in lines if line.partition(",")[0] in ids]
    (folder / TABLE).write_text("\n".join([header, *some]) + "\n")
    with (
        h5py.File(place.data / "train-image.hdf5") as archive,
        h5py.File(folder / PICTURES, "w") as ours,
    ):
        for name in ids:
            ours[name] = archive[name][()]
    return folder


def change_table(folder, change):
    """The rows as `change` gives them back, all of them text."""
    table = pl.read_csv(folder / TABLE, infer_schema=False)
    change(table).write_csv(folder / TABLE)


def change_pictures(folder, **changed):
    """Other bytes for some; None: no picture."""
    with h5py.File(folder / PICTURES, "a") as archive:
        for name, data in changed.items():
            del archive[name]
            if data is not None:
                archive[name] = np.void(data)


def words(handed, folder, output, **asked):
    """What `submit.py` hands to the entry."""
    given = {
        "started": time.monotonic(), "bundle": str(handed), "input": str(folder),
        "output": str(output), "work": str(output.parent / "work"), "folds": None,
        "device": "cpu", "processes": None, "minutes": None,
    }  # fmt: skip
    return given | asked


def answer(handed, folder, output, **asked):
    """In this process, which has torch already: the exit code."""
    output.parent.mkdir(parents=True, exist_ok=True)
    return ended(words(handed, folder, output, **asked))


def answer_aside(asked, log):
    """The same in a process of its own, for a test to kill."""
    with Path(log).open("w") as file, redirect_stdout(file):
        sys.exit(ended(asked))


class Diary(Silent):
    """A desk that keeps what was said, and the CSV as it was whenever it was said to be there."""

    def __init__(self, output):
        self.output, self.said, self.files = output, [], []

    def say(self, message, **_):
        self.said.append(message)
        if message.startswith("wrote"):
            self.files.append(pl.read_csv(io.BytesIO(self.output.read_bytes())))

    def has_said(self, words):
        return any(words in message for message in self.said)


def follow_until(handed, folder, output, words):
    """What is said, and the exit code, where the time is over once these words were said."""
    output.parent.mkdir(parents=True, exist_ok=True)
    diary = Diary(output)
    clock = Clock(0.0, 3600.0, now=lambda: 4000.0 * diary.has_said(words))
    work = output.parent / "work"
    asked = Asked(handed, folder, AnswerFile(output), work, clock=clock, device="cpu")
    return diary, follow(asked, diary)
