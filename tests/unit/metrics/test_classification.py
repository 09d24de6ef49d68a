import json

import numpy as np
import pytest
from sklearn import metrics as sklearn

from metrics.bootstrap import BootstrapConfig, draws, interval_of
from metrics.classification import (
    MEANS,
    OVER_CLASSES,
    ClassificationReport,
    ClassReport,
    ConfusionRate,
    ConfusionSheet,
    GroupReport,
    MeanScores,
    classification_report,
    classification_tally,
    confusion_matrix,
    predicted_class,
    rarity,
    scores_of,
)
from metrics.cohort import cohort
from metrics.rates import Rate
from tests.unit.metrics.conftest import rows_drawn
from workspace.errors import DermstackError

CLASSES = ("MEL", "BCC", "VASC", "DF")  # an order that no sorting gives
GROUPS = {"cancer": {"MEL", "BCC"}}
CONFUSIONS = (("MEL", "BCC"), ("BCC", "MEL"))
# Rows true, columns called. VASC: 32 of 35 found, 42 called so.
MATRIX = np.array([[50, 8, 4, 2], [5, 70, 3, 1], [1, 1, 32, 1], [0, 2, 3, 11]])


def refused(message, call, *given):
    with pytest.raises(DermstackError) as error:
        call(*given)
    assert str(error.value) == message
    assert len(message) <= 280


def rows_of(matrix, classes=CLASSES):
    """Labels with this confusion matrix."""
    row, column = np.divmod(np.repeat(np.arange(matrix.size), matrix.ravel()), len(classes))
    return np.array(classes)[row], np.array(classes)[column]


def drawn(rng, n=60, classes=CLASSES, skew=1.0):
    """Names and rounded softmax outputs, with ties, where all classes but the first are rarer."""
    share = np.exp(-skew * np.arange(len(classes)))
    code = rng.choice(len(classes), n, p=share / share.sum())
    code[: len(classes)] = np.arange(len(classes))
    logit = rng.normal(size=(n, len(classes))) + 1.5 * np.eye(len(classes))[code]
    tenths = np.round(10 * np.exp(logit) / np.exp(logit).sum(axis=1, keepdims=True)) + 0.1
    return np.array(classes)[code], tenths / tenths.sum(axis=1, keepdims=True)


def reference(true, called, classes=CLASSES):
    """The means and the scores of each class, by scikit-learn."""
    present = [name for name in classes if name in set(true)]
    found = {"accuracy": sklearn.accuracy_score(true, called)}
    for mean in ("macro", "weighted"):
        for kind, value in zip(
            ("precision", "recall", "f1"),
            sklearn.precision_recall_fscore_support(
                true, called, labels=present, average=mean, zero_division=0
            ),
            strict=False,
        ):
            found[f"{mean}_{kind}"] = value
    precision, recall, f1, support = sklearn.precision_recall_fscore_support(
        true, called, labels=list(classes), zero_division=np.nan
    )
    for number, name in enumerate(classes):
        found[f"precision[{name}]"] = precision[number]
        found[f"recall[{name}]"] = recall[number]
        found[f"f1[{name}]"] = f1[number] if support[number] else np.nan
    return found | {"balanced_accuracy": found["macro_recall"]}


def by_hand(true, called):
    """The group's scores and the confusions, row by row."""
    ill, said = np.isin(true, ["MEL", "BCC"]), np.isin(called, ["MEL", "BCC"])

    def share(hit, among):
        return hit[among].mean() if among.any() else np.nan

    return {
        "cancer_sensitivity": share(said, ill),
        "cancer_specificity": share(~said, ~ill),
        "confusion[MEL->BCC]": share(called == "BCC", true == "MEL"),
        "confusion[BCC->MEL]": share(called == "MEL", true == "BCC"),
    }


def test_the_most_probable_class_is_called_and_a_tie_goes_to_the_first():
    table = [[0.1, 0.7, 0.2], [0.4, 0.2, 0.4], [0.2, 0.4, 0.4], [1 / 3, 1 / 3, 1 / 3]]
    assert predicted_class(table).tolist() == [1, 0, 1, 0]
    assert predicted_class(table).dtype == np.int64


def test_rows_are_true_and_columns_are_called_in_the_order_of_the_caller():
    true, called = rows_of(MATRIX)
    found = confusion_matrix(true, called, CLASSES)
    assert (found == MATRIX).all()
    assert found.dtype == np.int64
    assert found.sum() == len(true)
    other = ("DF", "VASC", "BCC", "MEL")
    assert (confusion_matrix(list(true), list(called), other) == MATRIX[::-1, ::-1]).all()


def test_scores_by_hand():
    found = scores_of(MATRIX, CLASSES, GROUPS, CONFUSIONS)
    assert found["recall[VASC]"] == 32 / 35
    assert found["precision[VASC]"] == 32 / 42
    assert found["f1[VASC]"] == 64 / 77
    assert found["recall[MEL]"] == 50 / 64
    assert found["accuracy"] == 163 / 194
    assert found["balanced_accuracy"] == pytest.approx((50 / 64 + 70 / 79 + 32 / 35 + 11 / 16) / 4)
    assert found["cancer_sensitivity"] == (50 + 8 + 5 + 70) / (64 + 79)
    assert found["cancer_specificity"] == (32 + 1 + 3 + 11) / (35 + 16)
    assert found["confusion[MEL->BCC]"] == 8 / 64
    assert found["confusion[BCC->MEL]"] == 5 / 79


def test_scores_equal_scikit_learn():
    rng = np.random.default_rng(1)
    for _ in range(200):
        true, probability = drawn(rng, rng.integers(5, 80), skew=rng.uniform(0, 2))
        true = rng.permutation(true[rng.integers(0, 4) :])  # some lack a class
        called = np.array(CLASSES)[predicted_class(probability[: len(true)])]
        called = np.where(called == rng.choice(CLASSES), "MEL", called)  # one is never called
        matrix = confusion_matrix(true, called, CLASSES)
        assert (matrix == sklearn.confusion_matrix(true, called, labels=CLASSES)).all()
        found = scores_of(matrix, CLASSES)
        expected = reference(true, called)
        assert found == pytest.approx(expected, abs=1e-12, nan_ok=True)
        if set(called) <= set(true):  # scikit-learn warns otherwise
            balanced = sklearn.balanced_accuracy_score(true, called)
            assert found["balanced_accuracy"] == pytest.approx(balanced, abs=1e-12)


def test_a_class_without_a_row_is_left_out_of_the_means():
    matrix = [[8, 1, 1], [2, 8, 0], [0, 0, 0]]
    found = scores_of(matrix, CLASSES[:3], {"vessel": {"VASC"}}, [("VASC", "MEL")])
    for name in ("recall[VASC]", "f1[VASC]", "vessel_sensitivity", "confusion[VASC->MEL]"):
        assert np.isnan(found[name])
    assert found["precision[VASC]"] == 0  # one row was called so, wrongly
    assert found["balanced_accuracy"] == found["macro_recall"] == 0.8
    assert found["macro_precision"] == pytest.approx((8 / 10 + 8 / 9) / 2)


def test_a_class_that_is_never_called_counts_as_zero_in_the_means():
    found = scores_of([[9, 1, 0], [2, 8, 0], [3, 2, 0]], CLASSES[:3])
    assert np.isnan(found["precision[VASC]"])
    assert (found["recall[VASC]"], found["f1[VASC]"]) == (0, 0)
    assert found["macro_precision"] == pytest.approx((9 / 14 + 8 / 11 + 0) / 3)
    assert found["weighted_precision"] == pytest.approx((10 * 9 / 14 + 10 * 8 / 11) / 25)


def test_many_matrices_are_scored_at_once():
    rng = np.random.default_rng(0)
    many = rng.integers(0, 4, (3, 5, 4, 4))
    found = scores_of(many, CLASSES, GROUPS, CONFUSIONS)
    for place in np.ndindex(3, 5):
        one = scores_of(many[place], CLASSES, GROUPS, CONFUSIONS)
        each = {name: float(value[place]) for name, value in found.items()}
        assert each == pytest.approx(
            {name: float(value) for name, value in one.items()}, nan_ok=True
        )
    empty = scores_of(np.zeros((4, 4)), CLASSES, GROUPS, CONFUSIONS)
    assert all(np.isnan(value) for value in empty.values())


def test_a_report_has_every_share_with_its_counts_and_goes_into_json():
    classes = (*CLASSES, "NV")
    report = classification_report(*rows_of(MATRIX), classes, GROUPS, CONFUSIONS)
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert (report["n"], report["classes"]) == (194, list(classes))
    assert report["absent"] == report["never_predicted"] == ["NV"]
    assert report["confusion"]["true"] == report["confusion"]["predicted"] == list(classes)
    assert report["confusion"]["counts"][0] == [50, 8, 4, 2, 0]
    assert report["accuracy"] == {"k": 163, "n": 194, "value": 163 / 194}
    assert report["per_class"]["VASC"] == {
        "true": 35,
        "predicted": 42,
        "precision": {"k": 32, "n": 42, "value": 32 / 42},
        "recall": {"k": 32, "n": 35, "value": 32 / 35},
        "f1": 64 / 77,
    }
    nothing = {"k": 0, "n": 0, "value": None}
    assert report["per_class"]["NV"] == {
        "true": 0,
        "predicted": 0,
        "precision": nothing,
        "recall": nothing,
        "f1": None,
    }
    assert report["groups"] == {
        "cancer": {
            "classes": ["MEL", "BCC"],
            "sensitivity": {"k": 133, "n": 143, "value": 133 / 143},
            "specificity": {"k": 47, "n": 51, "value": 47 / 51},
        }
    }
    assert report["confusions"] == [
        {"true": "MEL", "predicted": "BCC", "k": 8, "n": 64, "value": 8 / 64},
        {"true": "BCC", "predicted": "MEL", "k": 5, "n": 79, "value": 5 / 79},
    ]
    means = {name: value for name, value in scores_of(MATRIX, CLASSES).items() if "[" not in name}
    for name in means.keys() - {"accuracy"}:
        assert report[name] == means[name]


def test_the_score_of_a_paper_is_that_of_its_rows():
    true, called = rows_of(MATRIX)
    whose = cohort(None, rarity(true, CLASSES))
    point = classification_tally(true, called, CLASSES, whose, GROUPS, CONFUSIONS).point()
    assert point == scores_of(MATRIX, CLASSES, GROUPS, CONFUSIONS)


@pytest.mark.parametrize("stratified", [True, False])
def test_every_resample_equals_the_scores_of_its_rows_written_out(stratified):
    config = BootstrapConfig(replicates=20, stratified=stratified)
    lacking = 0
    for seed in range(10):
        rng = np.random.default_rng(seed)
        true, probability = drawn(rng, skew=1.2)
        called = np.array(CLASSES)[predicted_class(probability)]
        patient = [f"IP_{code:02d}" for code in rng.integers(0, 15, len(true))]
        whose = cohort(patient, rarity(true, CLASSES))
        scores = classification_tally(true, called, CLASSES, whose, GROUPS, CONFUSIONS)
        for counts in draws(whose, config, seed):
            found = scores.of(counts)
            for replicate in range(len(counts)):
                rows = rows_drawn(whose, counts[replicate])
                expected = reference(true[rows], called[rows]) | by_hand(true[rows], called[rows])
                if set(true[rows]) != set(true):
                    expected |= dict.fromkeys(OVER_CLASSES, np.nan)
                value = {name: values[replicate] for name, values in found.items()}
                assert value == pytest.approx(expected, abs=1e-9, nan_ok=True)
                lacking += len(set(true[rows])) < len(CLASSES)
    assert lacking > 0 or stratified


def test_patients_are_put_into_strata_by_their_rarest_class():
    true = ["BCC", "BCC", "MEL", "BCC", "VASC", "MEL", "DF"]
    rank = rarity(true, CLASSES)
    assert rank.tolist() == [0, 0, 1, 0, 2, 1, 3]  # VASC and DF have one each: in class order
    assert cohort(list("aabbccd"), rank).strata.tolist() == [0, 1, 2, 3]
    assert rarity(["MEL", "BCC"], CLASSES).tolist() == [0, 1]


def test_a_class_of_one_patient_has_no_interval_though_all_resamples_agree():
    true = np.array(["MEL", "BCC"] * 20 + ["VASC"])
    whose = cohort([f"IP_{number:02d}" for number in range(41)], rarity(true, CLASSES))
    found = interval_of(classification_tally(true, true, CLASSES, whose), whose)
    assert (found["recall[VASC]"].value, found["recall[VASC]"].low) == (1, None)
    assert found["macro_recall"].low is None
    assert found["recall[MEL]"].low == pytest.approx(Rate(20, 20).interval()[0])


def test_labels_that_are_no_class_are_refused():
    refused(
        "3 of 4 true labels are no class, [NV, mel]; the classes are MEL, BCC, VASC, DF.",
        confusion_matrix,
        ["NV", "mel", "MEL", "NV"],
        ["MEL"] * 4,
        CLASSES,
    )
    refused(
        "1 of 2 predicted labels are no class, [None]; the classes are MEL, BCC, VASC, DF.",
        confusion_matrix,
        ["MEL", "BCC"],
        ["MEL", None],
        CLASSES,
    )
    refused(
        "The classes [MEL] are named twice; name each once.", rarity, ["MEL"], ["MEL", "DF", "MEL"]
    )


def test_rows_that_do_not_belong_together_are_refused():
    refused(
        "There are 2 true labels but 1 predicted ones; join them by id first.",
        confusion_matrix,
        ["MEL", "BCC"],
        ["MEL"],
        CLASSES,
    )
    refused(
        "There are no rows to compute a metric from: 0 true labels.",
        confusion_matrix,
        [],
        [],
        CLASSES,
    )
    refused(
        "The confusion matrix has shape (2, 3) for 3 classes; it needs a row and a column for "
        "each.",
        scores_of,
        np.ones((2, 3)),
        CLASSES[:3],
    )


def test_probabilities_that_are_none_are_refused():
    refused(
        "2 of 3 rows of probabilities hold NaN or infinity, rows [0, 2].",
        predicted_class,
        [[np.nan, 1], [0, 1], [np.inf, 0]],
    )
    for table in ([0.1, 0.9], np.zeros((0, 4)), np.zeros((2, 0))):
        refused(
            "The probabilities must be a row for each image and a column for each class; their "
            f"shape is {np.shape(table)}.",
            predicted_class,
            table,
        )
    refused("The probabilities hold something that is not a number.", predicted_class, [["a", "b"]])


@pytest.mark.parametrize(
    ("groups", "confusions", "unknown"),
    [({"cancer": {"SCC"}}, (), "SCC"), ({}, [("MEL", "NV")], "NV")],
)
def test_groups_and_confusions_of_no_class_are_refused(groups, confusions, unknown):
    message = (
        f"Groups or confusions name [{unknown}], which are no class; the classes are MEL, BCC, "
        "VASC, DF."
    )
    refused(message, scores_of, MATRIX, CLASSES, groups, confusions)
    rows = rows_of(MATRIX)
    whose = cohort(None, rarity(rows[0], CLASSES))
    refused(message, classification_tally, *rows, CLASSES, whose, groups, confusions)
    refused(
        "The groups [none] hold no class; name one at least.",
        scores_of,
        MATRIX,
        CLASSES,
        {"none": ()},
    )


def test_the_report_has_the_keys_that_its_types_say():
    report = classification_report(
        ["a", "b"], ["a", "a"], ["a", "b"], {"first": ["a"]}, [("a", "b")]
    )
    assert set(report) == ClassificationReport.__required_keys__
    assert MeanScores.__required_keys__ == set(MEANS)
    assert set(report["per_class"]["a"]) == ClassReport.__required_keys__
    assert set(report["groups"]["first"]) == GroupReport.__required_keys__
    assert set(report["confusions"][0]) == ConfusionRate.__required_keys__
    assert set(report["confusion"]) == ConfusionSheet.__required_keys__
