import numpy as np
import polars as pl

from reports.curves.section import NO_DECISIONS, TWO_ROLES, HandedIn, curve_sections

SHEET = {"reliability": None}
PAUC = {"value": 0.1234, "low": 0.1, "high": 0.15, "level": 0.9}


def handed_in(name="stack", method=None, by_group=True):
    rng = np.random.default_rng(0)
    target = (np.arange(200) % 4 == 0).astype(int)
    rows = pl.DataFrame(
        {
            "target": target, "score": rng.random(200) + target, "fold": np.arange(200) % 2,
            "group_id": [f"p{number // 4 % 45}_{number % 2}" for number in range(200)],
            "probability": (rng.random(200) + target) / 2,
        }
    )  # fmt: skip
    rows = rows if method else rows.drop("probability")
    return HandedIn(name, PAUC, rows, method, by_group)


def plots(section):
    return section.elements[0].plots


def test_without_rows_there_is_calibration_alone():
    [curves] = curve_sections(SHEET, None, 0.8)
    assert plots(curves) == ()


def test_the_curve_s_pauc_is_that_of_what_is_handed_in_and_so_are_its_thresholds():
    curves, thresholds = curve_sections(SHEET, handed_in("mean", "platt"), 0.8)
    assert curves.lead == "Calibration is of the stack, all else of mean."
    roc, decision = plots(curves)
    assert "pAUC 0.1234" in [shape.words for shape in roc.shapes]
    assert "Band: 90% intervals" in roc.caption
    assert "from drawing patients again 1,000 times" in roc.caption
    assert "mapped to probabilities by platt, fitted on the other folds" in decision.caption
    assert thresholds.lead.endswith("The score is mean, which is handed in.")


def test_a_score_that_ranks_and_does_not_flag_says_so():
    _, thresholds = curve_sections(SHEET, handed_in("rank_and_flag"), 0.8)
    assert thresholds.lead.endswith(TWO_ROLES)


def test_rows_of_nobody_are_drawn_one_by_one():
    [roc] = plots(curve_sections(SHEET, handed_in(by_group=False), 0.8)[0])
    assert "from drawing rows again 1,000 times" in roc.caption


def test_without_probabilities_there_is_no_decision_curve_and_a_sentence():
    curves, _ = curve_sections(SHEET, handed_in(), 0.8)
    assert len(plots(curves)) == 1
    assert curves.elements[1].words == NO_DECISIONS
    assert curves.lead == ""
