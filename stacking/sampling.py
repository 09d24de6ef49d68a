"""Which training rows a booster sees: positives repeated, negatives dropped or in shards."""

import numpy as np

from stacking.config import StackConfig
from workspace.arrays import Bools, Ints
from workspace.errors import ConfigError


def sampled(positive: Bools, config: StackConfig, seed: int) -> Ints:
    """Indices of the rows to train on, sorted; an index may come more than once."""
    positives, negatives = np.flatnonzero(positive), np.flatnonzero(~positive)
    if config.sampling == "all":
        return np.arange(len(positive))
    stream = np.random.default_rng([seed, 0])
    if config.sampling == "shards":
        # One order for all seeds: seed s takes the s-th of the shards, so that they rotate.
        if config.shards > len(negatives):
            raise ConfigError(
                f"stack.shards is {config.shards}, but a fold's training rows have only "
                f"{len(negatives)} negatives to split."
            )
        order = np.random.default_rng([seed - seed % config.shards, 1]).permutation(negatives)
        return np.sort(np.r_[positives, order[seed % config.shards :: config.shards]])
    wanted = max(len(positives), round(config.positive_ratio * len(negatives)))
    positives = np.r_[positives, stream.choice(positives, wanted - len(positives))]
    count = min(len(negatives), max(1, round(len(positives) / config.negative_ratio)))
    return np.sort(np.r_[positives, stream.choice(negatives, count, replace=False)])


def prior_shift(positive: Bools, indices: Ints) -> float:
    """What to add to the log odds of a booster of these rows, so that they mean all rows."""
    share, drawn = positive.mean(), positive[indices].mean()
    return float(np.log(share / (1 - share)) - np.log(drawn / (1 - drawn)))
