"""`make pretrain` and what begins with it: made by the stage that needs it, killed, declared."""

import json
import re
import shutil
import signal
import time

import pytest

from tests.stages import Place

RECIPE = """
base = "sample"
use_networks = ["tuned", "scratch"]

[synthetic]
patients = 30
rows = 200
positives = 40

[verify]
near_duplicates = false

[folds]
n_folds = 2
anchor_share = 0.2

[align]
anchors = "anchor"
least_anchors = 10
pca = 4

[networks.simclr]
base = "contrastive"
net = { backbone = "test_resnet", size = 32, hidden = [16], dropout = [0.0, 0.0] }
task = { signs_by = "target", width = 8 }
training = { batch_size = 8, inner_folds = 4, phases = [{ epochs = 2, lr = 1e-3 }] }

[networks.tuned]
base = "extractor"
net = { backbone = "test_resnet", weights = "simclr", size = 32 }
training = { choose = "last", epoch_samples = 64, phases = [{ epochs = 1, lr = 1e-3 }] }
augment.kind = "none"

[networks.scratch]
base = "extractor"
net = { backbone = "test_resnet", weights = "none", size = 32 }
training = { choose = "last", epoch_samples = 64, phases = [{ epochs = 1, lr = 1e-3 }] }
augment.kind = "none"

[stack]
networks = true
seeds = 1

[lightgbm]
rounds = 10
min_data_in_leaf = 5

[score]
replicates = 100
seeds = [0]
"""
ALL = 'networks.simclr.task.rows="all"'
WORDS = {"OMP_NUM_THREADS": "1"}


def fresh(folder):
    (folder / "begun.toml").write_text(RECIPE)
    return Place(folder)


def call(place, stage, *extra, settings=(), code=0):
    named = ("--recipe", str(place.folder / "begun.toml"), *extra)
    return place.call(stage, *named, settings=settings, code=code, **WORDS)


def manifest(place, name):
    return json.loads((place.run / "networks" / name / "manifest.json").read_text())


def weights(place):
    return {
        path.relative_to(place.run).as_posix(): path.read_bytes()
        for path in sorted((place.run / "networks").glob("*/*.safetensors"))
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    place = fresh(tmp_path_factory.mktemp("begun"))
    return place, call(place, "train_cnn")


def test_training_makes_what_it_begins_with_first_and_the_manifests_are_a_chain(made):
    place, done = made
    names = sorted(path.name for path in (place.run / "networks").iterdir())
    assert names == [
        "scratch", "scratch_fold_0", "scratch_fold_1", "simclr_fold_0", "simclr_fold_1", "tuned",
        "tuned_fold_0", "tuned_fold_1",
    ]  # fmt: skip
    for fold in (0, 1):
        theirs = manifest(place, f"simclr_fold_{fold}")
        begun = manifest(place, f"tuned_fold_{fold}")["inputs"]["weights"]
        assert begun == theirs["files"]["best.safetensors"]["sha256"]
        assert theirs["stage"] == "pretrain"
        assert theirs["settings"]["fold"] == fold
        assert {"knn_balanced_accuracy", "alignment", "uniformity"} < theirs["facts"][
            "signs"
        ].keys()
        curves = (place.run / "networks" / f"simclr_fold_{fold}" / "curves.svg").read_text()
        assert "Uniformity" in curves
    sheet = json.loads((place.run / "networks" / "tuned" / "metrics.json").read_text())
    assert "declared" not in sheet
    assert "had seen" not in done.stdout


def test_its_own_stage_finds_all_done_and_says_what_a_plan_says(made):
    place, _ = made
    assert call(place, "pretrain").stdout == (
        f"pretrain: nothing to do, simclr_fold_0, simclr_fold_1 in {place.run / 'networks'} are up "
        "to date.\n"
    )
    plan = call(place, "plan").stdout
    assert re.search(r"pretrain +networks/simclr_fold_0 \.\.\. \(2\) +done", plan)


def test_check_47_killed_in_an_epoch_it_ends_in_the_bits_of_an_unbroken_run(made, tmp_path):
    unbroken, place = weights(made[0]), fresh(tmp_path)
    named = ("--recipe", str(place.folder / "begun.toml"), "--fold", "1")
    often = ("networks.simclr.training.checkpoint_s=0.0",)
    process = place.start("pretrain", *named, settings=often, **WORDS)
    checkpoints = place.run / "checkpoints" / "simclr_fold_1"
    while process.poll() is None and not list(checkpoints.glob("epoch_00000_*")):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    assert not (place.run / "networks" / "simclr_fold_1").exists()
    done = call(place, "pretrain", "--fold", "1")
    assert "pretrain: see" in done.stdout
    assert "balanced" in done.stdout
    found = weights(place)
    assert found == {name: unbroken[name] for name in found}
    assert len(found) == 2


def test_weights_that_have_seen_all_are_declared_wherever_a_number_follows(made, tmp_path):
    shutil.copytree(made[0].folder, tmp_path / "copy")
    place = Place(tmp_path / "copy")
    for folder in (place.run / "networks").glob("tuned*"):
        shutil.rmtree(folder)
    said = (
        "tuned began with the weights of simclr, which had seen the held-out pictures too, without "
        "their labels (networks.simclr.task.rows='all')."
    )
    done = call(place, "stack", settings=(ALL,))
    shown = " ".join(done.stdout.split())
    assert shown.count(f"notice: {said}") == 2  # of the network, of the stack
    assert "notice: simclr sees the held-out pictures too" in shown
    for folder in ("networks/tuned", "stack"):
        sheet = json.loads((place.run / folder / "metrics.json").read_text())
        assert sheet["declared"] == [said]
    scratch = json.loads((place.run / "networks/scratch/metrics.json").read_text())
    assert "declared" not in scratch
    call(place, "report")
    page = " ".join((place.run / "report" / "report.html").read_text().split())
    assert page.replace("&#39;", "'").count(said) >= 3
    assert manifest(place, "simclr_fold_all")["settings"]["fold"] == []
    few = (ALL, "audit.rounds=3", "audit.permutations=2")
    assert f"notice: {said}" in " ".join(call(place, "audit", settings=few).stdout.split())
    told = " ".join(call(place, "export", settings=(ALL,)).stdout.split())
    assert f"notice: {said}" in told
    bundle = place.run / "export" / "tuned_fold_0"
    assert json.loads((bundle / "sheet.json").read_text())["declared"] == [said]
    assert f"| to be read with | {said} |" in (bundle / "model_card.md").read_text()


def test_a_recipe_without_such_a_network_is_told_what_to_add(tmp_path):
    place = fresh(tmp_path)
    settings = ("networks.tuned.net.weights=none", 'use_networks=["tuned"]')
    ended = call(place, "pretrain", settings=settings, code=2)
    assert ended.stderr == (
        "pretrain: The recipe has no network that learns without labels; add one, such as "
        "[networks.simclr] with base = 'contrastive'.\n"
    )
    alone = ('use_networks=["simclr"]',)
    ended = call(place, "train_cnn", settings=alone, code=2)
    assert ended.stderr == (
        "train-cnn: The recipe has networks alone that others begin with, and no other; 'make "
        "pretrain' trains them.\n"
    )
