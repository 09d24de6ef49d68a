"""The stack's members and the blends of them, and what the chosen one gains over each."""

from reports.sheets import Blend
from reports.table import (
    NOTHING,
    Column,
    Row,
    Said,
    Table,
    Words,
    how_sure,
    measure,
    notices,
    percent,
)

BLEND = "blend"  # the kind of what is made of members
OWN = ("stack", "tabular", "images")  # the stack itself and its parts: above the networks


def tables(sheet: Blend, min_tpr: float) -> list[Said]:
    """What `make stack` tells of them."""
    said: list[Said] = [
        member_table(sheet, min_tpr),
        f"stack: handed in is {sheet['policy']} (*), by blend.policy.",
    ]
    return said + notices(sheet["notes"])


def member_table(sheet: Blend, min_tpr: float) -> Table:
    """A row each, beside it what the chosen one gains over it."""
    chosen, order = sheet["policy"], in_order(sheet)
    heads = (
        Column("members, blends", whole=False),
        Column(f"pAUC above {percent(min_tpr)} TPR"),
        Column("AUC"),
        Column(f"{chosen} minus this, pAUC"),
    )
    sure = how_sure(sheet["scores"][chosen]["metrics"]["pauc"], paired=True)
    caption = f"{sure} * is handed in, by blend.policy.".strip()
    return Table(heads, tuple(_row(sheet, name) for name in order), caption)


def in_order(sheet: Blend) -> list[str]:
    """The stack and its parts, networks, blends."""
    scores = sheet["scores"]
    return sorted(scores, key=lambda name: (scores[name]["kind"] == BLEND, name not in OWN))


def _row(sheet: Blend, name: str) -> Row:
    entry = sheet["scores"][name]
    minus = entry["chosen_minus_this"]
    return (
        Words(f"{name} *" if name == sheet["policy"] else name),
        *(measure(entry["metrics"][metric]) for metric in ("pauc", "auc")),
        NOTHING if minus is None else measure(minus["pauc"]),
    )
