import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from metrics.score_sheet import ScoreConfig
from models.networks.measure import ScoredRows, against, network_sheet, variant_sheet

CONFIG = ScoreConfig(replicates=100, seeds=(0,))
THREE = ("a", "b", "c")


def drawn(classes=3, count=240):
    rng = np.random.default_rng(0)
    true = np.r_[np.arange(classes), rng.integers(0, classes, count)]
    share = rng.random((len(true), classes)) + 0.5 * np.eye(classes)[true]
    return (
        true,
        share / share.sum(axis=1, keepdims=True),
        [f"p{n // 2:03d}" for n in range(len(true))],
    )


def test_several_classes_have_every_rate_with_its_n_and_an_interval():
    true, share, patient = drawn()
    called = share.argmax(axis=1)
    found = network_sheet(true, called, share, THREE, patient, CONFIG)
    metrics = found["metrics"]
    expected = {
        "accuracy": (true == called).mean(),
        "balanced_accuracy": balanced_accuracy_score(true, called),
        "macro_auc": roc_auc_score(true, share, multi_class="ovr"),
        "auc[b]": roc_auc_score(true == 1, share[:, 1]),
        "recall[c]": (called[true == 2] == 2).mean(),
    }
    for name, value in expected.items():
        assert metrics[name]["value"] == pytest.approx(value), name
        assert metrics[name]["low"] < metrics[name]["value"] < metrics[name]["high"], name
        assert metrics[name]["unit"] == "patient"
    assert found["report"]["per_class"]["c"]["true"] == (true == 2).sum()
    assert found["patients"] == len(set(patient))


def test_two_classes_have_the_ranking_of_the_second():
    true, share, patient = drawn(2)
    metrics = network_sheet(true, share.argmax(axis=1), share, ("no", "yes"), patient, CONFIG)[
        "metrics"
    ]
    assert metrics["auc"]["value"] == pytest.approx(roc_auc_score(true, share[:, 1]))
    assert "macro_auc" not in metrics


def test_another_score_of_the_same_rows_is_paired():
    true, share, patient = drawn(2)
    found = against(true, share[:, 1], share[:, 1], patient, CONFIG)
    assert found["ours_minus_this"]["auc"]["value"] == 0
    worse = against(true, share[:, 1], -share[:, 1], patient, CONFIG)
    assert worse["ours_minus_this"]["auc"]["low"] > 0


@pytest.mark.parametrize("watch", ["macro_f1", "balanced_accuracy", "macro_auc"])
def test_a_variant_is_compared_by_what_its_network_watches(watch):
    true, share, patient = drawn()
    whole = ScoredRows(true, share, patient)
    worse = ScoredRows(true, share[::-1].copy(), patient)
    found = variant_sheet(watch, [whole, whole], [worse, worse], THREE, CONFIG)
    assert found["minus_whole"]["value"] < 0
    assert len(found["by_seed"]) == 2
    assert variant_sheet(watch, [whole], [whole], THREE, CONFIG)["minus_whole"]["value"] == 0
