"""Pictures that are nearly another row's: what the search for near-duplicates is to see.

Reads the rows that get a crop; says whose picture each row shows, and alters a picture as copies
are altered: mirrored or turned, a pixel or two cut from its edges, encoded anew.
"""

import numpy as np
import polars as pl
import simplejpeg

from folds.schema import TARGET
from synthetic.cohort import stream

PICTURE = "shows_picture_of"  # the number of the row whose picture a row shows
QUALITY = 85
MOST_CUT = 2  # px of an edge: shifts by up to 2 %


def choose_copies(shown: pl.DataFrame, copies: int, seed: int) -> pl.DataFrame:
    """(number, shows_picture_of) of rows that show another's picture, sorted by number.

    Benign rows of training, each with the row that comes before it among its own patient's by
    chance: of two patients, a copy would join them, and hundreds of them everybody.
    """
    luck = stream(seed, "copies").permutation(len(shown))
    rows = shown.select("number", "patient", TARGET, "test", luck=pl.Series(luck))
    rows = rows.filter(~pl.col("test"), pl.col(TARGET) == 0).sort("patient", "luck")
    of_patient = pl.int_range(pl.len()).over("patient")
    pairs = rows.with_columns(
        pl.col("number").shift(1).alias(PICTURE), (of_patient % 2 == 1).alias("second")
    ).filter("second")
    return pairs.sort("luck").head(copies).select("number", PICTURE).sort("number")


def show_copies(shown: pl.DataFrame, copies: pl.DataFrame) -> pl.DataFrame:
    """The rows with `shows_picture_of`; a copy has the traits of the row whose picture it shows."""
    if copies.is_empty():
        return shown.with_columns(pl.col("number").alias(PICTURE))
    own = shown.filter(~pl.col("number").is_in(copies["number"].implode()))
    others = copies.join(shown.rename({"number": PICTURE}), on=PICTURE, how="left")
    own = own.with_columns(pl.col("number").alias(PICTURE))
    return pl.concat([own, others.select(own.columns)]).sort("number")


def altered(data: bytes, rng: np.random.Generator) -> bytes:
    """The JPEG of a copy."""
    pixels = simplejpeg.decode_jpeg(data)
    top, left = rng.integers(MOST_CUT + 1, size=2)
    pixels = np.rot90(pixels[top:, left:], int(rng.integers(4)))
    if rng.integers(2):
        pixels = pixels[:, ::-1]
    encoded: bytes = simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), quality=QUALITY)
    return encoded
