"""How networks learnt: curves of every fold, and what in them should make one wonder."""

from collections.abc import Mapping, Sequence

from folds.findings import plural
from reports.pages.elements import Element, Folded, Note, Plots, Section
from reports.run.curves import LOSS, RATE, curve_plot, scale_of
from reports.run.sheets import RunSheets, Training
from workspace.errors import name_some


def sections(sheets: RunSheets) -> list[Section]:
    """Of trainings that are no network of the stack: beginnings, parts left out, few labels."""
    others = {n: every for n, every in sheets.trainings.items() if n not in sheets.networks}
    if not others:
        return []
    lead = (
        "Trainings that are no network of this page: beginnings, networks without a part or with "
        "few labels, networks whose folds are not all trained yet. A line each fold or seed, a dot "
        "where its best epoch was."
    )
    elements: list[Element] = []
    for name, trainings in others.items():
        elements += warnings(name, trainings)
        words = f"{name}, {plural(len(trainings), 'training')}"
        elements.append(Folded(words, _together(trainings)))
    return [Section("trainings", "Other trainings", tuple(elements), lead)]


def elements_of(name: str, sheets: RunSheets) -> list[Element]:
    """The curves of a network's folds upon one another, and each alone."""
    trainings = sheets.trainings.get(name, ())
    if not trainings:
        return []
    keys = _keys(trainings)
    scales = {key: scale_of(key, trainings) for key in keys}
    each = tuple(curve_plot(scales[key], [one], one.name) for one in trainings for key in keys)
    dot = "the dot is its best epoch" if trainings[0].chosen else "no epoch was chosen"
    words = (
        f"How it learnt: a line for each of {plural(len(trainings), 'training')}, {dot}. The "
        "learning rate is the mean of an epoch's steps."
    )
    return [
        Note(words),
        _together(trainings),
        *warnings(name, trainings),
        Folded("Each training's curves alone, every other phase shaded", Plots(each, small=True)),
    ]


def warnings(name: str, trainings: Sequence[Training]) -> list[Note]:
    """A best epoch that is the first, or the last: either way too little was learnt to choose."""
    scored = [one for one in trainings if one.scores and len(one.history) > 1]
    first = [one.name for one in scored if one.highest == 0]
    last = [one.name for one in scored if one.highest == len(one.history) - 1]
    of = f"of {plural(len(trainings), 'training')}"
    found = []
    if first:
        found.append(
            f"{name}: the first epoch has the best inner score in {len(first)} {of} "
            f"({name_some(first)}): what came after made it worse. A lower learning rate, or more "
            "inner rows to choose on, may help."
        )
    if last:
        found.append(
            f"{name}: the inner score is best after the last epoch in {len(last)} {of} "
            f"({name_some(last)}): it may still have been learning. More epochs may help."
        )
    return [Note(words, "warning") for words in found]


def _together(trainings: Sequence[Training]) -> Plots:
    drawn = (curve_plot(scale_of(key, trainings), trainings) for key in _keys(trainings))
    return Plots(tuple(drawn), small=True)


def _keys(trainings: Sequence[Training]) -> list[str]:
    """What every history has of loss, inner score and rate."""
    wanted: Mapping[str, None] = dict.fromkeys((LOSS, trainings[0].watch, RATE))
    return [key for key in wanted if all(key in e for one in trainings for e in one.history)]
