import pytest
import torch

from models.nets.attention import CBAM, SqueezeExcite, _gate


def sigmoid(x):
    return 1 / (1 + torch.exp(-x))


def two_layers(vector, first, second, biases=(0, 0)):
    return second @ (first @ vector + biases[0]).clamp(min=0) + biases[1]


def learnt(module):
    """With weights as if it had learnt something."""
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return module


@pytest.mark.parametrize(
    ("channels", "hidden"), [(16, 8), (96, 8), (192, 12), (384, 24), (768, 48)]
)
def test_hidden_channels_are_a_sixteenth_and_never_under_8(channels, hidden):
    assert SqueezeExcite(channels).squeeze.out_channels == hidden
    assert CBAM(channels).squeeze.out_channels == hidden


def test_se_equals_its_written_out_twin():
    torch.manual_seed(0)
    maps, se = torch.randn(2, 24, 5, 7), learnt(SqueezeExcite(24))
    twin = torch.empty_like(maps)
    for b in range(2):
        means = torch.stack([maps[b, c].sum() / 35 for c in range(24)])
        first, second = (fc.weight[:, :, 0, 0] for fc in (se.squeeze, se.excite))
        gate = 2 * sigmoid(two_layers(means, first, second, (se.squeeze.bias, se.excite.bias)))
        for c in range(24):
            twin[b, c] = maps[b, c] * gate[c]
    torch.testing.assert_close(se(maps), twin)


def test_cbam_equals_its_written_out_twin():
    torch.manual_seed(1)
    maps, cbam = torch.randn(2, 24, 4, 6), learnt(CBAM(24))
    first, second = cbam.squeeze.weight[:, :, 0, 0], cbam.excite.weight[:, :, 0, 0]
    twin = torch.empty_like(maps)
    for b in range(2):
        means = torch.stack([maps[b, c].mean() for c in range(24)])
        mosts = torch.stack([maps[b, c].max() for c in range(24)])
        gate = 2 * sigmoid(two_layers(means, first, second) + two_layers(mosts, first, second))
        scaled = maps[b] * gate[:, None, None]
        for y in range(4):
            for x in range(6):
                total = cbam.spatial.bias[0]
                for dy in range(-3, 4):
                    for dx in range(-3, 4):
                        if 0 <= y + dy < 4 and 0 <= x + dx < 6:
                            place = scaled[:, y + dy, x + dx]
                            kernel = cbam.spatial.weight[0, :, dy + 3, dx + 3]
                            total = total + kernel[0] * place.mean() + kernel[1] * place.max()
                twin[b, :, y, x] = scaled[:, y, x] * 2 * sigmoid(total)
    torch.testing.assert_close(cbam(maps), twin)


@pytest.mark.parametrize("module", [SqueezeExcite, CBAM])
def test_check_162_an_untrained_module_passes_its_input_through_and_learns(module):
    torch.manual_seed(2)
    maps, attention = 3 * torch.randn(4, 24, 5, 7), module(24)
    assert torch.equal(attention(maps), maps)
    before = {name: value.clone() for name, value in attention.state_dict().items()}
    optimiser = torch.optim.Adam(attention.parameters(), lr=1e-3)
    for _ in range(2):  # the first step moves the last layers alone, the second all
        optimiser.zero_grad()
        (attention(maps) - 1.1 * maps).square().mean().backward()
        optimiser.step()
    assert not [n for n, value in attention.state_dict().items() if torch.equal(value, before[n])]


def test_a_gate_begins_at_twice_a_sigmoids_steepest_slope():
    logit = torch.zeros((), dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(_gate(logit), logit)
    (steepest,) = torch.autograd.grad(torch.sigmoid(logit), logit)
    assert (slope.item(), steepest.item()) == (0.5, 0.25)
