"""The network: a timm backbone, attention behind its last four feature stages, a small head.

Works for whatever timm backbone has feature stages of shape (B, C, H, W): any ConvNeXt, any
EfficientNet or MobileNet; others run with se and cbam off. One forward pass gives the embedding
and the raw logits; size, mean and std travel with the network, so that no one restates them.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Self, TypeVar

import torch
from torch import Tensor, nn

from models.nets.attention import CBAM, SqueezeExcite
from models.nets.config import PARTS, NetConfig, Part
from models.nets.quantised import round_layers
from models.nets.weights import Origin, blank_backbone, pretrained_backbone, trained_network, unpack
from workspace.errors import ConfigError

Kept = TypeVar("Kept")
STAGES = 4
WITH_CBAM = (1, 3)  # the second and the fourth of them
AUXILIARY = "auxiliary"  # the layer that only training has


class LesionNet(nn.Module):
    """Images (B, 3, H, W) -> logits (B, outputs); one output is a sigmoid's, more a softmax's."""

    def __init__(
        self, config: NetConfig, outputs: int, blank: bool = False, auxiliary: int = 0
    ) -> None:
        super().__init__()
        bare = blank or config.weight_bits is not None
        backbone, self.origin = (
            (blank_backbone(config), Origin("none")) if bare else pretrained_backbone(config)
        )
        known = backbone.pretrained_cfg
        self.config, self.outputs = config, outputs
        self.size: int = config.size or known["input_size"][-1]
        self.mean: tuple[float, ...] = config.mean or tuple(known["mean"])
        self.std: tuple[float, ...] = config.std or tuple(known["std"])
        self._attention: list[str] = []
        self._frozen: frozenset[Part] = frozenset()
        # Tokens and positions, which a ViT names itself: pulling them to 0 means nothing.
        spared: Collection[str] = getattr(backbone, "no_weight_decay", tuple)()
        self.undecayed = frozenset(f"backbone.{name}" for name in spared)
        looked = _Look(backbone, self.size)
        self.num_features = looked.width
        self.backbone = backbone
        if config.se or config.cbam:
            self._attend(looked)
            looked = _Look(backbone, self.size)  # with the attention that was put in
        self.head = _head(looked.width, outputs, config)
        if config.weight_bits is not None:
            self._round(config.weight_bits, blank=blank)
            looked = _Look(backbone, self.size)
        last = looked.last_map
        # "" where there is none, as with tokens: nothing can be drawn over the picture then.
        self.last_map = next((name for name, module in self.named_modules() if module is last), "")
        # Last, so that with or without it the same seed gives the same weights to all the rest.
        self.auxiliary = _linear(looked.width, auxiliary) if auxiliary else None

    @classmethod
    def blank(cls, config: NetConfig, outputs: int) -> Self:
        """The same network with random weights, for a checkpoint to be unpacked into."""
        return cls(config, outputs, blank=True)

    def forward(self, images: Tensor) -> Tensor:
        return self.embed(images)[1]

    def embed(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Embedding (B, num_features) and logits (B, outputs) of one forward pass."""
        embedding: Tensor = self.backbone(images)
        return embedding, self.head(embedding)

    def learn(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """Logits (B, outputs), and of the same embedding those of the auxiliary layer, if any.

        Only training asks for them: scoring and embeddings go through `embed`.
        """
        embedding, logits = self.embed(images)
        return logits, None if self.auxiliary is None else self.auxiliary(embedding)

    def part_of(self, name: str) -> Part:
        """Which part a parameter, a buffer or a module of this name belongs to."""
        if any(name == path or name.startswith(f"{path}.") for path in self._attention):
            return "attention"
        return "head" if name.partition(".")[0] in ("head", AUXILIARY) else "backbone"

    def freeze(self, parts: Collection[Part]) -> None:
        """Freeze these parts and no other: no gradients, and evaluation mode even in training.

        A frozen batch norm in training mode would go on moving its statistics, a frozen dropout
        or drop path would go on adding noise to features that cannot answer it.
        """
        assert set(parts) <= set(PARTS), f"parts are {PARTS}"
        self._frozen = frozenset(parts)
        for name, parameter in self.named_parameters():
            parameter.requires_grad_(self.part_of(name) not in self._frozen)
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        for name, module in self.named_modules():
            if name and self.part_of(name) in self._frozen:
                module.training = False
        return self

    def set_dropout(self, rates: tuple[float, ...]) -> None:
        """Other rates for the head's dropouts, first layer first: they may fall phase by phase."""
        dropouts = [module for module in self.head if isinstance(module, nn.Dropout)]
        for dropout, rate in zip(dropouts, rates, strict=True):
            dropout.p = rate

    def _round(self, bits: int, *, blank: bool) -> None:
        """Layers in few bits: of the network that it begins with, or as they are, to be filled."""
        if not blank:
            tensors, self.origin = trained_network(self.config)
            unpack(self, tensors)
        round_layers(self, bits)

    def _attend(self, looked: "_Look") -> None:
        for number, (name, channels) in enumerate(looked.stages()):
            behind: dict[str, nn.Module] = {}
            if self.config.se:
                behind["se"] = SqueezeExcite(channels, self.config.se_reduction)
            if self.config.cbam and number in WITH_CBAM:
                behind["cbam"] = CBAM(channels)
            if behind:
                parent, _, last = name.rpartition(".")
                wrapped = _Attended(self.backbone.get_submodule(name), behind)
                setattr(self.backbone.get_submodule(parent), last, wrapped)
                self._attention += [f"backbone.{name}.{child}" for child in behind]


def without_auxiliary(weights: Mapping[str, Kept]) -> dict[str, Kept]:
    """Those that scoring needs: nothing that comes later can ask the auxiliary layer."""
    return {k: value for k, value in weights.items() if not k.startswith(f"{AUXILIARY}.")}


class _Attended(nn.Sequential):
    """A feature stage and the attention behind it, by name."""

    def __init__(self, stage: nn.Module, behind: dict[str, nn.Module]) -> None:
        super().__init__()
        self.add_module("stage", stage)
        for name, module in behind.items():
            self.add_module(name, module)


class _Look:
    """One image through a backbone: its stages' shapes, its last map before pooling, its width."""

    def __init__(self, backbone: Any, size: int) -> None:
        self._backbone = backbone
        self._shapes: dict[nn.Module, tuple[int, ...]] = {}
        self.last_map: nn.Module | None = None
        info: Any = getattr(backbone, "feature_info", None) or ()
        self._info = list(info)[-STAGES:]
        watched = [module for name, module in backbone.named_modules() if name]
        handles = [module.register_forward_hook(self._saw) for module in watched]
        training = backbone.training
        with torch.no_grad():
            self.width = int(backbone.eval()(torch.zeros(1, 3, size, size)).shape[-1])
        backbone.train(training)
        for handle in handles:
            handle.remove()
        if self._info and len(self._shape(self._info[-1])) == 3:
            # Tokens: what has four dimensions within them is attention's heads, not a map.
            self.last_map = None

    def _saw(self, module: nn.Module, _: object, output: Any) -> None:
        self._shapes[module] = shape = tuple(getattr(output, "shape", ()))
        if len(shape) == 4 and max(shape[2:]) > 1:  # not behind the pooling
            self.last_map = module

    def _shape(self, entry: Mapping[str, Any]) -> tuple[int, ...]:
        return self._shapes.get(self._backbone.get_submodule(entry["module"]), ())

    def stages(self) -> Iterator[tuple[str, int]]:
        """The last four feature stages: the module's name and its channels."""
        for entry in self._info:
            shape = self._shape(entry)
            if len(shape) != 4 or shape[1] != entry["num_chs"]:
                break
            yield entry["module"], entry["num_chs"]
        else:
            if len(self._info) == STAGES:
                return
        raise ConfigError(
            f"Attention needs {STAGES} feature stages of shape (B, C, H, W), which this backbone "
            "lacks; take net.se=false and net.cbam=false, or another net.backbone."
        )


def _head(width: int, outputs: int, config: NetConfig) -> nn.Sequential:
    """LayerNorm, Dropout, Linear, GELU for each layer; the last has no GELU: its logits are raw.

    Without norms (`head_norm`) it is what others call a linear classifier, or a plain projector.
    """
    widths = [width, *config.hidden, outputs]
    layers: list[nn.Module] = []
    for rate, before, after in zip(config.dropout, widths[:-1], widths[1:], strict=True):
        norm = [nn.LayerNorm(before)] if config.head_norm else []
        layers += [*norm, nn.Dropout(rate), _linear(before, after), nn.GELU()]
    return nn.Sequential(*layers[:-1])


def _linear(before: int, after: int) -> nn.Linear:
    linear = nn.Linear(before, after)
    nn.init.trunc_normal_(linear.weight, std=0.02)
    nn.init.zeros_(linear.bias)
    return linear
