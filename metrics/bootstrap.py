"""How sure a metric is: intervals from drawing patients again, with replacement.

Patients with and without a positive are drawn apart, so that every resample has as many of each,
but for values that depend on how many there are, such as a Brier score. A resample in which a
metric is undefined is counted, never dropped in silence. Ends are percentiles, moved outwards for
few patients and reckoned with part of a patient more: docs/decisions/0007 says why.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TypedDict, TypeVar, cast

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from metrics.cohort import Cohort, Unit
from metrics.ends import UNKNOWN, ends, ends_of_share
from metrics.support import FEWEST, NO_INTERVAL, NONE_OF_A_DISTANCE, NONE_OF_ONE_ANSWER
from metrics.tally import Margins, Tally, Values, side_by_side
from workspace.arrays import Floats, Ints
from workspace.choices import Seeds
from workspace.progress import Show

N = TypeVar("N", int, float)
BLOCK = 2**23  # cells of a block of draws: 64 MB
MORE_APART = 0.1  # of a patient: with half a one differences cover .99 (docs/LOG.md)


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
    reason: str | None


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
    reason: str | None = None  # why a value has no interval

    def as_json(self) -> IntervalSheet:
        return cast(IntervalSheet, asdict(self))

    def covers(self, value: float) -> bool:
        """Whether the value lies inside; False where there is no interval."""
        return self.low is not None and self.high is not None and self.low <= value <= self.high

    def __str__(self) -> str:
        if self.value is None:
            return "undefined"
        if self.low is None:
            few = f": {self.patients} {self.unit}s, fewer than {FEWEST}"
            return f"{self.value:.4f} [no interval{few if self.patients < FEWEST else ''}]"
        return f"{self.value:.4f} [{self.low:.4f}, {self.high:.4f}]"


def intervals(
    tallies: Mapping[str, Tally],
    cohort: Cohort,
    config: BootstrapConfig | None = None,
    show: Show | None = None,
) -> dict[str, dict[str, Interval]]:
    """An interval for every value of every tally, from the same draws where patients are known.

    Values that depend on how many patients have a positive (a tally's `mix`) are drawn without
    strata: held fixed, that number would lend them a certainty that they do not have.
    """
    config = config or BootstrapConfig()
    assert all(tally.table.shape[1] == cohort.size for tally in tallies.values())
    passes = _passes(tallies, config)
    parties = [party for way in passes for party in _parties(tallies, passes[way], cohort, way)]
    samples = _sampled(parties, config, show)
    result = {}
    for name, tally in tallies.items():
        point = tally.point()
        result[name] = {
            metric: _interval(
                tally, metric, value, cohort, config,
                [sample.of(metric) for sample in samples[name, _way(tally, metric, config)]],
            )
            for metric, value in point.items()
        }  # fmt: skip
    return result


@dataclass(frozen=True)
class _Party:
    """Tallies of the same draws, and whom these draw: how many are `alike`, of which stratum."""

    tallies: Mapping[str, Tally]
    strata: Ints
    alike: Ints
    stratified: bool


def _parties(
    tallies: Mapping[str, Tally], wanted: Sequence[str], cohort: Cohort, stratified: bool
) -> list[_Party]:
    """All tallies in one, but for single rows: those are of few kinds, other ones for each tally.

    Only how many of each kind are drawn can change a value. So 400,000 rows are drawn as fast as
    a thousand patients.
    """
    strata = cohort.strata if stratified else np.zeros_like(cohort.strata)
    if cohort.unit == "patient":
        some = {name: tallies[name] for name in wanted}
        return [_Party(some, strata, np.ones_like(strata), stratified)]
    parties = []
    for name in wanted:
        kinds = tallies[name].kinds(strata)
        merged = {name: tallies[name].of_kinds(kinds)}
        parties.append(_Party(merged, strata[kinds.first], kinds.alike, stratified))
    return parties


def _sampled(
    parties: Sequence[_Party], config: BootstrapConfig, show: Show | None
) -> dict[tuple[str, bool], list["_Samples"]]:
    """By tally and way of drawing, the resamples of each seed."""
    samples: dict[tuple[str, bool], list[_Samples]] = {}
    done, total = 0, config.replicates * len(config.seeds) * len(parties)
    for party in parties:
        for seed in config.seeds:
            own = {name: _Samples() for name in party.tallies}
            for block in _blocks(party.strata, party.alike, config.replicates, seed):
                for name, tally in party.tallies.items():
                    own[name].add(tally.between(block))
                done += len(block)
                if show is not None:
                    show(done, total)
            for name, of_seed in own.items():
                samples.setdefault((name, party.stratified), []).append(of_seed)
    return samples


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

    both = side_by_side({"first": first, "second": second}, minus)
    margins = _apart(first.margins, second.margins)
    return replace(
        both,
        behind=_lesser(first.behind, second.behind),
        mix=_lesser(first.mix, second.mix),
        margins=margins,
        distances=first.distances | second.distances,
    )


def _lesser(first: Mapping[str, N], second: Mapping[str, N]) -> dict[str, N]:
    """Of what both have, the lesser."""
    return {name: min(first[name], second[name]) for name in first if name in second}


def _apart(first: Margins | None, second: Margins | None) -> Margins | None:
    """A patient more on whom one score fails and the other does not: less of one, they are rare."""
    if first is None or second is None:
        return None
    none, of = (np.zeros_like(first.worst), np.zeros_like(second.worst)), first.of & second.of
    worst, best = np.r_[none[0], second.worst], np.r_[first.worst, none[1]]
    return Margins(worst, best, of, weight=MORE_APART)


def draws(cohort: Cohort, config: BootstrapConfig, seed: int) -> Iterator[Floats]:
    """Blocks of (resamples x patients): how often each patient is in each resample."""
    strata = cohort.strata if config.stratified else np.zeros_like(cohort.strata)
    return _blocks(strata, np.ones_like(strata), config.replicates, seed)


def _blocks(strata: Ints, alike: Ints, replicates: int, seed: int) -> Iterator[Floats]:
    """Blocks of (resamples x kinds): how often patients of each kind are in each resample.

    A block's size follows from the kinds alone, and each stratum has its own stream.
    """
    members = [np.flatnonzero(strata == stratum) for stratum in np.unique(strata)]
    streams = [np.random.default_rng([seed, number]) for number in range(len(members))]
    block = max(1, BLOCK // max(1, len(strata)))
    for start in range(0, replicates, block):
        size = min(block, replicates - start)
        counts = np.empty((size, len(strata)))
        for who, stream in zip(members, streams, strict=True):
            counts[:, who] = _drawn(stream, size, alike[who])
        yield counts


def _drawn(stream: np.random.Generator, size: int, alike: Ints) -> Ints:
    """(size, kinds): how often each kind is drawn, with replacement, as many as they all are."""
    n = len(alike)
    if alike.max(initial=1) > 1:
        total = int(alike.sum())
        return stream.multinomial(total, alike / total, size=size).astype(np.int64)
    picks = stream.integers(n, size=(size, n), dtype=np.int64)
    picks += n * np.arange(size)[:, None]
    return np.bincount(picks.ravel(), minlength=size * n).reshape(size, n)


class _Samples:
    """The values of one seed's resamples, block after block, and between which they lie."""

    def __init__(self) -> None:
        self._blocks: dict[str, list[Floats]] = {}

    def add(self, between: tuple[Values, Values, Values]) -> None:
        plain, low, high = between
        for metric in plain:
            self._blocks.setdefault(metric, []).append(
                np.stack([plain[metric], low[metric], high[metric]])
            )

    def of(self, metric: str) -> Floats:
        """(3, resamples)"""
        return np.concatenate(self._blocks[metric], axis=1)


def _interval(
    tally: Tally,
    metric: str,
    value: float,
    cohort: Cohort,
    config: BootstrapConfig,
    by_seed: Sequence[Floats],
) -> Interval:
    """From the resamples of each seed, (3, resamples) each, and on how many patients they rest."""
    n = tally.behind.get(metric, cohort.fewest)
    together = np.concatenate(by_seed, axis=1)
    both = [_ends(tally, metric, value, n, config.level, sample) for sample in (together, *by_seed)]
    known = not np.isnan(both[0]).any()
    return Interval(
        value=None if np.isnan(value) else value,
        low=float(both[0][0]) if known else None,
        high=float(both[0][1]) if known else None,
        level=config.level,
        unit=cohort.unit,
        patients=n,
        stratified=_way(tally, metric, config),
        replicates=together.shape[1],
        undefined=int(np.isnan(together[0]).sum()),
        seed_spread=None if np.isnan(both).any() else float(np.ptp(both[1:], axis=0).max()),
        reason=None if known or np.isnan(value) else _reason(tally, metric, n),
    )


def _ends(tally: Tally, metric: str, value: float, n: int, level: float, sample: Floats) -> Floats:
    """Both ends by what kind of value it is; NaN where there is no interval."""
    if n < FEWEST or metric in tally.distances:
        return UNKNOWN
    if metric in tally.shares and value in (0.0, 1.0):
        return ends_of_share(value, tally.shares[metric], level)
    return ends(sample, value, min(n, tally.mix.get(metric, n)), level)


def _reason(tally: Tally, metric: str, n: int) -> str:
    """The sentence that stands where the interval would."""
    if metric in tally.distances:
        return NONE_OF_A_DISTANCE
    return NO_INTERVAL if n < FEWEST else NONE_OF_ONE_ANSWER
