import io

import numpy as np
import polars as pl
import pytest
from rich.console import Console

from pipeline import members
from pipeline.members import blended_unseen, keep_blend, members_of, network_scores
from pipeline.unseen_members import kept_blend, parts_of
from reports.desk import ConsoleDesk
from stacking.blending.config import BLENDS, BlendConfig
from stacking.blending.policies import blend
from stacking.blocks import open_block
from tests.unit.stacking.blending.conftest import by_hand
from workspace.errors import ArtifactError, ConfigError
from workspace.manifest import Wanted
from workspace.units import making, open_unit

FOLDS = [0, 0, 0, 0, 1, 1, 1, 1]
TARGET = [0, 1, 0, 1, 0, 1, 0, 1]
ROWS, STACKED = by_hand(FOLDS, TARGET, stack=[0.1, 0.9, 0.2, 0.8, 0.3, 0.7, 0.4, 0.6])
SCORES = [0.2, 0.6, 0.4, 0.8, 0.1, 0.5, 0.3, 0.9]
WANTED = Wanted(stage="embed", settings={}, inputs={}, recipe={}, seed=0)


@pytest.fixture
def desk():
    return ConsoleDesk(Console(file=io.StringIO(), record=True, width=200))


@pytest.fixture
def network(tmp_path):
    """A network's block: what it says of the rows, and by fold of two test rows."""

    def made(name, scores=SCORES, column=None, tests=((0.2, 0.8), (0.4, 0.6)), **facts):
        column = column or f"oof_{name}_probability"
        oof = ROWS.select("isic_id", "fold").with_columns(
            (pl.lit("m") + pl.col("fold").cast(pl.String)).alias("maker"),
            pl.Series(column, scores, dtype=pl.Float64),
        )
        parts = [
            pl.DataFrame({"isic_id": ["t1", "t0"], "fold": fold, "maker": f"m{fold}", column: both})
            for fold, both in enumerate(tests)
        ]
        test = pl.concat(parts).cast({"fold": pl.Int16, column: pl.Float64})
        with making(tmp_path / name, WANTED) as draft:
            draft.parquet("oof.parquet", oof)
            draft.parquet("test.parquet", test)
            draft.facts |= {"fold_hash": "f" * 64, "makers": {"0": "m0", "1": "m1"}, **facts}
        return open_block(open_unit(tmp_path / name, "embed"), ROWS, "f" * 64)

    return made


def test_the_stack_has_two_parts_where_it_has_columns_of_both_kinds():
    columns = ("meta_age", "emb_net_0000", "ctx_far", "oof_net_rank")
    assert parts_of(columns) == {
        "tabular": ("meta_age", "ctx_far"), "images": ("emb_net_0000", "oof_net_rank")
    }  # fmt: skip
    assert parts_of(columns[::2]) == {}
    assert parts_of(columns[1::2]) == {}


def test_members_are_the_stack_and_networks_that_say_how_probable_the_target_is(desk, network):
    blocks = [
        network("small"),
        network("stage1", scores=SCORES[::-1]),
        network("three", column="oof_three_MEL_probability"),
        network("stage2", target_probability=None),  # of two classes: which, not whether
    ]
    found = members_of(desk, BlendConfig(), ROWS, STACKED, blocks)
    assert found.names == ("small", "stack", "stage1")
    assert found.rows["isic_id"].to_list() == [f"r{number}" for number in range(8)]
    assert found.raw[0].tolist() == SCORES
    assert found.raw[2].tolist() == SCORES[::-1]
    assert desk.console.export_text() == ""


def test_a_network_of_several_classes_is_a_member_by_the_sum_of_those_that_are_positive(
    desk, tmp_path
):
    names = [f"oof_seven_{name}_probability" for name in ("MEL", "BCC", "NV")]
    shares = np.array([[0.25, 0.5, 0.25], [0.5, 0.25, 0.25]] * 4)
    oof = ROWS.select("isic_id", "fold").with_columns(
        (pl.lit("m") + pl.col("fold").cast(pl.String)).alias("maker"),
        *(pl.Series(name, shares[:, at]) for at, name in enumerate(names)),
    )
    with making(tmp_path / "seven", WANTED) as draft:
        draft.parquet("oof.parquet", oof)
        draft.facts |= {
            "fold_hash": "f" * 64, "makers": {"0": "m0", "1": "m1"},
            "target_probability": {"columns": names[:2], "of_zero": False},
        }  # fmt: skip
    block = open_block(open_unit(tmp_path / "seven", "embed"), ROWS, "f" * 64)
    found = members_of(desk, BlendConfig(), ROWS, STACKED, [block])
    assert found.names == ("seven", "stack")
    assert found.raw[0].tolist() == [0.75] * 8


def test_a_network_that_says_nothing_of_some_rows_is_no_member_and_that_is_told(desk, network):
    blocks = [network("small", scores=[None, *SCORES[1:]])]
    found = members_of(desk, BlendConfig(), ROWS, STACKED, blocks)
    assert found is None
    assert desk.console.export_text() == (
        "notice: small is no member: it has no score of 1 row without a picture.\n"
    )


@pytest.mark.parametrize("policy", BLENDS)
def test_no_blend_is_made_of_the_stack_alone(desk, policy):
    assert members_of(desk, BlendConfig(), ROWS, STACKED, []) is None
    with pytest.raises(ConfigError) as error:
        members_of(desk, BlendConfig(policy=policy), ROWS, STACKED, [])
    assert str(error.value) == (
        f"blend.policy is '{policy}', but the stack is the only member; take "
        "stack.networks=true, a second name in stack.boosters, or blend.policy='stack'."
    )


def test_a_score_that_is_no_probability_is_refused(desk, network):
    with pytest.raises(ArtifactError, match=r"Member small has scores outside 0 to 1 for images"):
        members_of(
            desk, BlendConfig(), ROWS, STACKED, [network("small", scores=[1.5, *SCORES[1:]])]
        )


def test_rows_outside_the_folds_are_blended_view_by_view(desk, network, monkeypatch):
    """Fold k's boosters and fold k's network see a row together; then the folds are averaged."""
    views = {"view of 0": [0.5, 0.1], "view of 1": [0.7, 0.3]}  # of t0 and t1

    def scored(view, units, how):
        [(fold, unit)] = units.items()
        assert (unit, how) == (f"boosters of {fold}", "probability")
        scores = pl.DataFrame({"isic_id": ["t0", "t1"], "score": views[view(fold)]})
        return scores.with_columns(fold_sd=None)

    monkeypatch.setattr(members, "score_unseen", scored)
    blocks, ids = [network("small")], pl.DataFrame({"isic_id": ["t0", "t1"]})
    some = members_of(desk, BlendConfig(), ROWS, STACKED, blocks)
    stacked = {"stack": ("view of {}".format, {0: "boosters of 0", 1: "boosters of 1"})}
    found = blended_unseen(
        some,
        blend(some, "mean").last,
        ids,
        stacked,
        lambda n: network_scores(blocks, ids, n),
    )
    by_fold = np.array([[(0.5 + 0.8) / 2, (0.1 + 0.2) / 2], [(0.7 + 0.6) / 2, (0.3 + 0.4) / 2]])
    assert found["isic_id"].to_list() == ["t0", "t1"]
    assert found["score"].to_list() == pytest.approx(by_fold.mean(axis=0))
    assert found["fold_sd"].to_list() == pytest.approx(by_fold.std(axis=0, ddof=1))


def test_of_a_block_only_the_rows_that_are_asked_for_are_taken(network):
    blocks = [network("small")]
    seen = network_scores(blocks, pl.DataFrame({"isic_id": ["t1"]}), "small")
    assert seen.sort("fold").rows() == [("t1", 0, 0.2), ("t1", 1, 0.4)]


@pytest.mark.parametrize("how", BLENDS)
def test_what_is_kept_of_a_blend_scores_new_rows_to_the_bit(desk, network, tmp_path, how):
    blocks, ids = [network("small"), network("stage1", scores=SCORES[::-1])], ["t0", "t1"]
    some = members_of(desk, BlendConfig(), ROWS, STACKED, blocks).select(["small", "stage1"])
    rule, rows = blend(some, how).last, pl.DataFrame({"isic_id": ids})

    def scores(members, rule):
        return blended_unseen(
            members, rule, rows, {}, lambda name: network_scores(blocks, rows, name)
        )

    with making(tmp_path / "kept", WANTED) as draft:
        keep_blend(draft, some, rule)
    assert scores(*kept_blend(open_unit(tmp_path / "kept", "stack"))).equals(scores(some, rule))
