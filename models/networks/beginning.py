"""With whose weights a network begins, where that is another network of the recipe.

Of that one the backbone alone is taken, so it must be the same; what is trained within each fold
goes to the same fold's network.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from models.nets.config import HUB, INSTALLED, NONE
from models.networks.config import NetworkConfig

SHARED = ("backbone", "options", "mean", "std")  # of net: what the weights belong to
LIKE_A_NAME = r"[a-z][a-z0-9_]*"


def check_beginning(name: str, networks: Mapping[str, NetworkConfig]) -> None:
    """A ValueError where `net.weights` names a network that this one cannot begin with, or none."""
    network, weights = networks[name], networks[name].net.weights
    where = f"networks.{name}.net.weights is {weights!r}"
    if weights not in networks:
        if weights not in (HUB, INSTALLED, NONE) and _is_no_file(weights):
            known = [n for n, one in networks.items() if one.task.is_beginning]
            raise ValueError(
                f"{where}; there is no such network ({', '.join(known) or 'none'} to begin with), "
                "and no file"
            )
        return
    start = networks[weights]
    if not start.task.is_beginning:
        raise ValueError(
            f"{where}, which learns task.kind={start.task.kind!r}; name a network that is learnt "
            "for its weights, or a file"
        )
    if network.task.is_beginning:
        raise ValueError(f"{where}; what others begin with begins with none of this recipe itself")
    if not network.task.learns:
        raise ValueError(
            f"{where}, and task.kind={network.task.kind!r} is one for all folds; take one that "
            'learns with frozen = ["backbone"] in its phases'
        )
    if network.net.sha256 is not None:
        raise ValueError(f"{where}, a network of this recipe, and net.sha256 is of a file; drop it")
    for key in SHARED:
        ours, theirs = getattr(network.net, key), getattr(start.net, key)
        if ours != theirs:
            raise ValueError(
                f"{where}, whose net.{key} is {theirs!r} and not {ours!r}; give both one"
            )


def _is_no_file(weights: str) -> bool:
    return re.fullmatch(LIKE_A_NAME, weights) is not None and not Path(weights).exists()
