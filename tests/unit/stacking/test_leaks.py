import numpy as np
import polars as pl
import pytest

from metrics.pauc import pauc_above_tpr
from metrics.ranking import auc
from stacking.leaks import (
    Chance,
    _chance,
    chance_pauc,
    fitted_differently,
    noise_by_patient,
    on_noise,
    on_permuted,
    permuted_by_patient,
    reduced,
    sure,
    with_other_labels,
    with_other_values,
)
from stacking.matrix import Matrix
from tests.unit.stacking.conftest import QUICK, STACK, drawn

SMALL = STACK.model_copy(update={"seeds": 1, "shap_rows": 0})


def test_noise_is_as_common_as_the_labels_alike_within_patients_and_knows_nothing(matrix):
    stream = np.random.default_rng(0)
    target = matrix.rows["target"].to_numpy()
    noise = np.stack([noise_by_patient(matrix.rows, stream) for _ in range(300)])
    assert noise.mean() == pytest.approx(target.mean(), abs=0.01)
    assert noise.mean(axis=0).std() < 0.03  # every row is as likely as any other
    patients = matrix.rows["group_id"].rank("dense").to_numpy() - 1
    shares = np.stack([np.bincount(patients, weights=row) / 10 for row in noise])
    assert shares.std() > 1.5 * np.sqrt(0.15 * 0.85 / 10)  # wider than coins alone


@pytest.mark.parametrize("positives", [1, 3, 16, 80])
def test_the_chance_level_is_what_random_scores_have(positives):
    rng = np.random.default_rng(0)
    target = np.arange(2000) < positives
    values = [pauc_above_tpr(target, rng.random(2000)) for _ in range(3000)]
    error = np.std(values) / len(values) ** 0.5
    assert chance_pauc(positives) == pytest.approx(np.mean(values), abs=4 * error)


def test_an_honest_stack_is_at_chance_on_noise(matrix):
    assert all(chance.at_chance for chance in on_noise(matrix, SMALL, QUICK, 0, 4))


def of_unequal_patients():
    """40 patients of 4 lesions and 20 of 24, every third with 3 positives; one column: how many."""
    lesions = np.r_[np.full(40, 4), np.full(20, 24)]
    patient = np.repeat(np.arange(60), lesions)
    nth = np.arange(len(patient)) - np.repeat(np.cumsum(lesions) - lesions, lesions)
    order = np.lexsort((nth, patient, patient % 3))
    target = ((patient // 3 % 3 == 0) & (nth < 3)).astype(np.int8)
    table = pl.DataFrame(
        {
            "isic_id": [f"ISIC_{number:07d}" for number in order],
            "fold": (patient % 3)[order].astype(np.int16),
            "target": target[order],
            "group_id": [f"IP_{number:07d}" for number in patient[order]],
        }
    )
    values = np.stack([lesions[patient], np.random.default_rng(0).random(len(patient))], axis=1)
    return Matrix(table, ("ct_lesions", "meta_noise"), values[order].astype(np.float32))


def clusters(rows):
    return rows.group_by("group_id").agg(pl.col("target").sum())["target"].sort()


def test_permuted_labels_are_the_real_clusters_at_other_patients():
    rows, stream = of_unequal_patients().rows, np.random.default_rng(0)
    permuted = [rows.with_columns(target=permuted_by_patient(rows, stream)) for _ in range(100)]
    assert all(clusters(other).equals(clusters(rows)) for other in permuted)
    chosen = [(other["target"].to_numpy() @ rows["target"].to_numpy()) for other in permuted]
    assert 0 < np.mean(chosen) < 15  # of 60 positives, a few by chance


def test_labels_permuted_by_patient_are_at_chance_among_equals_though_counting_lesions_tells():
    matrix, found = of_unequal_patients(), []
    for number in range(6):
        labels = permuted_by_patient(matrix.rows, np.random.default_rng([0, number]))
        found.append(auc(labels, -matrix.values[:, 0].astype(float)))
    assert np.mean(found) > 0.7
    chance = on_permuted(matrix, SMALL, QUICK, 0, 6)
    assert chance.at_chance, chance
    assert chance.folds == 18
    assert chance.standard_error < 0.05


def with_patients_in_all_folds(matrix):
    """Rows of a patient in several folds, and a last column that tells patients apart."""
    values = matrix.values.copy()
    values[:, -1] = matrix.rows["group_id"].rank("dense").to_numpy()
    order = np.argsort(np.arange(len(values)) % 3, kind="stable")
    fold = pl.Series("fold", np.sort(np.arange(len(values)) % 3).astype(np.int16))
    return Matrix(matrix.rows[order].with_columns(fold), matrix.columns, values[order])


LEARNER = QUICK.model_copy(update={"max_depth": 8, "rounds": 60})


def test_a_stack_that_sees_its_patients_in_training_is_not_at_chance_on_noise(matrix):
    [found, _] = on_noise(with_patients_in_all_folds(matrix), SMALL, LEARNER, 0, 4)
    assert found.above_chance > 0.1
    assert not found.at_chance


def test_a_stack_that_sees_its_patients_in_training_is_not_at_chance_on_permuted_labels():
    found = on_permuted(with_patients_in_all_folds(of_unequal_patients()), SMALL, LEARNER, 0, 4)
    assert found.above_chance > 0.1
    assert not found.at_chance


def test_other_held_out_rows_fit_nothing_else_and_other_training_rows_do(matrix):
    for other in (with_other_labels(matrix, 1), with_other_values(matrix, 1)):
        assert fitted_differently(matrix, other, SMALL, QUICK, 1) == []
        assert "seed_0.txt" in fitted_differently(matrix, other, SMALL, QUICK, 0)


def test_a_reduced_matrix_has_whole_groups_half_of_them_with_a_positive():
    matrix = drawn(3000)
    small = reduced(matrix, 600, 0)
    assert 500 <= len(small.rows) <= 600
    sizes = small.rows.group_by("group_id").len()["len"]
    assert sizes.to_list() == [10] * len(sizes)
    with_positive = small.rows.group_by("group_id").agg(pl.col("target").max())["target"]
    assert with_positive.mean() == pytest.approx(0.5, abs=0.02)
    assert reduced(matrix, 3000, 0) is matrix


def test_few_values_are_further_from_chance_by_chance_alone():
    assert Chance("auc", 0.13, 0.0366, 6).at_chance  # one in a hundred, as six values scatter
    assert not Chance("auc", 0.13, 0.0366, 60).at_chance
    assert sure(10_000) == pytest.approx(3, abs=0.01)
    assert _chance("auc", [[0.4]]).at_chance
    assert _chance("auc", []).at_chance
    assert _chance("auc", [[], []]).at_chance


def test_folds_of_a_draw_are_no_three_witnesses():
    """Labels that happen to follow a column lift all folds of their draw, and no others."""
    alike = _chance("auc", [[0.10, 0.11, 0.12], [-0.01, 0.0, 0.01], [0.05, 0.06, 0.07]])
    assert alike.standard_error == pytest.approx(0.055 / 3**0.5, rel=0.01)
    assert alike.at_chance
    apart = _chance("auc", [[0.12, 0.0, 0.06], [0.11, 0.01, 0.05], [0.10, -0.01, 0.07]])
    assert apart.standard_error == pytest.approx(np.std([0.12, 0, 0.06, 0.11, 0.01, 0.05, 0.1,
                                                         -0.01, 0.07], ddof=1) / 3)  # fmt: skip


def test_below_chance_nothing_leaks():
    assert Chance("auc", -0.115, 0.027, 15).at_chance
    assert not Chance("auc", 0.115, 0.027, 15).at_chance
