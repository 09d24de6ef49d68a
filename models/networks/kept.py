"""A network as a run keeps it: weights beside what is needed to use them.

`use.json` holds the network's configuration, the classes in the order of its outputs, size, mean
and std of its pictures, the threshold. Labels are compared by name before a weight is read.
"""

from collections.abc import Sequence
from dataclasses import asdict

import torch
from pydantic import BaseModel, ConfigDict, Field

from models.inference.views import IDENTITY
from models.nets.attention import began_otherwise
from models.nets.config import NONE, NetConfig
from models.nets.network import LesionNet
from models.nets.weights import pack, shapes, unpack
from models.nets.work import threads_of
from models.networks.fold import TrainedNetwork
from models.networks.network import HeldOut, Network, Run
from workspace.errors import ArtifactError
from workspace.hashing import sha256_text
from workspace.units import Draft, Unit

USE, BEST, LAST, HISTORY = "use.json", "best.safetensors", "last.safetensors", "history.json"


class Use(BaseModel):
    """All that is needed to use a fold's network, but its weights."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    # As the file has them: its hash names the network in every table that comes of it.
    network: str = Field(alias="stage")
    held_out: HeldOut | None = Field(alias="fold")  # None: it learnt from no fold
    classes: tuple[str, ...]
    net: NetConfig
    views: tuple[str, ...]
    bfloat16: bool  # how the held-out rows were scored; other rows must be scored alike
    threshold: float | None
    last_threshold: float | None
    best_epoch: int
    inner_score: float | None  # None: nothing was chosen, best and last are the same


def keep(
    draft: Draft, network: Network, held_out: HeldOut, run: Run, trained: TrainedNetwork
) -> Use:
    """Write the network into a unit; gives its use."""
    config = network.config.net
    net = LesionNet.blank(config, network.outputs)
    use = Use(
        network=network.name, held_out=held_out, classes=network.classes, net=_own(config, net),
        views=tuple(view.name for view in run.way.views),
        bfloat16=run.way.pace.dtype == "bfloat16",
        threshold=trained.threshold, last_threshold=trained.last_threshold,
        best_epoch=trained.best_epoch, inner_score=trained.inner_score,
    )  # fmt: skip
    _write(draft, use)
    draft.tensors(BEST, trained.best)
    draft.tensors(LAST, trained.last)
    draft.json(HISTORY, trained.history)
    return use


def keep_encoder(draft: Draft, name: str, config: NetConfig) -> None:
    """Write a backbone that learns nothing into a unit, with a last layer that nobody asks."""
    net = LesionNet(config, 1)
    for parameter in net.head.parameters():
        torch.nn.init.zeros_(parameter)  # or its hash, which names the maker, would be drawn
    use = Use(
        network=name, held_out=None, classes=(), net=_own(config, net), views=(IDENTITY[0].name,),
        bfloat16=False, threshold=None, last_threshold=None, best_epoch=0, inner_score=None,
    )  # fmt: skip
    _write(draft, use)
    draft.tensors(BEST, pack(net))
    draft.facts["origin"] = asdict(net.origin)


def _write(draft: Draft, use: Use) -> None:
    draft.json(USE, use.model_dump(mode="json", by_alias=True))


def _own(config: NetConfig, net: LesionNet) -> NetConfig:
    """The configuration by which the kept weights are used, wherever they once came from."""
    return config.model_copy(
        update={
            "weights": NONE, "sha256": None, "size": net.size, "mean": net.mean, "std": net.std,
            "threads": threads_of(config),
        }
    )  # fmt: skip


def use_of(unit: Unit, classes: Sequence[str] | None = None) -> Use:
    """How a kept network is used; `classes` are those the caller will name its outputs by."""
    use = Use.model_validate(unit.json(USE))
    if classes is not None and tuple(classes) != use.classes:
        raise ArtifactError(
            f"{unit.folder} was trained on the classes {', '.join(use.classes)}, in this order; "
            f"asked for are {', '.join(classes)}. Restore the recipe, or run 'make train-cnn "
            "FRESH=1'."
        )
    return use


def maker_of(unit: Unit) -> str:
    """One hash for a kept network: its weights and how they are used."""
    return sha256_text(f"{unit.sha256(BEST)} {unit.sha256(USE)}")


def open_network(unit: Unit, classes: Sequence[str] | None = None) -> tuple[LesionNet, Use]:
    """The network with its best weights, ready to score."""
    use = use_of(unit, classes)
    outputs = len(use.classes) if len(use.classes) > 2 else 1
    net = LesionNet.blank(use.net, outputs)
    weights = unit.tensors(BEST)
    if began_otherwise(weights, shapes(net)):
        raise ArtifactError(
            f"{unit.folder} has SE or CBAM whose gates begin at one half, which this version "
            f"computes otherwise; run 'make {unit.manifest.stage} FRESH=1', or use it with the "
            f"code that made it ({unit.manifest.code.commit[:9]})."
        )
    unpack(net, weights)
    return net.eval(), use
