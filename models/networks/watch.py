"""What inner rows are scored by after each epoch, and what variants are compared by."""

from typing import get_args

import numpy as np

from metrics.classification import classification_tally, predicted_class, scores_of
from metrics.cohort import Cohort
from metrics.one_vs_rest import macro_auc, one_vs_rest_tally
from metrics.pauc import MIN_TPR
from metrics.ranking import auc, ranking_tally
from metrics.tally import Tally
from models.training.config import OfClasses, Watch
from workspace.arrays import Floats, Ints

OF_CLASSES: tuple[OfClasses, ...] = get_args(OfClasses)  # what probabilities can be scored by


def watched(what: Watch, codes: Ints, probability: Floats, classes: tuple[str, ...]) -> float:
    """The rows' score; more is better."""
    if what == "auc":
        return auc(codes == 1, probability[:, 1])
    if what == "macro_auc":
        return macro_auc(np.array(classes)[codes], probability, classes)
    counts = np.zeros((len(classes), len(classes)), np.int64)
    np.add.at(counts, (codes, predicted_class(probability)), 1)
    return float(scores_of(counts, classes)[what])


def log_loss(codes: Ints, probability: Floats) -> float:
    """Mean cross entropy, all rows alike: no weights, focus or smoothing of the training's loss."""
    of_truth = probability[np.arange(len(codes)), codes]
    return float(-np.log(np.maximum(of_truth, np.finfo(np.float64).tiny)).mean())


def watch_tally(
    what: Watch, codes: Ints, probability: Floats, classes: tuple[str, ...], whose: Cohort,
    min_tpr: float = MIN_TPR,
) -> Tally:  # fmt: skip
    """The same as sums over patients, with what is reckoned along with it."""
    if what == "auc":
        return ranking_tally(codes == 1, probability[:, 1], whose, min_tpr)
    names = np.array(classes)
    if what == "macro_auc":
        return one_vs_rest_tally(names[codes], probability, classes, whose)
    called = names[predicted_class(probability)].tolist()
    return classification_tally(names[codes].tolist(), called, classes, whose)
