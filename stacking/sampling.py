"""Which training rows a booster sees: positives repeated, negatives dropped or dealt in shards."""

import numpy as np
from numpy.typing import NDArray

from stacking.config import StackConfig
from workspace.errors import ConfigError

Bools = NDArray[np.bool_]
Indices = NDArray[np.int64]


def sampled(positive: Bools, config: StackConfig, seed: int) -> Indices:
    """Places of the rows to train on, sorted; a place may come more than once."""
    ill, well = np.flatnonzero(positive), np.flatnonzero(~positive)
    if config.sampling == "all":
        return np.arange(len(positive))
    stream = np.random.default_rng([seed, 0])
    if config.sampling == "shards":
        # One order for all seeds: seed s takes the s-th of the shards, so that they rotate.
        if config.shards > len(well):
            raise ConfigError(
                f"stack.shards is {config.shards}, but a fold's training rows have only "
                f"{len(well)} negatives to deal."
            )
        order = np.random.default_rng([seed - seed % config.shards, 1]).permutation(well)
        return np.sort(np.r_[ill, order[seed % config.shards :: config.shards]])
    wanted = max(len(ill), round(config.positive_ratio * len(well)))
    ill = np.r_[ill, stream.choice(ill, wanted - len(ill))]
    kept = min(len(well), max(1, round(len(ill) / config.negative_ratio)))
    return np.sort(np.r_[ill, stream.choice(well, kept, replace=False)])


def prior_shift(positive: Bools, rows: Indices) -> float:
    """What to add to the log odds of a booster trained on `rows`, so that they mean all rows."""
    share, drawn = positive.mean(), positive[rows].mean()
    return float(np.log(share / (1 - share)) - np.log(drawn / (1 - drawn)))
