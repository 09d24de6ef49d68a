"""Variants of a stack: what each is made of, which are twins, what is held against what."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from pipeline import comparisons
from pipeline.block_columns import anchors_of
from pipeline.blocks import block_files, config_of, fill_block
from pipeline.comparisons import (
    COMPARISON,
    OWN,
    SCORES,
    compare_all,
    comparing,
    score_variant,
    stacking_variant,
    take_scores,
)
from pipeline.picture_rows import open_picture_rows
from pipeline.stack_rows import StackFiles, open_stack
from stacking.alignment.variants import VARIANTS, Variant
from stacking.fold import Trained
from tests.by_hand.pictures import PicturesByHand, number_of
from tests.by_hand.units import wanted_by
from tests.manifests import keep

PAIRS = [(0, 1), (0, 2), (1, 2)]
USED = 'use_networks=["flag", "plain"]'
ALONE = ("cascade.first=stage1", "cascade.second=stage2", USED)


@pytest.fixture
def made(tmp_path):
    return PicturesByHand(tmp_path)


class Stack:
    """The run's stack: features, blocks of a network and of an encoder, further ones."""

    def __init__(self, made, *settings, others=()):
        self.made, self.job = made, made.job(*ALONE, *settings)
        files = made.files(self.job)
        self.blocks = {}
        held_out = [0, 1, 2, *(PAIRS if self.job.recipe.stack.nested else [])]
        for one in held_out:
            made.keep_network("flag", one)
        anchors = anchors_of(self.job, open_picture_rows(files))
        for name in ("flag", "plain"):
            if name == "plain":
                made.keep_network("plain", None, classes=())
                self.keep_encoder_as_its_task_would(files)
            block = block_files(self.job, files, name, anchors)
            for unit, some in block.columns().sets():
                made.keep_shard(unit, some)
            with made.making("blocks", name, stage="embed") as draft:
                config = self.job.recipe.networks[name]
                fill_block(draft, block, (name, config), config_of(self.job, name))
            self.blocks[name] = block
        units = [made.unit("blocks", name, stage="embed") for name in self.blocks]
        self.files = StackFiles.of(
            made.unit("samples", stage="verify"), made.unit("folds", stage="folds"),
            made.keep_features(), [*units, *others], self.job.recipe.stack.leave_out,
        )  # fmt: skip

    def keep_encoder_as_its_task_would(self, files):
        """So that nothing has to be drawn for it."""
        from pipeline.networks import encoding  # noqa: PLC0415

        task = encoding(self.job, files, "plain", self.job.recipe.networks["plain"])
        unit = self.made.unit("encoders", "plain", stage="embed")
        settings, inputs = dict(task.settings), dict(task.inputs)
        wanted = wanted_by(self.job, "embed", settings, inputs)
        manifest = unit.manifest.model_copy(update=wanted.model_dump())
        keep(unit.folder, manifest)

    def task(self, name, variant=None, before=()):
        variant = variant or VARIANTS[name]
        return stacking_variant(self.job, self.files, self.blocks, (name, variant), before)


def test_a_variant_asks_those_networks_that_it_is_about(made):
    stack = Stack(made)
    asked = {
        name: set(stack.task(name).arguments["plan"].blocks)
        for name in ("tables", "scalars", "raw", "frozen", "scalars_frozen")
    }
    assert asked == {
        "tables": set(), "scalars": {"flag"}, "raw": {"flag"}, "frozen": {"plain"},
        "scalars_frozen": {"flag", "plain"},
    }  # fmt: skip


def test_a_variant_changes_how_trained_networks_are_aligned_and_no_encoder(made):
    stack = Stack(made, "align.scalars=true")
    plan = stack.task("ridge_frozen").arguments["plan"]
    assert plan.align["flag"].method == "ridge"
    assert plan.align["plain"] == config_of(stack.job, "plain")
    scalars = stack.task("scalars").arguments["plan"].align["flag"]
    assert (scalars.method, scalars.scalars) == ("scalars", True)
    own = stack.task(OWN, Variant(encoders=True)).arguments["plan"].align["flag"]
    assert own == config_of(stack.job, "flag")


def test_a_variant_hangs_on_what_it_is_made_of_and_on_no_other_network(made):
    stack = Stack(made)
    common = {"samples.parquet", "folds.parquet", "features.parquet"}
    seen = {"images.parquet", "anchors' content"}
    found = {name: set(stack.task(name).inputs) for name in ("tables", "raw", "frozen")}
    folds = {f"flag_fold_{k}" for k in range(3)}
    # Of the tables alone nothing is asked but the rows and the features.
    assert found["tables"] == common
    assert found["raw"] == common | seen | folds
    assert found["frozen"] == common | seen | {"plain"}
    task = stack.task("raw")
    assert task.folder == made.run / "comparison" / "raw"
    assert task.settings["seeds"] == [3]


@pytest.mark.parametrize(
    ("setting", "changes"),
    [
        ("compare.seeds=[1, 2]", True), ("lightgbm.rounds=7", True), ("stack.sampling=all", True),
        ("stack.average=rank", False), ("stack.shap_rows=3", False), ("score.level=0.9", False),
        ("networks.flag.training.gamma=3.0", False),
    ],
)  # fmt: skip
def test_a_variant_is_another_where_its_boosters_are(made, setting, changes):
    stack = Stack(made)
    before = stack.task("raw")
    stack.job = made.job(*ALONE, setting)
    assert (stack.task("raw").settings != before.settings) is changes


def test_a_block_that_is_of_no_network_here_is_in_every_variant(made):
    table = made.rows.filter(pl.col("split") == "train").select("isic_id", "fold").with_columns(
        (pl.lit("m") + pl.col("fold").cast(pl.String)).alias("maker"),
        pl.lit(1.0).alias("emb_foreign_0000"),
    )  # fmt: skip
    with made.making("foreign", stage="embed") as draft:
        draft.parquet("oof.parquet", table)
        draft.facts |= {"fold_hash": made.fold_hash, "makers": {str(k): f"m{k}" for k in range(3)}}
    stack = Stack(made, others=[made.unit("foreign", stage="embed")])
    task = stack.task("tables")
    assert "foreign" in task.inputs
    rows = open_stack(stack.files)
    matrix = comparisons._matrix(rows, task.arguments["plan"], [], 0)
    assert matrix.columns == ("meta_one", "meta_two", "emb_foreign_0000")


def test_a_twin_takes_the_scores_of_the_one_that_came_before(made):
    stack = Stack(made, "align.method=raw")
    own = stack.task(OWN, Variant())
    other = stack.task("scalars", before=[own])
    twin = stack.task("mine", Variant({"method": "raw", "pca": None}), before=[other, own])
    assert twin.make is take_scores
    assert twin.arguments == {"like": own.folder}
    assert (twin.settings, twin.inputs) == (own.settings, own.inputs)
    assert (own.make, other.make) == (score_variant, score_variant)
    assert stack.task("mine", Variant()).make is score_variant  # nobody came before
    with made.making("comparison", OWN, stage="compare") as draft:
        draft.parquet(SCORES, pl.DataFrame({"isic_id": ["a0"], "fold": [0], "3": [0.5]}))
    with made.making("comparison", "mine", stage="compare") as draft:
        take_scores(draft, **twin.arguments)
    assert made.unit("comparison", "mine", stage="compare").parquet(SCORES)["3"].to_list() == [0.5]


class Boosters:
    """In place of training some: remembers what they were to learn from."""

    def __init__(self):
        self.given = []

    def __call__(self, matrix, fold, config, booster, seed, show):
        self.given.append((matrix, fold, config, seed))
        held = matrix.rows.filter(pl.col("fold") == fold)["isic_id"].reverse()
        scores = pl.DataFrame({"isic_id": held, "score": [number_of(n) + seed for n in held]})
        return Trained({}, {}, scores.with_columns(seed_sd=None), pl.DataFrame(), [])


@pytest.fixture
def boosters(monkeypatch):
    found = Boosters()
    monkeypatch.setattr(comparisons, "train_fold", found)
    return found


def score(made, task):
    with made.making("comparison", task.folder.name, stage="compare") as draft:
        score_variant(draft, **task.arguments)
    return made.unit("comparison", task.folder.name, stage="compare").parquet(SCORES)


def test_scores_are_by_id_a_column_for_each_seed_each_row_by_its_own_fold(made, boosters):
    stack = Stack(made, "compare.seeds=[3, 5]")
    table = score(made, stack.task("raw"))
    assert table.columns == ["isic_id", "fold", "3", "5"]
    assert table["isic_id"].to_list() == ["a0", "a1", "b0", "c0", "c1", "d0", "e0", "e1", "f0"]
    for name, _, three, five in table.rows():
        assert (three, five) == (number_of(name) + 3, number_of(name) + 5)
    assert [(fold, seed) for _, fold, _, seed in boosters.given] == [
        (fold, seed) for fold in range(3) for seed in (3, 5)
    ]
    assert {config.shap_rows for _, _, config, _ in boosters.given} == {0}  # nobody would see them


def test_boosters_learn_from_the_variants_columns_joined_by_id(made, boosters):
    stack = Stack(made)
    score(made, stack.task("raw_alone"))
    matrix, *_ = boosters.given[0]
    assert matrix.columns == ("meta_one", "meta_two", "emb_flag_0000", "emb_flag_0001")
    for (name, fold), values in zip(
        matrix.rows.select("isic_id", "fold").rows(), matrix.values, strict=True
    ):
        seen = [number_of(name), 2 * number_of(name) + fold]
        expected = [number_of(name), 2 * number_of(name), *(seen if name != "d0" else [np.nan] * 2)]
        np.testing.assert_array_equal(values, np.array(expected, np.float32))
    boosters.given.clear()
    score(made, stack.task("tables"))
    assert {matrix.columns for matrix, *_ in boosters.given} == {("meta_one", "meta_two")}


def test_nested_the_boosters_of_a_fold_learn_from_networks_that_never_saw_it(made, boosters):
    stack = Stack(made, "stack.nested=true")
    score(made, stack.task("raw_alone"))
    for matrix, fold, *_ in boosters.given:
        at = matrix.columns.index("emb_flag_0001")
        for (name, of), values in zip(
            matrix.rows.select("isic_id", "fold").rows(), matrix.values, strict=True
        ):
            if name != "d0":
                who = of if of == fold else of + fold  # who left out both is marked by their sum
                assert values[at] == 2 * number_of(name) + who


def test_columns_that_the_recipe_leaves_out_are_left_out_of_every_variant(made, boosters):
    stack = Stack(made, 'stack.leave_out=["meta_two", "emb_*_0000"]')
    score(made, stack.task("raw_alone"))
    assert boosters.given[0][0].columns == ("meta_one", "emb_flag_0001")


def kept_scores(made, name, by_seed):
    """A variant's scores by id, the table turned round."""
    rows = made.rows.filter(pl.col("split") == "train").select("isic_id", "fold")
    columns = {
        seed: [float(value(name)) for name in rows["isic_id"]] for seed, value in by_seed.items()
    }
    with made.making("comparison", name, stage="compare") as draft:
        draft.parquet(SCORES, rows.with_columns(**{k: pl.Series(v) for k, v in columns.items()}))
    return made.unit("comparison", name, stage="compare").folder


POSITIVE = ("a1", "c0", "e0")


def knows(name):
    return 0.9 if name in POSITIVE else 0.1


def knows_not(name):
    return 1 - knows(name)


def compared(made, group="patient"):
    stack = Stack(made)
    folders = {
        OWN: kept_scores(made, OWN, {"3": knows, "5": knows}),
        "tables": kept_scores(made, "tables", {"3": knows_not, "5": lambda _: 0.5}),
    }
    with made.making("comparison", "all", stage="compare") as draft:
        compare_all(
            draft, files=stack.files, variants=folders, seeds=["3", "5"],
            score=stack.job.recipe.score, group=group,
        )  # fmt: skip
    return made.unit("comparison", "all", stage="compare").json(COMPARISON)


def test_variants_are_held_against_the_recipes_own_by_id_and_seed(made):
    sheet = compared(made)
    assert (sheet["n"], sheet["positives"], sheet["patients"]) == (9, 3, 6)
    assert sheet["order"] == [OWN, "tables"]
    auc = {name: of["auc"] for name, of in sheet["variants"].items()}
    assert auc[OWN]["value"]["value"] == 1.0
    assert auc[OWN]["by_seed"] == [0.0, 0.0]
    assert auc["tables"]["value"]["value"] == pytest.approx(0.25)  # of 0 and 1/2
    assert auc["tables"]["by_seed"] == [-1.0, -0.5]
    assert auc["tables"]["minus_whole"]["value"] == pytest.approx(-0.75)


def test_without_patients_rows_are_drawn_again_one_by_one(made):
    assert compared(made, "none")["patients"] is None


def test_the_comparison_hangs_on_every_variants_scores(made):
    stack = Stack(made)
    tasks = [stack.task(OWN, Variant()), stack.task("tables")]
    task = comparing(stack.job, stack.files, tasks)
    assert task.folder == made.run / "comparison" / "all"
    assert task.waits_for() == tasks
    assert {name: (one.task, one.file) for name, one in task.inputs.items()} == {
        OWN: (tasks[0], SCORES), "tables": (tasks[1], SCORES),
    }  # fmt: skip
    assert task.arguments["seeds"] == ["3"]
    other = replace(stack.job, recipe=made.job(*ALONE, "score.level=0.9").recipe)
    assert comparing(other, stack.files, tasks).settings != task.settings
