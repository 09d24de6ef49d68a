import numpy as np
import pytest
from sklearn import metrics as sklearn

from metrics.bootstrap import BootstrapConfig, draws, interval_of
from metrics.classification import rarity
from metrics.cohort import cohort
from metrics.one_vs_rest import macro_auc, one_vs_rest_tally
from tests.unit.metrics.conftest import rows_drawn
from tests.unit.metrics.test_classification import CLASSES, drawn, refused


def expected_areas(true, probability, classes=CLASSES):
    """AUC of each class by scikit-learn; the mean has no value where one has none."""
    found = {
        f"auc[{name}]": sklearn.roc_auc_score(true == name, probability[:, number])
        if 0 < (true == name).sum() < len(true)
        else np.nan
        for number, name in enumerate(classes)
    }
    return {**found, "macro_auc": np.mean(list(found.values()))}


def test_macro_auc_equals_scikit_learn():
    rng = np.random.default_rng(5)
    for _ in range(50):
        true, probability = drawn(rng, rng.integers(8, 80), skew=rng.uniform(0, 2))
        code = [CLASSES.index(name) for name in true]
        expected = sklearn.roc_auc_score(code, probability, multi_class="ovr", average="macro")
        assert macro_auc(true, probability, CLASSES) == pytest.approx(expected, abs=1e-12)


def test_macro_auc_is_over_the_classes_that_have_rows():
    true, probability = drawn(np.random.default_rng(0))
    kept = true != "VASC"
    whose = cohort(None, rarity(true[kept], CLASSES))
    found = one_vs_rest_tally(true[kept], probability[kept], CLASSES, whose).point()
    assert list(found) == ["auc[MEL]", "auc[BCC]", "auc[VASC]", "auc[DF]", "macro_auc"]
    assert np.isnan(found["auc[VASC]"])
    each = [found[f"auc[{name}]"] for name in ("MEL", "BCC", "DF")]
    assert found["macro_auc"] == pytest.approx(np.mean(each))
    assert macro_auc(true[kept], probability[kept], CLASSES) == found["macro_auc"]


def test_resamples_that_lack_a_class_are_counted():
    true = np.array(["MEL"] * 10 + ["BCC"] * 10 + ["VASC"])
    probability = np.random.default_rng(0).dirichlet([1, 1, 1], len(true))
    whose = cohort([f"IP_{number:02d}" for number in range(21)], rarity(true, CLASSES[:3]))
    config = BootstrapConfig(replicates=2000, seeds=(0,), stratified=False)
    tally = one_vs_rest_tally(true, probability, CLASSES[:3], whose)
    found = interval_of(tally, whose, config)["macro_auc"]
    assert found.undefined / 2000 == pytest.approx((20 / 21) ** 21, abs=0.03)


def test_macro_auc_of_one_class_is_refused():
    refused(
        "Macro AUC needs rows of two classes at least; found only BCC.",
        macro_auc,
        ["BCC", "BCC"],
        np.ones((2, 4)),
        CLASSES,
    )


def test_rows_that_do_not_belong_together_are_refused():
    refused(
        "The probabilities are 2 rows of 3; 2 labels of 4 classes need one row for each label and "
        "one column for each class.",
        macro_auc,
        ["MEL", "BCC"],
        np.ones((2, 3)),
        CLASSES,
    )


def test_logits_are_refused_since_those_of_different_rows_do_not_compare():
    refused(
        "One-vs-rest AUC compares rows, and logits of different rows do not compare; give "
        "probabilities from 0 to 1.",
        macro_auc,
        ["MEL", "BCC"],
        np.array([[2.0, -1, 0, 0], [0, 3, 0, 0]]),
        CLASSES,
    )


def test_every_resample_equals_the_areas_of_its_rows_written_out():
    for seed in range(10):
        true, probability = drawn(np.random.default_rng(seed), skew=1.2)
        patient = [f"IP_{number % 15:02d}" for number in range(len(true))]
        whose = cohort(patient, rarity(true, CLASSES))
        tally = one_vs_rest_tally(true, probability, CLASSES, whose)
        for counts in draws(whose, BootstrapConfig(replicates=20, stratified=False), seed):
            found = tally.of(counts)
            for replicate in range(len(counts)):
                rows = rows_drawn(whose, counts[replicate])
                expected = expected_areas(true[rows], probability[rows])
                value = {name: values[replicate] for name, values in found.items()}
                assert value == pytest.approx(expected, abs=1e-9, nan_ok=True)


def test_the_area_of_a_class_of_one_patient_has_no_interval():
    true, probability = np.array(["MEL", "BCC"] * 20 + ["DF"]), np.full((41, 4), 0.25)
    whose = cohort([f"IP_{number:02d}" for number in range(41)], rarity(true, CLASSES))
    found = interval_of(one_vs_rest_tally(true, probability, CLASSES, whose), whose)
    assert [found[name].low is None for name in ("auc[MEL]", "auc[DF]", "macro_auc")] == [
        False, True, True,
    ]  # fmt: skip
