"""Weights out of an installed package: whose, read only if they are the pinned ones, in order."""

import sys

import cv2
import pytest
import safetensors.torch
import timm
import torch

from models.nets import packages
from models.nets.config import NetConfig
from models.nets.installed import installed_file
from models.nets.network import LesionNet
from models.nets.packages import Package
from models.nets.weights import pretrained_backbone
from workspace.errors import ArtifactError, ConfigError
from workspace.hashing import sha256_file

LITE0 = "tf_efficientnet_lite0"
ATTO = "convnext_atto"


def config(backbone=LITE0, **options):
    return NetConfig(
        **{"backbone": backbone, "size": 64, "weights": "installed", "se": False, "cbam": False}
        | options
    )


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package that brings a small network's tensors under its author's own names."""
    torch.manual_seed(5)
    tensors = list(timm.create_model(ATTO).state_dict().values())
    folder = tmp_path / "atto_by_somebody"
    folder.mkdir()
    (folder / "__init__.py").touch()
    path = folder / "atto.pth"

    def bring(tensors=tensors):
        torch.save({f"_own.{at}": tensor for at, tensor in enumerate(tensors)}, path)
        known = Package(folder.name, path.name, sha256_file(path))
        monkeypatch.setitem(packages.PACKAGES, ATTO, known)
        return path, tensors

    monkeypatch.syspath_prepend(tmp_path)
    yield bring
    sys.modules.pop(folder.name, None)


def test_tensors_are_paired_in_order_and_the_classifier_is_left_out(package):
    path, tensors = package()
    backbone, origin = pretrained_backbone(config(ATTO))
    assert (origin.source, origin.name, origin.sha256) == (
        "installed", "atto_by_somebody", sha256_file(path),
    )  # fmt: skip
    assert origin.left_out == ("head.fc.bias", "head.fc.weight")
    whole = dict(zip(timm.create_model(ATTO).state_dict(), tensors, strict=True))
    assert all(torch.equal(value, whole[name]) for name, value in backbone.state_dict().items())


def test_a_changed_file_is_refused_before_it_is_read(package):
    path, _ = package()
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(ArtifactError, match=r"does not match its hash.*install atto_by_somebody"):
        pretrained_backbone(config(ATTO))


def test_another_number_of_tensors_is_refused(package):
    _, tensors = package()
    package(tensors[:-1])
    with pytest.raises(ArtifactError, match=f"holds {len(tensors) - 1} tensors"):
        pretrained_backbone(config(ATTO))


def test_a_tensor_of_another_shape_is_refused_by_its_name(package):
    _, tensors = package()
    package([tensors[0][:1], *tensors[1:]])
    with pytest.raises(ArtifactError, match="has other shapes in stem"):
        pretrained_backbone(config(ATTO))


def test_a_backbone_that_no_package_brings_is_named_with_those_that_are_there():
    with pytest.raises(ConfigError) as refused:
        pretrained_backbone(config("convnext_tiny.fb_in22k_ft_in1k"))
    assert str(refused.value) == (
        'net.weights="installed" knows no weights of convnext_tiny.fb_in22k_ft_in1k, but those of '
        "tf_efficientnet_lite0 and tf_efficientnet_lite2; take one of these, or name a "
        ".safetensors file."
    )


def test_a_package_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setitem(packages.PACKAGES, LITE0, Package("no_such_package", "a.pth", "0" * 64))
    with pytest.raises(ConfigError, match="no_such_package, which is not installed; pip"):
        installed_file(LITE0)


def test_a_hash_goes_with_a_file_alone():
    with pytest.raises(ValueError, match="weights is 'installed'; drop one"):
        config(sha256="0" * 64)


@pytest.mark.real_data
def test_the_lock_brings_the_very_weights_that_name_the_picture(real_data):
    net = LesionNet(config(size=224, hidden=(), dropout=(0.0,)), 1)
    folder = real_data / "weights"
    known = safetensors.torch.load_file(folder / f"timm_{LITE0}.imagenet.safetensors")
    assert all(torch.equal(v, known[k]) for k, v in net.backbone.state_dict().items())
    picture = cv2.imread(str(folder / "grace_hopper.bmp"))[..., ::-1].copy()
    scaled = torch.tensor(cv2.resize(picture, (224, 224), interpolation=cv2.INTER_AREA))
    images = scaled.permute(2, 0, 1)[None].float() / 127.5 - 1
    with torch.no_grad():
        embedding = net.eval().embed(images)[0]
    logits = embedding @ known["classifier.weight"].T + known["classifier.bias"]
    assert int(logits.argmax()) == 652  # military uniform
