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

ALARMS, ALARM_DIGITS = "flagged_per_1000", 1
BLEND = "blend"  # the kind of what is made of members
PROBABLE = ("stack", "mean")  # the others are made of places
OWN = ("stack", "tabular", "images")  # the stack itself and its parts: above the networks


def tables(sheet: Blend, min_tpr: float) -> list[Said]:
    """What `make stack` tells of them."""
    said: list[Said] = [
        member_table(sheet, min_tpr),
        f"stack: handed in is {sheet['policy']} (*), by blend.policy.{places(sheet)}",
    ]
    flagged = flag_table(sheet)
    return said + ([] if flagged is None else [flagged]) + notices(sheet["notes"])


def member_table(sheet: Blend, min_tpr: float) -> Table:
    """A row each, beside it what the chosen one gains over it."""
    chosen, order = sheet["policy"], in_order(sheet)
    heads = (
        Column("members, blends", whole=False),
        Column(f"pAUC above {percent(min_tpr)} TPR", f"pAUC > {percent(min_tpr)} TPR"),
        Column("AUC"),
        Column(f"{chosen} minus this, pAUC", "* minus this, pAUC"),
    )
    sure = how_sure(sheet["scores"][chosen]["metrics"]["pauc"], paired=True)
    caption = f"{sure} * is handed in, by blend.policy.{places(sheet)}".strip()
    return Table(heads, tuple(_row(sheet, name) for name in order), caption)


def places(sheet: Blend) -> str:
    """That places are no probabilities; nothing where they are some."""
    if sheet["policy"] in PROBABLE:
        return ""
    return " It places rows from 0 to 1; calibration.method makes probabilities of that."


def flag_table(sheet: Blend) -> Table | None:
    """How many each flags, and how many positives it finds so; None: no other fold to choose on."""
    operating = sheet.get("operating")
    if operating is None:
        return None
    wanted = percent(operating["sensitivity"])
    heads = (
        Column("flagged by", whole=False),
        Column(f"sensitivity, {wanted} wanted", f"sensitivity ({wanted})"),
        Column("alarms per 1,000"),
        Column("OR rule minus this, alarms per 1,000", "OR rule minus this"),
    )
    rows = tuple(_flagged(sheet, name) for name in in_order(sheet))
    first = operating["scores"][sheet["policy"]]["metrics"]["sensitivity"]
    caption = (
        f"Out of fold, each at the threshold that finds {wanted} of the positives of the other "
        f"folds. {how_sure(first, paired=True)} {_roles(sheet)}"
    )
    return Table(heads, rows, caption.strip())


def _flagged(sheet: Blend, name: str) -> Row:
    operating = sheet.get("operating")
    assert operating is not None
    entry = operating["scores"][name]
    minus = entry["or_rule_minus_this"]
    return (
        Words(f"{name} *" if name == sheet["policy"] else name),
        measure(entry["metrics"]["sensitivity"]),
        measure(entry["metrics"][ALARMS], ALARM_DIGITS),
        NOTHING if minus is None else measure(minus[ALARMS], ALARM_DIGITS),
    )


def _roles(sheet: Blend) -> str:
    """Who ranks and who flags, where they were chosen."""
    roles = sheet.get("roles")
    if roles is None:
        return ""
    by_place = {f"in fold {fold}": two for fold, two in roles["by_fold"].items()}
    by_place["outside the folds"] = roles["all_rows"]
    each = {
        place: f"{two['ranks']} ranks and {two['flags']} flags" for place, two in by_place.items()
    }
    same = next(iter(each.values()))
    if set(each.values()) == {same}:
        return f"Of rank_and_flag {same}, in every fold and outside them."
    return f"Of rank_and_flag {', '.join(f'{place} {who}' for place, who in each.items())}."


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
