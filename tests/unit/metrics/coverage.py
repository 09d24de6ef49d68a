"""How often an interval holds the truth, in simulated cohorts of heavy-tailed patients.

`python -m tests.unit.metrics.coverage 300 300` prints the table of docs/LOG.md: cohorts and
resamples of each. The slow tests look at fewer.
"""

import sys
from dataclasses import dataclass, replace

import numpy as np

from metrics.across_folds import mean_over_folds
from metrics.bootstrap import BootstrapConfig, difference, intervals
from metrics.calibration import calibration_tally
from metrics.cohort import Cohort
from metrics.operating import operating_tally
from metrics.ranking import ranking_tally

NAMES = ("pauc", "auc", "gain in pauc", "gain in auc")


def coverage(draw, tallies_of, names, cohorts, replicates=300):
    """How often an interval of each metric is right, of so many cohorts, if it has one there.

    `tallies_of` makes named tallies of rows and cohort; the truth is theirs of a huge cohort.
    """
    rng = np.random.default_rng(7)
    rows, whose = draw(rng, huge=True)
    truth = {name: value for t in tallies_of(rows, whose) for name, value in t.point().items()}
    inside: dict[str, list[bool]] = {name: [] for name in names}
    for number in range(cohorts):
        rows, whose = draw(rng)
        config = BootstrapConfig(replicates=replicates, seeds=(number,))
        found = {}
        for by_metric in intervals(
            dict(enumerate(tallies_of(rows, whose))), whose, config
        ).values():
            found |= by_metric
        for name in names:
            if found[name].low is not None:
                inside[name].append(found[name].covers(truth[name]))
    return {name: float(np.mean(hits or np.nan)) for name, hits in inside.items()}


@dataclass(frozen=True)
class Drawn:
    """Two scores of heavy-tailed patients, of whom exactly so many have one positive lesion."""

    positive: int
    negative: int
    pareto: bool = False
    shift: float = 2.0  # how much higher positives score, in spreads of a lesion
    gain: float = 0.0  # of the second score, in spreads of a lesion
    alike: float = 0.7  # how much of what is no signal both scores share

    def __call__(self, rng, *, huge=False):
        times = 20_000 // (self.positive + self.negative) if huge else 1
        positive, patients = times * self.positive, times * (self.positive + self.negative)
        heavy = np.minimum(1 + 5 * rng.pareto(1.5, patients), 3000).astype(int)
        sizes = heavy if self.pareto else 1 + rng.geometric(1 / 10, patients)
        codes = np.repeat(np.arange(patients), sizes)
        target = np.zeros(len(codes), dtype=int)
        target[(np.cumsum(sizes) - sizes)[:positive]] = 1
        one, other = 0.7 * self._pair(rng, patients)[:, codes] + self._pair(rng, len(codes))
        scores = one + self.shift * target, other + (self.shift + self.gain) * target
        strata = (np.arange(patients) < positive).astype(int)
        return (target, *scores), Cohort(codes, strata, "patient")

    def _pair(self, rng, n):
        own = rng.normal(size=(2, n))
        return np.stack([own[0], self.alike * own[0] + (1 - self.alike**2) ** 0.5 * own[1]])


def value_and_gain(rows, whose):
    """The first score's ranking, and by how much the second one's is better, under other names."""
    target, one, other = rows
    first, second = (replace(ranking_tally(target, score, whose), mix={}) for score in (one, other))
    gain = difference(first, second)

    def named(names):
        return {f"gain in {name}": names[name] for name in names}

    of = frozenset(f"gain in {name}" for name in gain.margins.of)
    gain = replace(
        gain, values=lambda sums, values=gain.values: named(values(sums)), behind={},
        margins=replace(gain.margins, of=of),
    )  # fmt: skip
    return [first, gain]


def mean_and_gain(rows, whose):
    """The same of five folds' mean, where each fold scores on a scale of its own."""
    target, one, other = rows
    fold = whose.codes % 5
    first, second = (mean_over_folds(target, s * 3.0**fold, fold, whose) for s in (one, other))
    gain = difference(first, second)
    of = frozenset(f"gain in {name}" for name in gain.margins.of)

    def named(sums):
        return {f"gain in {name}": value for name, value in gain.values(sums).items()}

    return [first, replace(gain, values=named, margins=replace(gain.margins, of=of))]


@dataclass(frozen=True)
class Called:
    """Calls of patients who differ, nearly all of them right."""

    positive: int
    negative: int
    log_odds: float  # of a right call, in a middling patient
    spread: float  # of patients' log odds

    def __call__(self, rng, *, huge=False):
        positive, negative = (200_000, 10) if huge else (self.positive, self.negative)
        patients = positive + negative
        codes = np.repeat(np.arange(patients), 1 + rng.geometric(1 / 3, patients))
        target = (codes < positive).astype(int)
        odds = np.exp(self.log_odds + self.spread * rng.normal(size=patients))
        right = rng.random(len(codes)) < (odds / (1 + odds))[codes]
        strata = (np.arange(patients) < positive).astype(int)
        return (target, np.where(right, target, 1 - target)), Cohort(codes, strata, "patient")


def sensitivity(rows, whose):
    """That of the calls."""
    target, called = rows
    return [operating_tally(target, called, 0.5, whose)]


@dataclass(frozen=True)
class Uneven:
    """Risks of patients of whom some have one positive lesion and some twenty."""

    positive: int  # patients with one, in the mean: whether one has is luck where some lack one
    negative: int

    def __call__(self, rng, *, huge=False):
        patients = 8000 if huge else self.positive + self.negative
        share = self.positive / (self.positive + self.negative)
        ill = rng.random(patients) < share
        sizes = np.minimum(1 + 5 * rng.pareto(1.5, patients), 200).astype(int)
        positives = np.minimum(1 + rng.pareto(1.5, patients), 20).astype(int) * ill
        codes = np.repeat(np.arange(patients), sizes + positives)
        first = np.cumsum(sizes + positives) - sizes - positives
        target = (np.arange(len(codes)) - first[codes] < positives[codes]).astype(int)
        logit = 1.8 * target - 3.5 + rng.normal(size=len(codes))
        logit += 0.7 * rng.normal(size=patients)[codes]
        whose = Cohort(codes, ill.astype(int), "patient")
        return (target, 1 / (1 + np.exp(-logit))), whose


def of_the_mix(rows, whose):
    """What hangs on how many positives there are."""
    target, risk = rows
    return [
        ranking_tally(target, risk, whose),
        calibration_tally(target, risk, whose),
        operating_tally(target, risk, 0.15, whose),
    ]


MIXED = (
    "pauc", "auc", "average_precision", "brier", "log_loss", "calibration_slope",
    "calibration_intercept", "ppv", "npv", "f1", "flagged_per_1000",
)  # fmt: skip
UNEVEN = {
    "20 of 20 patients": Uneven(20, 0),
    "40 of 40": Uneven(40, 0),
    "about 40 of 80": Uneven(40, 40),
    "about 40 of 400": Uneven(40, 360),
}
CALLS = {
    "20 of 80 patients": Called(20, 60, 4.0, 0.7),
    "24 of 84": Called(24, 60, 3.0, 0.7),
    "24 of 84, patients further apart": Called(24, 60, 5.0, 1.5),
    "40 of 120": Called(40, 80, 4.5, 1.0),
}
CELLS = {
    "20 of 100": Drawn(20, 80),
    "20 of 100, Pareto": Drawn(20, 80, pareto=True),
    "20 of 40": Drawn(20, 20),
    "24 of 72, nearly one score": Drawn(24, 48, pareto=True, alike=0.95),
    "35 of 70, a better second": Drawn(35, 35, gain=0.5),
}
MORE = {
    "20 of 100, positives 3 sd higher": Drawn(20, 80, shift=3.0),
    "20 of 100, positives 1 sd higher": Drawn(20, 80, shift=1.0),
    "20 of 100, a much better second": Drawn(20, 80, pareto=True, gain=1.0, alike=0.5),
    "35 of 175, Pareto": Drawn(35, 140, pareto=True),
    "100 of 300": Drawn(100, 200),
}


def main(cohorts: int, replicates: int) -> None:
    print("|", " | ".join(("patients with a positive", *NAMES)), "|")
    for name, cell in {**CELLS, **MORE}.items():
        found = coverage(cell, value_and_gain, NAMES, cohorts, replicates)
        print("|", " | ".join((name, *(f"{found[n]:.3f}" for n in NAMES))), "|", flush=True)
    print("|", " | ".join(("patients with a positive", *MIXED)), "|")
    for name, uneven in UNEVEN.items():
        found = coverage(uneven, of_the_mix, MIXED, cohorts // 2, replicates)
        print("|", " | ".join((name, *(f"{found[n]:.3f}" for n in MIXED))), "|", flush=True)
    for name, calls in CALLS.items():
        found = coverage(calls, sensitivity, ("sensitivity",), cohorts, replicates)
        print("| calls,", name, "|", f"{found['sensitivity']:.3f}", "|", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
