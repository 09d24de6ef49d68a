"""A bundle at the competition's full size: first file, whole time, memory, and its own estimate.

The run is the sample's with one small network; the hidden test is drawn tables with the sample's
own crops under new ids, so that every row has a JPEG to decode. `BENCH_ROWS=20000` takes fewer
rows; `BENCH_PLACE=folder` keeps what was made. Beside it `make predict` scores the same rows.
"""

import re
import sys
from pathlib import Path

import h5py
import numpy as np
import polars as pl

from tests.bench.bench_full_size import place_asked
from tests.bench.drawn import ROOT, is_small, rows_asked
from tests.bench.record import Child, in_child, keep, stage_options
from workspace.files import write_csv

SETTINGS = ('use_networks=["small"]', 'networks.small.views="one"')
FOLDS = "0"  # at full size: each further fold takes as long again
BESIDE = 20_000  # rows of which both sides are asked
STAMP = re.compile(r"^\[ *(\d+):(\d\d)\] (.*)$", re.MULTILINE)
LEFT = re.compile(r"about (?:(\d+) h )?(?:(\d+) min|(\d+) s)")


def run() -> None:
    """The bundle of a finished run, on very many rows; then beside `make predict` on fewer."""
    with place_asked() as place:
        options = stage_options(place, "sample", *SETTINGS)
        for stage in ("stack", "bundle"):
            in_child([sys.executable, "-m", f"scripts.{stage}", *options], cwd=ROOT)
        rows = [_full(place), *_beside(place, options)]
    keep(
        "offline",
        "A bundle's answer to a hidden test",
        f"{rows_asked():,} rows, a JPEG for each in one HDF5 file, five folds of one small network "
        "(48 px, one view), of which the first line asks one. Seconds on the wall, of a machine "
        "that others may use too; memory is the most at "
        "one time of all processes. The estimate is the last that was said within the first 70 "
        "seconds, or the first where none was yet, held against the truth.",
        rows,
        small=is_small(),
    )


def _full(place: Path) -> dict[str, object]:
    child = _submit(place, _hidden(place, rows_asked()), "--folds", FOLDS)
    return {"what": f"submit.py --folds {FOLDS}, {rows_asked():,} rows", **_said(child)}


def _beside(place: Path, options: list[str]) -> list[dict[str, object]]:
    """The same rows by both, each from nothing."""
    folder = _hidden(place, min(BESIDE, rows_asked()))
    ours = _submit(place, folder)
    asked = [*options, "--data", str(folder), "--set", "predict.unlike=false", "--fresh"]
    theirs = in_child([sys.executable, "-m", "scripts.predict", *asked], cwd=ROOT)
    count = f"{min(BESIDE, rows_asked()):,} rows"
    said = _said(ours)
    nothing: dict[str, object] = dict.fromkeys(said, "")
    costs = {"seconds": theirs.seconds, "memory, GB": theirs.tree.own_gb}
    return [
        {"what": f"submit.py, {count}", **said},
        {"what": f"make predict, {count}", **nothing, **costs},
        {"what": "the first / the second", **nothing, "seconds": ours.seconds / theirs.seconds},
    ]


def _submit(place: Path, folder: Path, *more: str) -> Child:
    bundle, name = place / "run" / "bundle", folder.name
    words = ["--input", str(folder), "--output", str(place / f"{name}.csv")]
    words += ["--work", str(place / f"work_{name}"), *more]
    child = in_child([sys.executable, str(bundle / "submit.py"), *words], cwd=place)
    print(child.output, flush=True)
    return child


def _said(child: Child) -> dict[str, object]:
    lines = [(60 * int(m) + int(s), text) for m, s, text in STAMP.findall(child.output)]
    first = next(second for second, text in lines if text.startswith("wrote "))
    estimates = [(at, left) for at, text in lines if (left := _left_s(text)) is not None]
    early = [one for one in estimates if one[0] <= 70] or estimates[:1]
    at, left = early[-1]
    return {
        "seconds": child.seconds,
        "first file, s": first,
        "estimated, s": at + left,
        "estimated / true": (at + left) / child.seconds,
        "memory, GB": child.tree.own_gb,
    }


def _left_s(text: str) -> float | None:
    match = LEFT.search(text)
    if match is None:
        return None
    hours, minutes, seconds = (int(one or 0) for one in match.groups())
    return 3600 * hours + 60 * minutes + seconds


def _hidden(place: Path, count: int) -> Path:
    """Tables as they are drawn at full size, under the columns of a test."""
    folder = place / f"hidden_{count}"
    if (folder / "sample_submission.csv").is_file():
        return folder
    drawn = place / f"drawn_{count}"
    size = [
        f"synthetic.rows={count}", f"synthetic.patients={max(80, count // 385)}",
        f"synthetic.positives={max(20, count // 1000)}",
    ]  # fmt: skip
    options = ["--recipe", "full_size", "--data", str(drawn), "--run", str(place / "drawing")]
    in_child([sys.executable, "-m", "scripts.sample", *options, "--set", " ".join(size)], cwd=ROOT)
    names = pl.read_csv(drawn / "test-metadata.csv", n_rows=1, infer_schema=False).columns
    table = pl.read_csv(drawn / "train-metadata.csv", infer_schema=False).select(names)
    folder.mkdir(exist_ok=True)
    write_csv(folder / "test-metadata.csv", table)
    _fill_archive(folder / "test-image.hdf5", table["isic_id"].to_list(), place)
    sample = table.select("isic_id", pl.lit(0.3).alias("target"))
    write_csv(folder / "sample_submission.csv", sample)  # last: what says that all is there
    return folder


def _fill_archive(path: Path, ids: list[str], place: Path) -> None:
    with h5py.File(place / "data" / "train-image.hdf5") as drawn:
        crops = [drawn[name][()] for name in drawn]
    with h5py.File(path, "w", libver="latest") as archive:
        for number, name in enumerate(ids):
            archive.create_dataset(name, data=np.void(bytes(crops[number % len(crops)])))
