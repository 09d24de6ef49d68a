import json

import pytest

from metrics.bootstrap import difference, interval_of
from metrics.cohort import cohort
from metrics.pauc import pauc_above_tpr
from metrics.ranking import ranking_tally
from stacking.blending.config import BLENDS, BlendConfig
from stacking.blending.measure import blend_sheet
from stacking.blending.members import join_members
from stacking.blending.policies import all_blends
from tests.unit.stacking.blending.conftest import QUICK, by_hand, drawn
from tests.unit.stacking.blending.test_policies import A, B
from tests.unit.stacking.blending.test_rank_and_flag import CROSSED

NAMES = ["images", "stack", "tabular", *BLENDS]


def measure(members, config=None, patient="group_id"):
    config = config or BlendConfig()
    return blend_sheet(members, all_blends(members, config), config, QUICK, patient)


def test_every_member_and_blend_stands_in_one_table(members):
    found = measure(members)
    assert list(found["scores"]) == NAMES
    assert [found["scores"][name]["kind"] for name in NAMES] == ["member"] * 3 + ["blend"] * 6
    assert found["patients"] == 180
    stack = found["scores"]["stack"]
    assert stack["chosen_minus_this"] is None
    assert stack["n"] == 900
    assert stack["positives"] == members.target.sum() == found["positives"]
    score = members.raw[members.names.index("stack")]
    assert stack["metrics"]["pauc"]["value"] == pytest.approx(pauc_above_tpr(members.target, score))
    held = members.folds == 1
    by_fold = stack["pauc_by_fold"]
    assert by_fold["1"] == pytest.approx(pauc_above_tpr(members.target[held], score[held]))
    assert by_fold["mean"] == pytest.approx(sum(by_fold[k] for k in "012") / 3)
    assert json.loads(json.dumps(found)) == found
    assert found["notes"] == []


def test_the_chosen_one_is_compared_on_the_same_draws(members):
    config = BlendConfig(policy="rank_average")
    blends = all_blends(members, config)
    found = blend_sheet(members, blends, config, QUICK, "group_id")
    whose = cohort(members.rows["group_id"], members.target)
    ours, theirs = (
        ranking_tally(members.target, score, whose)
        for score in (blends["rank_average"].score, members.raw[members.names.index("stack")])
    )
    told = interval_of(difference(theirs, ours), whose, QUICK.bootstrap())
    minus = found["scores"]["stack"]["chosen_minus_this"]
    assert minus == {name: interval.as_json() for name, interval in told.items()}
    assert found["scores"]["rank_average"]["chosen_minus_this"] is None
    assert minus["pauc"]["low"] < minus["pauc"]["value"] < minus["pauc"]["high"]


def test_the_or_rule_stands_beside_each_member_at_the_same_sensitivity():
    # who is flagged: test_policies; of the rule 3 of 4 positives and 3 of 6 negatives, of a 3 and 4
    rows, tables = by_hand([0] * 5 + [1] * 5, [1, 1, 0, 0, 0] * 2, stack=A, net=B)
    found = measure(join_members(rows, tables), BlendConfig(sensitivity=1.0))["operating"]
    rule, stack = found["scores"]["or_rule"], found["scores"]["stack"]
    for told, sensitivity, specificity, flagged in (
        (rule, 3 / 4, 3 / 6, 6),
        (stack, 3 / 4, 2 / 6, 7),
    ):
        assert told["metrics"]["sensitivity"]["value"] == pytest.approx(sensitivity)
        assert told["metrics"]["specificity"]["value"] == pytest.approx(specificity)
        assert told["flagged"] == flagged
        assert told["metrics"]["flagged_per_1000"]["value"] == pytest.approx(100 * flagged)
    assert rule["thresholds"] == {"0": 0.7, "1": 0.9}
    assert rule["threshold_of_all_rows"] == 0.7
    assert rule["or_rule_minus_this"] is None
    assert stack["or_rule_minus_this"]["specificity"]["value"] == pytest.approx(1 / 6)
    assert found["sensitivity"] == 1.0


def test_about_the_wanted_sensitivity_is_kept_on_rows_that_chose_nothing(members):
    found = measure(members, BlendConfig(sensitivity=0.8))["operating"]["scores"]
    for name in NAMES:
        assert found[name]["metrics"]["sensitivity"]["value"] == pytest.approx(0.8, abs=0.06)


def test_weights_are_told_by_fold_and_for_rows_outside(members):
    weights = measure(members)["weights"]
    assert list(weights["by_fold"]) == ["0", "1", "2"]
    for each in (*weights["by_fold"].values(), weights["all_rows"]):
        assert sum(each.values()) == pytest.approx(1)


def test_roles_are_told_by_fold_and_for_rows_outside(members):
    config = BlendConfig(sensitivity=0.75, policy="rank_and_flag")
    assert measure(CROSSED, config)["roles"] == {
        "by_fold": {"0": {"ranks": "a", "flags": "b"}, "1": {"ranks": "b", "flags": "a"}},
        "all_rows": {"ranks": "a", "flags": "a"},
    }
    assert measure(members.select(["stack"]))["roles"] is None


def test_who_ranks_and_flags_stands_beside_the_or_rule_at_the_same_sensitivity():
    # who is flagged: test_rank_and_flag; in each fold 2 of 4 positives and 1 of 4 negatives
    config = BlendConfig(sensitivity=0.75, policy="rank_and_flag")
    found = measure(CROSSED, config)["operating"]["scores"]
    both, rule = found["rank_and_flag"], found["or_rule"]
    for metric, value in (("sensitivity", 2 / 4), ("specificity", 3 / 4), ("ppv", 4 / 6)):
        assert both["metrics"][metric]["value"] == pytest.approx(value)
    assert both["metrics"]["flagged_per_1000"]["value"] == pytest.approx(6000 / 16)
    assert both["thresholds"] == {"0": 11 / 16, "1": 11 / 16}
    for metric, minus in both["or_rule_minus_this"].items():
        values = [one["metrics"][metric]["value"] for one in (rule, both)]
        assert minus["value"] == pytest.approx(values[0] - values[1])


def test_members_left_out_of_the_blends_stay_in_the_table(members):
    found = measure(members, BlendConfig(members=("images", "tabular")))
    assert list(found["scores"]) == NAMES
    assert found["blended"] == ["images", "tabular"]
    assert list(found["weights"]["all_rows"]) == ["images", "tabular"]


def test_the_order_of_rows_does_not_matter():
    rows, tables = drawn()
    shuffled = {name: tables[name].reverse() for name in reversed(tables)}
    mixed = join_members(rows.sample(fraction=1, shuffle=True, seed=5), shuffled)
    assert measure(mixed) == measure(join_members(rows, tables))


def test_one_member_or_one_fold_leaves_out_what_cannot_be(members):
    alone = measure(members.select(["stack"]))
    assert list(alone["scores"]) == ["stack"]
    assert alone["weights"] is None
    assert list(alone["operating"]["scores"]) == ["stack"]
    assert alone["operating"]["scores"]["stack"]["or_rule_minus_this"] is None
    assert alone["notes"] == ["One member: there is nothing to blend."]
    one_fold = join_members(*by_hand([0] * 5, [1, 1, 0, 0, 0], stack=A[:5], net=B[:5]))
    found = measure(one_fold, patient=None)
    assert list(found["scores"]) == ["net", "stack", "mean", "rank_average", "or_rule"]
    assert found["operating"] is None
    assert found["patients"] is None
    assert found["notes"] == [
        "One fold: there are no other rows to choose weights and thresholds on."
    ]
