"""Several classes, one of which each row is called: confusion, precision, recall, F1.

The caller gives the classes in an order, which is that of rows and columns everywhere and is never
derived by sorting. Labels are class names.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TypedDict

import numpy as np
from numpy.typing import ArrayLike

from metrics.cohort import Cohort, evenly, fewer
from metrics.rates import Rate, RateSheet
from metrics.tally import Tally, Values, tally_rows
from workspace.arrays import Bools, Floats, Ints
from workspace.errors import ConfigError, DataError, listed, name_some

Labels = Iterable[str]
Groups = Mapping[str, Collection[str]]
Confusions = Sequence[tuple[str, str]]
Shares = dict[str, tuple[Floats, Floats]]  # k and n of each
NO_GROUPS: Groups = MappingProxyType({})
AVERAGED = ("precision", "recall", "f1")
OVER_CLASSES = ("balanced_accuracy", *(f"macro_{kind}" for kind in AVERAGED))
OVER_ROWS = ("accuracy", *(f"weighted_{kind}" for kind in AVERAGED))
MEANS = (*OVER_CLASSES, *OVER_ROWS[1:])


class ClassReport(TypedDict):
    """One class: how many rows are it and are called it, and its rates."""

    true: int
    predicted: int
    precision: RateSheet
    recall: RateSheet
    f1: float | None


class GroupReport(TypedDict):
    """A group of classes against the others."""

    classes: list[str]
    sensitivity: RateSheet
    specificity: RateSheet


class ConfusionRate(RateSheet):
    """The share of one class that is called another."""

    true: str
    predicted: str


class ConfusionSheet(TypedDict):
    """`counts[i][j]`: rows of `true[i]` called `predicted[j]`."""

    true: list[str]
    predicted: list[str]
    counts: list[list[int]]


class MeanScores(TypedDict):
    """Means over the classes that have true rows, see `scores_of`; MEANS are its keys."""

    balanced_accuracy: float | None
    macro_precision: float | None
    macro_recall: float | None
    macro_f1: float | None
    weighted_precision: float | None
    weighted_recall: float | None
    weighted_f1: float | None


class ClassificationReport(MeanScores):
    """What a paper's table needs; None is a value that is undefined."""

    n: int
    classes: list[str]
    absent: list[str]
    never_predicted: list[str]
    confusion: ConfusionSheet
    accuracy: RateSheet
    per_class: dict[str, ClassReport]
    groups: dict[str, GroupReport]
    confusions: list[ConfusionRate]


def predicted_class(probability: ArrayLike) -> Ints:
    """The most probable class of each row as its index in the order; a tie goes to the first.

    `np.array(classes)[predicted_class(probability)]` are their names.
    """
    index: Ints = np.argmax(probability_table(probability), axis=1).astype(np.int64)
    return index


def confusion_matrix(true: Labels, predicted: Labels, classes: Sequence[str]) -> Ints:
    """How many rows of each true class (down) are called what (across)."""
    size = len(classes)
    column = _pair(true, predicted, classes)
    return np.bincount(column, minlength=size**2).reshape(size, size).astype(np.int64)


def scores_of(
    confusion: ArrayLike,
    classes: Sequence[str],
    groups: Groups = NO_GROUPS,
    confusions: Confusions = (),
) -> dict[str, Floats]:
    """All scores of one confusion matrix or of many, (..., C, C).

    By itself a class has recall k/n of its true rows, precision k/n of the rows called so, and F1
    2k / (true + called); each is NaN, never 0 or 1, where its n is 0, and F1 also without a true
    row. Means over classes leave out those without a true row (balanced accuracy is macro recall);
    a class with true rows that is never called counts there with precision 0, as scikit-learn has
    it. Weighted means weigh by true rows, so weighted recall is accuracy.

    A group such as cancer = MEL or BCC has a sensitivity, the share of its true rows called any
    class of the group, and a specificity. `confusion[MEL->BCC]` is the share of true MEL called
    BCC.
    """
    counts = _counts(confusion, classes)
    shares = _shares(counts, classes, groups, confusions)
    scores = {name: _divided(k, n) for name, (k, n) in shares.items()}
    return {**scores, **_means(scores, counts.sum(axis=-1), classes)}


def classification_report(
    true: Labels,
    predicted: Labels,
    classes: Sequence[str],
    groups: Groups = NO_GROUPS,
    confusions: Confusions = (),
) -> ClassificationReport:
    """What a paper's table needs, ready for JSON: every share with its k and n, None for NaN."""
    confusion = confusion_matrix(true, predicted, classes)
    scores = scores_of(confusion, classes, groups, confusions)
    shares = _shares(_counts(confusion, classes), classes, groups, confusions)
    rates = {name: Rate(int(k), int(n)).as_json() for name, (k, n) in shares.items()}
    each = _each_class(confusion, classes, rates, scores)
    return {
        "n": int(confusion.sum()),
        "classes": list(classes),
        "absent": [name for name in classes if not each[name]["true"]],
        "never_predicted": [name for name in classes if not each[name]["predicted"]],
        "confusion": {  # counts[i][j]: rows of true[i] called predicted[j]
            "true": list(classes),
            "predicted": list(classes),
            "counts": confusion.tolist(),
        },
        "accuracy": rates["accuracy"],
        **_mean_scores(scores),
        "per_class": each,
        "groups": {
            group: {
                "classes": [name for name in classes if name in members],
                "sensitivity": rates[f"{group}_sensitivity"],
                "specificity": rates[f"{group}_specificity"],
            }
            for group, members in groups.items()
        },
        "confusions": [
            {"true": one, "predicted": other, **rates[f"confusion[{one}->{other}]"]}
            for one, other in confusions
        ],
    }


def classification_tally(
    true: Labels,
    predicted: Labels,
    classes: Sequence[str],
    cohort: Cohort,
    groups: Groups = NO_GROUPS,
    confusions: Confusions = (),
) -> Tally:
    """The scores as sums over patients: each has a confusion matrix, and these add up.

    In a resample that lacks a class the macro means are NaN: fewer classes make another metric.
    """
    size = len(classes)
    _known(classes, groups, confusions)
    cell = _pair(true, predicted, classes)
    present = np.bincount(cell // size, minlength=size) > 0

    def values(sums: Floats) -> dict[str, Floats]:
        matrices = sums.reshape(*sums.shape[:-1], size, size)
        scores = scores_of(matrices, classes, groups, confusions)
        whole = (matrices.sum(axis=-1)[..., present] > 0).all(axis=-1)
        return scores | {name: np.where(whole, scores[name], np.nan) for name in OVER_CLASSES}

    tally = tally_rows(cohort, cell, size**2, values)
    cases = _cases(tally, classes, present, groups, confusions)
    of_the_mix = _of_the_mix(cell // size, classes)
    mixed = {name: fewer(rows, cohort) for name, rows in of_the_mix.items()}
    behind = cases | {name: min(n, cases[name]) for name, n in mixed.items()}
    even = {name: evenly(rows, cohort) for name, rows in of_the_mix.items()}
    within = ("recall[", "balanced_accuracy", "macro_recall", "confusion[")  # a class
    least = min(even.values())
    mix = {name: even.get(name, least) for name in behind if not name.startswith(within)}
    return replace(tally, behind=behind, mix=mix, shares=cases)


def rarity(true: Labels, classes: Sequence[str]) -> Ints:
    """Each row's class as its rank from commonest, 0, to rarest; equals rank in class order.

    As the label of `metrics.cohort.cohort` it puts patients into strata by their rarest class.
    """
    code = coded(true, classes)
    counts = np.bincount(code, minlength=len(classes))
    rank = np.empty(len(classes), dtype=np.int64)
    rank[np.argsort(-counts, kind="stable")] = np.arange(len(classes))
    return rank[code]


def coded(labels: Labels, classes: Sequence[str], what: str = "true") -> Ints:
    """Each label's index among the classes."""
    twice = [name for number, name in enumerate(classes) if name in classes[:number]]
    if twice:
        raise DataError(f"The classes {listed(twice)} are named twice; name each once.")
    index = {name: number for number, name in enumerate(classes)}
    given = list(labels)
    codes = np.array([index.get(label, -1) for label in given], dtype=np.int64)
    unknown = [label for label in given if label not in index]
    if unknown:
        raise DataError(
            f"{len(unknown)} of {len(given)} {what} labels are no class, "
            f"{listed(list(dict.fromkeys(unknown)))}; the classes are {name_some(classes)}."
        )
    if not given:
        raise DataError(f"There are no rows to compute a metric from: 0 {what} labels.")
    return codes


def probability_table(probability: ArrayLike) -> Floats:
    """(rows, classes) as float64, all of it numbers."""
    try:
        table = np.asarray(probability, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError("The probabilities hold something that is not a number.") from error
    if table.ndim != 2 or not table.size:
        raise DataError(
            "The probabilities must be a row for each image and a column for each class; their "
            f"shape is {table.shape}."
        )
    bad = np.flatnonzero(~np.isfinite(table).all(axis=1))
    if len(bad):
        raise DataError(
            f"{len(bad)} of {len(table)} rows of probabilities hold NaN or infinity, rows "
            f"{listed(bad.tolist())}."
        )
    return table


def _pair(true: Labels, predicted: Labels, classes: Sequence[str]) -> Ints:
    """Each row's cell in the confusion matrix, counted along its rows."""
    row, column = coded(true, classes), coded(predicted, classes, "predicted")
    if len(row) != len(column):
        raise DataError(
            f"There are {len(row)} true labels but {len(column)} predicted ones; join them by id "
            "first."
        )
    return row * len(classes) + column


def _cases(
    tally: Tally, classes: Sequence[str], present: Bools, groups: Groups, confusions: Confusions
) -> dict[str, int]:
    """How many patients each score is of: of a rare class they may be one or two."""
    cells = np.arange(len(classes) ** 2).reshape(len(classes), -1)
    true = [tally.patients_in(cells[number]) for number in range(len(classes))]
    everyone = tally.table.shape[1]
    rarest = min(n for n, is_there in zip(true, present, strict=True) if is_there)
    cases = dict.fromkeys(("accuracy", *MEANS), everyone) | dict.fromkeys(OVER_CLASSES, rarest)
    for number, name in enumerate(classes):
        cases |= {f"recall[{name}]": true[number], f"f1[{name}]": true[number]}
        cases[f"precision[{name}]"] = tally.patients_in(cells[:, number])
    for group, members in groups.items():
        inside = np.array([name in members for name in classes])
        cases[f"{group}_sensitivity"] = tally.patients_in(cells[inside].ravel())
        cases[f"{group}_specificity"] = tally.patients_in(cells[~inside].ravel())
    for one, other in confusions:
        cases[f"confusion[{one}->{other}]"] = true[classes.index(one)]
    return cases


def _of_the_mix(code: Ints, classes: Sequence[str]) -> dict[str, Bools]:
    """Scores that the mix of classes makes, whatever is called, and the rows of the class in it.

    None of them is surer than how many patients are of that class, or of another one.
    """
    commonest = code == np.bincount(code).argmax()
    each = {name: code == number for number, name in enumerate(classes)}
    return {
        **dict.fromkeys(OVER_ROWS, commonest),
        **{f"{kind}[{name}]": each[name] for kind in ("precision", "f1") for name in classes},
    }


def _shares(
    counts: Floats, classes: Sequence[str], groups: Groups, confusions: Confusions
) -> Shares:
    """Every score that is a share, as its k and n."""
    _known(classes, groups, confusions)
    support, called = counts.sum(axis=-1), counts.sum(axis=-2)
    right = np.diagonal(counts, axis1=-2, axis2=-1)
    both = np.where(support > 0, support + called, 0.0)
    shares: Shares = {"accuracy": (right.sum(axis=-1), support.sum(axis=-1))}
    for number, name in enumerate(classes):
        shares[f"precision[{name}]"] = right[..., number], called[..., number]
        shares[f"recall[{name}]"] = right[..., number], support[..., number]
        shares[f"f1[{name}]"] = 2 * right[..., number], both[..., number]
    for group, members in groups.items():
        inside = np.array([name in members for name in classes])
        for kind, who in (("sensitivity", inside), ("specificity", ~inside)):
            right_in = counts[..., who, :][..., who].sum(axis=(-2, -1))
            shares[f"{group}_{kind}"] = right_in, support[..., who].sum(axis=-1)
    for one, other in confusions:
        row, column = classes.index(one), classes.index(other)
        shares[f"confusion[{one}->{other}]"] = counts[..., row, column], support[..., row]
    return shares


def _means(scores: Values, support: Floats, classes: Sequence[str]) -> dict[str, Floats]:
    """Macro and weighted means over the classes that have true rows."""
    means = {}
    for kind in AVERAGED:
        each = np.nan_to_num(np.stack([scores[f"{kind}[{name}]"] for name in classes], axis=-1))
        for mean, weight in (("macro", (support > 0).astype(np.float64)), ("weighted", support)):
            total = (weight * each).sum(axis=-1)
            means[f"{mean}_{kind}"] = _divided(total, weight.sum(axis=-1))
    return {"balanced_accuracy": means["macro_recall"], **means}


def _each_class(
    confusion: Ints, classes: Sequence[str], rates: Mapping[str, RateSheet], scores: Values
) -> dict[str, ClassReport]:
    return {
        name: {
            "true": int(confusion[number].sum()),
            "predicted": int(confusion[:, number].sum()),
            "precision": rates[f"precision[{name}]"],
            "recall": rates[f"recall[{name}]"],
            "f1": _json(scores[f"f1[{name}]"]),
        }
        for number, name in enumerate(classes)
    }


def _mean_scores(scores: Values) -> MeanScores:
    return {
        "balanced_accuracy": _json(scores["balanced_accuracy"]),
        "macro_precision": _json(scores["macro_precision"]),
        "macro_recall": _json(scores["macro_recall"]),
        "macro_f1": _json(scores["macro_f1"]),
        "weighted_precision": _json(scores["weighted_precision"]),
        "weighted_recall": _json(scores["weighted_recall"]),
        "weighted_f1": _json(scores["weighted_f1"]),
    }


def _counts(confusion: ArrayLike, classes: Sequence[str]) -> Floats:
    counts = np.asarray(confusion, dtype=np.float64)
    if counts.shape[-2:] != (len(classes), len(classes)):
        raise DataError(
            f"The confusion matrix has shape {counts.shape} for {len(classes)} classes; it needs "
            "a row and a column for each."
        )
    return counts


def _known(classes: Sequence[str], groups: Groups, confusions: Confusions) -> None:
    """Refuse groups and confusions of classes that there are not, and groups of none."""
    named = [name for members in groups.values() for name in members]
    named += [name for pair in confusions for name in pair]
    unknown = [name for name in dict.fromkeys(named) if name not in classes]
    if unknown:
        raise ConfigError(
            f"Groups or confusions name {listed(unknown)}, which are no class; the classes are "
            f"{name_some(classes)}."
        )
    empty = [group for group, members in groups.items() if not members]
    if empty:
        raise ConfigError(f"The groups {listed(empty)} hold no class; name one at least.")


def _divided(k: Floats, n: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):  # 0/0 is NaN on purpose
        return np.asarray(np.divide(k, n), dtype=np.float64)


def _json(value: Floats) -> float | None:
    return None if np.isnan(value) else float(value)
