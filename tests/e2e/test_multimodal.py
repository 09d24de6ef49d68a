"""`make embed stack submission` with networks: members, blends, what is redone and what is not."""

import json
import random
import shutil

import polars as pl
import pytest
import safetensors.numpy
import torch

from metrics.pauc import pauc_above_tpr
from scripts import embed, stack
from tests.multimodal import (
    KEPT,
    again,
    call,
    changed,
    maker_by_hand,
    record_anew,
    table,
    units,
    written,
)  # fmt: skip
from tests.stages import Place
from workspace.errors import ArtifactError, ConfigError


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    """As the first call has it: the same bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def place(multimodal, tmp_path):
    shutil.copytree(multimodal.folder, tmp_path / "copy")
    return Place(tmp_path / "copy")


def test_the_networks_that_know_the_target_are_members_beside_the_stack(multimodal):
    found = json.loads((multimodal.run / "stack" / "metrics.json").read_text())["blend"]
    assert found["members"] == ["images", "small", "stack", "stage1", "tabular"]
    assert found["scores"].keys() == {
        *found["members"], "mean", "rank_average", "weighted", "greedy", "or_rule", "rank_and_flag"
    }  # fmt: skip
    score = table(multimodal, "networks/small/oof.parquet")
    rows = score.join(table(multimodal, "samples/samples.parquet"), on="isic_id", validate="1:1")
    pauc = pauc_above_tpr(rows["target"].to_numpy(), rows["oof_small_malignant"].to_numpy(), 0.8)
    assert found["scores"]["small"]["metrics"]["pauc"]["value"] == pytest.approx(pauc)


def test_the_report_of_a_fresh_run_warns_of_nothing(place):
    call(place, "report")
    page = (place.run / "report" / "report.html").read_text()
    assert "do not belong together" not in page
    assert "blocks/small" in page


def test_a_second_call_writes_nothing_anew_wherever_the_run_lies_now(place):
    before = written(place)
    assert {name.partition("/")[0] for name in before} == set(KEPT)
    told = again(place)
    assert written(place) == before
    assert told.count("nothing to do") == 1  # of the stage that was called
    [line] = call(place, "submission").stdout.splitlines()
    path = place.run / "submission" / "submission.csv"
    assert line == f"submission: nothing to do, {path} is up to date."
    assert written(place) == before
    for path in place.run.rglob("manifest.json"):
        assert str(place.folder.parent) not in path.read_text()


@pytest.mark.parametrize(
    ("setting", "redone"),
    [
        ("lightgbm.rounds=11", ("boosters/*", "stack", "submission")),
        (
            'stack.leave_out=["oof_*_rank", "emb_small_*"]',
            ("boosters/stack_*", "boosters/images_*", "stack", "submission"),
        ),
        (
            "align.method=procrustes",
            ("blocks/*", "boosters/stack_*", "boosters/images_*", "stack", "submission"),
        ),
    ],
)
def test_a_changed_value_retrains_no_network_and_looks_at_no_picture_again(place, setting, redone):
    before = written(place)
    again(place, setting)
    assert changed(place, before) == units(place, *redone)


def test_a_blend_is_handed_in_where_the_recipe_says_so(place):
    before, own = written(place), table(place, "stack/oof_stack.parquet")
    again(place, "blend.policy=rank_average")
    assert changed(place, before) == {"stack", "submission"}
    found = json.loads((place.run / "stack" / "metrics.json").read_text())["blend"]
    oof, test = (table(place, f"stack/{name}_stack.parquet") for name in ("oof", "test"))
    pauc = pauc_above_tpr(oof["target"].to_numpy(), oof["score"].to_numpy(), 0.8)
    told = found["scores"]["rank_average"]["metrics"]["pauc"]["value"]
    assert pauc == pytest.approx(told)
    assert oof["isic_id"].equals(own["isic_id"])
    assert "seed_sd" in own.columns
    assert "seed_sd" not in oof.columns  # of the boosters alone, on another scale
    submitted = pl.read_csv(place.run / "submission" / "submission.csv")
    both = submitted.join(test, on="isic_id", validate="1:1", how="full")
    assert (both["target"] == both["score"]).all()
    assert test["score"].n_unique() > 60


def test_a_blend_that_cannot_be_is_refused_in_one_line(place):
    alone = ("stack.networks=false", "blend.policy=mean")
    ended = call(place, "stack", settings=alone, code=2)
    assert ended.stderr == (
        "stack: blend.policy is 'mean', but the stack is the only member; take "
        "stack.networks=true, a second name in stack.boosters, or blend.policy='stack'.\n"
    )


def test_a_fold_of_a_network_that_is_gone_is_trained_to_the_same_bits_and_nothing_follows(place):
    before, folder = written(place), place.run / "networks" / "small_fold_1"
    old = (folder / "best.safetensors").read_bytes()
    shutil.rmtree(folder)
    again(place)
    assert (folder / "best.safetensors").read_bytes() == old
    assert changed(place, before) == {"networks/small_fold_1"}


def test_a_fold_with_other_weights_is_looked_at_anew_and_what_follows_is_redone(place):
    folder = place.run / "networks" / "small_fold_1"
    tensors = safetensors.numpy.load_file(folder / "best.safetensors")
    other = {name: value[..., ::-1].copy() for name, value in tensors.items() if value.ndim == 4}
    other = tensors | other
    safetensors.numpy.save_file(other, folder / "best.safetensors")
    record_anew(folder)
    before, old = written(place), table(place, "blocks/small/oof.parquet")
    again(place)
    assert changed(place, before) == units(
        place, "networks/small", "embeddings/small_fold_1/*", "blocks/small",
        "boosters/stack_*", "boosters/images_*", "stack", "submission",
    )  # fmt: skip
    new = table(place, "blocks/small/oof.parquet")
    assert new.filter(pl.col("fold") == 1)["maker"].unique().to_list() == [maker_by_hand(folder)]
    others = pl.col("fold") != 1
    assert new.filter(others)["maker"].equals(old.filter(others)["maker"])


def test_weights_that_are_missing_are_named_in_one_line(place):
    path = place.run / "networks" / "small_fold_1" / "best.safetensors"
    path.unlink()
    before = written(place)
    with pytest.raises(ArtifactError) as error:
        again(place)
    assert str(error.value) == (
        f"{path} is missing; restore it, or delete the folder small_fold_1 and run 'make "
        "train-cnn', which makes it alone anew."
    )
    assert written(place) == before


def test_the_order_of_the_rows_of_the_table_changes_nothing(place, tmp_path):
    header, *lines = (place.data / "train-metadata.csv").read_text().splitlines()
    random.Random(0).shuffle(lines)
    (place.data / "train-metadata.csv").write_text("\n".join([header, *lines]) + "\n")
    before = {path: path.read_bytes() for path in (place.run / "blocks").rglob("*.parquet")}
    shutil.rmtree(place.run / "blocks")
    shutil.rmtree(place.run / "embeddings")
    boosters = written(place)
    again(place, stage=stack, own_data=True)
    assert {path: path.read_bytes() for path in before} == before
    assert changed(place, boosters) == units(place, "blocks/*", "embeddings/*/*")


def test_too_few_anchors_are_told_before_a_network_is_trained(place):
    shutil.rmtree(place.run / "networks")
    shutil.rmtree(place.run / "blocks")
    with pytest.raises(ConfigError) as error:
        again(place, "align.least_anchors=500", stage=embed)
    assert str(error.value) == (
        "There are 77 anchors (align.anchors='anchor'), fewer than align.least_anchors=500; "
        "folds.anchor_share sets groups aside where stack.networks=true; raise it, or take "
        "align.least_anchors=77."
    )
    assert not (place.run / "networks").exists()


def test_folds_that_hold_not_every_row_out_are_told_before_a_network_is_trained(tmp_path):
    place = Place(tmp_path)
    holdout = ("folds.scheme=holdout", "folds.anchor_share=0.0", "align.anchors=test")
    ended = call(place, "stack", settings=holdout, code=2)
    assert ended.stderr == (
        "stack: Networks say nothing out of fold of rows that no fold holds out; take a "
        "folds.scheme that holds out every row, or stack.networks=false.\n"
    )
    assert not (place.run / "networks").exists()
