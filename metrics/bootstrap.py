"""How sure a metric is: intervals from drawing patients again, with replacement.

Patients with and without a positive are drawn apart, so that every resample has as many of each,
but for values that depend on how many there are, such as a Brier score. A resample in which a
metric is undefined is counted, never dropped in silence. Ends are bias-corrected and accelerated
percentiles (BCa), moved outwards for few patients: docs/decisions/0007 says why.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TypedDict, cast

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from scipy.special import ndtr, ndtri, stdtrit

from metrics.cohort import Cohort, Unit
from metrics.tally import Tally, Values, side_by_side
from workspace.arrays import Floats, Ints
from workspace.choices import Seeds
from workspace.progress import Show

BLOCK = 2**23  # cells of a block of draws: 64 MB
ALIKE = 1e-12
FEWEST = 5  # patients that a value must rest on to have an interval: fewer show no spread


class BootstrapConfig(BaseModel):
    """How intervals are drawn."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    replicates: int = Field(default=1000, ge=1, le=100_000)  # for each seed
    seeds: Seeds = (0, 1, 2)
    level: float = Field(default=0.95, gt=0, lt=1)
    stratified: bool = True


class IntervalSheet(TypedDict):
    """An interval as JSON has it; what each is, `Interval` says."""

    value: float | None
    low: float | None
    high: float | None
    level: float
    unit: Unit
    patients: int
    stratified: bool
    replicates: int
    undefined: int
    seed_spread: float | None


@dataclass(frozen=True)
class Interval:
    """A metric's value with its interval, and what the interval rests on."""

    value: float | None
    low: float | None
    high: float | None
    level: float
    unit: Unit  # what was drawn again: patients, or rows where nobody said whose they are
    patients: int  # (or rows) that the value rests on
    stratified: bool  # whether patients with and without a positive were drawn apart
    replicates: int
    undefined: int  # resamples in which the metric has no value
    seed_spread: float | None  # how far an end moves between the seeds, at most

    def as_json(self) -> IntervalSheet:
        return cast(IntervalSheet, asdict(self))

    def covers(self, value: float) -> bool:
        """Whether the value lies inside; False where there is no interval."""
        return self.low is not None and self.high is not None and self.low <= value <= self.high

    def __str__(self) -> str:
        if self.value is None:
            return "undefined"
        if self.low is None:
            return f"{self.value:.4f} [no interval]"
        return f"{self.value:.4f} [{self.low:.4f}, {self.high:.4f}]"


def intervals(
    tallies: Mapping[str, Tally],
    cohort: Cohort,
    config: BootstrapConfig | None = None,
    show: Show | None = None,
) -> dict[str, dict[str, Interval]]:
    """An interval for every value of every tally, all from the same draws.

    Values that depend on how many patients have a positive (a tally's `mix`) are drawn without
    strata: held fixed, that number would lend them a certainty that they do not have.
    """
    config = config or BootstrapConfig()
    assert all(tally.table.shape[1] == cohort.size for tally in tallies.values())
    passes = _passes(tallies, config)
    samples = {
        (name, way): [_Samples() for _ in config.seeds] for way in passes for name in tallies
    }
    done, total = 0, config.replicates * len(config.seeds) * len(passes)
    for way, wanted in passes.items():
        for number, seed in enumerate(config.seeds):
            for block in draws(cohort, config.model_copy(update={"stratified": way}), seed):
                for name in wanted:
                    samples[name, way][number].add(tallies[name].of(block))
                done += len(block)
                if show is not None:
                    show(done, total)
    result = {}
    for name, tally in tallies.items():
        of_tally: dict[str, Interval] = {}
        for way in passes:
            metrics = [m for m in tally.point() if _way(tally, m, config) is way]
            of_tally |= _intervals(tally, metrics, samples[name, way], cohort, way, config)
        result[name] = {metric: of_tally[metric] for metric in tally.point()}
    return result


def _way(tally: Tally, metric: str, config: BootstrapConfig) -> bool:
    """Whether the metric's resamples hold fixed how many patients have a positive."""
    return config.stratified and metric not in tally.mix


def _passes(tallies: Mapping[str, Tally], config: BootstrapConfig) -> dict[bool, list[str]]:
    """For either way of drawing, the tallies that have a metric drawn so."""
    passes: dict[bool, list[str]] = {True: [], False: []}
    for name, tally in tallies.items():
        for way in {_way(tally, metric, config) for metric in tally.point()}:
            passes[way].append(name)
    return {way: wanted for way, wanted in passes.items() if wanted}


def interval_of(
    tally: Tally, cohort: Cohort, config: BootstrapConfig | None = None
) -> dict[str, Interval]:
    """The intervals of one tally's values."""
    return intervals({"": tally}, cohort, config)[""]


def difference(first: Tally, second: Tally) -> Tally:
    """Second minus first on the same draws: what two scores of the same rows differ by."""

    def minus(values: Mapping[str, Values]) -> Values:
        one, other = values["first"], values["second"]
        return {name: other[name] - one[name] for name in one if name in other}

    behind = {
        name: min(first.behind[name], second.behind[name])
        for name in first.behind
        if name in second.behind
    }
    both = side_by_side({"first": first, "second": second}, minus)
    return replace(both, behind=behind, mix=first.mix & second.mix)


def draws(cohort: Cohort, config: BootstrapConfig, seed: int) -> Iterator[Floats]:
    """Blocks of (resamples x patients): how often each patient is in each resample.

    A block's size follows from the cohort alone, and each stratum has its own stream.
    """
    strata = cohort.strata if config.stratified else np.zeros_like(cohort.strata)
    members = [np.flatnonzero(strata == stratum) for stratum in np.unique(strata)]
    streams = [np.random.default_rng([seed, number]) for number in range(len(members))]
    block = max(1, BLOCK // max(1, cohort.size))
    for start in range(0, config.replicates, block):
        size = min(block, config.replicates - start)
        counts = np.empty((size, cohort.size))
        for who, stream in zip(members, streams, strict=True):
            counts[:, who] = _drawn(stream, size, len(who))
        yield counts


def _drawn(stream: np.random.Generator, size: int, n: int) -> Ints:
    """(size, n): how often each of n is among n drawn with replacement."""
    picks = stream.integers(n, size=(size, n), dtype=np.int64)
    picks += n * np.arange(size)[:, None]
    return np.bincount(picks.ravel(), minlength=size * n).reshape(size, n)


class _Samples:
    """The values of one seed's resamples, block after block."""

    def __init__(self) -> None:
        self._blocks: dict[str, list[Floats]] = {}

    def add(self, values: Values) -> None:
        for metric, block in values.items():
            self._blocks.setdefault(metric, []).append(block)

    def of(self, metric: str) -> Floats:
        return np.concatenate(self._blocks[metric])


def _intervals(
    tally: Tally,
    metrics: Sequence[str],
    samples: Sequence[_Samples],
    cohort: Cohort,
    stratified: bool,
    config: BootstrapConfig,
) -> dict[str, Interval]:
    point = tally.point()
    strata = cohort.strata if stratified else np.zeros_like(cohort.strata)
    accelerations = _accelerations(tally, strata) if metrics else {}
    result = {}
    for metric in metrics:
        by_seed = [sample.of(metric) for sample in samples]
        together, value = np.concatenate(by_seed), point[metric]
        n = tally.behind.get(metric, cohort.fewest)
        ends = [
            _ends(sample, value, accelerations[metric], n, config.level)
            for sample in (together, *by_seed)
        ]
        known = not np.isnan(ends[0]).any()
        result[metric] = Interval(
            value=None if np.isnan(value) else value,
            low=float(ends[0][0]) if known else None,
            high=float(ends[0][1]) if known else None,
            level=config.level,
            unit=cohort.unit,
            patients=n,
            stratified=stratified,
            replicates=len(together),
            undefined=int(np.isnan(together).sum()),
            seed_spread=None if np.isnan(ends).any() else float(np.ptp(ends[1:], axis=0).max()),
        )
    return result


def _ends(sample: Floats, value: float, acceleration: float, n: int, level: float) -> Floats:
    """Both ends of an interval; NaN where nothing can be said.

    BCa after Efron 1987; and since resampled values of n patients spread too little, by
    sqrt((n - 1) / n), with a spread that is itself uncertain, Student's t instead of the normal
    (Hesterberg 2015, "expanded percentile interval").
    """
    defined = sample[~np.isnan(sample)]
    if len(defined) and np.ptp(defined) < ALIKE:
        defined = np.full_like(defined, defined[0])  # or rounding would pass for spread
    if np.isnan(value) or not len(defined) or n < FEWEST:
        return np.array([np.nan, np.nan])
    below = (np.mean(defined < value) + np.mean(defined <= value)) / 2
    shift = ndtri(np.clip(below, 1 / (len(defined) + 1), len(defined) / (len(defined) + 1)))
    reach = math.sqrt(n / (n - 1)) * stdtrit(n - 1, (1 + level) / 2)
    moved = shift + np.array([-reach, reach])
    slack = 1 - acceleration * moved
    # Past its pole the correction has no meaning; up to there it grows without bound.
    far = np.where(slack > 0, moved / np.where(slack > 0, slack, 1.0), np.copysign(np.inf, moved))
    return np.asarray(np.quantile(defined, ndtr(shift + far)), dtype=np.float64)


def _accelerations(tally: Tally, strata: Ints) -> dict[str, float]:
    """How the spread changes with the value, from leaving out one patient at a time."""
    patients, alike = tally.kinds(strata)
    block = max(1, BLOCK // max(1, tally.table.shape[0]))
    left_out = _Samples()
    for start in range(0, len(patients), block):
        left_out.add(tally.leaving_out(patients[start : start + block]))
    return {metric: _skew(left_out.of(metric), alike, strata[patients]) for metric in tally.point()}


def _skew(values: Floats, count: Ints, strata: Ints) -> float:
    """A sixth of the skewness of what each patient pulls the metric by, within its stratum."""
    square, cube = 0.0, 0.0
    for stratum in np.unique(strata):
        rows = (strata == stratum) & ~np.isnan(values)
        if rows.any():
            pull = np.average(values[rows], weights=count[rows]) - values[rows]
            square += float(np.sum(count[rows] * pull**2))
            cube += float(np.sum(count[rows] * pull**3))
    return cube / (6 * square**1.5) if square > 0 else 0.0
