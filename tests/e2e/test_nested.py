"""Nested stacks, encoders that learn nothing, anchors of one's own: what each fold may know."""

import json
import shutil

import cv2
import h5py
import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tests.stages import Place

TINY = (
    'use_networks=["small", "plain"]', "synthetic.patients=36", "synthetic.rows=300",
    "synthetic.positives=60", "folds.scheme=leave_one_hospital_out", "stack.nested=true",
    "verify.near_duplicates=false", "networks.small.training.phases=[{ epochs = 1, lr = 3e-3 }]",
    "networks.small.training.epoch_samples=96", "networks.small.views=one",
    "networks.plain.base=encoder", "networks.small.net.size=32",
    "networks.plain.net.backbone=test_resnet", "networks.plain.net.weights=none",
    "networks.plain.net.size=32", "align.pca=8", "score.replicates=100", "score.seeds=[0]",
    "stack.seeds=1", "lightgbm.rounds=10", "lightgbm.min_data_in_leaf=5",
)  # fmt: skip
FOLDS = (0, 1, 2)


def call(place, stage, *extra, settings=(), code=0):
    extra = ("--data", str(place.data), *extra)
    return place.call(stage, *extra, settings=(*TINY, *settings), code=code, OMP_NUM_THREADS="1")


def drawn(folder):
    """A synthetic competition with three hospitals, so that labels have no say in the folds."""
    place = Place(folder)
    place.call("sample", settings=TINY)
    (place.data / "manifest.json").unlink()
    return place


def relabelled(place, change):
    path = place.data / "train-metadata.csv"
    rows = pl.read_csv(path, infer_schema=False)
    names = rows["attribution"].unique().sort().to_list()
    place_of = {name: f"Hospital {number % 3}" for number, name in enumerate(names)}
    rows = rows.with_columns(pl.col("attribution").replace(place_of))
    rows.with_columns(change).write_csv(path)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    place = drawn(tmp_path_factory.mktemp("nested"))
    relabelled(place, [])
    call(place, "stack")
    return place


def table(place, name):
    return pl.read_parquet(place.run / "blocks" / name)


def facts(folder):
    return json.loads((folder / "manifest.json").read_text())["facts"]


def test_no_row_that_a_folds_boosters_learn_from_knows_the_folds_labels(made, tmp_path):
    other = Place(tmp_path)
    shutil.copytree(made.data, other.data)
    flipped = pl.when(pl.col("attribution") == "Hospital 2").then(
        pl.lit("1").str.to_integer() - pl.col("target").str.to_integer()
    ).otherwise(pl.col("target").str.to_integer())  # fmt: skip
    relabelled(other, flipped.cast(pl.String).alias("target"))
    call(other, "embed", settings=('use_networks=["small"]',))
    folds = [pl.read_parquet(p.run / "folds" / "folds.parquet") for p in (made, other)]
    assert_frame_equal(*(table.select("isic_id", "fold") for table in folds))
    before, after = (
        {
            fold: [
                table(place, f"small/inner_{fold}.parquet"),
                *(
                    table(place, f"small/{name}.parquet").filter(pl.col("fold") == fold)
                    for name in ("oof", "test")
                ),
            ]
            for fold in FOLDS
        }
        for place in (made, other)
    )
    for one, two in zip(before[2], after[2], strict=True):
        assert len(one) > 0
        assert_frame_equal(one, two)
    for fold in (0, 1):  # whose networks learnt from the flipped labels
        assert not before[fold][0].equals(after[fold][0])
        assert not before[fold][1].equals(after[fold][1])


def test_each_row_is_seen_for_each_fold_by_who_left_out_both(made):
    rows = pl.read_parquet(made.run / "folds" / "folds.parquet").filter(pl.col("split") == "train")
    makers = facts(made.run / "blocks" / "small")["inner_makers"]
    for fold in FOLDS:
        inner = table(made, f"small/inner_{fold}.parquet")
        others = rows.filter(pl.col("fold") != fold)
        assert sorted(inner["isic_id"]) == sorted(others["isic_id"])
        assert {str(k): v for k, v in inner.select("fold", "maker").unique().iter_rows()} == (
            makers[str(fold)]
        )
    assert makers["0"]["1"] == makers["1"]["0"] != makers["0"]["2"]
    left = json.loads((made.run / "networks" / "small_fold_0_2" / "use.json").read_text())["fold"]
    assert left == [0, 2]


def test_an_encoder_is_one_for_all_folds_and_no_member(made):
    oof, test = (table(made, f"plain/{name}.parquet") for name in ("oof", "test"))
    assert oof["maker"].n_unique() == test["maker"].n_unique() == 1
    columns = [name for name in test.columns if name.startswith("emb_plain_")]
    assert len(columns) == 8 + 3
    assert not [name for name in test.columns if name.startswith("oof_")]
    views = [part.drop("fold") for part in test.partition_by("fold", maintain_order=True)]
    assert_frame_equal(views[0], views[1])
    assert_frame_equal(views[0], views[2])
    found = json.loads((made.run / "stack" / "metrics.json").read_text())["blend"]["members"]
    assert found == ["images", "small", "stack", "tabular"]


def test_the_test_folder_as_new_data_gives_the_scores_of_the_test_set(made, tmp_path):
    folder = tmp_path / "new"
    folder.mkdir()
    for name in ("test-metadata.csv", "test-image.hdf5"):
        shutil.copy(made.data / name, folder)
    place = Place(tmp_path)
    shutil.copytree(made.folder, place.folder, dirs_exist_ok=True)
    place.call("predict", "--data", str(folder), settings=TINY, OMP_NUM_THREADS="1")
    [path] = (place.run / "predictions").glob("new-*/predictions.csv")
    test = pl.read_parquet(place.run / "stack" / "test_stack.parquet")
    both = pl.read_csv(path).join(test, on="isic_id", how="full", validate="1:1")
    assert (both["target"] == both["score"]).all()


def test_a_second_call_does_nothing_and_the_flat_stack_asks_for_no_network(made, tmp_path):
    place = Place(tmp_path)
    shutil.copytree(made.folder, place.folder, dirs_exist_ok=True)
    assert "stack: nothing to do" in call(place, "stack").stdout
    before = {p: p.stat().st_mtime_ns for p in (place.run / "networks").rglob("manifest.json")}
    call(place, "stack", settings=("stack.nested=false",))
    assert before == {p: p.stat().st_mtime_ns for p in before}
    assert not list((place.run / "blocks" / "small").glob("inner_*"))


def test_two_folds_leave_nothing_to_learn_from(made, tmp_path):
    place = Place(tmp_path)
    shutil.copytree(made.data, place.data)
    two = ("folds.scheme=stratified_groups", "folds.n_folds=2")
    ended = call(place, "embed", settings=two, code=2)
    assert ended.stderr == (
        "embed: stack.nested needs three folds or more; there are 2. Raise folds.n_folds, or take "
        "stack.nested=false.\n"
    )
    assert not (place.run / "networks").exists()


def test_pictures_of_ones_own_serve_as_anchors_unless_a_network_learns_from_them(made, tmp_path):
    place, anchors = Place(tmp_path / "run"), tmp_path / "anchors"
    shutil.copytree(made.data, place.data)
    anchors.mkdir()
    drawn_by_chance = np.random.default_rng(0)
    for number in range(12):
        image = drawn_by_chance.integers(0, 256, (40, 40, 3), dtype=np.uint8)
        assert cv2.imwrite(str(anchors / f"a{number:02d}.png"), image)
    own = (
        "align.anchors=pictures", f"align.pictures={anchors}", "align.least_anchors=10",
        "stack.nested=false",
    )  # fmt: skip
    call(place, "embed", settings=own)
    for name in ("small", "plain"):
        assert facts(place.run / "blocks" / name)["anchors"] == 12
        manifest = (place.run / "blocks" / name / "manifest.json").read_text()
        assert str(anchors) not in manifest
    assert "nothing to do" in call(place, "embed", settings=own).stdout
    with h5py.File(place.data / "train-image.hdf5") as archive:
        name = sorted(archive)[0]
        (anchors / "stranger.jpg").write_bytes(np.asarray(archive[name]).tobytes())
    ended = call(place, "embed", settings=own, code=2)
    assert ended.stderr == (
        "embed: 1 picture of align.pictures is byte for byte what networks learn from: "
        "[stranger]; leave them out.\n"
    )


def test_weights_of_a_network_that_learnt_from_these_rows_are_refused(made, tmp_path):
    place = Place(tmp_path)
    shutil.copytree(made.folder, place.folder, dirs_exist_ok=True)
    weights = place.run / "networks" / "small_fold_0" / "best.safetensors"
    own = (f"networks.plain.net.weights={weights}",)
    ended = call(place, "embed", settings=own, code=2)
    assert ended.stderr == (
        f"embed: best.safetensors in {weights.parent} is of a network that learnt from these very "
        "rows: held-out patients would be known to it. Take weights of other data.\n"
    )


def test_ways_to_stack_are_held_against_the_recipes_own(made, tmp_path):
    place = Place(tmp_path)
    shutil.copytree(made.folder, place.folder, dirs_exist_ok=True)
    some = (
        'compare.variants=["tables", "raw_alone", "ridge_frozen", "frozen"]', "compare.seeds=[0, 1]"
    )  # fmt: skip
    told = call(place, "compare", settings=some).stdout
    scores = {
        name: pl.read_parquet(place.run / "comparison" / name / "scores.parquet")
        for name in ("recipe", "tables", "raw_alone", "ridge_frozen", "frozen")
    }
    stacked = pl.read_parquet(place.run / "stack" / "oof_stack.parquet")
    tables = pl.concat(
        pl.read_parquet(place.run / "boosters" / f"tabular_fold_{fold}" / "scores.parquet")
        for fold in FOLDS
    )
    for theirs, ours in ((stacked, "recipe"), (tables, "tables")):  # the recipe's seed is 0
        both = scores[ours].join(theirs, on="isic_id", how="full", validate="1:1")
        assert len(both) == len(stacked)
        assert (both["0"] == both["score"]).all()
        assert not (both["1"] == both["score"]).all()
    assert_frame_equal(scores["recipe"], scores["ridge_frozen"])
    found = json.loads((place.run / "comparison" / "all" / "comparison.json").read_text())
    same, other = (found["variants"][name]["pauc"] for name in ("ridge_frozen", "tables"))
    assert same["minus_whole"]["value"] == 0
    assert other["minus_whole"]["value"] == pytest.approx(np.mean(other["by_seed"]))
    assert found["patients"] is not None
    lines = [line.split() for line in told.splitlines()]
    starts = [words[0] for words in lines if words and words[0] in scores]
    assert starts == ["recipe", "tables", "raw_alone", "frozen", "ridge_frozen"]
    assert max(map(len, told[told.index("compare: 300 rows") :].splitlines()[1:-1])) <= 80
    before = {p: p.stat().st_mtime_ns for p in place.run.rglob("manifest.json")}
    call(place, "compare", settings=some)
    assert before == {p: p.stat().st_mtime_ns for p in before}


def test_pictures_without_a_table_are_stacked_by_what_networks_see(tmp_path):
    place, stream = Place(tmp_path), np.random.default_rng(0)
    for number in range(150):
        kind = "malignant" if number % 3 == 0 else "benign"
        image = stream.integers(40, 160, (36, 36, 3)).astype(np.uint8)
        image[..., 2] += np.uint8(60 * (number % 3 == 0))
        (place.data / kind).mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(place.data / kind / f"p{number:03d}.png"), image)
    sample = ("synthetic.", "folds.", "stack.nested")
    own = (
        "folds.n_folds=3", "folds.anchor_share=0.1", "align.anchors=anchor",
        "align.least_anchors=10", "stack.networks=true",
        "networks.small.base=extractor", "networks.small.training.choose=last",
        "networks.small.net.backbone=test_resnet", "networks.small.net.weights=none",
        *(setting for setting in TINY if not setting.startswith(sample)),
    )  # fmt: skip
    place.call("stack", "--recipe", "image_folder", settings=own, OMP_NUM_THREADS="1")
    found = json.loads((place.run / "stack" / "metrics.json").read_text())
    assert found["blend"]["members"] == ["small", "stack"]
    new = tmp_path / "new"
    shutil.copytree(place.data / "malignant", new)
    told = place.call(
        "predict", "--recipe", "image_folder", "--data", str(new), settings=own, OMP_NUM_THREADS="1"
    ).stdout
    assert "no table in DATA: used stack (plain, small)." in told
    [path] = (place.run / "predictions").glob("new-*/predictions.csv")
    assert len(pl.read_csv(path)) == 50
