"""Seven classes from pictures in folders to the challenge's CSV; a task of one's own."""

import io
import json
from typing import Literal

import cv2
import numpy as np
import polars as pl
import pytest
import torch
from rich.console import Console
from torch.nn import functional

from folds.schema import PATIENT
from metrics.support import FEWEST
from models.networks.columns import probability_columns
from models.networks.diagnoses import NONE
from models.networks.tasks.registry import TASKS
from models.networks.tasks.task import Labels, Task
from pipeline.recipe import load_recipe
from reports.desk import ConsoleDesk
from scripts import predict_images, stack, train_cnn
from scripts.stage import Job
from workspace.errors import ConfigError
from workspace.hashing import HashMemory

NAMES = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
EACH = 15
RECIPE = """
base = "image_folder"
use_networks = ["seven"]

[data]
group = "patient"
positive = ["mel", "bcc"]

[folds]
n_folds = 3
anchor_share = 0.2

[networks.seven]
base = "classes"
views = "one"
net = { backbone = "test_resnet", weights = "none", size = 32 }
task.classes = "all"
training = { inner_folds = 2, phases = [{ epochs = 2, lr = 3e-3 }], batch_size = 16 }
augment.kind = "none"

[stack]
networks = true
seeds = 1

[lightgbm]
rounds = 10
min_data_in_leaf = 5

[align]
anchors = "anchor"
least_anchors = 10
pca = 8

[score]
replicates = 100
seeds = [0]

[verify]
near_duplicates = false
"""


def draw(folder):
    """Pictures of seven colours in seven folders, two of a patient."""
    rng, rows = np.random.default_rng(0), []
    for code, name in enumerate(NAMES):
        (folder / name).mkdir(parents=True)
        for number in range(EACH):
            image = rng.integers(40, 90, (34, 34, 3)).astype(np.uint8)
            image[..., code % 3] += np.uint8(60 + 40 * (code // 3))
            assert cv2.imwrite(str(folder / name / f"{name}{number:02d}.png"), image)
            rows.append(f"{name}/{name}{number:02d}.png,P{code}{number // 2:02d}")
    (folder / "groups.csv").write_text("image,patient_id\n" + "\n".join(rows) + "\n")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("classes")
    draw(folder / "data")
    (folder / "seven.toml").write_text(RECIPE)
    return folder


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def job_of(place, stage, *settings, run="run", **values):
    recipe = load_recipe(str(place / "seven.toml"), [f"data.folder={place / 'data'}", *settings])
    console = Console(record=True, width=200, file=io.StringIO())
    return Job(
        stage, recipe, place / run, HashMemory(), ConsoleDesk(console), device="cpu", **values
    )


@pytest.fixture(scope="module")
def stacked(place):
    job = job_of(place, "stack")
    stack.run(job)
    return job.run, job.desk.console.export_text()


def test_seven_classes_are_scored_out_of_fold_by_name_and_measured(stacked):
    run, shown = stacked
    oof = pl.read_parquet(run / "networks" / "seven" / "oof.parquet")
    columns = [f"oof_seven_{name}" for name in NAMES]
    assert oof.columns == ["isic_id", "fold", "maker", *columns]
    np.testing.assert_allclose(oof.select(columns).sum_horizontal(), 1, atol=1e-6)
    metrics = json.loads((run / "networks" / "seven" / "metrics.json").read_text())
    assert (metrics["classes"], metrics["kind"]) == (list(NAMES), "classes")
    sheet = metrics["best_epoch"]
    recalls = [f"recall[{name}]" for name in NAMES]
    for name in ("accuracy", "balanced_accuracy", "macro_f1", "macro_auc", *recalls):
        entry = sheet["metrics"][name]
        assert 0 <= entry["value"] <= 1
        few = entry["patients"] < FEWEST
        assert (entry["low"] is None) if few else (entry["low"] <= entry["high"]), name
        assert entry["unit"] == "patient"
    supports = [sheet["report"]["per_class"][name]["true"] for name in NAMES]
    assert sum(supports) == len(oof)
    assert metrics["folds"][0]["inner_score_is"].startswith("balanced_accuracy of inner rows")
    assert "seven: balanced_accuracy " in shown
    assert "seven: macro_auc " in shown


def test_the_stacks_target_is_the_sum_of_the_positive_classes(stacked):
    run, _ = stacked
    facts = json.loads((run / "blocks" / "seven" / "manifest.json").read_text())["facts"]
    columns = ["oof_seven_bcc_probability", "oof_seven_mel_probability"]
    assert facts["target_probability"] == {"columns": columns, "of_zero": False}
    metrics = json.loads((run / "stack" / "metrics.json").read_text())
    assert metrics["blend"]["members"] == ["images", "seven", "stack", "tabular"]
    oof = pl.read_parquet(run / "networks" / "seven" / "oof.parquet")
    block = pl.read_parquet(run / "blocks" / "seven" / "oof.parquet")
    both = oof.join(block, on="isic_id")
    expected = both["oof_seven_bcc"] + both["oof_seven_mel"]
    np.testing.assert_allclose(both.select(columns).sum_horizontal(), expected, atol=1e-6)


def test_pictures_of_ones_own_get_every_class_and_the_challenges_csv(place, stacked, tmp_path):
    new = tmp_path / "new"
    new.mkdir()
    for number in range(3):
        pixels = np.full((34, 34, 3), 40 * number, np.uint8)
        assert cv2.imwrite(str(new / f"ISIC_{number}.jpg"), pixels)
    job = job_of(place, "predict", "predict.overlays=false", files={"images": new})
    folder = predict_images.run(job).folder
    rows = pl.read_csv(folder / "predictions.csv")
    shares = [f"seven_{name}" for name in NAMES]
    assert rows.columns == ["picture", *shares, "seven_called", "distance", "unlike"]
    assert rows["seven_called"].to_list() == [
        NAMES[place] for place in rows.select(shares).to_numpy().argmax(axis=1)
    ]
    challenge = pl.read_csv(folder / "isic_challenge.csv")
    assert challenge.columns == ["image", "MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC"]
    assert challenge["image"].to_list() == ["ISIC_0", "ISIC_1", "ISIC_2"]
    assert challenge["DF"].to_list() == rows["seven_df"].to_list()


def test_what_is_no_network_or_no_class_cannot_be_asked_for(place, stacked, tmp_path):
    assert cv2.imwrite(str(tmp_path / "a.png"), np.zeros((34, 34, 3), np.uint8))
    asked = job_of(place, "predict", 'predict.networks=["eight"]', files={"images": tmp_path})
    with pytest.raises(ConfigError) as refused:
        predict_images.run(asked)
    assert str(refused.value) == (
        f"predict.networks names eight, which {asked.run} holds no finished network of; there are "
        "seven."
    )
    asked = job_of(place, "predict", "predict.challenge.MEL=gone", files={"images": tmp_path})
    with pytest.raises(ConfigError, match=r"^predict\.challenge is given, but no network that"):
        predict_images.run(asked)


class Brightness:
    """Squared distance of a sigmoid to a number from 0 to 1."""

    further, weights = 0, None

    def __init__(self, values):
        self.values = values

    def begin(self, shown, device):
        self.shown = len(shown)

    def targets(self, places):
        return torch.from_numpy(self.values[places]).float()[:, None]

    def loss(self, outputs, further, targets):
        return functional.mse_loss(torch.sigmoid(outputs), targets, reduction="none")[:, 0]


class PatientTask(Task):
    """A number that hangs on the patient, of no use to anybody: neither a target nor a class."""

    kind: Literal["patient_number"] = "patient_number"

    def check(self, net, training):
        pass

    def labels(self, name, rows, findings):
        known = rows["target"].is_not_null().to_numpy()
        return Labels(np.where(known, 0, NONE), ("number",))

    def outputs(self, labels):
        return 1

    def objective(self, labels, training):
        return Brightness(np.linspace(0, 1, len(labels.codes)))

    def inner_score(self, watch, codes, scores, labels):
        return -float(np.mean((scores.probability[:, 1] - 0.5) ** 2))

    def called(self, probability, limit):
        return np.zeros(len(probability), np.int64)

    def sheet(self, true, called, probability, labels, patient, config):
        return {"mean": float(probability[:, 1].mean()), "n": len(true)}


def test_a_task_of_ones_own_is_a_class_and_a_line_in_the_registry(place, monkeypatch):
    monkeypatch.setitem(TASKS, "patient_number", PatientTask)
    settings = (
        'use_networks=["own"]', "networks.own.base=extractor", "networks.own.views=one",
        "networks.own.task.kind=patient_number", "networks.own.training.sampling=shuffled",
        "networks.own.training.epoch_samples=32", "networks.own.training.choose=last",
        "networks.own.net.backbone=test_resnet", "networks.own.net.weights=none",
        "networks.own.net.size=32", "networks.own.training.class_weights=true",
    )  # fmt: skip
    job = job_of(place, "train-cnn", *settings, run="own")
    joined = train_cnn.run(job)
    assert probability_columns("own", ("number",)) == ["oof_own_number"]
    oof = joined["own"].parquet("oof.parquet")
    assert oof["oof_own_number"].is_between(0, 1).all()
    metrics = joined["own"].json("metrics.json")
    assert metrics["kind"] == "patient_number"
    assert metrics["best_epoch"]["n"] == len(oof)
    assert PATIENT not in oof.columns
