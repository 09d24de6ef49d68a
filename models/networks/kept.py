"""A network as a run keeps it: its weights, written and opened; `use` is what lies beside them."""

from dataclasses import asdict

import torch

from models.inference.views import IDENTITY
from models.nets.config import NONE, NetConfig
from models.nets.network import LesionNet
from models.nets.weights import pack
from models.nets.work import threads_of
from models.networks.fold import TrainedNetwork
from models.networks.names import HeldOut
from models.networks.network import Network, Run
from models.networks.use import BEST, HISTORY, LAST, USE, Use
from workspace.units import Draft


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
