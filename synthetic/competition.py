"""The files of a competition, drawn: tables, crops, a sample submission and its hidden solution.

Reads a config and a seed; writes into a folder that exists what `folds.sources.isic2024` reads,
with `solution.csv` and a plain label, `SYNTHETIC.txt`, beside it.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import polars as pl

from folds.schema import ID, PATIENT, TARGET
from synthetic.cohort import draw_cohort, stream
from synthetic.config import SyntheticConfig
from synthetic.copies import PICTURE
from synthetic.crops import BATCH, draw_crops
from synthetic.shown import by_set, choose_crops
from synthetic.tables import competition_table, isic_ids, keep_test_columns, keep_train_columns
from synthetic.textures import weave
from synthetic.traits import draw_traits
from workspace.files import write_csv, write_text
from workspace.hdf5 import write_archive
from workspace.progress import Show, quietly

Crops = Mapping[str, Iterable[tuple[str, bytes]]]  # of each set: id and JPEG
CONSTANT_SCORE = 0.3  # of the sample submission; any constant scores the same

NOTICE = """\
SYNTHETIC DATA

Everything in this folder was drawn by a computer program from the number {seed}. No crop shows a
person, no row describes one, and the hospitals do not exist. The files have the form of the
ISIC 2024 competition, so that its pipeline can be tried without its data.

No number measured on these files says anything about skin, about cancer, or about how well a
method finds it. Do not publish the crops as photographs or mix them with real ones.
"""


def write_competition(
    folder: Path,
    config: SyntheticConfig,
    seed: int,
    show: Show = quietly,
    crops: Crops | None = None,
) -> dict[str, int]:
    """Write every file and return the counts.

    `crops` are those of each set, in the order of their rows, where they are drawn already.
    `show(done, total)` hears how many are written; it is not called where there are none.
    """
    traits = draw_traits(draw_cohort(config, seed), seed)
    table = competition_table(traits, seed)
    held_out = traits["test"]
    write_text(folder / "SYNTHETIC.txt", NOTICE.format(seed=seed))
    write_csv(folder / "train-metadata.csv", keep_train_columns(table.filter(~held_out)))
    tests = table.filter(held_out)
    write_csv(folder / "test-metadata.csv", keep_test_columns(tests))
    write_csv(folder / "solution.csv", tests.select(ID, TARGET, PATIENT))
    constant = tests.select(ID, pl.lit(CONSTANT_SCORE).alias(TARGET))
    write_csv(folder / "sample_submission.csv", constant)
    del table, tests
    shown, copies = choose_crops(traits, config, seed)
    counts = _count(traits, shown)
    if config.copies:
        shows = pl.DataFrame({ID: isic_ids(copies), "copy_of": _originals(copies)})
        write_csv(folder / "copies.csv", shows)
        counts["copies"] = len(copies)
    del traits
    if len(shown):
        _write_crops(folder, shown, crops or _drawn(shown, seed), show)
    return counts


def _originals(copies: pl.DataFrame) -> pl.Series:
    return isic_ids(copies.select(number=PICTURE))


def _drawn(shown: pl.DataFrame, seed: int) -> Crops:
    textures = weave(stream(seed, "textures"))
    return {name: draw_crops(some, seed, textures) for name, some in by_set(shown) if len(some)}


def _write_crops(folder: Path, shown: pl.DataFrame, crops: Crops, show: Show) -> None:
    done = 0

    def counted(some: Iterable[tuple[str, bytes]], last: int) -> Iterator[tuple[str, bytes]]:
        nonlocal done
        for one in some:
            yield one
            done += 1
            if done % BATCH == 0 or done == last:
                show(done, len(shown))

    for name, rows in by_set(shown):
        if len(rows):
            last = done + len(rows)
            write_archive(folder / f"{name}-image.hdf5", counted(crops[name], last))


def _count(traits: pl.DataFrame, shown: pl.DataFrame) -> dict[str, int]:
    counts = {}
    for prefix, which in (("", ~pl.col("test")), ("test_", pl.col("test"))):
        rows = traits.filter(which)
        counts[f"{prefix}patients"] = rows["patient"].n_unique()
        counts[f"{prefix}rows"] = len(rows)
        counts[f"{prefix}positives"] = int(np.sum(rows[TARGET].to_numpy()))
        counts[f"{prefix}images"] = shown.filter(which).height
    return counts
