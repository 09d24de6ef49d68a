"""What scores meant: bins by the rarer side, so that high scores are told by high ones."""

import numpy as np

from metrics.rates import Rate
from pipeline.distances import NOT_CHECKED
from pipeline.meaning import DRAWN, MEANING, MOST, RARER, meaning, notes_of
from reports.predictions.page import Speaker

FEW = "Too few rows held out"


def cut(bins):
    return [(one["n"], one["positives"]) for one in bins]


def test_high_scores_of_a_rare_class_are_told_apart_from_low_ones():
    """A thousand benign below .1 with fifteen malignant, thirty malignant above with fifteen."""
    low, high = np.linspace(0.001, 0.1, 1000), np.linspace(0.5, 0.98, 45)
    score = np.concatenate([low, np.full(15, 0.1), high])
    positive = np.concatenate([np.zeros(1000), np.ones(15), np.arange(45) % 3 != 0]).astype(bool)
    bins = meaning(positive, score)
    assert cut(bins) == [(1015, 15), (23, 15), (22, 15)]
    assert (bins[0]["low"], bins[0]["high"], bins[-1]["high"]) == (0.001, 0.1, 0.98)
    between = Rate(15, 22).interval()
    assert (bins[-1]["observed_low"], bins[-1]["observed_high"]) == between


def test_the_other_class_has_the_same_rows_in_its_bins():
    rng = np.random.default_rng(0)
    score = rng.permutation(400) / 512
    positive = rng.random(400) < score / 4
    others = [(n, n - k) for n, k in cut(meaning(~positive, 1 - score))]
    assert sum(k for _, k in others) == positive.sum()
    assert all(k >= RARER for _, k in others)
    assert all(k >= RARER for _, k in cut(meaning(positive, score)))


def test_bins_are_few_and_hold_ties_together():
    score = np.repeat(np.arange(1, 5) / 5, 500)
    bins = meaning(np.arange(2000) % 2 == 0, score)
    assert [one["n"] for one in bins] == [500, 500, 500, 500]
    assert len(meaning(np.arange(2000) % 2 == 0, np.arange(2000) / 2000)) == MOST


def test_why_it_is_not_said():
    half = np.arange(99) % 2 == 0
    meant = "to say what such scores meant."
    assert meaning(half, np.linspace(0, 1, 99)) == f"{FEW} (99) {meant}"
    rare = np.arange(200) < 14
    assert meaning(rare, np.linspace(0, 1, 200)) == f"{FEW} of one side (14 of 200) {meant}"
    assert meaning(rare, np.linspace(0, 2, 200)) == (
        "The score is a place in an order, not a share of 1."
    )


def test_it_is_told_what_was_learnt_from_how_to_read_it_and_what_was_not_checked():
    bins = meaning(np.arange(200) % 2 == 0, np.linspace(0, 1, 200))
    counted, not_counted = (Speaker("a", ("no", "yes"), None, (one, one)) for one in (bins, FEW))
    assert notes_of([not_counted, counted], "a", drawn=False) == [MEANING]
    silent = [not_counted, Speaker("b", ("no", "yes"), None)]
    assert notes_of(silent, "a", drawn=False) == []
    assert notes_of(silent, "a", drawn=True) == [DRAWN]
    assert notes_of([counted], None, drawn=True) == [DRAWN, MEANING, NOT_CHECKED]
