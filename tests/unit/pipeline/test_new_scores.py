"""New rows through a run's stack: who scores them all, whose boosters, whose columns."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from folds.sources import DataConfig
from pipeline import new_scores
from pipeline.new_data import NewData
from pipeline.new_scores import Choice, Scorer, Stacked, choose
from pipeline.unit_files import TRAINING
from pipeline.unseen_members import RULE
from stacking.matrix import lazily
from stacking.oof import all_files
from stacking.use import USE
from tests.by_hand.units import drafting, kept
from workspace.errors import ArtifactError, ConfigError, one_line
from workspace.units import open_unit

TABLE = {"features.parquet": pl.DataFrame({"isic_id": ["a"], "meta_age": [50.0]})}
COLUMNS = {
    "stack": ["meta_age", "emb_net_0000"], "tabular": ["meta_age"], "images": ["emb_net_0000"],
}  # fmt: skip


class Run:
    """A run's features, boosters and stack, as far as new data ask for them."""

    def __init__(self, calls, names=tuple(COLUMNS), policy="stack", blocks=("net",), roles=False):
        self.calls, self.folder = calls, calls.run
        self.featured = kept(calls.run / "features", "features", TABLE)
        inputs = {}
        for name in names:
            for fold in (0, 1):
                unit = self.keep_boosters(name, fold)
                inputs[unit.folder.name] = all_files(unit)
        for block in blocks:
            unit = kept(calls.run / "blocks" / block, "embed", {"oof.parquet": TABLE[TRAINING]})
            inputs |= {block: unit.sha256("oof.parquet"), f"{block} test": "t" * 64}
        settings = {"blend": {"policy": policy}, "average": "probability"}
        with drafting(calls.run / "stack", "stack", settings=settings, inputs=inputs) as draft:
            draft.json("metrics.json", {})
            if policy != "stack":
                parts = {"parts": [0, 1], "flag_parts": [1, 0]} if roles else {"parts": [1, 1]}
                draft.json(RULE, {"blend": policy, "members": ["stack", "net"], **parts})

    def keep_boosters(self, name, fold, mark="as they were", learnt_from=None):
        where = self.folder / "boosters" / f"{name}_fold_{fold}"
        learnt_from = learnt_from or self.featured.sha256(TRAINING)
        with drafting(where, "stack", inputs={TRAINING: learnt_from}) as draft:
            draft.json(USE, {"columns": COLUMNS[name], "mark": mark})
        return open_unit(where, "stack")

    def stacked(self):
        unit = open_unit(self.folder / "stack", "stack")
        return Stacked(self.folder, unit, self.featured)


@pytest.fixture
def run(blank):
    return lambda **values: Run(blank, **values)


def data(*, alone=False, blind=False):
    return NewData(DataConfig(source="isic2024", folder=Path("somewhere")), alone, blind, {})


def rows(*images):
    table = {"isic_id": [f"r{n}" for n in range(len(images))], "image": images}
    return pl.DataFrame(table, schema_overrides={"image": pl.String})


SEEN, BLIND = rows("a.png", "b.png"), rows(None, None)


@pytest.mark.parametrize("seen", [SEEN, BLIND])
def test_a_stack_of_tables_alone_scores_whatever_there_is(run, seen):
    stacked = run(names=("stack",), blocks=()).stacked()
    assert choose(stacked, data(), seen) == Choice(
        "stack", ("stack",), (), "used stack (tabular columns)."
    )


def test_the_stack_scores_rows_that_have_all_it_is_made_of(run):
    half_seen = rows("a.png", None)
    for some in (SEEN, half_seen):
        assert choose(run().stacked(), data(), some) == Choice(
            "stack", ("stack",), ("net",), "used stack (tabular columns, net)."
        )


def test_without_pictures_the_tables_part_scores_and_no_network_looks(run):
    assert choose(run().stacked(), data(), BLIND) == Choice(
        "tabular", ("tabular",), (),
        "no picture in DATA: used tabular; not used: stack, images, net.",
    )  # fmt: skip
    said = choose(run().stacked(), data(blind=True), BLIND).told
    assert said.startswith("data.images is 'none': used tabular;")


def test_without_tables_the_pictures_part_scores(run):
    assert choose(run().stacked(), data(alone=True), SEEN) == Choice(
        "images", ("images",), ("net",),
        "no table in DATA: used images (net); not used: stack, tabular.",
    )  # fmt: skip


def test_a_stack_of_pictures_alone_needs_no_table_but_pictures(run):
    stacked = run(names=("stack",)).stacked()
    assert choose(stacked, data(alone=True), SEEN) == Choice(
        "stack", ("stack",), ("net",), "no table in DATA: used stack (net)."
    )
    with pytest.raises(ConfigError) as refused:
        choose(stacked, data(), BLIND)
    assert str(refused.value) == one_line(
        f"no picture in DATA, but the stack of {stacked.run} learnt from pictures alone; add them."
    )


def test_a_blend_is_used_where_all_its_members_can_and_never_in_part(run):
    stacked = run(policy="mean").stacked()
    assert choose(stacked, data(), SEEN) == Choice(
        "mean", ("stack", "net"), ("net",), "used mean of stack, net."
    )
    assert choose(stacked, data(), BLIND) == Choice(
        "tabular", ("tabular",), (),
        "no picture in DATA: used tabular; not used: stack, images, net; mean, which the run hands "
        "in, needs others.",
    )  # fmt: skip


def test_where_two_members_have_roles_it_is_told_who_ranks_and_who_flags(run):
    stacked = run(policy="rank_and_flag", roles=True).stacked()
    assert choose(stacked, data(), SEEN) == Choice(
        "rank_and_flag", ("stack", "net"), ("net",),
        "used rank_and_flag: ranked by net, flagged by stack.",
    )  # fmt: skip


def test_a_blend_of_networks_alone_scores_pictures_by_those_and_no_booster(run):
    made = run(policy="mean", blocks=("net", "other"))
    with drafting(made.folder / "stack", "stack", settings=made.stacked().unit.manifest.settings,
                  inputs=made.stacked().unit.manifest.inputs) as draft:  # fmt: skip
        draft.json(RULE, {"blend": "mean", "members": ["other"], "parts": [1]})
    assert choose(made.stacked(), data(alone=True), SEEN) == Choice(
        "mean", ("other",), ("other",), "no table in DATA: used mean of other."
    )


def test_boosters_are_those_of_the_stack_in_the_order_of_their_folds(run):
    stacked = run().stacked()
    assert list(stacked.boosters("images")) == [0, 1]
    assert stacked.columns("images") == ["emb_net_0000"]
    assert (stacked.sees, stacked.parts, stacked.networks) == (
        True, ("tabular", "images"), ("net",),
    )  # fmt: skip
    assert run(names=("stack",)).stacked().parts == ()


@pytest.mark.parametrize("values", [{"mark": "trained anew"}, {"learnt_from": "f" * 64}])
def test_boosters_of_another_stack_or_of_other_features_are_refused(run, values):
    made = run()
    other = made.keep_boosters("stack", 1, **values)
    if "learnt_from" in values:  # the same bytes, so that the manifest alone tells
        assert all_files(other) == made.stacked().hashes()["stack_fold_1"]
    with pytest.raises(ArtifactError) as refused:
        made.stacked().boosters("stack")
    assert str(refused.value) == one_line(
        f"{other.folder} is not what {made.folder / 'stack'} and {made.featured.folder} belong to; "
        "run 'make stack' again."
    )


def test_a_prediction_hangs_on_all_boosters_and_on_the_rule_of_a_blend(run):
    names = {f"{name}_fold_{fold}" for name in COLUMNS for fold in (0, 1)}
    assert run().stacked().hashes().keys() == names
    blend = run(policy="mean").stacked()
    assert blend.hashes().keys() == {*names, RULE}
    assert blend.hashes()[RULE] == blend.unit.sha256(RULE)


def test_a_block_of_elsewhere_or_made_anew_cannot_look_at_new_data(run):
    made = run()
    made.stacked().refuse_other_blocks()
    block = kept(made.folder / "blocks" / "net", "embed", {"oof.parquet": TABLE[TRAINING].head(0)})
    with pytest.raises(ArtifactError) as refused:
        made.stacked().refuse_other_blocks()
    assert str(refused.value) == one_line(
        f"{block.folder} is not what {made.folder / 'stack'} learnt from; run 'make stack' again."
    )
    (made.folder / "blocks" / "net").rename(made.folder / "blocks" / "gone")
    with pytest.raises(ConfigError) as refused:
        made.stacked().refuse_other_blocks()
    assert str(refused.value) == one_line(
        f"{made.folder} was stacked with net, which is no network of the run and cannot look at "
        'new data; score by the tables alone with SET="data.images=none".'
    )


class Network:
    """What a network says of two rows, which lie in another order than the ids."""

    def __init__(self, *columns):
        self.columns = columns

    def source(self, fold, wanted):
        values = {name: np.array([fold + 0.5, fold + 0.25]) for name in self.columns}
        table = pl.DataFrame({"isic_id": ["y", "x"], **values})
        return lazily("net", [n for n in self.columns if n in wanted], table.lazy)

    def means(self):
        return pl.DataFrame({"isic_id": ["y"], "net_b": [0.5]})


IDS = pl.DataFrame({"isic_id": ["x", "y"]})
AGES = pl.DataFrame({"isic_id": ["y", "x"], "meta_age": [70.0, 30.0]})


def scorer(run, *columns, features=AGES):
    choice = Choice("stack", ("stack",), ("net",), "")
    return Scorer(run().stacked(), choice, IDS, features, {"net": Network(*columns)})


def test_boosters_see_tables_and_networks_joined_by_id_in_the_order_they_learnt(run, monkeypatch):
    views = []

    def scored(matrix, unit):
        views.append(matrix)
        return np.array([[0.25, 0.5], [0.5, 1.0]])[len(views) - 1]

    monkeypatch.setattr(new_scores, "fold_scores", scored)
    scores = scorer(run, "oof_net_probability", "emb_net_0000").scores()
    assert scores["score"].to_list() == [0.375, 0.75]
    for fold, matrix in enumerate(views):
        assert matrix.columns == ("meta_age", "emb_net_0000")
        assert matrix.rows["isic_id"].to_list() == ["x", "y"]
        assert matrix.values.tolist() == [[30.0, fold + 0.25], [70.0, fold + 0.5]]


def test_a_column_that_networks_no_longer_give_is_named(run):
    with pytest.raises(ArtifactError) as refused:
        scorer(run, "emb_net_0001").scores()
    assert str(refused.value) == one_line(
        f"The networks of {run().folder} give no columns emb_net_0000, which its boosters learnt "
        "from; run 'make stack' again."
    )


def test_means_stand_beside_every_row_null_where_a_network_saw_nothing(run):
    assert scorer(run).means().rows() == [("x", None), ("y", 0.5)]
