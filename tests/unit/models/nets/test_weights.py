import os
import pickle

import cv2
import huggingface_hub
import numpy as np
import pytest
import safetensors.numpy
import safetensors.torch
import timm
import torch

from models.nets.config import NetConfig
from models.nets.network import LesionNet
from models.nets.weights import Origin, blank_backbone, pack, pretrained_backbone, shapes, unpack
from workspace.errors import ArtifactError, ConfigError, DataError
from workspace.hashing import sha256_file

ATTO = "convnext_atto"


@pytest.fixture
def weights(tmp_path):
    """What timm itself would publish: the backbone with its 1,000-class classifier."""
    torch.manual_seed(3)
    arrays = {k: v.numpy() for k, v in timm.create_model(ATTO).state_dict().items()}
    path = tmp_path / "atto.safetensors"
    path.write_bytes(safetensors.numpy.save(arrays))
    return path, arrays


def config(path, **options):
    return NetConfig(**{"backbone": ATTO, "size": 32, "weights": str(path), **options})


def test_a_file_is_loaded_whole_its_classifier_listed_and_its_hash_kept(weights):
    path, arrays = weights
    backbone, origin = pretrained_backbone(config(path))
    assert origin == Origin(
        "file", "atto.safetensors", sha256_file(path), ("head.fc.bias", "head.fc.weight")
    )
    own = backbone.state_dict()
    assert set(own) == set(arrays) - set(origin.left_out)
    assert all(np.array_equal(own[name], arrays[name]) for name in own)


@pytest.mark.parametrize("attention", [False, True])
def test_a_network_that_a_run_kept_gives_its_backbone(tmp_path, attention):
    torch.manual_seed(4)
    own = {"backbone": ATTO, "size": 32, "weights": "none", "se": attention, "cbam": attention}
    kept = pack(LesionNet(NetConfig(**own), 3))
    path = tmp_path / "best.safetensors"
    path.write_bytes(safetensors.numpy.save(kept))
    backbone, origin = pretrained_backbone(config(path))
    state = backbone.state_dict()
    for name, value in state.items():
        theirs = f"backbone.{name}"
        attended = [f"backbone.stages.{number}." for number in range(4)] if attention else []
        for stage in attended:
            theirs = theirs.replace(stage, f"{stage}stage.", 1)
        assert np.array_equal(value, kept[theirs]), name
    assert len(state) + len(origin.left_out) == len(kept)
    assert any(".se." in name for name in origin.left_out) == attention


def test_that_is_what_timm_does_with_the_file(weights):
    path, _ = weights
    theirs = timm.create_model(
        ATTO, pretrained=True, num_classes=0, pretrained_cfg_overlay={"file": str(path)}
    ).eval()
    ours, _ = pretrained_backbone(config(path))
    images = torch.randn(2, 3, 64, 64)
    assert torch.equal(ours.eval()(images), theirs(images))


def test_the_loaded_backbone_lies_under_the_attention(weights):
    path, arrays = weights
    net = LesionNet(config(path), 2)
    name = "stages.3.blocks.0.conv_dw.weight"
    inside = net.state_dict()["backbone." + name.replace("stages.3.", "stages.3.stage.")]
    assert np.array_equal(inside, arrays[name])
    assert net.origin.source == "file"
    assert LesionNet.blank(config("gone.safetensors"), 2).origin == Origin("none")


def test_the_authors_own_names_are_turned_into_timms(weights, tmp_path):
    _, arrays = weights
    theirs = {}
    for name, value in arrays.items():
        renamed = name.replace(".blocks.", ".").replace("conv_dw", "dwconv")
        renamed = renamed.replace("mlp.fc", "pwconv").replace("stem.", "downsample_layers.0.")
        for stage in (1, 2, 3):
            renamed = renamed.replace(f"stages.{stage}.downsample", f"downsample_layers.{stage}")
        theirs[renamed.replace("head.norm", "norm").replace("head.fc", "head")] = value
    assert "downsample_layers.1.1.weight" in theirs
    path = tmp_path / "theirs.safetensors"
    path.write_bytes(safetensors.numpy.save(theirs))
    backbone, origin = pretrained_backbone(config(path))
    assert all(np.array_equal(v, arrays[k]) for k, v in backbone.state_dict().items())
    assert origin.left_out == ("head.fc.bias", "head.fc.weight")


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_of_other_types_are_taken_where_no_number_changes(weights, tmp_path, kind):
    _, arrays = weights
    theirs = {
        name: torch.tensor(value).bfloat16().half().to(kind) for name, value in arrays.items()
    }
    path = tmp_path / "other.safetensors"
    path.write_bytes(safetensors.torch.save(theirs))
    backbone, _ = pretrained_backbone(config(path))
    for name, value in backbone.state_dict().items():
        assert value.dtype == torch.float32
        assert torch.equal(value, theirs[name].float()), name


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (torch.ones(40, dtype=torch.bool),
         "has other kinds of numbers than the network's in stem.1.bias (bool); take another file."),
        (torch.ones(40, dtype=torch.int8),
         "has other kinds of numbers than the network's in stem.1.bias (int8); take another file."),
        (torch.full((40,), 0.1, dtype=torch.float64),
         "has numbers that float32 does not hold in stem.1.bias; save it as float32, rounded as "
         "you find right."),
        (torch.full((40,), 1e300, dtype=torch.float64),
         "has numbers that float32 does not hold in stem.1.bias; save it as float32, rounded as "
         "you find right."),
        (torch.ones(40).to(torch.float8_e4m3fn),
         "has numbers of types that cannot be read: stem.1.bias (F8_E4M3); save it as float32."),
    ],
)  # fmt: skip
def test_check_135_numbers_that_would_become_others_are_named(weights, tmp_path, value, message):
    _, arrays = weights
    theirs = {name: torch.tensor(array) for name, array in arrays.items()} | {"stem.1.bias": value}
    path = tmp_path / "other.safetensors"
    path.write_bytes(safetensors.torch.save(theirs))
    with pytest.raises(DataError) as refused:
        pretrained_backbone(config(path))
    assert str(refused.value) == f"other.safetensors {message}"


def damaged(arrays, path, how):
    stem = "stem.0.weight"
    data = dict(arrays)
    if how == "lacks":
        del data[stem]
    elif how == "unknown":
        data["stem.9.weight"] = np.zeros(1, np.float32)
    elif how == "shape":
        data[stem] = data[stem][:, :1].copy()
    elif how == "nan":
        data[stem] = np.full_like(data[stem], np.nan)
    elif how == "other":
        data = {"features.0.weight": np.zeros((3, 3), np.float32)}
    raw = safetensors.numpy.save(data)
    if how == "truncated":
        raw = raw[:-100]
    elif how == "header":
        raw = (2**40).to_bytes(8, "little") + raw[8:]
    elif how == "html":
        raw = b"<html>not found</html>"
    path.write_bytes(raw)


@pytest.mark.parametrize(
    ("how", "kind", "words"),
    [
        ("lacks", ArtifactError, r"^atto\.safetensors lacks stem\.0\.weight; it belongs to"),
        ("unknown", ArtifactError, r"^atto\.safetensors has unknown stem\.9\.weight; it belongs"),
        ("shape", ArtifactError, r"has other shapes in stem\.0\.weight; it belongs to another"),
        ("nan", DataError, r"^atto\.safetensors has NaN or infinity in stem\.0\.weight; fetch it"),
        ("other", ArtifactError, r"^atto\.safetensors does not hold the weights of convnext_atto"),
        ("truncated", DataError, r"^atto\.safetensors is not a readable safetensors file \("),
        ("header", DataError, r"^atto\.safetensors is not a readable safetensors file \("),
        ("html", DataError, r"^atto\.safetensors is not a readable safetensors file \("),
    ],
)
def test_check_135_other_files_are_one_line_and_never_half_loaded(weights, how, kind, words):
    path, arrays = weights
    damaged(arrays, path, how)
    with pytest.raises(kind, match=words) as refused:
        pretrained_backbone(config(path))
    assert str(refused.value).endswith(".")
    assert "\n" not in str(refused.value)


def test_check_141_another_hash_than_the_recipes_is_refused(weights):
    path, _ = weights
    pretrained_backbone(config(path, sha256=sha256_file(path)))
    with pytest.raises(ArtifactError, match=r"has SHA-256 .{12}\.\.\., net\.sha256 says abababab"):
        pretrained_backbone(config(path, sha256="ab" * 32))


def test_a_file_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(ConfigError) as missing:
        pretrained_backbone(config("gone.safetensors"))
    assert str(missing.value) == (
        "net.weights names 'gone.safetensors', which is not there; name a .safetensors file in "
        'net.weights, or take net.weights="none".'
    )


class Marked:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


@pytest.mark.parametrize("name", ["net.pth", "net.pt", "pytorch_model.bin", "net.ckpt", "net.th"])
def test_check_131_a_pickle_is_refused_by_name_and_never_opened(tmp_path, name):
    marker, path = tmp_path / "marker", tmp_path / name
    path.write_bytes(pickle.dumps(Marked(marker)))
    with pytest.raises(ConfigError, match="pickled checkpoints can run code and are never opened"):
        pretrained_backbone(config(path))
    disguised = tmp_path / "net.safetensors"
    disguised.write_bytes(path.read_bytes())
    with pytest.raises(DataError, match="is not a readable safetensors file"):
        pretrained_backbone(config(disguised))
    assert not marker.exists()


@pytest.fixture
def no_hub(monkeypatch, tmp_path):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))


def test_check_141_the_hub_without_a_network_says_what_to_do(no_hub):
    with pytest.raises(ConfigError) as offline:
        pretrained_backbone(config("hub", backbone="convnext_tiny.fb_in22k_ft_in1k"))
    assert str(offline.value) == (
        "The weights of convnext_tiny.fb_in22k_ft_in1k are not kept here and cannot be fetched "
        "from the hub (LocalEntryNotFoundError); take tf_efficientnet_lite0 with "
        'net.weights="installed", or name a .safetensors file in net.weights, or take '
        'net.weights="none".'
    )


def test_the_hubs_file_is_loaded_as_any_file_is(weights, monkeypatch):
    path, arrays = weights
    asked = []

    def kept(*names, **where):
        asked.append((*names, where))
        return str(path)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", kept)
    backbone, origin = pretrained_backbone(config("hub"))
    assert asked == [
        ("timm/convnext_atto.d2_in1k", "model.safetensors",
         {"revision": None, "local_files_only": True})
    ]  # fmt: skip
    assert (origin.source, origin.name) == ("hub", "timm/convnext_atto.d2_in1k")
    assert origin.sha256 == sha256_file(path)
    assert np.array_equal(backbone.state_dict()["stem.0.weight"], arrays["stem.0.weight"])


def test_a_checkpoint_brings_back_every_tensor_bitwise(small):
    net = small(2, backbone="mobilenetv2_100", size=64)
    net.train()
    net(torch.randn(4, 3, 64, 64))  # moves the batch norms
    packed = {k: v.copy() for k, v in pack(net).items()}
    other = LesionNet.blank(net.config, 2)
    unpack(other, safetensors.numpy.load(safetensors.numpy.save(packed)))
    assert shapes(other) == {name: value.shape for name, value in packed.items()}
    images = torch.randn(2, 3, 64, 64)
    assert torch.equal(other.eval()(images), net.eval()(images))
    assert all(np.array_equal(pack(other)[name], value) for name, value in packed.items())


def test_a_packed_network_is_a_copy_that_training_does_not_move(small):
    net = small(2).to(memory_format=torch.channels_last)
    packed = pack(net)
    before = packed["backbone.stem.0.weight"].copy()
    assert packed["backbone.stem.0.weight"].flags["C_CONTIGUOUS"]
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(1)
    assert np.array_equal(packed["backbone.stem.0.weight"], before)


def test_check_135_a_checkpoint_of_another_network_is_named(small):
    net = small(2)
    wrong = pack(net)
    del wrong["head.0.weight"]
    wrong["ema"] = np.zeros(1)
    wrong["head.2.weight"] = wrong["head.2.weight"][:1]
    with pytest.raises(ArtifactError) as refused:
        unpack(net, wrong)
    assert str(refused.value) == (
        "The checkpoint lacks head.0.weight; has unknown ema; has other shapes in head.2.weight; "
        "it belongs to another network."
    )
    doubled = {**pack(net), "head.2.bias": pack(net)["head.2.bias"].astype(np.float64)}
    with pytest.raises(ArtifactError, match=r"has other types in head\.2\.bias; it belongs"):
        unpack(net, doubled)


def test_backbones_of_another_size_are_made_for_it():
    options = {"backbone": "vit_tiny_patch16_224", "se": False, "cbam": False, "size": 64}
    assert blank_backbone(NetConfig(**options)).patch_embed.img_size == (64, 64)


@pytest.mark.real_data
def test_real_imagenet_weights_know_a_military_uniform(real_data):
    path = real_data / "weights" / "timm_mobilenetv2_100.imagenet.safetensors"
    half = (0.5, 0.5, 0.5)
    given = NetConfig(
        backbone="mobilenetv2_100", weights=str(path), options={"pad_type": "same"},
        mean=half, std=half, se=False, cbam=False,
    )  # fmt: skip
    net = LesionNet(given, 1).eval()
    assert (net.mean, net.std, net.size) == (half, half, 224)
    assert net.origin.left_out == ("classifier.bias", "classifier.weight")
    pixels = cv2.imread(str(real_data / "weights" / "grace_hopper.bmp"))[..., ::-1]
    pixels = cv2.resize(pixels, (224, 224), interpolation=cv2.INTER_AREA)
    images = torch.tensor((pixels / 255 - 0.5) / 0.5, dtype=torch.float32).permute(2, 0, 1)[None]
    classifier = {k: torch.tensor(v) for k, v in safetensors.numpy.load_file(path).items()}
    with torch.no_grad():
        embedding, _ = net.embed(images)
        logits = embedding @ classifier["classifier.weight"].T + classifier["classifier.bias"]
    best = logits.softmax(1)[0]
    assert int(best.argmax()) == 652
    assert best[652].item() == pytest.approx(0.907, abs=0.05)
