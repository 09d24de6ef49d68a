"""A part of the labels, as if no more had been paid for: whole groups, of each class its share.

A larger share holds all of a smaller one of the same seed, so that a curve over shares adds labels.
"""

import numpy as np

from workspace.arrays import Ints


def few_labels(indices: Ints, codes: Ints, groups: Ints, share: float, seed: int) -> Ints:
    """Those of the indices that keep their label; `codes` and `groups` are those of `indices`.

    A group is of its rarest class. Of each class at least one group keeps its labels.
    """
    counts = np.bincount(codes)
    names, group_of = np.unique(groups, return_inverse=True)
    rarest = np.lexsort((codes, counts[codes], group_of))  # of each group the rarest class first
    of_group = codes[rarest[np.searchsorted(group_of[rarest], np.arange(len(names)))]]
    order = np.random.default_rng(seed).permutation(len(names))
    labelled = np.zeros(len(names), bool)
    for code in np.unique(of_group):
        own = order[of_group[order] == code]
        labelled[own[: max(1, round(share * len(own)))]] = True
    return indices[labelled[group_of]]
