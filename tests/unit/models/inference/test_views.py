import pytest
import torch

from models.inference.views import FOUR, IDENTITY, NAMED, SIX, View, average, probabilities


def image():
    """No two pixels alike, the channels far apart, higher than wide."""
    return torch.arange(20.0).reshape(1, 1, 5, 4) + 100 * torch.arange(3.0).reshape(1, 3, 1, 1)


def by_hand(name, picture):
    """Each view of (..., H, W) pixel by pixel."""
    height, width = picture.shape[-2:]
    sources = {
        "identity": (height, width, lambda y, x: (y, x)),
        "horizontal_flip": (height, width, lambda y, x: (y, width - 1 - x)),
        "vertical_flip": (height, width, lambda y, x: (height - 1 - y, x)),
        "rotation_90": (width, height, lambda y, x: (x, width - 1 - y)),
        "rotation_180": (height, width, lambda y, x: (height - 1 - y, width - 1 - x)),
        "rotation_270": (width, height, lambda y, x: (height - 1 - x, y)),
    }
    rows, columns, source = sources[name]
    out = torch.empty(*picture.shape[:-2], rows, columns)
    for y in range(rows):
        for x in range(columns):
            from_y, from_x = source(y, x)
            out[..., y, x] = picture[..., from_y, from_x]
    return out


def test_the_papers_six_views_are_these():
    assert [view.name for view in SIX] == [
        "identity", "horizontal_flip", "vertical_flip", "rotation_90", "rotation_180",
        "rotation_270",
    ]  # fmt: skip
    assert SIX[:1] == IDENTITY


def test_four_are_the_mirrors_and_no_answer_hangs_on_a_mirror():
    assert NAMED == {"one": IDENTITY, "four": FOUR, "six": SIX}
    assert set(FOUR) < set(SIX)
    assert FOUR[0] == SIX[0]
    for view in FOUR:
        mirrored = average(corner(1), view.of(image()), FOUR)
        torch.testing.assert_close(mirrored, average(corner(1), image(), FOUR))


@pytest.mark.parametrize("view", SIX, ids=lambda view: view.name)
def test_check_123_each_view_is_what_its_name_says_and_leaves_channels_alone(view):
    assert torch.equal(view.of(image()), by_hand(view.name, image()))


@pytest.mark.parametrize(
    "view", [*SIX, View("both", quarters=1, mirror="horizontal")], ids=lambda view: view.name
)
def test_check_123_a_view_and_its_inverse_are_the_identity_bitwise(view):
    assert torch.equal(view.undone(view.of(image())), image())
    assert torch.equal(view.of(view.undone(image())), image())


def test_check_123_the_six_are_distinct_on_an_asymmetric_image():
    square = image()[..., :4, :]
    views = [view.of(square) for view in SIX]
    assert not any(torch.equal(views[i], views[j]) for i in range(6) for j in range(i))


def corner(outputs):
    """A network that sees one corner only: its answer differs from view to view."""
    return lambda images: images[:, :outputs, 0, 0] / 20


def test_check_123_identical_views_are_a_single_view():
    for net in (corner(1), corner(3)):
        single = probabilities(net(image()))
        for how in ("probability", "logit"):
            torch.testing.assert_close(average(net, image(), IDENTITY, how), single)
            torch.testing.assert_close(average(net, image(), IDENTITY * 5, how), single)


def test_check_123_probabilities_are_averaged_or_logits_as_asked():
    corners = [0.0, 3.0, 16.0, 3.0, 19.0, 16.0]  # of the first channel, view by view
    logits = torch.tensor(corners) / 20
    expected = torch.sigmoid(logits).mean()
    assert average(corner(1), image()).item() == pytest.approx(expected.item())
    expected = torch.sigmoid(logits.mean())
    assert average(corner(1), image(), how="logit").item() == pytest.approx(expected.item())


def test_classes_stay_classes_and_sum_to_one():
    averaged = average(corner(3), torch.cat([image(), image().flip(-1)]))
    assert averaged.shape == (2, 3)
    torch.testing.assert_close(averaged.sum(1), torch.ones(2, dtype=torch.float64))
    assert (averaged[:, 2] > averaged[:, 0]).all()


def test_check_165_probabilities_are_float64_whatever_the_network_gave():
    half = torch.tensor([[2.0], [-80.0]], dtype=torch.bfloat16)
    assert probabilities(half).dtype == torch.float64
    torch.testing.assert_close(probabilities(half), torch.sigmoid(half.double()))


def test_check_165_large_logits_stay_apart_for_one_and_for_two():
    large = torch.tensor([[16.0], [16.6]])
    assert torch.sigmoid(large).unique().numel() == 1  # what float32 makes of them
    for logits in (large, torch.cat([torch.zeros_like(large), large], 1)):
        first, second = probabilities(logits)[:, -1].tolist()
        assert first < second < 1
        first, second = average(lambda images: images, logits, IDENTITY)[:, -1].tolist()
        assert first < second < 1
