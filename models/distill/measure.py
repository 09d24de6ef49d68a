"""What scores are worth on a holdout: means over seeds, each at its own validation threshold.

Intervals draw patients (or lesions) again and are widened by how far the seeds lie apart. Two
scores are compared on the same rows, draws and seeds; two splits have other rows, and their
difference reckons with both intervals as if they were independent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from metrics.bootstrap import IntervalSheet, difference, intervals
from metrics.calibration import calibration_tally, reliability
from metrics.cohort import Cohort, cohort
from metrics.operating import operating_tally, threshold_for_sensitivity
from metrics.ranking import ranking_tally
from metrics.score_sheet import ScoreConfig
from metrics.tally import Tally
from models.distill.abstention import abstention_tally, least_certainty
from models.distill.config import DistillConfig
from models.networks.measure import Patients, as_share, mean_tally, with_luck
from workspace.arrays import Bools, Floats

KINDS = {
    "auc": "ranking", "average_precision": "ranking", "sensitivity": "operating",
    "specificity": "operating", "ppv": "operating", "npv": "operating", "f1": "operating",
    "brier": "calibration", "ece": "calibration",
}  # fmt: skip
COMPARED = ("auc", "average_precision", "sensitivity", "specificity", "brier")
ONE_SEED = "No interval of one seed: how far trainings lie apart is not known."
BySeed = Mapping[int, Floats]  # (rows,): each seed's probability of the target


@dataclass(frozen=True)
class Side:
    """Rows of which one knows what they are, and whose."""

    positive: Bools
    patient: Patients

    @property
    def cohort(self) -> Cohort:
        return cohort(self.patient, self.positive)


@dataclass(frozen=True)
class Answers:
    """What one score says of the validation rows and of the test rows."""

    validation: BySeed
    test: BySeed


@dataclass(frozen=True)
class Holdout:
    """The two sides that are scored, and how."""

    validation: Side
    test: Side
    config: DistillConfig
    score: ScoreConfig

    def threshold(self, answers: Answers, seed: int) -> float:
        """By which so many of the validation's positives are found."""
        return threshold_for_sensitivity(
            self.validation.positive, answers.validation[seed], self.config.sensitivity
        )

    def tallies(self, answers: Answers, seed: int) -> dict[str, Tally]:
        """Of one seed, by kind."""
        true, said, whose = self.test.positive, answers.test[seed], self.test.cohort
        bins = self.score.bins, self.score.bins_by
        return {
            "ranking": ranking_tally(true, said, whose, self.score.min_tpr),
            "operating": operating_tally(true, said, self.threshold(answers, seed), whose),
            "calibration": calibration_tally(true, said, whose, *bins),
        }


def worth(holdout: Holdout, answers: Answers) -> dict[str, Any]:
    """Each metric with its interval and by seed, reliability, and the abstention curve."""
    seeds = list(answers.test)
    each = [holdout.tallies(answers, seed) for seed in seeds]
    whose, draws, level = holdout.test.cohort, holdout.score.bootstrap(), holdout.score.level
    found = intervals({kind: mean_tally([one[kind] for one in each]) for kind in each[0]},
                      whose, draws)  # fmt: skip
    return {
        "n": len(holdout.test.positive), "positives": int(holdout.test.positive.sum()),
        "thresholds": {str(seed): holdout.threshold(answers, seed) for seed in seeds},
        "metrics": {
            name: _of_shares(
                found[kind][name].as_json(), [one[kind].point()[name] for one in each], level
            ) for name, kind in KINDS.items()
        },
        "reliability": {
            str(seed): reliability(
                holdout.test.positive, answers.test[seed], holdout.score.bins,
                holdout.score.bins_by,
            ) for seed in seeds
        },
        "abstention": [_answered(holdout, answers, share) for share in holdout.config.kept],
    }  # fmt: skip


def held_against(holdout: Holdout, ours: Answers, other: Answers) -> dict[str, Any]:
    """Ours minus the other, paired by rows, draws and seeds."""
    both = [[holdout.tallies(one, seed) for seed in ours.test] for one in (other, ours)]
    theirs, mine = both
    apart = {
        kind: difference(mean_tally([one[kind] for one in theirs]),
                         mean_tally([one[kind] for one in mine]))
        for kind in mine[0]
    }  # fmt: skip
    found = intervals(apart, holdout.test.cohort, holdout.score.bootstrap())
    return {
        name: _over_seeds(
            found[kind][name].as_json(),
            [
                new[kind].point()[name] - old[kind].point()[name]
                for old, new in zip(theirs, mine, strict=True)
            ],
            holdout.score.level,
        )
        for name in COMPARED
        for kind in [KINDS[name]]
    }


def between_splits(ours: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Ours minus the other, of other rows: squares of both half widths are added (Newcombe 1998).

    Rows that both test on are alike in both, so that the interval is rather too wide. Of shares the
    ends are taken as they were before 0 and 1 bounded them.
    """
    values = [
        value for one in (ours, other)
        for value in (one["value"], *one.get("unbounded", (one["low"], one["high"])))
    ]  # fmt: skip
    minus = {"level": ours["level"], "value": None, "low": None, "high": None}
    if values[0] is None or values[3] is None:
        return minus
    minus["value"] = values[0] - values[3]
    if any(value is None for value in values):
        return minus
    value, low, high, theirs, least, most = values
    return {
        **minus,
        "low": minus["value"] - float(np.hypot(value - low, most - theirs)),
        "high": minus["value"] + float(np.hypot(high - value, theirs - least)),
    }


def _answered(holdout: Holdout, answers: Answers, share: float) -> dict[str, Any]:
    """One point of the abstention curve."""
    whose, each = holdout.test.cohort, list[Tally]()
    for seed, said in answers.test.items():
        threshold = holdout.threshold(answers, seed)
        least = least_certainty(answers.validation[seed], threshold, share)
        each.append(abstention_tally(holdout.test.positive, said, threshold, least, whose))
    found = intervals({"of": mean_tally(each)}, whose, holdout.score.bootstrap())["of"]
    return {
        "share": share,
        **{
            name: _of_shares(
                one.as_json(), [tally.point()[name] for tally in each], holdout.score.level
            )
            for name, one in found.items()
        },
    }


def _of_shares(found: IntervalSheet, each: Sequence[float], level: float) -> dict[str, Any]:
    """The mean of what lies between 0 and 1."""
    wide = _over_seeds(found, each, level)
    return {**wide, **as_share(with_luck(found, each, level)), "reason": wide["reason"],
            "unbounded": [wide["low"], wide["high"]]}  # fmt: skip


def _over_seeds(found: IntervalSheet, each: Sequence[float], level: float) -> dict[str, Any]:
    wide = with_luck(found, each, level)
    if len(each) == 1:
        wide["reason"] = ONE_SEED
    return {**wide, "by_seed": [None if np.isnan(value) else float(value) for value in each]}
