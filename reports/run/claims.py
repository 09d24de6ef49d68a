"""What papers say of their networks beside what this run measured of its own, number by number.

Other pictures, other people, another split: a claim is nothing that was missed or beaten. It stands
there so that a reader need not look it up, with the n of both.
"""

from collections.abc import Iterator

from reports.networks import RATES
from reports.pages.elements import Note, Section
from reports.run.sheets import RunSheets
from reports.sheets import Claim, Interval, Network
from reports.table import NOTHING, Cell, Row, Table, Words, columns, count, measure

HEADS = ("network", "what", "claimed", "their n", "measured here", "our n")
LEAD = (
    "What a source says of its network beside what this run measured out of fold. The pictures are "
    "others, so that the difference shows no gain and no loss; the claims are not verified."
)


def sections(sheets: RunSheets) -> list[Section]:
    """One table of all networks that have a claim."""
    claimed = [(name, sheet) for name, sheet in sheets.networks.items() if sheet.get("claim")]
    if not claimed:
        return []
    rows = tuple(row for name, sheet in claimed for row in _rows(name, sheet))
    sources = dict.fromkeys(
        f"{name}: {sheet['claim']['source']}." for name, sheet in claimed if sheet["claim"]
    )
    notes = (Note(words) for words in sources)
    return [Section("claims", "Claims of papers", (Table(columns(*HEADS), rows), *notes), LEAD)]


def _rows(name: str, sheet: Network) -> Iterator[Row]:
    """Of all classes together, then class by class."""
    claim, best = sheet["claim"], sheet["best_epoch"]
    assert claim is not None, "only networks that have one come here"
    n = best["report"]["n"]
    for words, value in _figures(claim).items():
        metric = best["metrics"].get(words.replace(" ", "_").lower())
        yield (Words(name), Words(words), *_pair(value, int(claim["accuracy"][1]), metric, n))
    for one, (*rates, support) in claim["per_class"].items():
        own = best["report"]["per_class"].get(one, {}).get("true")
        for (key, words), value in zip(RATES.items(), rates, strict=True):
            metric = best["metrics"].get(f"{key}[{one}]")
            yield (
                Words(name),
                Words(f"{words} of {one}"),
                *_pair(value, int(support), metric, own),
            )


def _figures(claim: Claim) -> dict[str, float]:
    stated = {"accuracy": claim["accuracy"][0], "macro F1": claim["macro_f1"]}
    return {words: value for words, value in stated.items() if value is not None}


def _pair(
    value: float, theirs: int, metric: Interval | None, ours: int | None
) -> tuple[Cell, Cell, Cell, Cell]:
    """Claimed and its n, measured and its n."""
    claimed = Words(f"{value:.4f}")
    return claimed, count(theirs), NOTHING if metric is None else measure(metric), count(ours)
