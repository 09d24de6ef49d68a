"""What networks give the stack, row by row: by whom, mapped how, and what is refused."""

import json
import shutil

import h5py
import numpy as np
import polars as pl
import pytest
import safetensors.numpy

from pipeline.picture_rows import open_picture_rows
from pipeline.stack_rows import open_stack
from pipeline.unit_files import TESTS
from scripts import stack, train_cnn
from stacking.alignment.maps import fit
from tests.multimodal import NETWORKS, call, job_of, maker_by_hand, record_anew, table
from tests.stages import Place
from workspace.errors import ArtifactError, ConfigError


@pytest.mark.parametrize("network", NETWORKS)
def test_each_row_of_a_block_is_by_the_network_that_never_saw_its_group(multimodal, network):
    folds = table(multimodal, "folds/folds.parquet")
    makers = {
        fold: maker_by_hand(multimodal.run / "networks" / f"{network}_fold_{fold}")
        for fold in range(3)
    }
    train = folds.filter(pl.col("split") == "train").select("isic_id", "fold", "group_id")
    assert train.group_by("group_id").agg(pl.col("fold").n_unique())["fold"].max() == 1
    oof = table(multimodal, f"blocks/{network}/oof.parquet")
    both = train.join(oof, on="isic_id", how="full", suffix="_made", validate="1:1")
    assert (both["fold"] == both["fold_made"]).all()
    assert both["maker"].to_list() == [makers[fold] for fold in both["fold"]]
    test = table(multimodal, f"blocks/{network}/test.parquet")
    ids = folds.filter(pl.col("split") == "test")["isic_id"]
    assert sorted(test.select("isic_id", "fold", "maker").rows()) == sorted(
        (name, fold, maker) for name in ids for fold, maker in makers.items()
    )
    for rows in (oof, test):
        numbers = rows.select(f"emb_{network}_0000", f"^oof_{network}.*_rank$")
        assert not numbers.null_count().sum_horizontal().item()


def test_anchors_are_in_no_table_that_is_learnt_from_or_scored(multimodal):
    folds = table(multimodal, "folds/folds.parquet")
    anchors = set(folds.filter(pl.col("split") == "anchor")["isic_id"])
    assert len(anchors) > 50
    tables = [
        path
        for folder in ("networks", "cascade", "blocks", "boosters", "stack")
        for path in (multimodal.run / folder).rglob("*.parquet")
    ]
    found = {path: set(pl.read_parquet(path).get_column("isic_id", default=pl.Series()))
             for path in tables}  # fmt: skip
    assert sum(bool(ids) for ids in found.values()) >= 3 * 3 + 3 + 1 + 6 + 5 * 3 + 2
    assert not [path for path, ids in found.items() if ids & anchors]
    rows = open_picture_rows(train_cnn.files_of(job_of(multimodal)))
    for learnt, held_out in rows.by_fold.values():
        assert not anchors & set(rows.table["isic_id"].gather(np.r_[learnt.training, held_out]))
    assert not anchors & set(open_stack(stack.files_of(job_of(multimodal))).rows["isic_id"])
    for network in NETWORKS:
        manifest = json.loads((multimodal.run / "blocks" / network / "manifest.json").read_text())
        assert manifest["facts"]["anchors"] == len(anchors)


def shards(place, network, fold, kind):
    """What a fold's network says of these pictures: by id an embedding and a probability."""
    found = {}
    for folder in sorted((place.run / "embeddings" / f"{network}_fold_{fold}").glob(f"{kind}_*")):
        rows = pl.read_parquet(folder / "rows.parquet")
        embedding = safetensors.numpy.load_file(folder / "embedding.safetensors")["embedding"]
        assert embedding.dtype == np.float16
        shares = rows.drop("isic_id").to_series().to_list()
        for name, row, share in zip(rows["isic_id"], embedding, shares, strict=True):
            found[name] = row.astype(np.float64), share
    return found


def by_hand(seen, maps, fold, known):
    """A block's columns of these rows, row by row from what the fold's network says of them."""
    logits = {name: np.log(share / (1 - share)) for name, (_, share) in seen.items()}
    anchors = np.array([logits[name] for name in known["anchors"]])
    mapped, standard, found = {}, {}, {}
    for name, (embedding, _) in seen.items():
        off = embedding - maps["means"][fold]
        mapped[name] = off @ maps["weights"][fold] - maps["offset"]
        standard[name] = (logits[name] - anchors.mean()) / anchors.std(ddof=1)
    for name in known["wanted"]:
        own = [other for other in known["wanted"] if known["who"][other] == known["who"][name]]
        others = [np.linalg.norm(mapped[name] - mapped[o]) for o in own if o != name] or [np.nan]
        largest = max(own, key=lambda other: known["size"][other])
        of_patient = np.array([logits[other] for other in own])
        below, equal = (of_patient < logits[name]).sum(), (of_patient == logits[name]).sum()
        share = seen[name][1]
        found[name] = [
            *mapped[name], min(others), np.mean(others),
            np.linalg.norm(mapped[name] - mapped[largest]) if len(own) > 1 else np.nan,
            share, standard[name],
            ((anchors < logits[name]).sum() + (anchors == logits[name]).sum() / 2) / len(anchors),
            share / np.mean([seen[other][1] for other in own]),
            standard[name] - np.mean([standard[other] for other in own]),
            (below + equal / 2) / len(own),
        ]  # fmt: skip
    return found


@pytest.mark.parametrize("kind", ["held_out", "elsewhere"])
def test_a_block_is_what_shards_and_the_folds_own_map_give_row_by_row(multimodal, kind):
    folds, samples = (
        table(multimodal, "folds/folds.parquet"),
        table(multimodal, "samples/samples.parquet"),
    )
    split = dict(folds.select("isic_id", "split").iter_rows())
    known = {
        "anchors": [name for name, where in split.items() if where == "anchor"],
        "who": dict(samples.select("isic_id", "patient_id").iter_rows()),
        "size": dict(samples.select("isic_id", "clin_size_long_diam_mm").iter_rows()),
    }
    maps = safetensors.numpy.load_file(multimodal.run / "blocks" / "small" / "maps.safetensors")
    block = table(multimodal, f"blocks/small/{'oof' if kind == 'held_out' else 'test'}.parquet")
    for fold in range(3):
        outside = shards(multimodal, "small", fold, "elsewhere")
        own = shards(multimodal, "small", fold, "held_out") if kind == "held_out" else {}
        wanted = list(own) or [name for name in outside if split[name] == "test"]
        expected = by_hand(outside | own, maps, fold, known | {"wanted": wanted})
        rows = block.filter(pl.col("fold") == fold)
        assert set(rows["isic_id"]) == set(expected)
        numbers = rows.drop("isic_id", "fold", "maker")
        assert numbers.columns[-10:-5] == [
            "emb_small_0031", "emb_small_nearest", "emb_small_mean", "emb_small_largest",
            "oof_small_probability",
        ]  # fmt: skip
        values = numbers.fill_null(np.nan).to_numpy()
        slow = np.array([expected[name] for name in rows["isic_id"]])
        np.testing.assert_allclose(values, slow, rtol=2e-3, atol=2e-3)


def test_maps_are_fitted_on_the_anchors_alone(multimodal):
    folds = table(multimodal, "folds/folds.parquet").sort("isic_id")
    anchors = folds.filter(pl.col("split") == "anchor")["isic_id"].to_list()
    views = {}
    for fold in range(3):
        seen = shards(multimodal, "small", fold, "elsewhere")
        views[fold] = np.array([seen[name][0] for name in anchors])
    expected = fit(views, job_of(multimodal).recipe.align).tensors()
    maps = safetensors.numpy.load_file(multimodal.run / "blocks" / "small" / "maps.safetensors")
    for name, tensor in expected.items():
        np.testing.assert_array_equal(maps[name], tensor)


def forged(place, folder, *, makers=None, fold_hash=None, oof=None, test=None):
    """A block like the run's own, with something in it that is not so."""
    shutil.copytree(place.run / "blocks" / "small", folder)
    for name, change in (("oof.parquet", oof), ("test.parquet", test)):
        if change is not None:
            pl.read_parquet(folder / name).with_columns(change).write_parquet(folder / name)
    facts = {"makers": makers, "fold_hash": fold_hash}
    record_anew(folder, **{name: value for name, value in facts.items() if value is not None})
    return job_of(place, "stack.networks=false", f'stack.blocks=["{folder}"]')


def swapped(column):
    """Fold 1 called fold 2, and the other way round."""
    return pl.col(column).replace({1: 2, 2: 1})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fold_hash": "0" * 64}, "was made on other folds (hash 000000000000, here "),
        ({"oof": swapped("fold")}, "scored by a model of another fold than the one that holds"),
        ({"makers": {"0": "a", "1": "b", "2": "c"}}, "made its rows of fold 0, fold 1, fold 2;"),
        ({"oof": pl.col("maker").sort()}, "does not say who made its rows of fold "),
    ],
)
def test_a_block_by_models_that_may_have_seen_the_row_is_refused(
    multimodal, tmp_path, changes, message
):
    with pytest.raises(ArtifactError) as error:
        stack.files_of(forged(multimodal, tmp_path / "small", **changes))
    assert message in str(error.value)


def test_test_rows_of_another_folds_network_are_refused(multimodal, tmp_path):
    inputs = open_stack(
        stack.files_of(forged(multimodal, tmp_path / "small", test=swapped("fold")))
    )
    view = inputs.unseen(inputs.ids("test"), TESTS, 0)
    assert len(view.rows) == 75
    with pytest.raises(ArtifactError, match="has test rows of fold 1 that the fold's maker did"):
        inputs.unseen(inputs.ids("test"), TESTS, 1)


@pytest.mark.parametrize("name", ["stack", "tabular"])
def test_a_block_called_as_a_part_of_the_stack_is_refused(multimodal, tmp_path, name):
    with pytest.raises(ConfigError) as error:
        stack.files_of(forged(multimodal, tmp_path / name))
    assert str(error.value) == (
        f"Blocks are called as another score is: {name}; rename their folders."
    )


def test_the_networks_of_other_folds_are_refused(multimodal, tmp_path):
    """The very same pictures and patients, dealt to other folds."""
    other = Place(tmp_path)
    shutil.copytree(multimodal.data, other.data)
    block = multimodal.run / "blocks" / "small"
    alone = ("stack.networks=false", "folds.n_folds=4", f'stack.blocks=["{block}"]')
    ended = call(other, "stack", settings=alone, code=2)
    assert ended.stderr.startswith(f"stack: Block {block} was made on other folds (hash ")
    assert ended.stderr.endswith("its models may have seen rows that are held out here.\n")
    assert ended.stderr.count("\n") == 1


def test_rows_without_a_picture_are_blind_spots_to_the_stack(multimodal, tmp_path):
    """A picture of the training rows and one of the test rows are gone."""
    place = Place(tmp_path)
    shutil.copytree(multimodal.data, place.data)
    gone = set()
    held = table(multimodal, "blocks/small/oof.parquet")["isic_id"]
    for archive, ids in (("train-image.hdf5", held), ("test-image.hdf5", None)):
        with h5py.File(place.data / archive, "r+") as file:
            gone.add(min(file if ids is None else ids))
            del file[min(file if ids is None else ids)]
    settings = ("data.images=some", 'use_networks=["stage1", "small"]', "align.anchors=test")
    done = call(place, "stack", "--data", str(place.data), settings=settings)
    assert "2 rows without a picture: networks say nothing there." in done.stdout
    assert "small is no member: it has no score of 1 row without a picture." in done.stdout
    folds = table(place, "folds/folds.parquet").filter(pl.col("split") == "train")
    assert len(folds) == 300  # networks are aligned on test pictures: nobody is set aside
    for network in ("stage1", "small"):
        oof, test = (table(place, f"blocks/{network}/{name}.parquet") for name in ("oof", "test"))
        assert oof["isic_id"].sort().equals(folds["isic_id"].sort())
        assert test["fold"].value_counts().sort("fold")["count"].to_list() == [75, 75, 75]
        blind = pl.col("isic_id").is_in(list(gone))
        for rows, count in ((oof, 1), (test, 3)):
            values = rows.filter(blind).drop("isic_id", "fold", "maker")
            assert values.null_count().row(0) == (count,) * values.width
            seen = rows.filter(~blind).select(f"emb_{network}_0000", f"oof_{network}_rank")
            assert seen.null_count().row(0) == (0, 0)
    metrics = json.loads((place.run / "stack" / "metrics.json").read_text())
    assert metrics["blend"]["members"] == ["images", "stack", "tabular"]
