import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from metrics.bootstrap import BootstrapConfig, draws
from metrics.cohort import cohort
from metrics.pauc import standardised_pauc
from metrics.ranking import auc, average_precision, ranking_tally
from tests.unit.metrics.conftest import official_pauc, rows_drawn
from tests.unit.metrics.test_pauc import cases
from workspace.errors import DataError


def test_auc_and_average_precision_by_hand():
    # Positives at 3 and 1, negatives at 2, 1 and 0: 3 of 3 below the first, 1.5 of 3 the second.
    target, score = [1, 1, 0, 0, 0], [3, 1, 2, 1, 0]
    assert auc(target, score) == pytest.approx((3 + 1.5) / 6)
    # Going down: precision 1 at the first positive, 2 of 4 where the tie with a negative is in.
    assert average_precision(target, score) == pytest.approx((1 + 2 / 4) / 2)


def test_check_43_auc_and_average_precision_equal_scikit_learn():
    for target, score, _ in cases(300):
        assert auc(target, score) == pytest.approx(roc_auc_score(target, score), abs=1e-12)
        expected = average_precision_score(target, score)
        assert average_precision(target, score) == pytest.approx(expected, abs=1e-12)


def test_one_class_has_no_ranking():
    with pytest.raises(DataError, match=r"^AUC needs both classes; found 0 positives in 2 rows\.$"):
        auc([0, 0], [1, 2])
    with pytest.raises(DataError, match=r"^Average precision needs both classes; found 2"):
        average_precision([1, 1], [1, 2])


@pytest.mark.parametrize("stratified", [True, False])
def test_check_152_every_resample_equals_the_metric_of_its_rows_written_out(stratified):
    config = BootstrapConfig(replicates=25, stratified=stratified)
    undefined = 0
    for number, (target, score, _) in enumerate(cases(21)):
        patients = np.random.default_rng(number).integers(0, 12, len(target))
        whose = cohort([f"IP_{code:03d}" for code in patients], target)
        tally = ranking_tally(target, score, whose)
        for counts in draws(whose, config, seed=number):
            found = tally.of(counts)
            for replicate in range(len(counts)):
                rows = rows_drawn(whose, counts[replicate])
                value = {name: values[replicate] for name, values in found.items()}
                if len(set(target[rows])) < 2:
                    undefined += 1
                    assert all(np.isnan(v) for v in value.values())
                    continue
                expected = {
                    "pauc": official_pauc(target[rows], score[rows]),
                    "standardised_pauc": standardised_pauc(target[rows], score[rows]),
                    "auc": roc_auc_score(target[rows], score[rows]),
                    "average_precision": average_precision_score(target[rows], score[rows]),
                }
                assert value == pytest.approx(expected, abs=1e-9)
    assert (undefined == 0) is stratified
