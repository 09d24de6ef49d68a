import numpy as np

from metrics.cohort import cohort
from metrics.places import places


def slow(score, patient):
    """Row for row, by counting."""
    found = []
    for whose, own in zip(patient, score, strict=True):
        others = [s for p, s in zip(patient, score, strict=True) if p == whose]
        higher = sum(s > own for s in others)
        same = sum(s == own for s in others)
        place = higher + (same + 1) / 2
        lower = len(others) - higher - same
        share = 100 * (lower + (same - 1) / 2) / (len(others) - 1) if len(others) > 1 else np.nan
        found.append((place, len(others), share))
    return np.array(found).T


def test_by_hand():
    # a: 9, 8, 8, 1 are first, second and third alike, last; b has one lesion.
    patient, score = ["a", "b", "a", "a", "a"], [8.0, 3.0, 1.0, 9.0, 8.0]
    found = places(score, cohort(patient, [0, 0, 1, 0, 0]))
    assert found.place.tolist() == [2.5, 1, 4, 1, 2.5]
    assert found.of.tolist() == [4, 1, 4, 4, 4]
    np.testing.assert_array_equal(found.percentile, [50, np.nan, 0, 100, 50])


def test_equal_to_counting():
    rng = np.random.default_rng(0)
    for _ in range(30):
        n = int(rng.integers(1, 80))
        patient = [f"IP_{code}" for code in rng.integers(0, 7, n)]
        score = rng.integers(0, 12, n) / 12
        found = places(score, cohort(patient, np.zeros(n)))
        place, of, share = slow(score, patient)
        np.testing.assert_allclose(found.place, place)
        np.testing.assert_array_equal(found.of, of)
        np.testing.assert_allclose(found.percentile, share)


def test_without_patients_each_row_is_an_only_one():
    found = places([0.1, 0.9], cohort(None, [0, 1]))
    assert found.place.tolist() == [1, 1]
    assert np.isnan(found.percentile).all()
