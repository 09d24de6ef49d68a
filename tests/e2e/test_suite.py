"""`make suite` as people meet it: trained, killed and gone on with, a page, what is skipped."""

import json
import shutil

import numpy as np
import polars as pl
import pytest

from tests.launcher import killed
from tests.stages import Place

SIZES = {"train": 120, "val": 40, "test": 60}
LABELS = (0, 1, 4, 5)  # akiec, bcc, mel, nv
SUITE = """
title = "Three of them"
[shared]
views = "one"
[shared.net]
backbone = "cnn_8_16"
weights = "none"
size = 28
se = false
cbam = false
hidden = []
dropout = [0.0]
head_norm = false
[shared.task]
kind = "classes"
classes = "all"
[shared.training]
batch_size = 20
accumulate = 1
optimiser = "adam"
weight_decay = 0.0
gamma = 0.0
smoothing = 0.0
class_weights = false
mixup_probability = 0.0
choose = "last"
watch = "macro_auc"
phases = [{ epochs = 6, lr = 1e-2 }]
[shared.augment]
kind = "none"
[experiments.01]
title = "Plain <b>one</b>"
changed = "Nothing."
teaches = "Where it begins."
claims = { macro_auc = 0.9 }
[experiments.02]
of = "01"
title = "Hardly at all"
changed = "A tiny rate."
teaches = "A rate has to match the epochs."
network.training.phases = [{ epochs = 2, lr = 1e-7 }]
[[experiments.02.lessons]]
says = "A tiny rate learns nothing"
than = "01"
metric = "macro_auc"
better = "lower"
[experiments.03]
of = "01"
title = "From elsewhere"
changed = "Weights."
teaches = "-"
network.net = { backbone = "resnet18", weights = "imagenet" }
[ensembles.mean]
title = "Mean"
members = ["01", "02"]
rule = "mean"
[ensembles.or]
title = "Either"
members = ["01", "02"]
rule = "or"
"""


def draw(folder):
    """Pictures whose colour says the class, more or less; lesions of two pictures."""
    rng, arrays, groups = np.random.default_rng(0), {}, []
    folder.mkdir(parents=True)
    for name, count in SIZES.items():
        labels = rng.choice(LABELS, count, p=[0.2, 0.2, 0.2, 0.4]).astype(np.uint8)
        images = rng.integers(90, 150, (count, 28, 28, 3))
        for row, label in enumerate(labels):
            if label != LABELS[-1]:  # what is none of the three colours is a nevus
                images[row, ..., LABELS.index(label)] += 20 + rng.integers(0, 80)
        arrays |= {f"{name}_images": images.astype(np.uint8), f"{name}_labels": labels[:, None]}
        groups += [(f"DermaMNIST_{name}_{n:05d}", f"L_{name}_{n // 2}") for n in range(count)]
    # A tenth of the test's lesions are the training's.
    groups = [(one, lesion.replace("L_test_0", "L_train_0")) for one, lesion in groups]
    np.savez(folder / "dermamnist.npz", **arrays)
    table = pl.DataFrame(groups, schema=["image_id", "lesion_id"], orient="row")
    table.write_csv(folder / "groups.csv")


def settings(place, **values):
    chosen = {
        "suite.experiments": str(place.folder / "three.toml"), "suite.seeds": "[0,1]",
        "suite.schemes": '["official","by_lesion"]', "score.replicates": "100",
        "score.seeds": "[0]", "data.group": "lesion", **values,
    }  # fmt: skip
    return tuple(f"{key}={value}" for key, value in chosen.items())


def suite(place, *extra, code=0, **values):
    return place.call(
        "suite", "--recipe", "dermamnist", *extra, code=code, settings=settings(place, **values),
        HF_HUB_OFFLINE="1",
    )  # fmt: skip


def sheet_of(place):
    return json.loads((place.run / "suite" / "leaderboard" / "leaderboard.json").read_text())


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    place = Place(tmp_path_factory.mktemp("suite"))
    draw(place.data)
    (place.folder / "three.toml").write_text(SUITE, encoding="utf-8")
    return place


@pytest.fixture(scope="module")
def whole(drawn, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "copy"
    shutil.copytree(drawn.folder, folder)
    place = Place(folder)
    return place, suite(place)


def test_experiments_seeds_and_ensembles_are_on_one_page(whole):
    place, said = whole
    sheet = sheet_of(place)
    assert list(sheet["experiments"]) == ["01", "02"]
    learnt, idle = (sheet["experiments"][n]["schemes"]["official"] for n in ("01", "02"))
    assert (learnt["n"], learnt["seeds"]) == (60, [0, 1])
    assert learnt["metrics"]["macro_auc"]["value"] > 0.8
    assert idle["metrics"]["macro_auc"]["value"] < learnt["metrics"]["macro_auc"]["value"]
    [lesson] = sheet["experiments"]["02"]["lessons"]
    assert lesson["schemes"]["official"]["minus"]["value"] < 0
    assert sheet["ensembles"]["mean"]["schemes"]["official"]["metrics"]["macro_auc"]["value"]
    assert "metrics" not in sheet["ensembles"]["or"]["schemes"]["official"]
    split = sheet["schemes"]["official"]
    assert (split["n"], split["validation"], split["leaked"]) == (60, 40, 2)
    mended = sheet["schemes"]["by_lesion"]
    assert (mended["validation"] + mended["test"], mended["leaked"]) == (mended["n"], 0)
    assert sheet["experiments"]["01"]["parameters"] == 224 + 1_168 + 784 * 4 + 4
    page = (place.run / "suite" / "leaderboard" / "leaderboard.html").read_text()
    assert "Plain &lt;b&gt;one&lt;/b&gt;" in page
    assert "http" not in page.replace("http-equiv", "")
    assert str(place.folder) not in page
    assert "suite: see" in said.stdout


def test_what_has_no_weights_is_skipped_and_never_begun_from_nothing(whole):
    place, said = whole
    skipped = sheet_of(place)["skipped"]["03"]["why"]
    assert skipped.startswith("skipped, no weights: The weights of resnet18 are not kept here")
    assert "notice: experiment 03 is skipped, no weights" in said.stdout
    made = {path.name for path in (place.run / "suite" / "official" / "networks").iterdir()}
    assert made == {"01_seed_0", "01_seed_1", "02_seed_0", "02_seed_1"}


def test_a_second_call_does_nothing_and_further_seeds_add_to_it(whole, tmp_path):
    shutil.copytree(whole[0].folder, tmp_path / "copy")
    place = Place(tmp_path / "copy")
    again = suite(place)
    assert again.stdout.strip().endswith("is up to date.")
    before = (place.run / "suite/official/networks/01_seed_1/manifest.json").read_bytes()
    suite(place, **{"suite.seeds": "[0,1,2]", "suite.only": '["01"]'})
    assert sheet_of(place)["experiments"]["01"]["schemes"]["official"]["seeds"] == [0, 1, 2]
    assert (place.run / "suite/official/networks/01_seed_1/manifest.json").read_bytes() == before


def test_killed_it_goes_on_to_the_same_bits(whole, drawn, tmp_path):
    shutil.copytree(drawn.folder, tmp_path / "copy")
    place = Place(tmp_path / "copy")
    for changes in (3, 9, 21):
        with place.start(
            "suite", "--recipe", "dermamnist", settings=settings(place), HF_HUB_OFFLINE="1"
        ) as process:
            killed(process, place.run / "suite", changes, 0)
    suite(place)
    assert sheet_without_seconds(place) == sheet_without_seconds(whole[0])
    for name in ("01_seed_0", "02_seed_1"):
        one, other = (
            p.run / "suite" / "official" / "networks" / name / "last.safetensors"
            for p in (place, whole[0])
        )
        assert one.read_bytes() == other.read_bytes()


def sheet_without_seconds(place):
    sheet = sheet_of(place)
    for one in sheet["experiments"].values():
        del one["seconds"]
    return sheet


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"suite.only": '["09"]'}, "suite.only names 09; there are 01 to 03"),
        (
            {"suite.melanoma": "melanom"},
            "experiments.01 has no class melanom, which",
        ),
        ({"suite.only": '["03"]'}, "No experiment that is asked for can be run here"),
    ],
)
def test_what_cannot_be_is_said(whole, values, words):
    refused = suite(whole[0], code=2, **values)
    assert words in refused.stderr.replace("\n", " ")


def test_fresh_makes_anew_what_is_of_other_values_and_folds_of_a_new_seed(whole, tmp_path):
    shutil.copytree(whole[0].folder, tmp_path / "copy")
    place = Place(tmp_path / "copy")
    path = place.folder / "three.toml"
    path.write_text(SUITE.replace("lr = 1e-7", "lr = 1e-6"), encoding="utf-8")
    refused = suite(place, code=2)
    assert "run 'make suite FRESH=1'" in refused.stderr.replace("\n", " ")
    first = (place.run / "suite/official/networks/01_seed_0/manifest.json").read_bytes()
    done = suite(place, "--fresh")
    assert "FRESH=1 trains 02_seed_0, 02_seed_0, 02_seed_1, 02_seed_1 anew" in done.stdout.replace(
        "\n", " "
    )
    assert (place.run / "suite/official/networks/01_seed_0/manifest.json").read_bytes() == first
    refused = suite(place, code=2, seed="5")
    assert "run 'make suite FRESH=1'" in refused.stderr.replace("\n", " ")
    suite(place, "--fresh", seed="5")
    assert sheet_of(place)["schemes"]["by_lesion"]["leaked"] == 0


OTHER_CLASSES = """
[experiments.04]
title = "Others"
changed = "-"
teaches = "-"
network.task.classes = { nv = ["nv"], mel = ["mel"], bcc = ["bcc"], akiec = ["akiec"] }
"""


def test_what_could_not_be_compared_is_refused_before_any_training(drawn, tmp_path):
    shutil.copytree(drawn.folder, tmp_path / "copy")
    place = Place(tmp_path / "copy")
    path = place.folder / "three.toml"
    path.write_text(SUITE + OTHER_CLASSES, encoding="utf-8")
    refused = suite(place, code=2)
    assert refused.stderr.strip() == (
        "suite: experiments.04 has other classes than experiments.01, or in another order, and "
        "nothing compares them; give all of a suite the same."
    )
    path.write_text(SUITE.replace('classes = "all"', OTHER.strip()), encoding="utf-8")
    refused = suite(place, code=2)
    assert "are of no class of experiments.01; name their diagnoses in task.classes." in (
        refused.stderr.replace("\n", " ")
    )
    path.write_text(SUITE.replace('"cnn_8_16"', '"cnn_8_61"'), encoding="utf-8")
    refused = suite(place, code=2)
    assert "timm knows no backbone 'cnn_8_61'; did you mean 'cnn_8_16'?" in refused.stderr
    assert not (place.run / "suite" / "official" / "networks").exists()


OTHER = 'classes = { mel = ["mel"], bcc = ["bcc"], akiec = ["akiec"] }'
