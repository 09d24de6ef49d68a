import copy

import pytest
import torch

from models.inference import speed
from models.inference.speed import EXACT, Pace, Prepared, change, fastest
from models.nets.config import NetConfig
from models.nets.network import LesionNet

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    made = LesionNet(NetConfig(backbone="convnext_atto", weights="none", size=32), 3)
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if name.endswith("gamma"):  # the layer scale starts at a millionth
                parameter.fill_(0.3)
        made.head[-1].weight.mul_(10)  # so that probabilities are spread
    return made


def images(count):
    return torch.randn(count, 3, 32, 32, generator=torch.Generator().manual_seed(4))


def test_the_exact_pace_is_the_network_itself_with_pixels_as_convolutions_read_them(net):
    net.eval()
    seen = []
    handle = net.backbone.stem[0].register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    ready = Prepared(net, CPU)
    handle.remove()
    laid = copy.deepcopy(net).to(memory_format=torch.channels_last)
    with torch.no_grad():
        embedding, logits = laid.embed(images(4).contiguous(memory_format=torch.channels_last))
        torch.testing.assert_close(net.embed(images(4)), (embedding, logits))
    assert torch.equal(ready(images(4)), logits)
    assert torch.equal(ready.embed(images(4))[0], embedding)
    assert change(net, ready, images(4)) == 0
    assert all(each.is_contiguous(memory_format=torch.channels_last) for each in seen)
    assert len(seen) == 3


def test_bfloat16_gives_float32_that_differ_little_and_leaves_the_network_alone(net):
    net.train()
    ready = Prepared(net, CPU, Pace("bfloat16"))
    embedding, logits = ready.embed(images(8))
    assert embedding.dtype == logits.dtype == torch.float32
    assert 0 < change(net, ready, images(8)) < 0.03
    assert net.training
    assert all(p.dtype == torch.float32 and p.requires_grad for p in net.parameters())


def test_a_compiled_network_meets_one_shape_and_short_batches_are_cut_again(net, monkeypatch):
    shapes = []

    def compiled(function, *, dynamic):
        assert dynamic is False

        def run(batch):
            shapes.append(tuple(batch.shape))
            return function(batch)

        return run

    monkeypatch.setattr(torch, "compile", compiled)
    ready, exact = Prepared(net, CPU, Pace("float32", compiled=True)), Prepared(net, CPU)
    for count in (6, 6, 2):
        embedding, logits = ready.embed(images(count))
        assert embedding.shape[0] == logits.shape[0] == count
        torch.testing.assert_close(logits, exact(images(count)))
    assert shapes == [(6, 3, 32, 32)] * 3


@pytest.mark.parametrize(
    ("bfloat16", "compiler", "count", "pace"),
    [
        (True, True, 100_000, Pace("bfloat16", compiled=True)),
        (True, False, 100_000, Pace("bfloat16")),
        (True, True, 10, Pace("bfloat16")),
        (False, True, 100_000, EXACT),
    ],
)
def test_the_pace_is_what_the_machine_can_do(monkeypatch, bfloat16, compiler, count, pace):
    monkeypatch.setattr(speed, "_computes_in_bfloat16", lambda device: bfloat16)
    monkeypatch.setattr(speed, "_can_compile", lambda device: compiler)
    assert fastest(CPU, count) == pace


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # the compiler's own
def test_compiled_bfloat16_answers_as_the_network_does(net):
    ready = Prepared(net, CPU, Pace("bfloat16", compiled=True))
    assert change(net, ready, images(8)) < 0.03
