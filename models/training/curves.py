"""A training's curves as a picture: loss and inner score by epoch, phase by phase.

Reads the history that the loop keeps with every checkpoint; gives an SVG as text, the same bytes
for the same history. Sized to be read in a page of 800 px as well as on a phone.
"""

import io
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

NAMES = {
    "auc": "AUC", "macro_f1": "macro F1", "knn_accuracy": "kNN accuracy",
    "knn_balanced_accuracy": "kNN balanced accuracy",
}  # fmt: skip
BESIDES = {  # signs of life, each in a panel of its own where a history has them
    "alignment": "Alignment: how far two views of a picture lie apart",
    "uniformity": "Uniformity: 0 where all pictures lie on one point",
}
LOSS, SCORE, SHADE, BEST = "#4c566a", "#0a6ebd", "#eceff4", "#b3423a"
MANY = 30  # epochs; from there on dots would hide the line
WORDY = 0.14  # share of the width that the word "phase" needs beside its number
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so that widths are the same everywhere
    "font.size": 15,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 17,
    "axes.formatter.useoffset": False,
    "lines.linewidth": 2.2,
    "svg.fonttype": "none",  # words stay words: to be found, copied and read out
    "svg.hashsalt": "dermstack",
}


def draw(history: list[dict[str, Any]], watch: str, *, chosen: bool = True) -> str:
    """An SVG; an entry has phase, epoch, loss and, under `watch`, the inner rows' score.

    Where there were no inner rows, the loss alone. The best epoch is marked if it was `chosen`.
    """
    assert history, "no epoch to draw"
    epochs = [entry["epoch"] for entry in history]
    scored = watch in history[0]
    name, besides = NAMES.get(watch, watch), [key for key in BESIDES if key in history[0]]
    count = 1 + scored + len(besides)
    with mpl.rc_context():
        mpl.rcdefaults()  # nobody's own settings
        mpl.rcParams.update(STYLE)
        figure = Figure(figsize=(8, 1.2 + 3 * count), layout="constrained")
        panels = list(figure.subplots(count, 1, sharex=True, squeeze=False)[:, 0])
        _line(panels[0], epochs, [entry["loss"] for entry in history], LOSS)
        panels[0].set_title("Loss in training", pad=30)  # the phases' names stand between
        if scored:
            _scores(panels, epochs, [entry[watch] for entry in history], name, chosen=chosen)
        for axes, key in zip(panels[count - len(besides) :], besides, strict=True):
            _line(axes, epochs, [entry[key] for entry in history], SCORE)
            axes.set_title(BESIDES[key], pad=12)
        panels[-1].set_xlabel("epoch")
        panels[-1].set_xlim(epochs[0] - 0.5, epochs[-1] + 0.5)
        panels[-1].xaxis.set_major_locator(MaxNLocator(7, integer=True, min_n_ticks=1))
        _phases(history, panels)
        return _text(figure, f"Loss and inner {name} by epoch" if scored else "Loss by epoch")


def _scores(
    panels: list[Axes], epochs: list[int], scores: list[float], name: str, *, chosen: bool
) -> None:
    """The inner rows' scores in the second panel, and through all the epoch that was best."""
    below = panels[1]
    if not chosen:
        _line(below, epochs, scores, SCORE)
        below.set_title(f"Inner {name}: {scores[-1]:.3f} after the last epoch", pad=12)
        return
    best = scores.index(max(scores))  # the first of equals, as the loop has it
    _line(below, epochs, scores, SCORE)
    below.set_title(f"Inner {name}: best {scores[best]:.3f} at epoch {epochs[best]}", pad=12)
    below.plot(epochs[best], scores[best], "o", color=BEST, markersize=11, zorder=4)
    for axes in panels:
        axes.axvline(epochs[best], color=BEST, linewidth=1.3, linestyle=(0, (4, 3)), zorder=1)


def _line(axes: Axes, epochs: list[int], values: list[float], colour: str) -> None:
    dots = "o" if len(epochs) < MANY else ""
    axes.plot(epochs, values, color=colour, marker=dots, markersize=6, zorder=3)
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.grid(axis="y", color="#d8dee9", linewidth=0.8)
    axes.set_axisbelow(True)


def _phases(history: list[dict[str, Any]], panels: list[Axes]) -> None:
    """Every other phase shaded in all panels, each named over the uppermost."""
    for number, first, last in _spans(history):
        start, end = first - 0.5, last + 0.5
        if number % 2 == 0:
            for axes in panels:
                axes.axvspan(start, end, color=SHADE, linewidth=0, zorder=0)
        wide = (end - start) / len(history) >= WORDY
        panels[0].text(
            (start + end) / 2, 1.03, f"phase {number}" if wide else str(number), ha="center",
            transform=panels[0].get_xaxis_transform(),
        )  # fmt: skip


def _spans(history: list[dict[str, Any]]) -> Iterator[tuple[int, int, int]]:
    """Phase, first and last epoch."""
    for number, entries in groupby(history, key=lambda entry: int(entry["phase"])):
        epochs = [int(entry["epoch"]) for entry in entries]
        yield number, epochs[0], epochs[-1]


def _text(figure: Figure, title: str) -> str:
    """Without date, version or anything else of the day it was drawn."""
    drawn = io.StringIO()
    unsaid = {"Date": None, "Creator": None}
    figure.savefig(drawn, format="svg", metadata={"Title": title, **unsaid})
    return drawn.getvalue()
