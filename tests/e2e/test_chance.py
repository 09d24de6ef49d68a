"""Check 82 for networks: labels dealt to other patients teach nothing, the true ones do."""

import cv2
import numpy as np
import polars as pl
import pytest

from metrics.ranking import auc
from stacking.leaks import SURE, permuted_by_patient
from tests.stages import Place

PATIENTS, EACH = 48, 6
LEARNING = (
    "data.group=patient", "folds.n_folds=3", "verify.near_duplicates=false", "net.weights=none",
    "net.backbone=mobilenetv3_small_050", "net.size=32", "net.hidden=[16, 8]",
    "stage2.diagnoses={}", "stage1.augment.kind=none", "stage1.batch_size=16",
    "stage1.accumulate=1",
    "stage1.phases=[{ epochs = 6, lr = 3e-3, schedule = 'onecycle' }]",
    "score.replicates=100", "score.seeds=[0]",
)  # fmt: skip


def draw(folder, labels, true):
    """Pictures that are reddish where truly malignant, in the folders of the labels given."""
    rng = np.random.default_rng(0)
    rows = []
    for number, (label, ill) in enumerate(zip(labels, true, strict=True)):
        image = rng.integers(40, 160, (36, 36, 3)).astype(np.uint8)
        image[..., 2] += np.uint8(70 * ill)
        place = folder / ("malignant" if label else "benign")
        place.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(place / f"p{number:04d}.png"), image)
        rows.append(f"{place.name}/p{number:04d}.png,IP_{number // EACH:07d}")
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


@pytest.mark.slow
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
    assert abs(np.mean(values) - 0.5) < SURE * error
    assert error < 0.1
