import cv2
import numpy as np
import pytest

from models.input.config import FIRST
from models.input.evaluation import resize
from models.input.exact import al
from models.input.geometry import Placement, draw_placement, matrix_of, warp

MIRROR = cv2.BORDER_REFLECT_101


def placements(count, size=224):
    config = FIRST.model_copy(update={"perspective_p": 0.5})
    stream = np.random.default_rng(7)
    return [draw_placement(config, size, stream) for _ in range(count)]


def step_by_step(x, y, placement, height, width):
    """One point through the six steps, each as its words say."""
    size, middle = placement.size, (placement.size - 1) / 2
    x = (x + 0.5) * placement.resized / width - 0.5 - placement.crop[0]
    y = (y + 0.5) * placement.resized / height - 0.5 - placement.crop[1]
    x = size - 1 - x if placement.flipped[0] else x
    y = size - 1 - y if placement.flipped[1] else y
    x, y = x - middle, y - middle
    turn = np.deg2rad(placement.rotation)  # counter-clockwise, with y pointing down
    x, y = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    x, y = x * placement.scale, y * placement.scale
    slant = np.tan(np.deg2rad(placement.shear))
    x, y = x + slant[0] * y, y + slant[1] * x
    x, y = x + middle + placement.shift[0], y + middle + placement.shift[1]
    if placement.corners is not None:
        x, y = through_corners(x, y, placement.corners, size)
    return x, y


def through_corners(x, y, corners, size):
    """Where the homography goes that takes the four corners to those of the square."""
    rows, values = [], []
    goals = [(0, 0), (size, 0), (size, size), (0, size)]
    for (a, b), (u, v) in zip(corners, goals, strict=True):
        rows += [[a, b, 1, 0, 0, 0, -u * a, -u * b], [0, 0, 0, a, b, 1, -v * a, -v * b]]
        values += [u, v]
    h = [*np.linalg.solve(rows, values), 1.0]
    w = h[6] * x + h[7] * y + h[8]
    return (h[0] * x + h[1] * y + h[2]) / w, (h[3] * x + h[4] * y + h[5]) / w


def test_the_matrix_takes_points_where_the_steps_take_them():
    height, width = 133, 151
    drawn = placements(40)
    assert {placement.corners is None for placement in drawn} == {True, False}
    for placement in drawn:
        matrix = matrix_of(placement, height, width)
        for x, y in ((0, 0), (150, 0), (70, 31), (3, 132)):
            u, v, w = matrix @ (x, y, 1)
            assert (u / w, v / w) == pytest.approx(
                step_by_step(x, y, placement, height, width), abs=0.01
            )


def in_steps(pixels, placement):
    """The steps as the library does them, one picture after the other."""
    size, (left, top) = placement.size, placement.crop
    picture = resize(pixels, placement.resized)[top : top + size, left : left + size]
    for flip, flipped in zip((al.HorizontalFlip, al.VerticalFlip), placement.flipped, strict=True):
        picture = flip(p=1)(image=picture)["image"] if flipped else picture
    turn, scale, shear = placement.rotation, placement.scale, placement.shear
    picture = al.Rotate((turn, turn), border_mode=MIRROR, p=1)(image=picture)["image"]
    affine = al.Affine(
        scale=(scale, scale),
        translate_px={
            axis: (int(by), int(by)) for axis, by in zip("xy", placement.shift, strict=True)
        },
        shear={axis: (-by, -by) for axis, by in zip("xy", shear, strict=True)},
        border_mode=MIRROR,
        p=1,
    )
    picture = affine(image=picture)["image"]
    if placement.corners is not None:
        goals = np.float32([(0, 0), (size, 0), (size, size), (0, size)])
        by = cv2.getPerspectiveTransform(placement.corners.astype(np.float32), goals)
        picture = cv2.warpPerspective(picture, by, (size, size), borderMode=MIRROR)
    return picture


def test_one_warp_shows_what_the_librarys_steps_show(make_lesion):
    pixels = cv2.GaussianBlur(make_lesion(133, 133), (0, 0), 3)
    for placement in placements(12):
        fused = warp(pixels, matrix_of(placement, 133, 133), 224, MIRROR).astype(int)
        middle = np.s_[70:154, 70:154]  # what lies beyond the crop's edge differs on purpose
        assert np.abs(fused - in_steps(pixels, placement))[middle].mean() < 1.0


def test_four_channels_warp_as_three_do(make_lesion):
    pixels = make_lesion(133, 120)
    for placement in placements(6):
        matrix = matrix_of(placement, 133, 120)
        three = cv2.warpPerspective(pixels, matrix, (224, 224), borderMode=MIRROR)
        assert np.abs(warp(pixels, matrix, 224, MIRROR).astype(int) - three).max() <= 1


def test_without_any_move_it_is_the_resize(make_lesion):
    pixels = make_lesion(100, 130)
    still = Placement(resized=224, size=224)
    warped = warp(pixels, matrix_of(still, 100, 130), 224, cv2.BORDER_REPLICATE).astype(int)
    assert np.abs(warped - resize(pixels, 224)).max() <= 2


def test_draws_keep_to_the_table():
    drawn = placements(2000)
    rotation = np.array([placement.rotation for placement in drawn])
    assert -25 <= rotation.min() < -24.5
    assert 24.5 < rotation.max() <= 25
    crops = np.array([placement.crop for placement in drawn])
    assert (crops.min(), crops.max()) == (0, 20)
    scale = np.array([placement.scale for placement in drawn])
    assert 0.9 <= scale.min() < 0.901
    assert 1.099 < scale.max() <= 1.1
    shift = np.array([placement.shift for placement in drawn])
    assert (shift.min(), shift.max()) == (-22, 22)
    shear = np.array([placement.shear for placement in drawn])
    assert np.abs(shear).max() <= 10
    for axis in (0, 1):
        flips = np.mean([placement.flipped[axis] for placement in drawn])
        assert flips == pytest.approx(0.5, abs=0.05)
    corners = [placement.corners for placement in drawn if placement.corners is not None]
    assert len(corners) / 2000 == pytest.approx(0.5, abs=0.05)
    inwards = np.abs(np.array(corners) / 224 - [[0, 0], [1, 0], [1, 1], [0, 1]])
    assert 0.07 < inwards.max() <= 0.075
