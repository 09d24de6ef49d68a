"""Which rows get a crop, and how the drawing of many is divided among processes.

Reads traits and a config. A crop's randomness is its own, so any division gives the same bytes.
"""

from collections.abc import Iterator
from functools import lru_cache

import polars as pl

from folds.schema import TARGET
from synthetic.cohort import draw_cohort, stream
from synthetic.config import SyntheticConfig
from synthetic.copies import choose_copies, show_copies
from synthetic.crops import draw_crops
from synthetic.textures import weave
from synthetic.traits import draw_traits

SHARD = 8192  # crops that are drawn together: half a minute, 40 MB
Shard = tuple[str, int, int]  # a set, its first row with a crop and the one after the last


def choose_crops(
    traits: pl.DataFrame, config: SyntheticConfig, seed: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows that get a crop, and which of them show another's.

    In training malignant ones first, in the test set blindly.
    """
    luck = stream(seed, "choice").permutation(len(traits))
    ranked = traits.with_columns(luck=pl.Series(luck))
    train = ranked.filter(~pl.col("test")).sort(-pl.col(TARGET), "luck")
    test = ranked.filter(pl.col("test")).sort("luck")
    chosen = [train.head(config.image_count()), test.head(config.test_image_count())]
    shown = pl.concat(chosen).sort("number").drop("luck")
    copies = choose_copies(shown, config.copies, seed)
    return show_copies(shown, copies), copies


def by_set(shown: pl.DataFrame) -> list[tuple[str, pl.DataFrame]]:
    """Rows of training and of the test set."""
    return [("train", shown.filter(~pl.col("test"))), ("test", shown.filter(pl.col("test")))]


def shards_of(config: SyntheticConfig) -> list[Shard]:
    """How the crops of a large competition are divided; a small one is drawn at once."""
    counts = {"train": config.image_count(), "test": config.test_image_count()}
    if sum(counts.values()) <= SHARD:
        return []
    return [
        (name, start, min(start + SHARD, count))
        for name, count in counts.items()
        for start in range(0, count, SHARD)
    ]


def draw_shard(config: SyntheticConfig, seed: int, shard: Shard) -> Iterator[tuple[str, bytes]]:
    """Yield (isic_id, JPEG) of one shard's rows."""
    name, start, stop = shard
    rows = dict(_shown(config, seed))[name].slice(start, stop - start)
    return draw_crops(rows, seed, weave(stream(seed, "textures")))


@lru_cache(maxsize=1)
def _shown(config: SyntheticConfig, seed: int) -> list[tuple[str, pl.DataFrame]]:
    """Once a process that draws shards: 200 MB at the real size."""
    return by_set(choose_crops(draw_traits(draw_cohort(config, seed), seed), config, seed)[0])


def forget() -> None:
    """Free what a process that drew shards has kept for the next of them."""
    _shown.cache_clear()
