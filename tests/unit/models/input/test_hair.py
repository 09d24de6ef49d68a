import numpy as np
import pytest

from models.input.hair import Strand, draw_strands, with_hair

WHITE = np.full((60, 80, 3), 255, np.uint8)


def distance(points, shape):
    """From every pixel to the curve, by walking along it."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    nearest = np.full(shape[:2], np.inf)
    for t in np.linspace(0, 1, 600):
        a = (1 - t) * points[0] + t * points[1]
        b = (1 - t) * points[1] + t * points[2]
        at = (1 - t) * a + t * b
        nearest = np.minimum(nearest, np.hypot(x - at[0], y - at[1]))
    return nearest


@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize("seed", range(3))
def test_pixels_on_the_curve_are_dark_and_others_untouched(width, seed):
    points = np.random.default_rng(seed).uniform(5, 55, (3, 2))
    strand = Strand(points, width, (20, 15, 10))
    drawn = with_hair(WHITE, [strand])
    far = distance(points, WHITE.shape)
    assert (drawn[far > width / 2 + 1.5] == 255).all()
    assert (drawn[far < 0.3] < 130).all()
    covered = ((255.0 - drawn[..., 0]) / 235).sum()
    length = np.hypot(*np.diff(curve_of(points), axis=0).T).sum()
    assert covered / length == pytest.approx(width, abs=0.75)
    assert (WHITE == 255).all()


def curve_of(points):
    t = np.linspace(0, 1, 200)[:, None]
    return (1 - t) ** 2 * points[0] + 2 * t * (1 - t) * points[1] + t**2 * points[2]


def test_two_to_eight_strands_of_one_or_two_pixels_all_of_them_dark():
    stream = np.random.default_rng(0)
    drawn = [draw_strands(stream, 224, (2, 8), (1, 2)) for _ in range(300)]
    assert {len(strands) for strands in drawn} == set(range(2, 9))
    every = [strand for strands in drawn for strand in strands]
    assert {strand.width for strand in every} == {1, 2}
    assert max(max(strand.colour) for strand in every) <= 95
    assert min(np.hypot(*(s.points[2] - s.points[0])) for s in every) >= 0.3 * 224 - 1e-9


def test_no_strands_is_the_same_picture():
    assert np.array_equal(with_hair(WHITE, []), WHITE)
