"""Who is held out, fold by fold."""

from collections.abc import Sequence

from folds.schema import ANCHOR, HOLDOUT, TEST
from reports.sheets import HeldOut
from reports.table import Cell, Column, Said, Table, Words, count


def tables(rows: Sequence[HeldOut], scheme: str, group: str, *, synthetic: bool) -> list[Said]:
    """What `make folds` tells; `group` as in the recipe: `patient`, `lesion` or `none`."""
    drawn = ", synthetic data" if synthetic else ""
    return [f"folds: held out by scheme '{scheme}'{drawn}:", balance_table(rows, group)]


def balance_table(rows: Sequence[HeldOut], group: str) -> Table:
    """One row a fold; repeats and hospitals where there are any."""
    names = {"rows": "rows", "positives": "positives"}
    names["groups"] = "groups" if group == "none" else f"{group}s"
    if any(row["hospitals"] for row in rows):
        names["hospitals"] = "hospitals"
    repeats = len({row["repeat"] for row in rows}) > 1
    found = []
    for row in rows:
        numbers = (row["rows"], row["positives"], row["groups"])
        cells = [Words("unknown") if n is None else count(n) for n in numbers]
        if "hospitals" in names:
            hospital = row.get("hospital")
            cells.append(Words(hospital) if hospital else count(row["hospitals"]))
        first: list[Cell] = [Words(str(row["repeat"]))] if repeats else []
        found.append((*first, Words(_held_out(row)), *cells))
    titles = [*(["repeat"] if repeats else []), "fold", *names.values()]
    heads = tuple(Column(title, right=True, whole=False) for title in titles)
    return Table(heads, tuple(found), frame="boxed")


def _held_out(row: HeldOut) -> str:
    if row["fold"] is not None:
        return str(row["fold"])
    return row["split"] if row["split"] in (ANCHOR, HOLDOUT, TEST) else "never"
