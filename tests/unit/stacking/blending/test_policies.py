import numpy as np
import polars as pl
import pytest

from metrics.pauc import pauc_above_tpr
from stacking.blending.config import BLENDS, BlendConfig
from stacking.blending.members import join_members, join_unseen
from stacking.blending.policies import (
    CHOSEN,
    all_blends,
    blend,
    blend_unseen,
    flag_blend,
    flag_member,
)
from tests.unit.stacking.blending.conftest import by_hand, drawn
from workspace.errors import ConfigError

# Five rows a fold: places .1 .3 .5 .7 .9.   of a: .9 .1 .5 .3 .7 | .9 .7 .5 .3 .1
A = [0.9, 0.1, 0.5, 0.3, 0.7, 0.5, 0.4, 0.3, 0.2, 0.1]
B = [0.2, 0.8, 0.1, 0.6, 0.4, 0.1, 0.2, 0.3, 0.4, 0.5]  # .3 .9 .1 .7 .5 | .1 .3 .5 .7 .9
FOLDS, TARGET = [0] * 5 + [1] * 5, [1, 1, 0, 0, 0] * 2
PAIR = join_members(*by_hand(FOLDS, TARGET, a=A, b=B))


def same(one, other):
    assert one.score.tolist() == other.score.tolist()
    assert one.rules == other.rules
    assert one.last == other.last


def test_a_mean_is_of_probabilities():
    assert blend(PAIR, "mean").score[:3] == pytest.approx([1.1 / 2, 0.9 / 2, 0.6 / 2])


def test_a_rank_average_is_of_places_within_the_fold():
    # means of fold 0: .6 .5 .3 .5 .6, of fold 1 all .5; placed once more, ties in the middle
    assert blend(PAIR, "rank_average").score.tolist() == [
        8 / 10, 4 / 10, 1 / 10, 4 / 10, 8 / 10, 5 / 10, 5 / 10, 5 / 10, 5 / 10, 5 / 10,
    ]  # fmt: skip


def test_another_scale_of_one_folds_models_changes_no_place():
    rows, tables = by_hand(FOLDS, TARGET, a=[*A[:5], *(a / 100 for a in A[5:])], b=B)
    same(blend(join_members(rows, tables), "rank_average"), blend(PAIR, "rank_average"))


def test_the_or_rule_flags_where_any_member_does():
    found = blend(PAIR, "or_rule")
    assert found.score.tolist() == [0.9, 0.9, 0.5, 0.7, 0.7, 0.9, 0.7, 0.5, 0.7, 0.9]
    flags = flag_blend(PAIR, found, 1.0)
    # fold 0's threshold is the lower of fold 1's positives, .9 and .7; fold 1's that of .9 and .9
    assert flags.thresholds == {0: 0.7, 1: 0.9}
    assert flags.flagged.tolist() == [
        True, True, False, True, True, True, False, False, False, True,
    ]  # fmt: skip
    assert flags.last == 0.7
    each = np.stack([PAIR.scores.doubled_ranks[n] / PAIR.scores.doubled_counts for n in (0, 1)])
    own = np.where(PAIR.folds == 0, 0.7, 0.9)
    assert flags.flagged.tolist() == (each >= own).any(axis=0).tolist()


def test_a_member_alone_is_flagged_by_the_same_measure():
    flags = flag_member(PAIR, "a", 1.0)
    assert flags.thresholds == {0: 0.7, 1: 0.1}
    assert flags.flagged.tolist() == [True, False, False, False, True] + [True] * 5
    assert flag_member(PAIR, "a", 0.5).thresholds == {0: 0.9, 1: 0.9}


def test_weights_are_those_of_a_slow_search(members):
    pair = members.select(["stack", "tabular"])
    held = pair.folds == 0
    places = pair.scores.doubled_ranks[:, ~held] / pair.scores.doubled_counts[~held]

    def worth(part):
        return round(
            pauc_above_tpr(pair.target[~held], part * places[0] + (24 - part) * places[1]), 9
        )

    best = max(range(25), key=lambda part: (worth(part), -abs(part - 12)))
    found = blend(pair, "weighted").rules[0]
    assert found.weights == pytest.approx({"stack": best / 24, "tabular": 1 - best / 24})


def test_weights_go_to_who_knows_more(members):
    found = blend(members, "weighted")
    for rule in (*found.rules.values(), found.last):
        assert sum(rule.weights.values()) == pytest.approx(1)
        assert min(rule.weights.values()) >= 0
        assert rule.weights["stack"] > rule.weights["images"]


def test_identical_members_have_even_weights_and_are_their_own_blend():
    rows, tables = drawn()
    members = join_members(rows, {"one": tables["stack"], "two": tables["stack"]})
    weighted = blend(members, "weighted")
    assert [rule.shares for rule in weighted.rules.values()] == [(12, 12)] * 3
    assert weighted.score.tolist() == blend(members, "rank_average").score.tolist()
    one = members.scores.doubled_ranks[0] / members.scores.doubled_counts
    assert weighted.score.tolist() == one.tolist()
    assert blend(members, "or_rule").score.tolist() == one.tolist()


def test_a_constant_member_changes_no_order_and_flags_nobody():
    rows, tables = drawn()
    constant = tables["stack"].with_columns(pl.lit(0.5).alias("score"))
    alone = join_members(rows, {"stack": tables["stack"]})
    both = join_members(rows, {"stack": tables["stack"], "constant": constant})
    for how in ("rank_average", "weighted"):
        assert blend(both, how).score.tolist() == blend(alone, "rank_average").score.tolist()
    assert blend(both, "weighted").last.weights == {"constant": 0.5, "stack": 0.5}  # ties: even
    flags = flag_blend(both, blend(both, "or_rule"), 0.8)
    assert flags.flagged.tolist() == flag_member(both, "stack", 0.8).flagged.tolist()
    nothing = join_members(rows, {"a": constant, "b": constant})
    for how in BLENDS:
        found = blend(nothing, how)
        assert set(found.score.tolist()) == {0.5}
        assert flag_blend(nothing, found, 0.8).flagged.all()  # who cannot tell flags all or none


def test_what_is_chosen_for_a_fold_has_not_seen_its_rows():
    rows, tables = drawn()
    before = join_members(rows, tables)
    rng = np.random.default_rng(1)
    for fold in (0, 1, 2):
        held = pl.col("fold") == fold
        turned = rows.with_columns(
            pl.when(held).then(1 - pl.col("target")).otherwise(pl.col("target")).alias("target")
        )
        other = pl.Series(rng.random(len(rows)))
        moved = {
            name: table.with_columns(pl.when(held).then(other).otherwise("score").alias("score"))
            for name, table in tables.items()
        }
        after = join_members(turned, moved)
        for how in CHOSEN:
            chosen = [blend(members, how) for members in (before, after)]
            assert chosen[0].rules[fold] == chosen[1].rules[fold]
            if how != "rank_and_flag":  # who is far ahead ranks and flags still: test_roles_...
                assert chosen[0].last != chosen[1].last
        for how in BLENDS:
            flags = [flag_blend(members, blend(members, how), 0.9) for members in (before, after)]
            assert flags[0].thresholds[fold] == flags[1].thresholds[fold]
            assert flags[0].last != flags[1].last
        flags = [flag_member(members, "stack", 0.9) for members in (before, after)]
        assert flags[0].thresholds[fold] == flags[1].thresholds[fold]
        # and of what they teach, the scores of a fold's rows follow
        only = [join_members(table, tables) for table in (rows, turned)]
        for how in CHOSEN:
            scores = [blend(m, how).score[m.folds == fold] for m in only]
            assert scores[0].tolist() == scores[1].tolist()


@pytest.mark.parametrize("how", BLENDS)
def test_neither_the_order_of_rows_nor_of_members_matters(how):
    rows, tables = drawn()
    mixed = {
        name: tables[name].sample(fraction=1, shuffle=True, seed=3)
        for name in ("images", "stack", "tabular")
    }
    shuffled = join_members(rows.sample(fraction=1, shuffle=True, seed=2), mixed)
    same(blend(shuffled, how), blend(join_members(rows, tables), how))


def test_permuted_labels_are_at_chance_and_above_it_where_weights_saw_them():
    nested, seen = [], []
    for seed in range(12):
        members = join_members(*drawn(seed=seed, permuted=True))
        found = blend(members, "weighted")
        nested.append(pauc_above_tpr(members.target, found.score))
        seen.append(pauc_above_tpr(members.target, found.last.of(members)))
    assert np.mean(nested) == pytest.approx(0.02, abs=0.003)
    assert np.mean(seen) > 0.025


@pytest.mark.parametrize("how", BLENDS)
def test_rows_outside_the_folds_go_the_way_of_the_folds_own(how):
    rows, tables = drawn()
    members = join_members(rows, tables)
    ids = members.rows["isic_id"].head(6)  # as if each fold's models scored rows of its own
    chosen = blend(members, how).last
    own = chosen.of(members)
    for fold in (0, 1, 2):
        held = members.folds == fold
        [again] = chosen.unseen(members, {fold: members.raw[:, held]})
        assert again.tolist() == own[held].tolist()
    views = dict.fromkeys((0, 1, 2), members.raw[:, :6])
    together = blend_unseen(members, ids, views, chosen)
    alone = [
        blend_unseen(
            members, ids[n : n + 1], {k: v[:, n : n + 1] for k, v in views.items()}, chosen
        )
        for n in range(6)
    ]
    assert together.equals(pl.concat(alone))  # a set of three rows is scored as one of thousands
    own = ["score", "fold_sd", "log_odds_sd"]
    flags = [f"flag_{name}" for name in own if how == "rank_and_flag"]
    assert together.columns == ["isic_id", *own, *flags]
    by_fold = chosen.unseen(members, views)
    assert together["score"].to_list() == pytest.approx(np.mean(by_fold, axis=0).tolist())
    assert together["fold_sd"].to_list() == pytest.approx(np.std(by_fold, axis=0, ddof=1).tolist())


def test_views_are_blended_by_id():
    views = {
        name: pl.DataFrame(
            {"isic_id": ["t1", "t0"] * 2, "fold": [0, 0, 1, 1], "score": scores},
        )
        for name, scores in {"a": [0.9, 0.5, 0.5, 0.1], "b": [0.8, 0.1, 0.5, 0.1]}.items()
    }
    ids = pl.Series(["t0", "t1"])
    found = join_unseen(PAIR, ids, views)
    mean = blend_unseen(PAIR, ids, found, blend(PAIR, "mean").last)
    assert mean["score"].to_list() == pytest.approx([0.8 / 4, 2.7 / 4])
    highest = blend_unseen(PAIR, ids, found, blend(PAIR, "or_rule").last)
    # t0: the higher of .5 and .1, then of .1 and .1; t1: of .9 and .9, then of .9 and .9
    assert highest["score"].to_list() == pytest.approx([(0.5 + 0.1) / 2, 0.9])


def test_blends_are_made_where_there_is_something_to_blend(members):
    assert list(all_blends(members, BlendConfig())) == list(BLENDS)
    assert all_blends(members, BlendConfig(members=("stack",))) == {}
    one_fold = join_members(*by_hand([0] * 5, [1, 1, 0, 0, 0], stack=A[:5], net=B[:5]))
    assert list(all_blends(one_fold, BlendConfig())) == ["mean", "rank_average", "or_rule"]


@pytest.mark.parametrize(
    ("folds", "names", "config", "message"),
    [
        (
            [0] * 5 + [1] * 5,
            ("stack", "net"),
            {"members": ("net",), "policy": "mean"},
            "blend.policy is 'mean', and there is one member, net; a blend needs two.",
        ),
        (
            [0] * 5 + [1] * 5,
            ("net", "tabular"),
            {},
            "blend.policy is 'stack', and no member is called so.",
        ),
        (
            [0] * 10,
            ("stack", "net"),
            {"policy": "weighted"},
            "Weights of a blend are chosen on the rows of other folds, and there is one fold; take "
            "more folds, or blend.policy='rank_average'.",
        ),
    ],
)
def test_a_policy_that_cannot_be_is_refused(folds, names, config, message):
    members = join_members(*by_hand(folds, TARGET, **dict(zip(names, (A, B), strict=True))))
    with pytest.raises(ConfigError) as error:
        all_blends(members, BlendConfig(**config))
    assert str(error.value) == message
