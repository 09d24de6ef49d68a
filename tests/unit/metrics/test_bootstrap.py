import numpy as np
import pytest

from metrics.bootstrap import BootstrapConfig, difference, draws, interval_of, intervals
from metrics.cohort import cohort, part
from metrics.pauc import pauc_above_tpr
from metrics.ranking import ranking_tally
from metrics.retrieval import retrieval_tally
from workspace.errors import DataError


def drawn_cohort(rng, patients=60, share=0.5, spread=0.7, shift=2.0):
    """Patients who differ, some with malignant lesions; lesions of one patient are alike."""
    sizes = 1 + rng.geometric(1 / 10, patients)
    codes = np.repeat(np.arange(patients), sizes)
    target = np.zeros(len(codes), dtype=int)
    target[(np.cumsum(sizes) - sizes)[rng.random(patients) < share]] = 1
    score = rng.normal(0, spread, patients)[codes] + rng.normal(size=len(codes)) + shift * target
    return target, score, np.char.mod("IP_%07d", codes)


@pytest.fixture
def rows():
    return drawn_cohort(np.random.default_rng(3))


def test_strata_keep_their_sizes_in_every_resample(rows):
    target, _, patient = rows
    whose = cohort(patient, target)
    has_positive = whose.strata == 1
    for counts in draws(whose, BootstrapConfig(replicates=50), seed=0):
        assert (counts[:, has_positive].sum(axis=1) == has_positive.sum()).all()
        assert (counts[:, ~has_positive].sum(axis=1) == (~has_positive).sum()).all()
    free = next(draws(whose, BootstrapConfig(replicates=50, stratified=False), seed=0))
    assert (free.sum(axis=1) == whose.size).all()
    assert len(set(free[:, has_positive].sum(axis=1))) > 1


def test_the_draws_do_not_depend_on_the_order_of_the_rows(rows):
    target, score, patient = rows
    order = np.random.default_rng(0).permutation(len(target))
    config = BootstrapConfig(replicates=100)
    found = [
        interval_of(ranking_tally(t, s, whose), whose, config)["pauc"]
        for t, s, p in ((target, score, patient), (target[order], score[order], patient[order]))
        for whose in [cohort(p, t)]
    ]
    assert found[0] == found[1]


def test_an_interval_says_what_it_rests_on(rows):
    target, score, patient = rows
    whose = cohort(patient, target)
    config = BootstrapConfig(replicates=200, seeds=(4, 5))
    found = interval_of(ranking_tally(target, score, whose), whose, config)["pauc"]
    assert found.value == pytest.approx(pauc_above_tpr(target, score))
    assert found.low < found.value < found.high
    assert (found.unit, found.replicates, found.undefined, found.level) == ("patient", 400, 0, 0.95)
    assert 0 < found.seed_spread < found.high - found.low
    assert str(found) == f"{found.value:.4f} [{found.low:.4f}, {found.high:.4f}]"


def test_resamples_without_a_positive_are_counted():
    target, score = np.array([1, 0, 0, 0, 1]), np.array([5.0, 1, 2, 3, 0])
    whose = cohort(list("abcde"), target)
    config = BootstrapConfig(replicates=2000, seeds=(0,), stratified=False)
    found = interval_of(ranking_tally(target, score, whose), whose, config)["auc"]
    one_class = (3 / 5) ** 5 + (2 / 5) ** 5  # all five drawn are negative, or all positive
    assert found.undefined / 2000 == pytest.approx(one_class, abs=0.02)
    assert found.low is not None


def test_one_patient_with_a_positive_has_no_interval(rows):
    whose = cohort(list("abcde"), [1, 0, 0, 0, 0])
    found = interval_of(ranking_tally([1, 0, 0, 0, 0], [3, 1, 2, 3, 4], whose), whose)["auc"]
    assert (found.low, found.high, str(found)) == (None, None, "0.6250 [no interval]")


def test_a_score_against_itself_differs_by_nothing_and_a_better_one_by_its_gain(rows):
    target, score, patient = rows
    whose = cohort(patient, target)
    ours = ranking_tally(target, score, whose)
    same = interval_of(difference(ours, ours), whose, BootstrapConfig(replicates=50))["auc"]
    assert (same.value, same.low, same.high) == (0, 0, 0)
    better = score + 1.5 * target
    gain = interval_of(difference(ours, ranking_tally(target, better, whose)), whose)["pauc"]
    assert gain.value == pytest.approx(
        pauc_above_tpr(target, better) - pauc_above_tpr(target, score)
    )
    assert gain.low > 0


def test_a_difference_on_the_same_draws_is_narrower_than_two_intervals(rows):
    target, score, patient = rows
    whose = cohort(patient, target)
    ours = ranking_tally(target, score, whose)
    other = ranking_tally(
        target, score + 0.1 * np.random.default_rng(0).normal(size=len(score)), whose
    )
    both = intervals({"ours": ours, "gain": difference(ours, other)}, whose)
    width = {name: found["auc"].high - found["auc"].low for name, found in both.items()}
    assert width["gain"] < width["ours"] / 3


def test_several_metrics_share_their_draws(rows):
    target, score, patient = rows
    whose = cohort(patient, target)
    config = BootstrapConfig(replicates=50)
    tallies = {
        "rank": ranking_tally(target, score, whose),
        "top": retrieval_tally(target, score, whose),
    }
    together = intervals(tallies, whose, config)
    assert together["rank"] == interval_of(tallies["rank"], whose, config)
    assert together["top"] == interval_of(tallies["top"], whose, config)


def test_progress_reaches_its_end(rows):
    target, score, patient = rows
    whose, seen = cohort(patient, target), []
    config = BootstrapConfig(replicates=50)
    intervals({"": ranking_tally(target, score, whose)}, whose, config, lambda *at: seen.append(at))
    assert seen[-1] == (150, 150)


@pytest.mark.parametrize("patients", [180, 400])
def test_nominal_95_percent_intervals_cover_the_truth_in_90_to_98_of_100_cohorts(patients):
    rng = np.random.default_rng(7)
    target, score, _ = drawn_cohort(rng, 100_000)
    truth = ranking_tally(target, score, cohort(None, target)).point()
    inside = {"pauc": 0, "auc": 0}
    for number in range(200):
        target, score, patient = drawn_cohort(rng, patients)
        whose = cohort(patient, target)
        config = BootstrapConfig(replicates=500, seeds=(number,))
        found = interval_of(ranking_tally(target, score, whose), whose, config)
        for name in inside:
            inside[name] += found[name].covers(truth[name])
    for name, hits in inside.items():
        assert 180 <= hits <= 196, f"{name}: {hits} of 200"


def test_without_patients_rows_are_drawn_and_the_interval_says_so(rows):
    target, score, _ = rows
    whose = cohort(None, target)
    found = interval_of(ranking_tally(target, score, whose), whose, BootstrapConfig(replicates=50))
    assert found["pauc"].unit == "row"


def test_rows_of_one_patient_are_not_independent():
    target, score, patient = drawn_cohort(np.random.default_rng(0), 200)
    target = target[np.searchsorted(patient, patient)]  # all lesions of a patient share the label
    score = np.random.default_rng(1).normal(size=200)[np.unique(patient, return_inverse=True)[1]]
    widths = {}
    for unit, ids in (("patient", patient), ("row", None)):
        whose = cohort(ids, target)
        found = interval_of(ranking_tally(target, score, whose), whose)["auc"]
        widths[unit] = found.high - found.low
    assert widths["patient"] > 2 * widths["row"]


def test_a_row_without_a_patient_is_refused():
    with pytest.raises(DataError) as error:
        cohort(["a", None, " "], [0, 1, 0])
    assert str(error.value) == (
        "2 rows have no patient, the first at [1, 2]; a patient-level interval needs to know whose "
        "each row is."
    )


def test_a_part_of_a_cohort_has_its_own_patients_and_strata():
    whole = cohort(["a", "a", "b", "c"], [1, 0, 0, 1])
    some = part(whole, np.array([False, True, True, False]), [1, 0, 0, 1])
    assert some.codes.tolist() == [0, 1]
    assert some.strata.tolist() == [0, 0]
