"""`make distill TRIALS=n` as people meet it: the best values of a student, beside itself."""

import json
import shutil
import time
import tomllib

import polars as pl
import pytest

from tests.stages import Place

TRIALS = 3
DRAWN = ("synthetic.patients=24", "synthetic.rows=240", "synthetic.positives=48")
RECIPE = """
base = "sample"
use_networks = ["big", "taught"]
[networks.big]
base = "extractor"
net = { backbone = "test_resnet", weights = "none", size = 32 }
training = { choose = "last", epoch_samples = 64, phases = [{ epochs = 1, lr = 1e-3 }] }
[networks.taught]
base = "extractor"
net = { backbone = "test_resnet", weights = "none", size = 32 }
training = { choose = "last", epoch_samples = 64, phases = [{ epochs = 1, lr = 1e-3 }] }
teacher = { network = "big" }
[distill]
networks = ["big", "taught"]
seeds = [0]
baselines = []
kept = [1.0]
study = { random = 2 }
[score]
replicates = 100
seeds = [0]
"""


def distill(place, *extra, settings=(), stage="distill", **options):
    path = place.folder / "mine.toml"
    path.write_text(RECIPE, encoding="utf-8")
    words = ("--recipe", str(path), *extra)
    return place.call(stage, *words, settings=(*DRAWN, *settings), **options)


def study_of(place):
    folder = place.run / "distill" / "study"
    return json.loads((folder / "study.json").read_text()), pl.read_parquet(
        folder / "trials.parquet"
    )


def sheet_of(place):
    return json.loads((place.run / "distill" / "sheet" / "distill.json").read_text())


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    place = Place(tmp_path_factory.mktemp("distill_study"))
    return place, distill(place, "--trials", str(TRIALS))


def test_the_best_values_stand_beside_the_student_s_own(whole):
    place, said = whole
    study, trials = study_of(place)
    assert trials["number"].to_list() == list(range(TRIALS))
    assert study["best_auc"] == trials["auc"].max() >= study["own_auc"]
    sheet = sheet_of(place)
    assert sheet["names"] == ["big", "taught", "taught_tuned"]
    scores = sheet["scores"]
    assert (scores["taught_tuned"]["minus"]["than"], scores["taught_tuned"]["teacher"]) == (
        "taught", "big",
    )  # fmt: skip
    ours, own = (
        scores[name]["schemes"]["holdout"]["metrics"]["auc"]["by_seed"]
        for name in ("taught_tuned", "taught")
    )
    assert scores["taught_tuned"]["minus"]["auc"]["by_seed"] == pytest.approx([ours[0] - own[0]])
    assert "which was chosen by it: optimistic" in said.stdout


def test_the_tuned_student_is_of_the_best_trial_s_values(whole):
    place, _ = whole
    values = study_of(place)[0]["best_values"]
    unit = place.run / "distill" / "holdout" / "networks" / "taught_tuned_seed_0"
    settings = json.loads((unit / "manifest.json").read_text())["settings"]
    assert settings["teacher"] == {
        "temperature": values["temperature"], "weight": values["weight"],
    }  # fmt: skip
    assert settings["training"]["batch_size"] == values["batch_size"]
    assert settings["training"]["phases"][0]["lr"] == values["lr"]
    stated = tomllib.loads((place.run / "distill" / "study" / "tuned.toml").read_text())
    assert stated["networks"]["taught_tuned"]["training"]["phases"][0]["lr"] == values["lr"]
    assert stated["distill"]["networks"] == ["big", "taught", "taught_tuned"]


def test_again_nothing_is_done_and_without_trials_nothing_is_studied(whole, tmp_path):
    shutil.copytree(whole[0].folder, tmp_path / "copy")
    place = Place(tmp_path / "copy")
    assert distill(place, "--trials", str(TRIALS)).stdout.strip().endswith("is up to date.")
    planned = distill(place, stage="plan", settings=(f"distill.study.trials={TRIALS}",)).stdout
    assert "distill/study" in planned
    assert "distill/holdout/networks/taught_seed_0 ... (2)" in planned  # and the tuned one
    assert "study" not in distill(place).stdout
    assert sheet_of(place)["names"] == ["big", "taught"]


@pytest.mark.parametrize(
    ("words", "settings", "message"),
    [
        (("--trials", "0"), (), "distill: TRIALS=0 is no number of trials; take 1 or more.\n"),
        (("--trials", "9", "--storage", "nowhere"), (), "distill: STORAGE is no address of a "),
        (
            ("--trials", "9"), ("networks.taught.net.backbone=cnn_8_16",),
            "distill: networks.taught: Backbone cnn_8_16 cannot be made with options global_pool",
        ),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_one_sentence(whole, tmp_path, words, settings, message):
    shutil.copytree(whole[0].folder, tmp_path / "copy")
    place = Place(tmp_path / "copy")
    if settings:
        shutil.rmtree(place.run / "distill" / "holdout" / "networks")
    refused = distill(place, *words, settings=settings, code=2).stderr
    assert refused.startswith(message)
    assert refused.count("\n") == 1


@pytest.mark.slow
def test_killed_twice_it_goes_on_to_the_same_values(whole, tmp_path):
    shutil.copytree(whole[0].folder, tmp_path / "copy")
    place = Place(tmp_path / "copy")
    for folder in ("study", "sheet", "holdout"):
        shutil.rmtree(place.run / "distill" / folder)
    recipe = str(place.folder / "mine.toml")
    words = ("--recipe", recipe, "--trials", str(TRIALS), "--jobs", "1")
    for after in (1, 2):
        process = place.start("distill", *words, settings=DRAWN)
        deadline = time.monotonic() + 300
        while len(list(place.run.glob("distill/holdout/trials/*/manifest.json"))) < after:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.005)
        process.kill()
        process.wait(60)
    assert not (place.run / "distill" / "study").exists()
    distill(place, "--trials", str(TRIALS))
    ours, theirs = (one.run / "distill" / "study" for one in (place, whole[0]))
    for file in ("study.json", "trials.parquet"):
        assert (ours / file).read_bytes() == (theirs / file).read_bytes()
