import itertools

import numpy as np
import pytest

from metrics.bootstrap import BootstrapConfig, draws
from metrics.cohort import cohort
from metrics.retrieval import retrieval_tally, top_k_retrieval_sensitivity
from workspace.errors import ConfigError, DataError


def loop(target, score, patient, k):
    """The definition, patient by patient; scores without ties."""
    shares = []
    for who in set(patient):
        rows = [i for i in range(len(patient)) if patient[i] == who]
        malignant = [i for i in rows if target[i]]
        if malignant:
            top = sorted(rows, key=lambda i: -score[i])[:k]
            shares.append(len(set(top) & set(malignant)) / len(malignant))
    return np.mean(shares)


def test_by_hand():
    # a: one of two malignant among the two highest; b: the only one is third; c: none malignant.
    patient = ["a"] * 4 + ["b"] * 3 + ["c"] * 2
    target = [1, 0, 0, 1, 0, 0, 1, 0, 0]
    score = [9, 8, 7, 1, 9, 8, 7, 99, 98]
    found = top_k_retrieval_sensitivity(target, score, cohort(patient, target), k=2)
    assert found == pytest.approx((1 / 2 + 0) / 2)


def test_equal_to_the_loop():
    rng = np.random.default_rng(0)
    for _ in range(50):
        n = int(rng.integers(20, 300))
        patient = [f"IP_{code}" for code in rng.integers(0, 9, n)]
        target = (rng.random(n) < 0.1).astype(int)
        target[0] = 1
        score = rng.permutation(n)
        found = top_k_retrieval_sensitivity(target, score, cohort(patient, target))
        assert found == pytest.approx(loop(target, score, patient, 15), abs=1e-12)


def test_a_tie_across_the_last_place_counts_as_the_mean_over_all_its_orders():
    target, score, patient = [1, 0, 1, 0, 0], np.array([5, 3, 3, 3, 1]), ["a"] * 5
    orders = [
        loop(target, score + np.array([0, *order, 0]) / 100, patient, 2)
        for order in itertools.permutations([1, 2, 3])
    ]
    found = top_k_retrieval_sensitivity(target, score, cohort(patient, target), k=2)
    assert found == pytest.approx(np.mean(orders))


def test_a_patient_with_fewer_lesions_than_places_is_found_whole():
    assert top_k_retrieval_sensitivity([1, 0], [0, 1], cohort(["a", "a"], [1, 0])) == 1


def test_resamples_are_means_over_the_patients_drawn():
    target, score = [1, 0, 1, 0, 0], [0, 1, 1, 0, 5]
    whose = cohort(["a", "a", "b", "b", "c"], target)
    tally = retrieval_tally(target, score, whose, k=1)
    for counts in draws(whose, BootstrapConfig(replicates=9), seed=0):
        expected = counts[:, 1] / (counts[:, 0] + counts[:, 1])  # a is missed, b is found
        assert tally.of(counts)["top_1_retrieval_sensitivity"] == pytest.approx(expected)


def test_what_cannot_be_retrieved_is_refused():
    with pytest.raises(DataError) as error:
        retrieval_tally([1, 0], [1, 0], cohort(None, [1, 0]))
    assert str(error.value) == "Top-k retrieval looks within patients; no row says whose it is."
    with pytest.raises(DataError, match=r"^Top-k retrieval needs a positive; found 0 in 2 rows\.$"):
        retrieval_tally([0, 0], [1, 0], cohort(["a", "b"], [0, 0]))
    with pytest.raises(ConfigError, match=r"^k is 0; retrieval looks at one lesion at least\.$"):
        retrieval_tally([1, 0], [1, 0], cohort(["a", "b"], [1, 0]), k=0)
