"""Where a network's weights come from: the hub by name, a package, a safetensors file, or nowhere.

A pretrained file must hold the backbone's tensors, each of its shape, and besides them only the
classifier it was trained with, which is left out and listed; anything else stops. It may be a
network that a run of other data has kept: its backbone is taken. Position embeddings of another
image size are the one thing that is fitted, as timm fits them. Pickles are refused by name,
unopened. `pack` and `unpack` are our own checkpoints: every tensor, by name.
"""

import difflib
import logging
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import huggingface_hub
import numpy as np
import timm
import torch
from numpy.typing import NDArray
from timm.models import get_pretrained_cfg, model_entrypoint
from torch import Tensor, nn

import models.nets.small  # noqa: F401 - so that timm knows them
from models.nets.config import HUB, INSTALLED, NONE, NetConfig
from models.nets.installed import installed_tensors
from models.nets.packages import package_of
from workspace.errors import ArtifactError, ConfigError, DataError, name_some, shorten
from workspace.files import check_tensors, read_user_tensors

FILE_ENDING = ".safetensors"
HUB_FILE = "model.safetensors"
MEND = 'name a .safetensors file in net.weights, or take net.weights="none"'
OFFLINE = 'take tf_efficientnet_lite0 with net.weights="installed", or ' + MEND
# A counter that old files lack; it changes nothing, our batch norms have a fixed momentum.
COUNTER = ".num_batches_tracked"
POSITIONS = "pos_embed"
OURS = "backbone."  # before the names of a network that this project trained


@dataclass(frozen=True)
class Origin:
    """Where a backbone's weights came from; goes into the manifest."""

    source: str  # "hub", "installed", "file" or "none"
    name: str = ""  # the hub's repository, the package, or the file's name; never its path
    sha256: str | None = None
    left_out: tuple[str, ...] = ()  # the classifier's tensors


def pretrained_backbone(config: NetConfig) -> tuple[Any, Origin]:
    """A timm backbone without a classifier, its weights loaded as the configuration says."""
    backbone = blank_backbone(config)
    if config.weights == NONE:
        return backbone, Origin("none")
    if config.weights == INSTALLED:
        return _from_package(backbone, config)
    if config.weights == HUB:
        name, path = _from_hub(config.backbone)
    else:
        path = _named_file(config.weights)
        name = path.name
    tensors, sha256 = read_user_tensors(path)
    if config.sha256 not in (None, sha256):
        raise ArtifactError(
            f"{path.name} has SHA-256 {sha256[:12]}..., net.sha256 says {config.sha256[:12]}...; "
            "restore the file, or correct net.sha256."
        )
    left_out = _load(backbone, tensors, path.name, config.backbone)
    source = "hub" if config.weights == HUB else "file"
    return backbone, Origin(source, name, sha256, left_out)


def trained_network(config: NetConfig) -> tuple[dict[str, NDArray[Any]], Origin]:
    """All of a network that this project trained, its head and attention too."""
    path = _named_file(config.weights)
    tensors, sha256 = read_user_tensors(path)
    return tensors, Origin("file", path.name, sha256)


def blank_backbone(config: NetConfig) -> Any:
    """The same without weights, for what is about to be unpacked into it."""
    known = _pretrained_cfg(config.backbone)
    options: dict[str, Any] = dict(config.options)
    if config.drop_path:
        options["drop_path_rate"] = config.drop_path
    if config.size is not None and known.fixed_input_size:
        options["img_size"] = config.size
    try:
        return timm.create_model(config.backbone, pretrained=False, num_classes=0, **options)
    except (TypeError, ValueError, RuntimeError, KeyError) as error:
        names = name_some(sorted(options)) or "none"
        raise ConfigError(
            f"Backbone {config.backbone} cannot be made with options {names}: {error}; "
            "correct net.options."
        ) from error


def pack(net: nn.Module) -> dict[str, NDArray[Any]]:
    """Parameters and buffers by name, on the CPU, as our own checkpoints hold them."""
    return {name: _array(tensor) for name, tensor in net.state_dict().items()}


def shapes(net: nn.Module) -> dict[str, tuple[int, ...]]:
    """What a checkpoint of this network must hold, for the reader of its file."""
    return {name: tuple(tensor.shape) for name, tensor in net.state_dict().items()}


def unpack(net: nn.Module, tensors: Mapping[str, NDArray[Any]]) -> None:
    """Put a checkpoint back: all of its names, shapes and types must be the network's."""
    check_tensors("The checkpoint", {k: v.shape for k, v in tensors.items()}, shapes(net))
    state = {name: torch.tensor(value) for name, value in tensors.items()}
    types = {name: tensor.dtype for name, tensor in net.state_dict().items()}
    if other := sorted(name for name, tensor in state.items() if tensor.dtype != types[name]):
        raise ArtifactError(
            f"The checkpoint has other types in {name_some(other)}; it belongs to another network."
        )
    net.load_state_dict(state)


def _pretrained_cfg(backbone: str) -> Any:
    """What timm knows about this name: size, mean, std, where the weights are."""
    try:
        known = get_pretrained_cfg(backbone)
    except RuntimeError as error:  # a known architecture with an unknown tag
        raise ConfigError(f"{error} Take another net.backbone.") from error
    if known is None or not timm.is_model(backbone):
        architecture, _, _ = backbone.partition(".")
        near = difflib.get_close_matches(architecture, timm.list_models(), 1)
        meant = f"; did you mean '{near[0]}'?" if near else "; take one of timm's names."
        raise ConfigError(f"timm knows no backbone '{shorten(backbone)}'{meant}")
    return known


def _named_file(named: str) -> Path:
    path = Path(named)
    if path.suffix != FILE_ENDING:
        raise ConfigError(
            f"net.weights names '{shorten(path.name)}', which is not a .safetensors file; pickled "
            f"checkpoints can run code and are never opened: {MEND}."
        )
    if not path.is_file():
        raise ConfigError(f"net.weights names '{shorten(named, 80)}', which is not there; {MEND}.")
    return path


def _from_hub(backbone: str) -> tuple[str, Path]:
    """The repository and its file: the kept copy if there is one, so that a rerun asks no one."""
    repository, _, revision = (_pretrained_cfg(backbone).hf_hub_id or "").partition("@")
    if not repository:
        raise ConfigError(f"timm has no weights for {backbone} on the hub; {OFFLINE}.")
    fetch = partial(
        huggingface_hub.hf_hub_download, repository, HUB_FILE, revision=revision or None
    )
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # retries would bury our one line
    try:
        return repository, Path(fetch(local_files_only=True))
    except OSError:
        pass
    try:
        return repository, Path(fetch())
    except (OSError, huggingface_hub.errors.EntryNotFoundError) as error:
        raise ConfigError(
            f"The weights of {backbone} are not kept here and cannot be fetched from the hub "
            f"({type(error).__name__}); {OFFLINE}."
        ) from error


def _from_package(backbone: Any, config: NetConfig) -> tuple[Any, Origin]:
    package = package_of(config.backbone).name
    whole = timm.create_model(config.backbone, pretrained=False).state_dict()  # with its classifier
    tensors, sha256 = installed_tensors(config.backbone, whole)
    arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
    left_out = _load(backbone, arrays, package, config.backbone)
    return backbone, Origin("installed", package, sha256, left_out)


def _load(
    backbone: Any, arrays: Mapping[str, NDArray[Any]], file: str, name: str
) -> tuple[str, ...]:
    """Every tensor of the backbone from the file, strictly; gives the classifier's names."""
    arrays, above = _of_ours(arrays)
    tensors = {key: torch.tensor(value) for key, value in _in_float32(arrays, file).items()}
    own = backbone.state_dict()
    classifier = backbone.pretrained_cfg.get("classifier") or ()
    heads = (classifier,) if isinstance(classifier, str) else tuple(classifier)
    prefixes = tuple(f"{head}." for head in heads)
    lacks = not own.keys() <= tensors.keys() | {k for k in own if k.endswith(COUNTER)}
    unknown = any(k not in own and not k.startswith(prefixes) for k in tensors)
    if lacks or unknown or _of_another_size(tensors, own):
        tensors = _filtered(tensors, backbone, file, name)
    left_out = tuple(sorted(k for k in tensors if k.startswith(prefixes) and k not in own))
    kept = {key: value for key, value in tensors.items() if key not in left_out}
    for key in own:
        if key.endswith(COUNTER):
            kept.setdefault(key, own[key])
    check_tensors(file, _shapes(kept), _shapes(own))
    _refuse_other_kinds(file, kept, own)
    broken = [k for k, v in kept.items() if v.is_floating_point() and not v.isfinite().all()]
    if broken:
        raise DataError(f"{file} has NaN or infinity in {name_some(broken)}; fetch it anew.")
    backbone.load_state_dict(kept)
    return tuple(sorted((*left_out, *above)))


def _in_float32(arrays: Mapping[str, NDArray[Any]], file: str) -> dict[str, NDArray[Any]]:
    """Numbers with a point as our networks hold them, if that changes none."""
    wide = {key: value for key, value in arrays.items() if value.dtype.kind == "f"}
    with np.errstate(over="ignore"):  # infinity is another number
        narrow = {key: value.astype(np.float32) for key, value in wide.items()}
    lossy = [k for k in wide if not np.array_equal(narrow[k], wide[k], equal_nan=True)]
    if lossy:
        raise DataError(
            f"{file} has numbers that float32 does not hold in {name_some(lossy)}; save it as "
            "float32, rounded as you find right."
        )
    return {**arrays, **narrow}


def _refuse_other_kinds(
    file: str, tensors: Mapping[str, Tensor], own: Mapping[str, Tensor]
) -> None:
    """A truth or a whole number would silently become a weight of 1.0 or 127.0."""
    other = [
        f"{key} ({str(tensor.dtype).removeprefix('torch.')})"
        for key, tensor in tensors.items()
        if tensor.is_floating_point() != own[key].is_floating_point() or tensor.dtype == torch.bool
    ]
    if other:
        raise DataError(
            f"{file} has other kinds of numbers than the network's in {name_some(other)}; take "
            "another file."
        )


def _of_ours(arrays: Mapping[str, NDArray[Any]]) -> tuple[dict[str, NDArray[Any]], list[str]]:
    """The backbone's tensors, if a network of this project is the file, and what it adds."""
    if not any(key.startswith(OURS) for key in arrays):
        return dict(arrays), []
    # A stage with attention behind it is called `<stage>.stage`, beside `<stage>.se` or `.cbam`.
    attended = {key.partition(".stage.")[0] for key in arrays if ".stage." in key}
    behind = tuple(f"{stage}.{part}." for stage in attended for part in ("se", "cbam"))
    above = [key for key in arrays if not key.startswith(OURS) or key.startswith(behind)]
    within = {
        key.removeprefix(OURS).replace(".stage.", "."): arrays[key]
        for key in arrays.keys() - set(above)
    }
    return within, above


def _of_another_size(tensors: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> bool:
    """Whether positions are of another grid, and they alone: other shapes are another network."""
    differing = [k for k in own.keys() & tensors.keys() if own[k].shape != tensors[k].shape]
    return differing == [POSITIONS]


def _filtered(tensors: dict[str, Tensor], backbone: Any, file: str, name: str) -> dict[str, Tensor]:
    """What the family's own filter makes of them, where it has one.

    It turns the authors' names into timm's and fits position embeddings to the backbone's size.
    """
    family = sys.modules[model_entrypoint(name).__module__]
    filtering = getattr(family, "checkpoint_filter_fn", None)
    if filtering is None:
        return tensors
    try:
        found: dict[str, Tensor] = filtering(dict(tensors), backbone)
    except (KeyError, IndexError, RuntimeError, ValueError) as error:
        raise ArtifactError(
            f"{file} does not hold the weights of {name} (at {error}); take another file or "
            "another net.backbone."
        ) from error
    return found


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def _array(tensor: Tensor) -> NDArray[Any]:
    # A copy: numpy would share memory with a network that goes on training. C order: channels-last
    # strides do not survive a file.
    return np.array(tensor.detach().cpu().numpy(), order="C")
