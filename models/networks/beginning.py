"""With whose weights a network begins, where that is another network of the recipe.

Of that one the backbone alone is taken, so it must be the same; what is trained within each fold
goes to the same fold's network.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from models.nets.config import HUB, INSTALLED, NONE
from models.networks.config import NetworkConfig

SHARED = ("backbone", "options", "mean", "std")  # of net: what the weights belong to
WHOLE = (*SHARED, "size", "se", "cbam", "se_reduction", "hidden", "head_norm")
LIKE_A_NAME = r"[a-z][a-z0-9_]*"


def check_beginning(name: str, networks: Mapping[str, NetworkConfig]) -> None:
    """A ValueError where `net.weights` names a network that this one cannot begin with, or none."""
    network, weights = networks[name], networks[name].net.weights
    where = f"networks.{name}.net.weights is {weights!r}"
    if network.net.weight_bits is not None:
        _check_whole(name, networks)
        return
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
    _check_shared(name, networks, SHARED)


def _check_shared(name: str, networks: Mapping[str, NetworkConfig], keys: Sequence[str]) -> None:
    network = networks[name].net
    for key in keys:
        ours, theirs = getattr(network, key), getattr(networks[network.weights].net, key)
        if ours != theirs:
            raise ValueError(
                f"networks.{name}.net.weights is {network.weights!r}, whose net.{key} is "
                f"{theirs!r} and not {ours!r}; give both one"
            )


def _check_whole(name: str, networks: Mapping[str, NetworkConfig]) -> None:
    """The same for one in few bits, which goes on with all of another network."""
    network = networks[name]
    weights, where = network.net.weights, f"networks.{name}.net.weights is {network.net.weights!r}"
    if weights == name or weights not in networks:
        raise ValueError(
            f"{where}, and net.weight_bits={network.net.weight_bits} is learnt by a network that "
            "is trained already; name another of the recipe"
        )
    start = networks[weights]
    if not network.task.learns or network.task.kind != start.task.kind:
        raise ValueError(
            f"{where}, which learns task.kind={start.task.kind!r}; in few bits it learns the same"
        )
    if start.net.weight_bits is not None:
        raise ValueError(f"{where}, which is in few bits itself; name one that has all its bits")
    if network.net.sha256 is not None:
        raise ValueError(f"{where}, a network of this recipe, and net.sha256 is of a file; drop it")
    if network.learning.choose != "last":
        raise ValueError(
            f"{where}, which learnt from most of what would be its inner rows, and nothing can be "
            f"chosen on these; take networks.{name}.training.choose='last'"
        )
    _check_shared(name, networks, WHOLE)


def _is_no_file(weights: str) -> bool:
    return re.fullmatch(LIKE_A_NAME, weights) is not None and not Path(weights).exists()
