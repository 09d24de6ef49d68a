"""A network's block as a task: on what it hangs, and what it holds of rows that are known."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from models.networks.use import maker_of
from pipeline import blocks
from pipeline.block_columns import anchors_of
from pipeline.blocks import BlockFiles, block_files, blocking, config_of, embeddings, fill_block
from pipeline.picture_rows import open_picture_rows
from pipeline.unseen_members import target_of
from stacking.alignment.drift import Agreement, Drift
from stacking.blocks import open_block
from tests.by_hand.pictures import HELD_OUT, PicturesByHand, number_of, random_weights

PAIRS = [(0, 1), (0, 2), (1, 2)]
NESTED = "stack.nested=true"
SCALARS = "align.scalars=true"


@pytest.fixture
def made(tmp_path):
    return PicturesByHand(tmp_path)


def block_of(made, job, name="flag", weights=None):
    """The files of a block, once its networks are there."""
    files = made.files(job)
    held_out = [0, 1, 2, *(PAIRS if job.recipe.stack.nested else [])]
    classes = {"flag": ("benign", "malignant"), "which": ("MEL", "BCC")}.get(name)
    for one in held_out if classes else ():
        made.keep_network(name, one, classes=classes, weights=weights)
    return block_files(job, files, name, anchors_of(job, open_picture_rows(files)))


def filled(made, job, name="flag"):
    """The block by its maker, of shards that are written by hand."""
    block = block_of(made, job, name)
    for unit, some in block.columns().sets():
        made.keep_shard(unit, some)
    with made.making("blocks", name, stage="embed") as draft:
        fill_block(draft, block, (name, job.recipe.networks[name]), config_of(job, name))
    return made.unit("blocks", name, stage="embed"), block


def test_a_block_has_a_network_for_each_fold_nested_one_for_each_pair_too(made):
    flat, nested = block_of(made, made.job()), block_of(made, made.job(NESTED))
    folder = made.run / "networks"
    assert flat.units == {k: (folder / f"flag_fold_{k}", "train-cnn") for k in range(3)}
    pairs = {(a, b): (folder / f"flag_fold_{a}_{b}", "train-cnn") for a, b in PAIRS}
    assert nested.units == flat.units | pairs


def test_an_encoder_is_made_where_it_lacks_and_serves_every_fold(made):
    job = made.job(NESTED)
    block = block_of(made, job, "plain")
    assert block.units == dict.fromkeys(range(3), (made.run / "encoders" / "plain", "embed"))
    assert block.columns().pairs == []


def test_a_block_waits_for_its_shards_and_hangs_on_makers_rows_and_anchors(made):
    job = made.job()
    block = block_of(made, job)
    shards = embeddings(job, block)
    task = blocking(job, "flag", block, shards)
    units = block.columns().units
    assert task.waits_for() == shards
    assert len(shards) == 6  # held out and elsewhere, of each fold
    files = block.rows
    assert task.inputs == {
        **{f"flag_fold_{k}": maker_of(units[k]) for k in range(3)},
        "folds.parquet": files.folds_sha, "samples.parquet": files.rows_sha,
        "images.parquet": files.content, "anchors' content": files.content,
    }  # fmt: skip
    assert task.folder == made.run / "blocks" / "flag"
    assert set(task.settings) == {"align", "classes"}
    assert task.settings["classes"] == ["benign", "malignant"]


@pytest.mark.parametrize(
    ("setting", "changes"),
    [
        ("align.method=ridge", True), ("align.context=true", True), (SCALARS, True),
        (NESTED, True), ("networks.flag.training.gamma=3.0", False), ("seed=4", False),
        ("stack.seeds=3", False), ("score.level=0.9", False), ("compare.seeds=[1]", False),
    ],
)  # fmt: skip
def test_a_block_is_another_where_its_columns_are(made, setting, changes):
    def declared(*settings):
        job = made.job(*settings)
        block = block_of(made, job)
        return blocking(job, "flag", block, [])

    before, after = declared(), declared(setting)
    assert (after.settings != before.settings) is changes
    assert (after.inputs == before.inputs) is (setting != NESTED)


def test_other_weights_under_the_same_name_make_another_block(made):
    job = made.job()
    before = blocking(job, "flag", block_of(made, job), [])
    after = blocking(job, "flag", block_of(made, job, weights={"w": np.ones(2)}), [])
    changed = {name for name in before.inputs if before.inputs[name] != after.inputs[name]}
    assert changed == {"flag_fold_0", "flag_fold_1", "flag_fold_2"}


@pytest.mark.parametrize(
    ("method", "kept"), [("ridge", "raw"), ("procrustes", "raw"), ("relative", "relative")]
)
def test_an_encoder_has_one_space_already_and_no_scores(made, method, kept):
    job = made.job(f"align.method={method}", SCALARS)
    learnt, plain = config_of(job, "flag"), config_of(job, "plain")
    assert (learnt.method, learnt.scalars) == (method, True)
    assert (plain.method, plain.scalars) == (kept, False)


def test_anchors_of_ones_own_are_known_by_name_wherever_they_lie(made):
    job = made.job("align.anchors=pictures", "align.pictures=/somewhere/far/lesions")
    assert config_of(job, "flag").pictures == Path("lesions")


def test_a_flat_block_by_hand(made):
    unit, block = filled(made, made.job())
    makers = {k: maker_of(one) for k, one in block.columns().units.items()}
    held_out = unit.parquet("oof.parquet")
    fold_of = {name: fold for fold, names in HELD_OUT.items() for name in names}
    assert held_out["isic_id"].to_list() == sorted([*fold_of, "d0"])
    for name, first, second, fold, maker in held_out.rows():
        if name == "d0":
            assert (first, second, fold) == (None, None, 1)
        else:
            assert (first, fold) == (number_of(name), fold_of[name])
            assert second == 2 * number_of(name) + fold  # as its own fold's network sees it
        assert maker == makers[fold]
    tests = unit.parquet("test.parquet")
    assert tests.select("isic_id", "fold").rows() == [
        (name, fold) for name in ("h0", "t0", "t1") for fold in range(3)
    ]
    assert tests.filter(pl.col("isic_id") == "t0")["maker"].to_list() == list(makers.values())
    assert sorted(unit.manifest.files) == [
        "drift.json", "maps.safetensors", "oof.parquet", "test.parquet", "warnings.json",
    ]  # fmt: skip
    assert unit.facts == {
        "fold_hash": made.fold_hash, "makers": {str(k): m for k, m in makers.items()},
        "anchors": 3, "target_probability": None,
    }  # fmt: skip


def stacked_rows(made):
    table = made.rows.filter(pl.col("split") == "train")
    return table.select("isic_id", "fold").sort("fold", "isic_id")


def test_a_nested_block_by_hand_is_one_that_the_stack_takes(made):
    unit, _ = filled(made, made.job(NESTED))
    for fold in range(3):
        inner = unit.parquet(f"inner_{fold}.parquet")
        others = [n for k, names in HELD_OUT.items() if k != fold for n in names]
        assert inner["isic_id"].to_list() == sorted([*others, *(["d0"] if fold != 1 else [])])
        for name, _, second, of, _ in inner.drop_nulls().rows():
            assert second == 2 * number_of(name) + fold + of  # who left out both
        assert f"fold_{fold}_maps.safetensors" in unit.manifest.files
    assert len(unit.json("drift.json")) == 3
    block = open_block(unit, stacked_rows(made), made.fold_hash)
    assert block.nested
    assert not block.same_for_all


def test_an_encoders_block_says_that_it_learnt_nothing(made):
    unit, block = filled(made, made.job(), "plain")
    assert unit.facts["learnt_nothing"] is True
    assert unit.facts["target_probability"] is None
    [maker] = set(unit.facts["makers"].values())
    assert maker == maker_of(block.columns().units[0])
    assert open_block(unit, stacked_rows(made), made.fold_hash).same_for_all
    plain = unit.parquet("oof.parquet").drop_nulls()
    assert plain["emb_plain_0001"].to_list() == [2 * number_of(n) for n in plain["isic_id"]]


@pytest.mark.parametrize(("name", "speaks"), [("flag", True), ("which", False)])
def test_a_block_says_which_of_its_columns_speak_of_the_target(made, name, speaks):
    unit, _ = filled(made, made.job(SCALARS), name)
    target = target_of(unit)
    assert (target is not None) is speaks
    if speaks:
        assert target.columns == ("oof_flag_probability",)
        assert set(target.columns) <= set(unit.parquet("oof.parquet").columns)
        assert "scales_flag.safetensors" in unit.manifest.files


def test_the_target_of_several_classes_is_the_sum_of_those_that_are_positive(made):
    settings = (
        "cascade.first=stage1", "cascade.second=stage2", "networks.which.task.rows=all",
        'networks.which.task.classes.NV=["NV"]', SCALARS,
    )  # fmt: skip
    job = made.job(*settings)
    network = made.network(open_picture_rows(made.files()), "which", *settings)
    assert blocks._target(network, config_of(job, "which")) == {
        "columns": ("oof_which_MEL_probability", "oof_which_BCC_probability"), "of_zero": False,
    }  # fmt: skip
    assert blocks._target(network, config_of(made.job(*settings[:-1]), "which")) is None
    assert blocks._target(None, config_of(job, "which")) is None


def test_a_warning_is_said_once_where_folds_agree_little_and_never_without_embeddings(made):
    apart = Drift({0: Agreement(0.1, 0.0), 1: Agreement(0.9, 0.9)}, None)
    alike = Drift({0: Agreement(0.8, 0.8), 1: Agreement(0.9, 0.9)}, None)
    config = made.job().recipe.align
    [line] = blocks._warnings("flag", [apart, alike, apart], config)
    assert "fold 0: 10%" in line
    scalars = made.job("align.method=scalars", SCALARS, 'use_networks=["flag"]').recipe.align
    assert blocks._warnings("flag", [apart], scalars) == []
    assert blocks._warnings("flag", [alike], config) == []


def test_block_files_travel_and_open_what_lies_there_now(made):
    block = block_of(made, made.job())
    before = maker_of(block.columns().units[1])
    made.keep_network("flag", 1, weights=random_weights(5))
    assert maker_of(block.columns().units[1]) != before
    assert isinstance(block, BlockFiles)
