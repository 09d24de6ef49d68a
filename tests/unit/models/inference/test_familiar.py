"""The distance from what was learnt, against Mahalanobis' own."""

import numpy as np
import torch

from models.inference.familiar import Distance, Familiar, familiar, limit_of

RNG = np.random.default_rng(0)
MIX = np.array([[3.0, 0, 0, 0], [1, 2, 0, 0], [0, 1, 1, 0], [1, 0, 0, 0.5]])


def distance(known, embedding):
    return float(Distance(known)(torch.tensor(embedding, dtype=torch.float32)))


def test_with_all_but_one_axis_it_is_mahalanobis_distance_of_where_embeddings_point():
    known = (RNG.normal(size=(400, 4)) @ MIX + 5).astype(np.float32)
    lengths = np.array([np.sqrt(sum(float(x) ** 2 for x in one)) for one in known])
    points = known / lengths[:, None]
    inverse = np.linalg.inv(np.cov(points, rowvar=False))
    of_known = familiar(known)
    for one in (known[0], known[1], np.array([9.0, -3, 2, 40])):
        length = np.linalg.norm(one)
        beside = one / length - points.mean(axis=0)
        longer = (np.log(length) - np.log(lengths).mean()) / np.log(lengths).std()
        expected = np.sqrt(beside @ inverse @ beside / 4 + longer**2 / 32)
        assert np.isclose(distance(of_known, one), expected, rtol=1e-3)


def test_what_is_known_is_about_one_away_and_what_is_not_is_farther():
    wide = RNG.normal(size=(30, 100))
    known = (RNG.normal(size=(600, 30)) @ wide + 0.1 * RNG.normal(size=(600, 100))).astype(
        np.float32
    )
    of_known = familiar(known[:500])
    new = [distance(of_known, one) for one in known[500:]]
    assert 0.8 < np.mean(new) < 1.3
    other = [distance(of_known, one) for one in RNG.normal(size=(100, 100)) * 5.5]
    assert min(other) > max(new)


def test_a_short_embedding_is_far_though_it_points_as_the_known_do():
    known = (RNG.normal(size=(400, 4)) @ MIX + 5).astype(np.float32)
    of_known = familiar(known)
    one = known.mean(axis=0)
    assert distance(of_known, one) < 1
    assert distance(of_known, 0.01 * one) > 3
    assert np.isfinite(distance(of_known, 0 * one))
    assert np.isfinite(of_known.distances(np.zeros((1, 4))))


def test_few_pictures_and_one_that_never_changes_have_a_distance_too():
    few = familiar(np.tile(np.float32([1, 2, 3]), (3, 1)))
    assert few.axes.shape == (1, 3)
    assert distance(few, [1, 2, 3]) < 0.1
    assert np.isfinite(distance(few, [1, 2, 3.0001]))


def test_many_at_once_have_the_distances_that_the_handed_out_module_gives_each():
    known = (RNG.normal(size=(400, 4)) @ MIX + 5).astype(np.float32)
    of_known = familiar(known)
    kept = Familiar.of(of_known.tensors())
    one_by_one = [distance(of_known, one) for one in known[:20]]
    np.testing.assert_allclose(kept.distances(known[:20]), one_by_one, rtol=1e-4)


def test_so_many_lie_beyond_the_limit():
    distances = RNG.permutation(np.arange(1.0, 101.0))
    assert (distances > limit_of(distances, 0.05)).sum() == 5
    assert (distances > limit_of(distances, 0.2)).sum() == 20
