import pytest
import torch

from models.nets.attention import CBAM, squeeze_excite


def sigmoid(x):
    return 1 / (1 + torch.exp(-x))


def two_layers(vector, first, second, biases=(0, 0)):
    return second @ (first @ vector + biases[0]).clamp(min=0) + biases[1]


@pytest.mark.parametrize(
    ("channels", "hidden"), [(16, 8), (96, 8), (192, 12), (384, 24), (768, 48)]
)
def test_hidden_channels_are_a_sixteenth_and_never_under_8(channels, hidden):
    assert squeeze_excite(channels).fc1.out_channels == hidden
    assert CBAM(channels).shared[0].out_channels == hidden


def test_se_equals_its_written_out_twin():
    torch.manual_seed(0)
    maps, se = torch.randn(2, 24, 5, 7), squeeze_excite(24)
    twin = torch.empty_like(maps)
    for b in range(2):
        means = torch.stack([maps[b, c].sum() / 35 for c in range(24)])
        first, second = (fc.weight[:, :, 0, 0] for fc in (se.fc1, se.fc2))
        gate = sigmoid(two_layers(means, first, second, (se.fc1.bias, se.fc2.bias)))
        for c in range(24):
            twin[b, c] = maps[b, c] * gate[c]
    torch.testing.assert_close(se(maps), twin)


def test_cbam_equals_its_written_out_twin():
    torch.manual_seed(1)
    maps, cbam = torch.randn(2, 24, 4, 6), CBAM(24)
    first, second = cbam.shared[0].weight[:, :, 0, 0], cbam.shared[2].weight[:, :, 0, 0]
    twin = torch.empty_like(maps)
    for b in range(2):
        means = torch.stack([maps[b, c].mean() for c in range(24)])
        mosts = torch.stack([maps[b, c].max() for c in range(24)])
        gate = sigmoid(two_layers(means, first, second) + two_layers(mosts, first, second))
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
                twin[b, :, y, x] = scaled[:, y, x] * sigmoid(total)
    torch.testing.assert_close(cbam(maps), twin)
