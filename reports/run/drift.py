"""How far the folds' networks see alike, before and after their embeddings are brought together.

Each fold has a network of its own, whose embeddings mean what they mean to it alone; a map brings
all into one space. What is left of the differences is noise to the stack.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from reports.pages.elements import Axis, Element, Note, Plot, Plots, Section, Shape
from reports.pages.plots import WIDTH, Frame
from reports.run.sheets import Block, RunSheets
from reports.sheets import Json
from reports.table import NOTHING, Cell, Number, Row, Table, Words, columns, count

LEAD = (
    "Each fold's network sees pictures in a space of its own, and a map brings these together for "
    "the stack. Measured on anchors, which no network learnt from, by maps of the other anchors: "
    "how much of what the other folds see a fold's view explains (100 % is the same view), and the "
    "mean cosine between the two."
)
DRAWN = (
    "{}: share that each fold's view explains of the others'. Hollow: before the map; full: after."
)
LINE_PX = 22
TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Agreement:
    """Of one fold with the others: before the map and after it."""

    name: str
    before: Json
    after: Json | None  # None: embeddings stay as they are

    @property
    def result(self) -> float:
        """The share that is explained as the stack sees it."""
        return float((self.after or self.before)["explained"])


def sections(sheets: RunSheets) -> list[Section]:
    """A table of all blocks, a drawing of each."""
    known = {name: agreements(block) for name, block in sheets.blocks.items()}
    measured = {name: several for name, several in known.items() if several}
    if not sheets.blocks:
        return []
    elements: list[Element] = []
    if measured:
        plots = tuple(drift_plot(name, several) for name, several in measured.items())
        elements += [_table(sheets.blocks, measured), Plots(plots)]
    for name, block in sheets.blocks.items():
        if name not in measured:
            why = (
                "there is one view alone" if block.learns else "it learnt nothing, and is the same"
            )
            elements.append(Note(f"{name}: nothing to compare, since {why}."))
        elements += [Note(words, "warning") for words in block.warnings]
    return [Section("drift", "Views of the folds", tuple(elements), LEAD)]


def agreements(block: Block) -> list[Agreement]:
    """Fold by fold; of a nested stack the mean of each fold's boosters."""
    if not block.learns:
        return []
    if isinstance(block.drift, Mapping):
        return list(_by_fold(block.drift))
    return [
        Agreement(f"boosters {fold}", one["before"]["mean"], one["after"] and one["after"]["mean"])
        for fold, one in zip(block.folds, block.drift, strict=True)
        if one["before"]["mean"]
    ]


def _by_fold(drift: Json) -> Iterator[Agreement]:
    after = drift["after"] and drift["after"]["folds"]
    for fold, one in sorted(drift["before"]["folds"].items(), key=lambda pair: int(pair[0])):
        yield Agreement(f"fold {fold}", one, after and after[fold])


def _table(blocks: Mapping[str, Block], measured: Mapping[str, list[Agreement]]) -> Table:
    rows: list[Row] = []
    for name, several in measured.items():
        block, lowest = blocks[name], min(several, key=lambda one: one.result)
        rows.append(
            (
                Words(name), count(block.anchors), Words(block.method),
                *(_mean(several, when, what) for what in ("explained", "cosine")
                  for when in ("before", "after")),
                Words(f"{lowest.name}, {lowest.result:.1%}"),
            )
        )  # fmt: skip
    heads = columns(
        "block", "anchors", "map", "explained before", "explained after", "cosine before",
        "cosine after", "least explained after",
    )  # fmt: skip
    return Table(heads, tuple(rows))


def _mean(several: list[Agreement], when: str, what: str) -> Cell:
    found = [getattr(one, when) for one in several]
    if any(one is None for one in found):
        return NOTHING
    mean = sum(one[what] for one in found) / len(found)
    return Number(f"{mean:.1%}" if what == "explained" else f"{mean:.3f}", repr(mean))


def drift_plot(name: str, several: list[Agreement]) -> Plot:
    """Every fold on a line of its own, from before to after."""
    bottom = 12 + LINE_PX * len(several)
    frame = Frame((WIDTH, bottom + 48), (96, 12, 396, bottom))
    shapes: list[Shape] = []
    rows = []
    for number, one in enumerate(several):
        y = 1 - (number + 0.5) / len(several)
        rows.append((frame.y(y), one.name))
        before = one.before["explained"]
        words = f"{one.name}, before: {before:.1%}"
        if one.after is not None:
            after = one.after["explained"]
            shapes.append(frame.shape("line", "span", [(before, y), (after, y)]))
            words_after = f"{one.name}, after: {after:.1%}"
            shapes.append(frame.shape("dot", "dot", [(after, y)], words_after))
        shapes.append(frame.shape("dot", "hollow", [(before, y)], words))
    return Plot(
        title=f"Views of the folds, {name}",
        caption=DRAWN.format(name),
        size=frame.size,
        box=frame.box,
        x=Axis("share explained", tuple((frame.x(tick), f"{tick:.0%}") for tick in TICKS)),
        y=Axis("", tuple(rows)),
        shapes=tuple(shapes),
    )
