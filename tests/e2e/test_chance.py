"""Check 82 for networks: labels dealt to other patients teach nothing, the true ones do."""

import json
import shutil

import numpy as np
import polars as pl
import pytest
import simplejpeg

from metrics.ranking import auc
from pipeline.unseen_members import PARTS
from stacking.leaks import permuted_by_patient, sure
from tests.stages import Place
from workspace.hdf5 import write_archive

PATIENTS, EACH = 48, 6
LEARNING = (
    "data.group=patient", "folds.n_folds=3", "verify.near_duplicates=false",
    'use_networks=["stage1"]', "networks.stage1.base=first_stage",
    "networks.stage1.net.weights=none", "networks.stage1.net.backbone=test_resnet",
    "networks.stage1.net.size=32", "networks.stage1.net.hidden=[16, 8]",
    "networks.stage1.augment.kind=none", "networks.stage1.training.batch_size=16",
    "networks.stage1.training.accumulate=1",
    "networks.stage1.training.phases=[{ epochs = 5, lr = 3e-3, schedule = 'onecycle' }]",
    "score.replicates=100", "score.seeds=[0]",
)  # fmt: skip


def drawn_picture(rng, ill):
    """Noise, reddish where it is truly malignant."""
    image = rng.integers(40, 160, (36, 36, 3)).astype(np.uint8)
    image[..., 0] += np.uint8(70 * ill)
    return simplejpeg.encode_jpeg(image)


def draw(folder, labels, true):
    """Pictures in the folders of the labels given."""
    rng = np.random.default_rng(0)
    rows = []
    for number, (label, ill) in enumerate(zip(labels, true, strict=True)):
        place = folder / ("malignant" if label else "benign")
        place.mkdir(parents=True, exist_ok=True)
        (place / f"p{number:04d}.jpg").write_bytes(drawn_picture(rng, ill))
        rows.append(f"{place.name}/p{number:04d}.jpg,IP_{number // EACH:07d}")
    (folder / "groups.csv").write_text("image,patient_id\n" + "\n".join(rows) + "\n")


def by_fold(folder, labels, true):
    """AUC of each fold's held-out rows, by the labels given."""
    draw(folder / "data", labels, true)
    place = Place(folder)
    place.call("train_cnn", "--recipe", "image_folder", settings=LEARNING, OMP_NUM_THREADS="1")
    oof = pl.read_parquet(place.run / "networks" / "stage1" / "oof.parquet")
    assert len(oof) == PATIENTS * EACH
    return [
        auc(part["isic_id"].str.starts_with("malignant"), part["oof_stage1_malignant"])
        for part in oof.partition_by("fold")
    ]


@pytest.mark.whole  # of a network in a stack there is the test below
def test_dealt_labels_are_at_chance_and_the_true_ones_are_not(tmp_path):
    patient = np.repeat(np.arange(PATIENTS), EACH)
    true = ((patient % 3 == 0) & (np.arange(PATIENTS * EACH) % EACH < 4)).astype(np.int8)
    rows = pl.DataFrame({"group_id": patient, "target": true})
    assert min(by_fold(tmp_path / "true", true, true)) > 0.9
    values = []
    for number in range(3):
        dealt = permuted_by_patient(rows, np.random.default_rng(number))
        values += by_fold(tmp_path / f"dealt_{number}", dealt, true)
    error = np.std(values, ddof=1) / len(values) ** 0.5
    assert abs(np.mean(values) - 0.5) < sure(len(values)) * error
    assert error < 0.1


LESIONS = 8  # of every patient alike: counting them tells nothing
TESTED = 64
DRAWN = (
    "synthetic.patients=100", "synthetic.rows=2400", "synthetic.positives=150",
    "synthetic.images=0", "data.images=none",
)  # fmt: skip
WHOLE = (
    "verify.near_duplicates=false", "folds.n_folds=3", 'use_networks=["small"]',
    "networks.small.net.size=32", "networks.small.training.epoch_samples=320",
    "networks.small.views=one", "networks.small.augment.kind=none",  # as apt to memorise
    "networks.small.training.phases=[{ epochs = 8, lr = 3e-3, schedule = 'onecycle' }]",
    "stack.nested=true", "stack.seeds=1", "lightgbm.rounds=40",
    "lightgbm.min_data_in_leaf=5", "score.replicates=100", "score.seeds=[0]",
)  # fmt: skip


def drawn(folder):
    """A synthetic competition in which each patient has as many lesions, positives first."""
    place, rng = Place(folder), np.random.default_rng(0)
    place.call("sample", settings=DRAWN)
    (place.data / "manifest.json").unlink()
    tables = {
        split: pl.read_csv(place.data / f"{split}-metadata.csv", infer_schema=False)
        for split in ("train", "test")
    }
    some = tables["train"].sort("target", "isic_id", descending=[True, False])
    some = some.filter(
        pl.int_range(pl.len()).over("patient_id") < LESIONS,
        pl.len().over("patient_id") >= LESIONS,
    ).sort("isic_id")
    few = tables["test"].head(TESTED).with_columns(target=pl.lit("0"))
    few.drop("target").write_csv(place.data / "test-metadata.csv")
    for split, rows in (("train", some), ("test", few)):
        pictures = ((name, drawn_picture(rng, ill == "1")) for name, ill in named(rows))
        write_archive(place.data / f"{split}-image.hdf5", pictures)
    return place.data, some


def named(rows):
    return rows.select("isic_id", "target").iter_rows()


def members_by_fold(folder, data, table, labels):
    """By member its AUC out of fold in each fold, by these labels."""
    place = Place(folder)
    shutil.copytree(data, place.data)
    named = table.with_columns(pl.Series("target", labels).cast(pl.String))
    named.write_csv(place.data / "train-metadata.csv")
    place.call("stack", "--data", str(place.data), settings=WHOLE, OMP_NUM_THREADS="1")
    found = json.loads((place.run / "stack" / "metrics.json").read_text())["blend"]
    assert set(found["members"]) == {"stack", *PARTS, "small"}
    folds = pl.read_parquet(place.run / "stack" / "oof_stack.parquet").select("isic_id", "fold")
    truth = folds.join(named.select("isic_id", "target"), on="isic_id", validate="1:1")
    tables = {
        name: pl.concat(
            pl.read_parquet(place.run / "boosters" / f"{name}_fold_{fold}" / "scores.parquet")
            for fold in range(3)
        )
        for name in ("stack", *PARTS)
    }
    oof = pl.read_parquet(place.run / "networks" / "small" / "oof.parquet")
    tables["small"] = oof.select("isic_id", score="oof_small_malignant")
    values = {}
    for name, scores in tables.items():
        rows = truth.join(scores.select("isic_id", "score"), on="isic_id", validate="1:1")
        assert len(rows) == len(table)
        values[name] = [
            auc(part["target"].cast(pl.Int8).to_numpy(), part["score"].to_numpy())
            for part in rows.partition_by("fold")
        ]
    return values


@pytest.mark.slow
def test_a_stack_of_pictures_and_tables_learns_from_true_labels_alone(tmp_path):
    data, table = drawn(tmp_path / "drawn")
    true = table["target"].cast(pl.Int8).to_numpy()
    assert len(table) > 300
    found = members_by_fold(tmp_path / "true", data, table, true)
    assert min(found["stack"]) > 0.7
    assert np.mean(found["small"]) > 0.6
    rows = table.select(group_id="patient_id", target=pl.col("target").cast(pl.Int8))
    values = {}
    for number in range(2):
        dealt = permuted_by_patient(rows, np.random.default_rng(number))
        assert dealt.sum() == true.sum()
        for name, aucs in members_by_fold(tmp_path / f"dealt_{number}", data, table, dealt).items():
            values.setdefault(name, []).extend(aucs)
    ill, well = true.sum() / 3, (1 - true).sum() / 3  # of a fold
    least = ((ill + well + 1) / (12 * ill * well)) ** 0.5  # of AUC on rows that know no patient
    for name, aucs in values.items():
        error = max(np.std(aucs, ddof=1), least) / len(aucs) ** 0.5
        assert error < 0.03, name
        assert abs(np.mean(aucs) - 0.5) < sure(len(values)) * error, (name, aucs)
