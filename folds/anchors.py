"""Groups that are set aside, so that folds' networks can be aligned on their pictures.

No network learns from them and no score counts them. They are few, so the same share is taken of
groups with a positive and of groups without, at least one group in all, by the hash of seed and
name: the same on every machine, with every library, in whatever order the rows come.
"""

import hashlib
from collections.abc import Callable

import polars as pl

from folds.findings import plural
from folds.groups import GROUP
from folds.schema import IMAGE, TARGET
from folds.stratified import noun_of
from workspace.errors import DataError

SHARES = (0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5)  # that may be proposed
LEAST = 10  # what align.least_anchors may be at the least


def set_aside(rows: pl.DataFrame, share: float, seed: int) -> pl.Series:
    """Whether each row's group is one of the anchors."""
    groups = rows.group_by(GROUP).agg(pl.col(TARGET).max().fill_null(0).alias("class"))
    by_class = [
        sorted(groups.filter(pl.col("class") == number)[GROUP], key=lambda name: _hash(seed, name))
        for number in (0, 1)
    ]
    aside = [name for some in by_class for name in some[: round(share * len(some))]]
    return rows[GROUP].is_in(aside or [name for some in by_class for name in some][:1])


def check_enough(
    rows: pl.DataFrame, share: float, least: int, seed: int, folds: Callable[[pl.DataFrame], object]
) -> None:
    """Refuse anchors with too few pictures, now and not after the networks are trained.

    `folds` raises where the rows that are left make none: what is proposed must work.
    """
    aside = set_aside(rows, share, seed)
    pictures = _pictures(rows, aside)
    if pictures >= least:
        return
    folds(rows)  # what is lacking there is no fault of the anchors
    groups = plural(rows.filter(aside)[GROUP].n_unique(), noun_of(rows))
    raise DataError(
        f"folds.anchor_share={share:g} sets {groups} with {plural(pictures, 'picture')} aside, "
        f"fewer than align.least_anchors={least}. {_mend(rows, least, seed, folds)}"
    )


def _mend(
    rows: pl.DataFrame, least: int, seed: int, folds: Callable[[pl.DataFrame], object]
) -> str:
    """The smallest share that would do, for as many anchors or for fewer."""
    ways = []
    for wanted, also in ((least, ""), (LEAST, f" align.least_anchors={LEAST}")):
        for share in SHARES:
            aside = set_aside(rows, share, seed)
            if _pictures(rows, aside) >= wanted and _are_possible(folds, rows.filter(~aside)):
                ways.append(f'SET="folds.anchor_share={share:g}{also}"')
                break
    if ways:
        return f"Take {', or '.join(ways[: 1 if least == LEAST else 2])}."
    return (
        "No share leaves enough for both: name pictures of your own in align.pictures, or stack "
        'the tables alone with SET="stack.networks=false".'
    )


def _are_possible(folds: Callable[[pl.DataFrame], object], rows: pl.DataFrame) -> bool:
    try:
        folds(rows)
    except DataError:
        return False
    return True


def _pictures(rows: pl.DataFrame, aside: pl.Series) -> int:
    return len(rows.filter(aside)[IMAGE].drop_nulls())


def _hash(seed: int, group: str) -> bytes:
    return hashlib.sha256(f"{seed} {group}".encode()).digest()
