"""The files of a competition, drawn: tables, crops, a sample submission and its hidden solution.

Reads a config and a seed; writes into a folder that exists what `folds.sources.isic2024` reads,
with `solution.csv` and a plain label, `SYNTHETIC.txt`, beside it.
"""

from pathlib import Path

import numpy as np
import polars as pl

from folds.schema import ID, PATIENT, TARGET
from synthetic.cohort import draw_cohort, stream
from synthetic.config import SyntheticConfig
from synthetic.crops import draw_crops
from synthetic.tables import competition_table, keep_test_columns, keep_train_columns
from synthetic.textures import weave
from synthetic.traits import draw_traits
from workspace.files import write_csv, write_text
from workspace.hdf5 import write_archive
from workspace.progress import Show, quietly

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
) -> dict[str, int]:
    """Write every file and return the counts.

    `show(done, total)` hears how many crops are drawn; it is not called where none are.
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
    del table
    shown = _choose_crops(traits, config, seed)
    if len(shown):
        _write_crops(folder, shown, seed, show)
    return _count(traits, shown)


def _choose_crops(traits: pl.DataFrame, config: SyntheticConfig, seed: int) -> pl.DataFrame:
    """The rows that get a crop: in training malignant ones first, in the test set blindly."""
    luck = stream(seed, "choice").permutation(len(traits))
    ranked = traits.with_columns(luck=pl.Series(luck))
    train = ranked.filter(~pl.col("test")).sort(-pl.col(TARGET), "luck")
    test = ranked.filter(pl.col("test")).sort("luck")
    chosen = [train.head(config.image_count()), test.head(config.test_image_count())]
    return pl.concat(chosen).sort("number")


def _write_crops(folder: Path, shown: pl.DataFrame, seed: int, show: Show) -> None:
    done = 0
    textures = weave(stream(seed, "textures"))

    def drawn(count: int) -> None:
        nonlocal done
        done += count
        show(done, len(shown))

    for name, rows in (("train", ~shown["test"]), ("test", shown["test"])):
        some = shown.filter(rows)
        if len(some):
            crops = draw_crops(some, seed, textures, drawn)
            write_archive(folder / f"{name}-image.hdf5", crops)


def _count(traits: pl.DataFrame, shown: pl.DataFrame) -> dict[str, int]:
    counts = {}
    for prefix, which in (("", ~pl.col("test")), ("test_", pl.col("test"))):
        rows = traits.filter(which)
        counts[f"{prefix}patients"] = rows["patient"].n_unique()
        counts[f"{prefix}rows"] = len(rows)
        counts[f"{prefix}positives"] = int(np.sum(rows[TARGET].to_numpy()))
        counts[f"{prefix}images"] = shown.filter(which).height
    return counts
