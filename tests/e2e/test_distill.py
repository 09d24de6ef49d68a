"""`make distill` as people meet it: teacher, student alone and taught, on two splits, kept."""

import json
import shutil

import polars as pl
import pytest

from folds.sides import with_sides
from tests.stages import Place

DRAWN = ("synthetic.patients=24", "synthetic.rows=240", "synthetic.positives=48")
RECIPE = """
base = "sample"
use_networks = ["big", "alone", "taught"]
[networks.big]
base = "extractor"
net = { backbone = "test_resnet", weights = "none", size = 32 }
training = { choose = "last", epoch_samples = 128, phases = [{ epochs = 1, lr = 1e-3 }] }
[networks.alone]
base = "extractor"
net = { backbone = "cnn_8_16", weights = "none", size = 32 }
training = { choose = "last", epoch_samples = 128, phases = [{ epochs = 1, lr = 1e-3 }] }
[networks.taught]
base = "extractor"
net = { backbone = "cnn_8_16", weights = "none", size = 32 }
training = { choose = "last", epoch_samples = 128, phases = [{ epochs = 1, lr = 1e-3 }] }
teacher = { network = "big" }
[networks.few]
base = "extractor"
net = { backbone = "cnn_8_16", weights = "taught", size = 32, weight_bits = 4 }
training = { choose = "last", epoch_samples = 64, phases = [{ epochs = 1, lr = 1e-4 }] }
[distill]
networks = ["big", "alone", "taught", "few"]
reference = "alone"
seeds = [0, 1]
baselines = ["random_forest"]
by_image = ["alone"]
rounded = ["taught"]
kept = [1.0, 0.5]
[lightgbm]
rounds = 20
[score]
replicates = 100
seeds = [0]
"""


def distill(place, *extra, stage="distill", settings=(), **options):
    path = place.folder / "mine.toml"
    path.write_text(RECIPE, encoding="utf-8")
    words = ("--recipe", str(path), *extra)
    return place.call(stage, *words, settings=(*DRAWN, *settings), **options)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    place = Place(tmp_path_factory.mktemp("distill"))
    return place, distill(place)


def sheet_of(place):
    return json.loads((place.run / "distill" / "sheet" / "distill.json").read_text())


def test_all_are_compared_with_the_student_that_learns_alone(whole):
    place, said = whole
    sheet = sheet_of(place)
    assert sheet["names"] == [
        "big", "alone", "taught", "few", "taught in float16", "taught in int8", "taught in int4",
        "random_forest",
    ]  # fmt: skip
    scores = sheet["scores"]
    assert scores["alone"]["minus"] is None
    for name in ("big", "taught", "few", "random_forest"):
        minus = scores[name]["minus"]
        both = [scores[one]["schemes"]["holdout"]["metrics"] for one in (name, "alone")]
        ours, other = (metrics["auc"]["by_seed"] for metrics in both)
        assert minus["than"] == "alone"
        assert minus["auc"]["by_seed"] == pytest.approx([ours[n] - other[n] for n in (0, 1)])
    assert (scores["taught"]["teacher"], scores["taught"]["variant"]) == ("big", "fp32")
    assert scores["few"]["variant"] == "int4, learnt"
    # Weights of both convolutions and the last layer, steps and biases, ranges, the head's norm.
    few = (216 + 1152 + 1024) / 2 + 4 * (2 * (8 + 16 + 1) + 2 * 2 + 2 * 1024)
    assert scores["few"]["mb"] * 1e6 == pytest.approx(few)
    assert scores["alone"]["mb"] < scores["big"]["mb"]
    assert scores["alone"]["flops"] < scores["big"]["flops"]
    assert "distill: minus alone, or what else a row is held against; paired." in said.stdout
    assert "patients on more than one side of a split by image" in said.stdout


def test_a_rounded_network_is_held_against_the_whole_one(whole):
    """By thresholds of its own; in four bits another one than in sixteen."""
    sheet = sheet_of(whole[0])
    scores, thresholds, size = sheet["scores"], {}, {}
    for precision in ("float16", "int8", "int4"):
        one = scores[f"taught in {precision}"]
        assert one["minus"]["than"] == "taught"
        assert one["variant"] == precision
        assert one["parameters"] == scores["taught"]["parameters"]
        size[precision] = one["mb"] * 1e6
        thresholds[precision] = one["schemes"]["holdout"]["thresholds"]["0"]
    assert size["int8"] - size["int4"] == pytest.approx((216 + 1152 + 1024) / 2)
    assert size["float16"] < 0.6 * scores["taught"]["mb"] * 1e6
    whole_one = scores["taught"]["schemes"]["holdout"]["thresholds"]["0"]
    assert len({*thresholds.values(), whole_one}) == 4
    auc = [scores[f"taught in {one}"]["minus"]["auc"]["by_seed"] for one in ("float16", "int4")]
    assert all(abs(value) < 0.02 for value in auc[0])
    assert any(value != 0 for value in auc[1])


def test_no_patient_is_on_two_sides_but_of_the_split_by_image(whole):
    place, _ = whole
    spread = {}
    for scheme in ("holdout", "by_image"):
        folds = pl.read_parquet(place.run / "distill" / scheme / "folds" / "folds.parquet")
        sides = with_sides(folds).group_by("group_id").agg(pl.col("side").n_unique())
        spread[scheme] = int((sides["side"] > 1).sum())
    assert spread["holdout"] == 0
    assert spread["by_image"] > 0
    leak = sheet_of(place)["leak"]["alone"]["auc"]
    both = sheet_of(place)["scores"]["alone"]["schemes"]
    values = [both[scheme]["metrics"]["auc"]["value"] for scheme in ("by_image", "holdout")]
    assert leak["value"] == pytest.approx(values[0] - values[1])
    assert list(sheet_of(place)["scores"]["taught"]["schemes"]) == ["holdout"]


def test_a_seed_s_student_hears_that_seed_s_teacher(whole):
    inner = whole[0].run / "distill" / "holdout"
    for seed in (0, 1):
        student, said, teacher = (
            json.loads((inner / where / "manifest.json").read_text())
            for where in (
                f"networks/taught_seed_{seed}",
                f"soft_labels/big_seed_{seed}",
                f"networks/big_seed_{seed}",
            )
        )
        heard, spoken = student["inputs"]["soft_labels"], said["inputs"]["teacher"]
        assert heard == said["files"]["soft_labels.parquet"]["sha256"]
        assert spoken == teacher["files"]["best.safetensors"]["sha256"]


def test_a_second_call_does_nothing_and_a_further_seed_keeps_what_there_is(whole, tmp_path):
    shutil.copytree(whole[0].folder, tmp_path / "copy")
    place = Place(tmp_path / "copy")
    assert distill(place).stdout.strip().endswith("is up to date.")
    kept = place.run / "distill" / "holdout" / "networks" / "taught_seed_1" / "manifest.json"
    before = kept.read_bytes()
    planned = distill(place, stage="plan").stdout
    assert "distill/holdout/soft_labels/big_seed_1" in planned
    refused = distill(place, settings=("networks.big.training.gamma=1.0",), code=2)
    assert "run 'make distill FRESH=1'" in refused.stderr.replace("\n", " ")
    distill(place, settings=("distill.seeds=[1]", "distill.by_image=[]"))
    assert sheet_of(place)["seeds"] == [1]
    assert kept.read_bytes() == before


def test_fresh_makes_anew_what_a_changed_teacher_taught(whole, tmp_path):
    shutil.copytree(whole[0].folder, tmp_path / "copy")
    place = Place(tmp_path / "copy")
    networks = place.run / "distill" / "holdout" / "networks"
    before = {one: (networks / one / "best.safetensors").read_bytes()
              for one in ("big_seed_0", "alone_seed_0", "taught_seed_0", "few_seed_0")}  # fmt: skip
    changed = ("networks.big.training.gamma=1.0", "distill.seeds=[0]", "distill.by_image=[]")
    distill(place, "--fresh", settings=changed)
    after = {one: (networks / one / "best.safetensors").read_bytes() for one in before}
    assert [one for one in before if before[one] != after[one]] == [
        "big_seed_0", "taught_seed_0", "few_seed_0",
    ]  # fmt: skip
