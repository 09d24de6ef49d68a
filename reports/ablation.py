"""What each part of a network brings."""

from folds.findings import plural
from reports.sheets import Ablation, Gain
from reports.table import Row, Said, Table, Words, broken, measure, notices

WHOLE = "whole"


def tables(network: str, sheet: Ablation) -> list[Said]:
    """What `make ablate` tells."""
    return [
        f"ablate: {network}, {plural(sheet['n'], 'held-out picture')} of "
        f"{plural(len(sheet['folds']), 'fold')}, {plural(len(sheet['seeds']), 'seed')}; "
        f"{sheet['watch']}.",
        *notices(sheet.get("declared", ())),
        variant_table(sheet),
    ]


def variant_table(sheet: Ablation) -> Table:
    """Each variant, that minus the whole network, and what it says."""
    rows = tuple(_row(name, gain) for name, gain in sheet["variants"].items())
    return Table(broken("variant", sheet["watch"], "minus the whole network", "by seed", ""), rows)


def _row(name: str, gain: Gain) -> Row:
    if name == WHOLE:
        return Words(name), measure(gain["value"]), Words(""), Words(""), Words("")
    seeds = " ".join(f"{value:+.3f}" for value in gain["by_seed"])
    both = measure(gain["value"]), measure(gain["minus_whole"])
    return Words(name), *both, Words(seeds), Words(verdict(gain))


def verdict(gain: Gain) -> str:
    """What the recipe's own part is worth, against none or another in its place."""
    low, high = gain["minus_whole"]["low"], gain["minus_whole"]["high"]
    if low is None or high is None:
        return "too few patients" if len(gain["by_seed"]) > 1 else "one seed: luck unknown"
    if low <= 0 <= high:
        return "no measurable gain"
    return "it helps" if high < 0 else "it harms"
