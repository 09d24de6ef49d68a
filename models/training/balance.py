"""How much of the loss each class is: how often it is shown, and what it counts there.

The one place where sampling, oversampling and weights meet; it goes into a network's manifest.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from workspace.arrays import Ints


def class_balance(
    learnt: Ints, shown: Ints, weights: Tensor | None, classes: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Of each class: rows to learn from, pictures an epoch, weight, share of the loss.

    `learnt` are the rows' codes, `shown` those of an epoch's pictures. The share is that of
    pictures that are all equally wrong, before labels are smoothed. Without classes there is
    nothing to say.
    """
    if not classes:
        return {}
    rows, pictures = (np.bincount(codes, minlength=len(classes)) for codes in (learnt, shown))
    weight = np.ones(len(classes)) if weights is None else weights.double().cpu().numpy()
    counted = pictures * weight
    share = counted / counted.sum()
    return {
        name: {
            "rows": int(rows[code]),
            "pictures_an_epoch": int(pictures[code]),
            "weight": float(weight[code]),
            "share_of_loss": float(share[code]),
        }
        for code, name in enumerate(classes)
    }
