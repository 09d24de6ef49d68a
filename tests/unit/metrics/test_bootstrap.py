import numpy as np
import pytest
from scipy import stats
from scipy.special import expit

from metrics.bootstrap import BootstrapConfig, difference, draws, interval_of, intervals
from metrics.calibration import calibration_tally
from metrics.cohort import cohort, subset
from metrics.operating import operating_tally
from metrics.pauc import pauc_above_tpr
from metrics.ranking import ranking_tally
from metrics.retrieval import retrieval_tally
from metrics.tally import tally_columns
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
    target = np.array([1, 1, 0, 0, 0, 0, 0, 0, 0, 0])
    score = np.array([5.0, 0, 1, 2, 3, 1, 2, 3, 1, 2])
    whose = cohort(list("abcdefghij"), target)
    config = BootstrapConfig(replicates=2000, seeds=(0,), stratified=False)
    found = interval_of(ranking_tally(target, score, whose), whose, config)["auc"]
    none_positive = (8 / 10) ** 10  # all ten drawn are negative
    assert found.undefined / 2000 == pytest.approx(none_positive, abs=0.03)
    assert found.low is None  # it rests on two patients


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
    assert seen[-1] == (300, 300)  # three seeds, with strata and, for average precision, without


def calibrated_cohort(rng, patients):
    """Risks that differ by patient and by lesion, and mean what they say."""
    sizes = 1 + rng.geometric(1 / 10, patients)
    codes = np.repeat(np.arange(patients), sizes)
    risk = expit(-2.5 + rng.normal(0, 0.7, patients)[codes] + rng.normal(size=len(codes)))
    return (rng.random(len(codes)) < risk).astype(int), risk, np.char.mod("IP_%07d", codes)


def coverage(draw, tallies, names, patients):
    """In how many of 200 cohorts the interval of each metric holds the truth."""
    rng = np.random.default_rng(7)

    def all_of(target, score, whose):
        return [tally(target, score, whose) for tally in tallies]

    target, score, _ = draw(rng, 60_000)
    truth = {}
    for tally in all_of(target, score, cohort(None, target)):
        truth |= tally.point()
    inside = dict.fromkeys(names, 0)
    for number in range(200):
        target, score, patient = draw(rng, patients)
        whose = cohort(patient, target)
        config = BootstrapConfig(replicates=500, seeds=(number,))
        found = {}
        for by_metric in intervals(
            dict(enumerate(all_of(target, score, whose))), whose, config
        ).values():
            found |= by_metric
        for name in names:
            inside[name] += found[name].covers(truth[name])
    return inside


@pytest.mark.parametrize("patients", [180, 400])
def test_nominal_95_percent_intervals_of_rankings_cover_90_to_98_of_100_cohorts(patients):
    inside = coverage(drawn_cohort, [ranking_tally], ["pauc", "auc"], patients)
    assert all(180 <= hits <= 196 for hits in inside.values()), inside


@pytest.mark.slow
def test_nominal_95_percent_intervals_of_what_hangs_on_prevalence_cover_as_often():
    tallies = [
        ranking_tally,
        calibration_tally,
        lambda target, score, whose: operating_tally(target, score, 0.15, whose),
    ]
    names = [
        "average_precision", "brier", "log_loss", "calibration_slope", "calibration_intercept",
        "sensitivity", "specificity", "ppv", "npv", "f1", "flagged_per_1000",
    ]  # fmt: skip
    inside = coverage(calibrated_cohort, tallies, names, 200)
    assert all(180 <= hits <= 196 for hits in inside.values()), inside


def mean_tally(whose, values):
    """The mean over rows, the simplest metric there is."""
    return tally_columns(
        whose, [values, np.ones(len(values))], lambda sums: {"mean": sums[:, 0] / sums[:, 1]}
    )


@pytest.mark.parametrize("shape", ["skewed", "tied"])
def test_the_ends_are_those_of_scipys_bca_but_for_the_few_patients(shape):
    rng = np.random.default_rng(0)
    for n in (12, 400):
        values = rng.lognormal(0, 1, n) if shape == "skewed" else rng.integers(0, 3, n) + 0.0
        whose = cohort([f"{number:03d}" for number in range(n)], np.zeros(n))
        config = BootstrapConfig(replicates=20_000, seeds=(1,))
        ours = interval_of(mean_tally(whose, values), whose, config)["mean"]
        theirs = stats.bootstrap(
            (values,), np.mean, n_resamples=20_000, method="BCa", rng=np.random.default_rng(2)
        ).confidence_interval
        width = theirs.high - theirs.low
        if n == 400:
            assert (ours.low, ours.high) == pytest.approx(tuple(theirs), abs=0.03 * width)
        else:
            assert ours.low < theirs.low
            assert ours.high > theirs.high
            assert ours.high - ours.low > 1.1 * width


def test_two_patients_with_a_positive_have_no_interval_and_none_is_ever_inverted():
    rng = np.random.default_rng(0)
    for ill in range(1, 9):
        for level in (0.95, 0.999):
            patient = np.repeat(np.arange(40), 5)
            target = ((patient < ill) & (np.arange(200) % 5 == 0)).astype(int)
            score = rng.normal(size=200) + target
            whose = cohort(np.char.mod("%02d", patient), target)
            config = BootstrapConfig(replicates=200, seeds=(0,), level=level)
            for found in interval_of(ranking_tally(target, score, whose), whose, config).values():
                assert (found.low is None) == (ill < 5)
                assert found.low is None or found.low <= found.high


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
    some = subset(whole, np.array([False, True, True, False]), [1, 0, 0, 1])
    assert some.codes.tolist() == [0, 1]
    assert some.strata.tolist() == [0, 0]
