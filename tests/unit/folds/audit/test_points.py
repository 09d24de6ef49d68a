"""Points of skin agree where it is the same skin, however it was photographed."""

import cv2
import numpy as np
import pytest

from folds.audit.points import agreeing_points, points_of
from tests.unit.folds.audit.test_fingerprint import skin


def photographed(picture, degrees, scale):
    """Again: turned about its middle and from another distance."""
    side = picture.shape[0]
    move = cv2.getRotationMatrix2D((side / 2, side / 2), degrees, scale)
    return cv2.warpAffine(picture, move, (side, side), borderMode=cv2.BORDER_REPLICATE)


@pytest.mark.parametrize(("degrees", "scale"), [(0, 1.0), (90, 1.0), (35, 1.3), (200, 0.8)])
def test_the_same_skin_agrees_at_any_angle_and_from_nearer_or_further(degrees, scale):
    for seed in range(3):
        picture = skin(seed, 200)
        again = points_of(photographed(picture, degrees, scale))
        assert agreeing_points(points_of(picture), again) >= 25


def test_other_skin_does_not():
    found = [points_of(skin(seed, 200)) for seed in range(12)]
    counts = [agreeing_points(a, b) for n, a in enumerate(found) for b in found[n + 1 :]]
    assert max(counts) <= 6


def test_as_many_agree_whichever_way_the_picture_was_saved():
    picture = skin(1, 300)
    small = cv2.resize(picture, (150, 150), interpolation=cv2.INTER_AREA)
    assert agreeing_points(points_of(picture), points_of(small)) >= 50


def test_points_are_as_many_as_asked_for_and_of_whole_numbers():
    found = points_of(skin(1, 300))
    assert 100 < len(found.positions) <= 257  # SIFT keeps two of equal strength
    assert (found.descriptors.shape, found.descriptors.dtype) == (
        (len(found.positions), 128),
        np.uint8,
    )
    assert found.positions.max() < 200


def test_where_nothing_is_there_is_no_point_and_nothing_agrees():
    flat = points_of(np.full((40, 60, 3), 120, np.uint8))
    assert len(flat.positions) == 0
    assert agreeing_points(flat, points_of(skin(1))) == 0
    assert agreeing_points(points_of(skin(1)), flat) == 0


def test_matches_that_all_fall_onto_one_point_do_not_agree():
    """A scale of less than a half explains anything."""
    picture = skin(1, 200)
    assert agreeing_points(points_of(picture), points_of(photographed(picture, 0, 0.3))) == 0
