import pytest
import torch
from torch import nn

from models.nets import network
from models.nets.config import PARTS, NetConfig
from models.nets.memory import training_memory
from models.nets.network import LesionNet
from workspace.errors import ConfigError

BATCH_NORMS = {"backbone": "mobilenetv2_100", "size": 64}


def images(count=2, size=32):
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(9))


@pytest.fixture(scope="module")
def paper():
    """The paper's network, but for its weights."""
    torch.manual_seed(0)
    return LesionNet(NetConfig(weights="none"), 3)


def test_the_papers_network_is_convnext_tiny_with_se_in_four_stages_and_cbam_in_two(paper):
    assert (paper.size, paper.num_features) == (224, 768)
    assert paper.mean == (0.485, 0.456, 0.406)
    assert paper.std == (0.229, 0.224, 0.225)
    stages = [paper.backbone.stages[k] for k in range(4)]
    assert [stage.se.squeeze.in_channels for stage in stages] == [96, 192, 384, 768]
    assert [stage.se.squeeze.out_channels for stage in stages] == [8, 12, 24, 48]
    assert [hasattr(stage, "cbam") for stage in stages] == [False, True, False, True]
    assert stages[3].cbam.spatial.kernel_size == (7, 7)
    assert paper.last_map == "backbone.norm_pre"  # behind the last stage's attention


def test_the_papers_head_is_norm_dropout_linear_gelu_three_times_without_the_last(paper):
    kinds = [nn.LayerNorm, nn.Dropout, nn.Linear, nn.GELU] * 3
    assert [type(layer) for layer in paper.head] == kinds[:-1]
    linears = [layer for layer in paper.head if isinstance(layer, nn.Linear)]
    assert [(x.in_features, x.out_features) for x in linears] == [(768, 512), (512, 256), (256, 3)]
    assert [layer.p for layer in paper.head if isinstance(layer, nn.Dropout)] == [0.25, 0.15, 0.10]
    for linear in linears:
        assert linear.bias.eq(0).all()
        assert linear.weight.std().item() == pytest.approx(0.02, rel=0.15)


def test_one_forward_pass_gives_embedding_and_raw_logits(paper):
    paper.eval()
    with torch.no_grad():
        embedding, logits = paper.embed(images(2, 224))
        assert embedding.shape == (2, 768)
        assert logits.shape == (2, 3)
        assert torch.equal(paper.head(embedding), logits)
        assert torch.equal(paper(images(2, 224)), logits)  # evaluation is deterministic


def test_activations_of_a_step_of_eight_fit_4_gb_with_weights_gradients_and_adamw(paper):
    memory = training_memory(paper, images(2, 224), torch.bfloat16)
    activations = 4 * memory.activations  # they grow with the pictures, and two take less time
    numbers = sum(parameter.numel() for parameter in paper.parameters())
    assert memory.parameters == memory.gradients == 4 * numbers
    assert memory.optimiser == 8 * numbers
    # At least each block's wide layer is kept: 18 blocks, 4 times the channels, 2 bytes.
    blocks = zip((56, 28, 14, 7), (96, 192, 384, 768), (3, 3, 9, 3), strict=True)
    assert activations > 8 * 2 * sum(s * s * 4 * c * n for s, c, n in blocks)
    total = memory.total - memory.activations + activations
    assert total < 4e9 / 2  # half is left for the convolutions' work space and the driver


@pytest.mark.parametrize(
    ("backbone", "width", "last"),
    [
        ("convnext_atto", 320, "backbone.norm_pre"),
        ("mobilenetv2_100", 1280, "backbone.bn2"),
        ("mobilenetv3_small_100", 1024, "backbone.blocks"),  # conv_head is pooled
        ("resnet18", 512, "backbone.layer4"),
    ],
)
def test_any_backbone_with_feature_stages_takes_attention(small, backbone, width, last):
    net = small(2, backbone=backbone, size=64).eval()
    embedding, logits = net.embed(images(2, 64))
    assert (embedding.shape, logits.shape) == ((2, width), (2, 2))
    assert (net.num_features, net.last_map) == (width, last)
    names = [name for name, _ in net.named_parameters() if net.part_of(name) == "attention"]
    assert len(names) == 4 * 4 + 2 * 4


@pytest.mark.parametrize("backbone", ["convnext_atto", "mobilenetv2_100", "resnet18"])
def test_check_162_untrained_attention_leaves_the_backbone_what_it_is(small, backbone):
    options = {"backbone": backbone, "size": 64}
    plain, whole = small(2, se=False, cbam=False, **options).eval(), small(2, **options).eval()
    with torch.no_grad():
        assert torch.equal(whole.embed(images(3, 64))[0], plain.embed(images(3, 64))[0])


def test_attention_stands_behind_the_stage_and_changes_it(small):
    net = small(2).eval()
    for name, parameter in net.named_parameters():
        if net.part_of(name) == "attention":  # as if it had learnt something
            nn.init.normal_(parameter, std=0.3)
    seen = {}
    for name in ("stage", "se", "cbam"):
        net.backbone.stages[1].get_submodule(name).register_forward_hook(
            lambda _, given, output, name=name: seen.update({name: (given[0], output)})
        )
    after = {}
    net.backbone.stages[2].register_forward_pre_hook(lambda _, given: after.update(x=given[0]))
    net(images())
    assert seen["stage"][1] is seen["se"][0]
    assert seen["se"][1] is seen["cbam"][0]
    assert seen["cbam"][1] is after["x"]
    assert not torch.equal(seen["se"][0], seen["se"][1])


@pytest.mark.parametrize(
    ("switches", "tensors"), [((True, True), 24), ((True, False), 16), ((False, True), 8)]
)
def test_each_attention_can_be_switched_off(small, switches, tensors):
    net = small(1, se=switches[0], cbam=switches[1])
    parts = [net.part_of(name) for name, _ in net.named_parameters()]
    assert parts.count("attention") == tensors
    assert net(images()).shape == (2, 1)


def test_without_attention_the_backbone_is_timms_own(small):
    net = small(1, se=False, cbam=False)
    assert {net.part_of(name) for name, _ in net.named_parameters()} == {"backbone", "head"}
    assert type(net.backbone.stages[0]).__name__ == "ConvNeXtStage"


@pytest.mark.parametrize(("attention", "looks"), [(False, 1), (True, 2)])
def test_a_backbone_is_looked_through_again_only_with_attention_in_it(
    small, monkeypatch, attention, looks
):
    seen = []

    class Look(network._Look):
        def __init__(self, *about):
            seen.append(about)
            super().__init__(*about)

    monkeypatch.setattr(network, "_Look", Look)
    net = small(se=attention, cbam=attention)
    assert len(seen) == looks
    assert net.get_submodule(net.last_map)


def test_a_backbones_own_se_is_not_ours(small):
    net = small(1, backbone="mobilenetv3_small_100", size=64)
    assert net.part_of("backbone.blocks.0.stage.0.se.conv_reduce.weight") == "backbone"
    assert net.part_of("backbone.blocks.1.se.squeeze.weight") == "attention"


def test_backbones_of_tokens_are_told_to_do_without_attention(small):
    with pytest.raises(ConfigError) as refused:
        small(1, backbone="vit_tiny_patch16_224", size=None)
    assert str(refused.value) == (
        "Attention needs 4 feature stages of shape (B, C, H, W), which this backbone lacks; take "
        "net.se=false and net.cbam=false, or another net.backbone."
    )
    plain = small(1, backbone="vit_tiny_patch16_224", size=64, se=False, cbam=False)
    assert plain(images(1, 64)).shape == (1, 1)


def train_a_step(net, size):
    trained = [parameter for parameter in net.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=1e-2, weight_decay=0.05)
    net.train()
    net(images(4, size)).square().sum().backward()
    optimiser.step()


@pytest.mark.parametrize(
    "frozen", [("backbone",), ("head",), ("attention",), ("backbone", "attention"), ()]
)
def test_check_116_frozen_parts_keep_parameters_and_buffers_bitwise(small, frozen):
    net = small(3, **BATCH_NORMS)
    net.freeze(frozen)
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    train_a_step(net, 64)
    changed = {
        net.part_of(name)
        for name, tensor in net.state_dict().items()
        if not torch.equal(tensor, before[name])
    }
    assert changed == set(PARTS) - set(frozen)
    unchanged = [
        name
        for name, tensor in net.state_dict().items()
        if net.part_of(name) not in frozen and torch.equal(tensor, before[name])
    ]
    assert not unchanged


def test_check_116_frozen_modules_stay_in_evaluation_through_train_and_eval(small):
    net = small(3, **BATCH_NORMS, drop_path=0.5)
    net.freeze(["backbone"])
    for step in (net.train, net.eval, net.train):
        step()
        assert not any(m.training for n, m in net.backbone.named_modules()
                       if net.part_of(f"backbone.{n}") == "backbone" and n)  # fmt: skip
    assert net.head.training
    assert all(
        module.training for name, module in net.named_modules() if net.part_of(name) == "attention"
    )
    with torch.no_grad():
        one, two = net.backbone(images(2, 64)), net.backbone(images(2, 64))
    assert torch.equal(one, two)  # no drop path
    net.freeze([])
    assert all(module.training for module in net.modules())
    assert all(parameter.requires_grad for parameter in net.parameters())


def test_check_117_exactly_the_parts_that_are_not_frozen_get_gradients(small):
    net = small(3)
    net.freeze(["backbone", "head"])
    net.train()
    net(images()).square().sum().backward()
    graded = {name for name, parameter in net.named_parameters() if parameter.grad is not None}
    assert graded == {n for n, _ in net.named_parameters() if net.part_of(n) == "attention"}


def test_check_120_dropout_rates_can_fall_by_phase(small):
    net = small(3)
    net.set_dropout((0.10, 0.05, 0.0))
    assert [layer.p for layer in net.head if isinstance(layer, nn.Dropout)] == [0.10, 0.05, 0.0]
    with pytest.raises(ValueError, match="argument 2 is"):
        net.set_dropout((0.1,))


def test_the_same_seed_makes_the_same_network(small):
    one, two = small(2).state_dict(), small(2).state_dict()
    assert all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"dropout": [0.1]}, "dropout has 1 rates for 2 hidden widths; give one more rate"),
        ({"options": {"num_classes": 3}}, "options.num_classes is set by this project"),
        ({"lerning_rate": 1}, "Extra inputs are not permitted"),
        ({"weights": "none", "sha256": "a" * 64}, "sha256 is of a weights' file"),
        ({"size": 224.0}, "valid integer"),
    ],
)
def test_configurations_that_cannot_be_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        NetConfig(**options)


def test_a_backbone_that_timm_does_not_know_is_named_with_the_nearest():
    for name, words in (
        ("convnext_tny", "timm knows no backbone 'convnext_tny'; did you mean 'convnext_tiny'"),
        ("convnext_tiny.nope", "Invalid pretrained tag"),
    ):
        with pytest.raises(ConfigError, match=words):
            LesionNet(NetConfig(backbone=name, weights="none"), 1)
    with pytest.raises(ConfigError, match=r"cannot be made with options nonsense: .* correct net"):
        LesionNet(NetConfig(backbone="resnet18", weights="none", options={"nonsense": 1}), 1)
