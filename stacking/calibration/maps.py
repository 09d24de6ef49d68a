"""Maps from a score to a probability: Platt, beta, temperature, isotonic; and another prior.

All but the isotonic one are strictly increasing, so that ranks, and pAUC to the last digit, stay.
Scores lie from 0 to 1. Papers: Platt 1999 (with its smoothed labels), Kull, Silva Filho and Flach
2017 (beta), Guo et al. 2017 (temperature), Zadrozny and Elkan 2002 (isotonic).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from stacking.calibration.config import Method
from workspace.arrays import Floats, Ints
from workspace.errors import DataError
from workspace.lazy import LazyModule

optimize = LazyModule("scipy.optimize")
special = LazyModule("scipy.special")
isotonic = LazyModule("sklearn.isotonic")

# Beyond what a float64 score between 0 and 1 can have: they keep their place.
NEVER, ALWAYS = -800.0, 40.0  # log odds of a score of exactly 0 and 1
LEAST = 1e-6  # a slope that is no less keeps the order


@dataclass(frozen=True)
class Calibration:
    """A fitted map; numbers as JSON has them."""

    method: Method
    numbers: tuple[float, ...]  # slopes and intercept; of the isotonic one its steps' scores
    values: tuple[float, ...] = ()  # and what they are worth

    def probabilities(self, score: Floats) -> Floats:
        """(rows,): how often such a score comes true, where it was fitted."""
        if self.method == "isotonic":
            steps: Floats = np.interp(score, self.numbers, self.values)
            return steps
        return np.asarray(special.expit(self.log_odds(score)), np.float64)

    def log_odds(self, score: Floats) -> Floats:
        """The same before the last step, where far ends stay apart."""
        if self.method == "isotonic":
            return np.asarray(special.logit(self.probabilities(score)), np.float64)
        if self.method == "beta":
            up, down, shift = self.numbers
            low, high = _logs(score)
            made: Floats = up * low - down * high + shift
            return made
        slope, shift = self.numbers if self.method == "platt" else (*self.numbers, 0.0)
        return slope * log_odds(score) + shift


def fit(method: Method, score: Floats, target: Ints) -> Calibration:
    """Fit on these rows, of both classes."""
    positive = target == 1
    if not 0 < positive.sum() < len(positive):
        raise DataError(
            "A calibration is fitted on rows of both classes; these have one, so take another "
            "fold scheme, or calibration.method='none'."
        )
    return _FITS[method](score, positive.astype(np.float64))


def shifted(probability: Floats, was: float, shall_be: float) -> Floats:
    """Probabilities where positives are another share: the log odds move by the priors' ratio."""
    move = float(special.logit(shall_be) - special.logit(was))
    return np.asarray(special.expit(log_odds(probability) + move), np.float64)


def log_odds(score: Floats) -> Floats:
    """Of scores from 0 to 1; the ends stay finite, and apart from all between them."""
    low, high = _logs(score)
    return low - high


def _logs(score: Floats) -> tuple[Floats, Floats]:
    """log p and log (1 - p)."""
    with np.errstate(divide="ignore"):
        low, high = np.log(score), np.log1p(-score)
    return np.maximum(low, NEVER), np.maximum(high, -ALWAYS)


def _platt(score: Floats, target: Floats) -> Calibration:
    positives = target.sum()
    # Platt's labels: as if one more of each class had been seen, so that no slope is endless.
    smooth = np.where(
        target == 1, (positives + 1) / (positives + 2), 1 / (len(target) - positives + 2)
    )
    slope, shift = _least([log_odds(score), np.ones(len(score))], smooth, [1.0, 0.0], [LEAST, None])
    return Calibration("platt", (slope, shift))


def _beta(score: Floats, target: Floats) -> Calibration:
    low, high = _logs(score)
    columns = [low, -high, np.ones(len(score))]
    return Calibration("beta", _least(columns, target, [1.0, 1.0, 0.0], [LEAST, LEAST, None]))


def _temperature(score: Floats, target: Floats) -> Calibration:
    return Calibration("temperature", _least([log_odds(score)], target, [1.0], [LEAST]))


def _isotonic(score: Floats, target: Floats) -> Calibration:
    fitted = isotonic.IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip")
    fitted.fit(score, target)
    steps, values = fitted.X_thresholds_, fitted.y_thresholds_
    return Calibration("isotonic", tuple(steps.tolist()), tuple(values.tolist()))


_FITS: dict[Method, Callable[[Floats, Floats], Calibration]] = {
    "platt": _platt,
    "beta": _beta,
    "temperature": _temperature,
    "isotonic": _isotonic,
}


def _least(
    columns: Sequence[Floats], target: Floats, start: Sequence[float], least: Sequence[float | None]
) -> tuple[float, ...]:
    """What makes the log loss least, each number no less than stated."""
    design = np.stack(columns, axis=1)

    def loss(numbers: Floats) -> tuple[float, Floats]:
        logit = design @ numbers
        wrong = special.expit(logit) - target
        return float((np.logaddexp(0, logit) - target * logit).mean()), design.T @ wrong / len(
            wrong
        )

    solution = optimize.minimize(
        loss, np.array(start), jac=True, method="L-BFGS-B",
        bounds=[(one, None) for one in least],
        options={"maxiter": 1000, "ftol": 1e-14, "gtol": 1e-9},
    )  # fmt: skip
    return tuple(solution.x.tolist())
