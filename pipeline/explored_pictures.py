"""What `make eda` measures of the pictures, and the few of them that its page may show.

Sizes and colours come from what `make verify` kept of each picture. Bytes are asked for of pictures
drawn by seed, thumbnails of fewer still.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from folds.audit.colours import mean_colours
from folds.drawn import drawn
from folds.groups import GROUP, A, B, own_groups
from folds.images import ImageReader
from folds.schema import DIAGNOSIS, HOSPITAL, ID, IMAGE, SPLIT, TARGET
from folds.spread import spread
from metrics.separability import separability
from pipeline.explored_rows import Looked
from pipeline.look_alikes import LIST
from pipeline.samples import DUPLICATES, IMAGES, LOOKS
from pipeline.thumbnails import thumbnail
from reports.eda.sheets import SIDES, WEIGHT, Kind, Measured, Pairs, Pictures, Tinted
from reports.eda.shown import Cell, Shown, Thumb
from workspace.arrays import Floats
from workspace.progress import Show
from workspace.units import Unit, open_unit

RGB, TINTS = ("red", "green", "blue"), ("brightness", "red less green", "blue less green")
QUARTERS = (0.25, 0.5, 0.75)
DRAWN = 1000  # pictures of either class whose bytes are asked for
CELLS, EACH = 8, 6  # hospitals (or diagnoses) of the contact sheet, pictures of each class there
PAIRS, ALIKE = 12, "look-alike"  # of duplicates, and as many look-alikes
SIDE, PAIR_SIDE, QUALITY = 96, 200, 75


def pictures(
    looked: Looked, verified: Unit, shards: Sequence[Path], reader: ImageReader
) -> Pictures | None:
    """None where nobody has looked at a picture."""
    table = verified.parquet(IMAGES).join(_colours(shards), on=ID, how="left")
    seen = looked.rows.select(ID).join(table, on=ID, how="left", maintain_order="left")
    if seen["width"].null_count() == len(seen):
        return None
    weighed = _bytes(looked, reader)
    values = {name: _floats(seen[name]) for name in seen.columns if name in SIDES + TINTS}
    values[WEIGHT] = weighed
    known = seen.drop_nulls("width")
    return {
        "n": len(known),
        "shapes": known.select("width", "height").n_unique(),
        "measured": [_measured(looked, name, one) for name, one in values.items()],
        "drawn": int(np.isfinite(weighed).sum()),
        "tints": tints(looked.rows.select(ID, TARGET, HOSPITAL).join(seen, on=ID)),
    }


def tints(rows: pl.DataFrame) -> list[Tinted]:
    """By hospital, the one with most pictures first, and class."""
    known = rows.drop_nulls(TINTS[0]).with_columns(pl.len().over(HOSPITAL).alias("size"))
    ordered = known.sort("size", HOSPITAL, TARGET, descending=[True, False, True], nulls_last=True)
    return [
        {
            "target": some[TARGET][0],
            "hospital": some[HOSPITAL][0],
            "n": len(some),
            "colour": [float(some[name].to_numpy().mean()) for name in RGB],
            "brightness": [float(q) for q in np.quantile(some[TINTS[0]].to_numpy(), QUARTERS)],
        }
        for _, some in ordered.group_by(HOSPITAL, TARGET, maintain_order=True)
    ]


def pairs(looked: Looked, samples: pl.DataFrame, verified: Unit, group: str) -> Pairs:
    """All that `make verify` found, of every side: a leak is looked for there too.

    Those of two groups first, then the least alike: what a person wants to see for himself.
    """
    found = verified.parquet(DUPLICATES).select(A, B, "kind", "similarity")
    rows = _with_groups(found, own_groups(samples, group))
    listed = verified.parquet(LIST) if LIST in verified.manifest.files else None
    ours = looked.rows[ID].implode()
    both = pl.col(A).is_in(ours) & pl.col(B).is_in(ours)
    worst = rows.filter(both).sort("across", "similarity", A, B, descending=[True, *[False] * 3])
    shown = worst.select(A, B, "kind", "similarity").head(PAIRS).rows()
    if listed is not None:
        alike = listed.filter(both).select(A, B, pl.lit(ALIKE), "cosine")
        shown += alike.head(PAIRS).rows()
    counted = rows.group_by("kind").agg(pl.len().alias("pairs"), pl.col("across", "between").sum())
    kinds = counted.sort("kind").select("kind", "pairs", "across", "between").iter_rows()
    return {
        "compared": len(verified.parquet(IMAGES, [ID])),
        "kinds": [Kind(kind=k, pairs=n, across=a, between=b) for k, n, a, b in kinds],
        "look_alikes": None if listed is None else len(listed),
        "shown": shown,
    }


def _with_groups(found: pl.DataFrame, groups: pl.DataFrame) -> pl.DataFrame:
    """Pairs with whether they are of two groups, and of two sides of the source."""
    own = groups.select(ID, GROUP, SPLIT)
    first, second = own.rename({ID: A}), own.rename({ID: B})
    sided = found.join(first, on=A).join(second, on=B, suffix="_b")
    return sided.with_columns(
        (pl.col(GROUP) != pl.col(f"{GROUP}_b")).alias("across"),
        (pl.col(SPLIT) != pl.col(f"{SPLIT}_b")).alias("between"),
    )


def shown(looked: Looked, found: Pairs, reader: ImageReader, show: Show) -> Shown:
    """The thumbnails of the contact sheet and of the pairs."""
    references = dict(looked.rows.drop_nulls(IMAGE).select(ID, IMAGE).iter_rows())
    cells = [(words, ids) for words, ids in _cells(looked.rows.drop_nulls(IMAGE))]
    wanted = [(name, SIDE) for _, ids in cells for name in ids]
    wanted += [(name, PAIR_SIDE) for a, b, *_ in found["shown"] for name in (a, b)]
    made: dict[tuple[str, int], str] = {}
    for at, (name, side) in enumerate(wanted, start=1):
        if name in references and (name, side) not in made:
            made[name, side] = thumbnail(reader.pixels(references[name]), side, QUALITY)
        show(at, len(wanted))
    return Shown(
        sheet=tuple(
            Cell(words, tuple(Thumb(name, made[name, SIDE]) for name in ids))
            for words, ids in cells
        ),
        pairs={name: address for (name, side), address in made.items() if side == PAIR_SIDE},
    )  # fmt: skip


def _cells(rows: pl.DataFrame) -> Iterator[tuple[str, list[str]]]:
    """Positives and the others of the largest hospitals, or of diagnoses where none is known."""
    by = HOSPITAL if rows[HOSPITAL].drop_nulls().n_unique() > 1 else DIAGNOSIS
    by = by if rows[by].null_count() < len(rows) else TARGET
    sizes = rows.drop_nulls(by).group_by(by).len().sort("len", by, descending=[True, False])
    for name in sizes[by].to_list()[:CELLS]:
        for target in (1, 0):
            cell = rows.filter(pl.col(by) == name, pl.col(TARGET) == target)
            if len(cell):
                words = (
                    f"{'positive' if target else 'negative'}{'' if by == TARGET else f', {name}'}"
                )
                ids = drawn(cell, [TARGET], EACH, 0)[ID].to_list()
                yield f"{words} ({len(ids)} of {len(cell):,})", ids


def _colours(shards: Sequence[Path]) -> pl.DataFrame:
    """Of every picture that could be read its mean colour, by the fingerprints of the shards."""
    tables = [pl.DataFrame(schema={ID: pl.String, **dict.fromkeys(RGB, pl.Float64)})]
    for folder in shards:
        unit = open_unit(folder, "verify")
        looks, colour = unit.parquet(LOOKS, [ID, "problem"]), mean_colours(unit.array("keys.npy"))
        columns = [pl.Series(name, one) for name, one in zip(RGB, colour.T, strict=True)]
        read = looks.with_columns(columns).filter(pl.col("problem").is_null())
        tables.append(read.drop("problem"))
    red, green, blue = map(pl.col, RGB)
    made = ((red + green + blue) / 3, red - green, blue - green)
    return pl.concat(tables).with_columns(
        one.alias(name) for name, one in zip(TINTS, made, strict=True)
    )


def _bytes(looked: Looked, reader: ImageReader) -> Floats:
    """kB of each picture as stored, of those drawn; NaN for the others."""
    some = drawn(looked.rows.drop_nulls(IMAGE), [TARGET], DRAWN, looked.seed)
    size = {
        name: len(reader.encoded(ref)) / 1000 for name, ref in some.select(ID, IMAGE).iter_rows()
    }
    return np.array([size.get(name, np.nan) for name in looked.rows[ID]], np.float64)


def _measured(looked: Looked, name: str, values: Floats) -> Measured:
    alone = separability(looked.positive, values, looked.cohort, looked.draws)
    return {"name": name, "spread": spread(values, looked.positive), "alone": alone}


def _floats(column: pl.Series) -> Floats:
    return column.cast(pl.Float64).fill_null(float("nan")).to_numpy()
