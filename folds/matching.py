"""Which picture of another collection each picture is, by its pixels alone.

Reads two collections; gives pairs, one to one, and says of the others why they have none. A small
copy of the centre of each picture is enough: DermaMNIST is the middle square of HAM10000's pictures
at 28 x 28, in other bytes.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from folds.findings import Findings, plural
from folds.images import ImageReader
from folds.schema import DIAGNOSIS, ID, LESION, SPLIT
from workspace.arrays import Bytes, Floats32, Ints
from workspace.errors import DataError, listed
from workspace.lazy import LazyModule
from workspace.machine import lent_cores
from workspace.progress import Show

cv2 = LazyModule("cv2")

SIDE: Final = 28  # pixels of the small copy
BATCH: Final = 64  # pictures a task of the reading threads
BLOCK: Final = 1024  # rows of the product at one time: 40 MB beside 10,000 others
CANDIDATES: Final = 16  # of each picture; more of one lesion than HAM10000 has (6)
# Measured on all 10,015 (docs/decisions/0023): matches correlate by .919 or more, and by .0084 or
# more above every picture of another lesion, which come up to .989. So it is the whole collection
# that makes a match sure, not the correlation alone.
LEAST: Final = 0.9
MARGIN: Final = 0.004

IMAGE_ID = "dermamnist_id"  # of an image in a file of matches
WEAK, AMBIGUOUS, TAKEN, OTHER_CLASS = "weak", "ambiguous", "taken", "class"
WHY = {
    WEAK: f"no picture of {{}} correlates by {LEAST:g} or more with {{}}",
    AMBIGUOUS: "pictures of two lesions of {} are as much like {}",
    TAKEN: "the pictures of {} that are like {} are more like other images",
    OTHER_CLASS: "the picture of {} has another class",
}


@dataclass(frozen=True)
class Matches:
    """Of each picture: the index of its match (-1: none), their correlation, why it has none."""

    index: Ints
    correlation: Floats32
    problem: list[str | None]


def small_copies(
    reader: ImageReader, references: Sequence[str], show: Show, workers: int | None = None
) -> Floats32:
    """(n, SIDE * SIDE * 3): centre squares without their mean, of length one."""
    copies = np.zeros((len(references), SIDE * SIDE * 3), np.float32)

    def read(start: int) -> int:
        end = min(start + BATCH, len(references))
        for row in range(start, end):
            copies[row] = small_copy(reader.pixels(references[row]))
        return end

    with ThreadPoolExecutor(workers or lent_cores()) as pool:
        try:
            for done in pool.map(read, range(0, len(references), BATCH)):
                show(done, len(references))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return copies


def small_copy(pixels: Bytes) -> Floats32:
    """(H, W, 3) -> (SIDE * SIDE * 3,); of a picture of one colour all are nought."""
    height, width = pixels.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = np.ascontiguousarray(pixels[top : top + side, left : left + side])
    small = cv2.resize(square, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    values = (small - small.mean()).reshape(-1)
    length = float(np.linalg.norm(values))
    return np.asarray(values / length if length else values, np.float32)


def match(ours: Floats32, theirs: Floats32, lesions: Ints) -> Matches:
    """One to one, the most alike first; `lesions` (len(theirs),) says which show the same one.

    A picture that is as much like another lesion's is matched with neither; one that is as much
    like another picture of the same lesion is, for the lesion is what is asked for.
    """
    index, correlation = _candidates(ours, theirs)
    chosen = _one_to_one(index, correlation)
    problem: list[str | None] = [None] * len(ours)
    matched = np.full(len(ours), -1, np.int64)
    best = correlation[:, 0].copy()
    for row, at in enumerate(chosen):
        if best[row] < LEAST:
            problem[row] = WEAK
        elif at < 0 or correlation[row, at] < LEAST:
            problem[row] = TAKEN
        elif _is_ambiguous(lesions[index[row]], correlation[row], at):
            problem[row] = AMBIGUOUS
        else:
            matched[row], best[row] = index[row, at], correlation[row, at]
    return Matches(matched, best, problem)


def _candidates(ours: Floats32, theirs: Floats32) -> tuple[Ints, Floats32]:
    """(n, k): the most alike of theirs, the first the most, with their correlations."""
    count = min(CANDIDATES, len(theirs))
    index = np.zeros((len(ours), count), np.int64)
    correlation = np.zeros((len(ours), count), np.float32)
    for start in range(0, len(ours), BLOCK):
        block = ours[start : start + BLOCK] @ theirs.T
        some = np.argpartition(-block, count - 1, axis=1)[:, :count]
        values = np.take_along_axis(block, some, axis=1)
        order = np.lexsort((some, -values))
        index[start : start + BLOCK] = np.take_along_axis(some, order, axis=1)
        correlation[start : start + BLOCK] = np.take_along_axis(values, order, axis=1)
    return index, correlation


def _one_to_one(index: Ints, correlation: Floats32) -> Ints:
    """Of each row the place of its match among the candidates, -1 where all are others'."""
    rows, places = np.divmod(np.argsort(-correlation, axis=None, kind="stable"), index.shape[1])
    chosen = np.full(len(index), -1, np.int64)
    taken: set[int] = set()
    for row, place in zip(rows.tolist(), places.tolist(), strict=True):
        other = int(index[row, place])
        if chosen[row] < 0 and other not in taken:
            chosen[row] = place
            taken.add(other)
    return chosen


def _is_ambiguous(lesions: Ints, correlation: Floats32, at: int) -> bool:
    """Whether a picture of another lesion is as much alike as the match."""
    others = correlation[lesions != lesions[at]]
    return len(others) > 0 and bool(others.max() > correlation[at] - MARGIN)


def lesion_table(images: pl.DataFrame, pictures: pl.DataFrame, found: Matches) -> pl.DataFrame:
    """The images, row for row, with the id, class and lesion of the picture that each is.

    A match whose class is another is no match: then one of the collections is not what it is said
    to be, or two pictures of different lesions are one.
    """
    table = images.select(
        pl.col(ID).alias(IMAGE_ID), pl.col(DIAGNOSIS).alias("dx"), SPLIT,
        pl.Series("at", found.index), pl.Series("corr", found.correlation),
        pl.Series("problem", found.problem, pl.String),
    )  # fmt: skip
    named = pictures.select(
        pl.int_range(pl.len(), dtype=pl.Int64).alias("at"), ID, LESION,
        pl.col(DIAGNOSIS).alias("class"),
    )  # fmt: skip
    table = table.join(named, on="at", how="left", maintain_order="left").drop("at")
    other = pl.col("dx") != pl.col("class")
    return table.with_columns(
        pl.when(other).then(pl.lit(OTHER_CLASS)).otherwise("problem").alias("problem")
    )


def report_unmatched(table: pl.DataFrame, where: str, findings: Findings) -> None:
    """Say of whom no lesion is known, and why; refuse collections of which no picture is one."""
    if table["problem"].null_count() == 0:
        raise DataError(
            f"None of {plural(len(table), 'image')} is a picture of {where} (a correlation of "
            f"{LEAST:g} or more, the same class); name a folder of HAM10000 in data.lesions."
        )
    for problem, words in WHY.items():
        ids = table.filter(pl.col("problem") == problem)[IMAGE_ID].to_list()
        if ids:
            findings.notice(
                f"unmatched-{problem}",
                f"{plural(len(ids), 'image')} without a lesion: "
                f"{words.format(where, 'it' if len(ids) == 1 else 'them')}: {listed(ids)}.",
                ids,
            )
