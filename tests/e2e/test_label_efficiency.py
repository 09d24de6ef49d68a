"""`make label-efficiency` as people meet it: curves of two beginnings, the same labels for both."""

import json

import pytest

from tests.stages import SMALL, Place

RECIPE = """
base = "sample"
use_networks = ["scratch", "tuned"]
[networks.simclr]
base = "contrastive"
net = { backbone = "test_resnet", size = 32 }
training = { batch_size = 32, choose = "last", phases = [{ epochs = 1, lr = 1e-3 }] }
[networks.scratch]
base = "extractor"
net = { backbone = "test_resnet", weights = "none", size = 32 }
[networks.tuned]
base = "extractor"
net = { backbone = "test_resnet", weights = "simclr", size = 32 }
[label_efficiency]
shares = [0.1, 1.0]
seeds = [0, 1]
epochs = 1
epoch_samples = 64
[score]
replicates = 100
seeds = [0]
"""


def curves(place, *settings, **options):
    path = place.folder / "mine.toml"
    path.write_text(RECIPE, encoding="utf-8")
    return place.call(
        "label_efficiency", "--recipe", str(path), settings=(*SMALL, *settings), **options
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    place = Place(tmp_path_factory.mktemp("labels"))
    return place, curves(place)


def test_both_have_a_curve_and_the_first_is_what_the_other_is_held_against(whole):
    place, said = whole
    sheet = json.loads((place.run / "label_efficiency" / "label_efficiency.json").read_text())
    assert list(sheet["curves"]) == ["scratch", "tuned"]
    assert sheet["reference"] == "scratch"
    assert [point["share"] for point in sheet["curves"]["tuned"]] == [0.1, 1.0]
    assert all(point["minus_whole"]["value"] == 0 for point in sheet["curves"]["scratch"])
    assert sheet["groups"][0] < sheet["groups"][1]
    drawn = (place.run / "label_efficiency" / "label_efficiency.svg").read_text()
    assert "scratch" in drawn
    assert "10 %" in drawn
    assert "label-efficiency: auc of" in said.stdout


def test_networks_begin_with_the_weights_of_their_fold_and_are_kept(whole):
    place, _ = whole
    units = {path.name for path in (place.run / "networks").iterdir()}
    assert "simclr_fold_0" in units
    assert "10_percent_seed_1_tuned_fold_0" in units
    manifest = json.loads(
        (place.run / "networks" / "10_percent_seed_1_tuned_fold_0" / "manifest.json").read_text()
    )
    start = json.loads((place.run / "networks" / "simclr_fold_0" / "manifest.json").read_text())
    assert manifest["inputs"]["weights"] == start["files"]["best.safetensors"]["sha256"]
    again = curves(place)
    assert "label-efficiency: nothing to do" in again.stdout


def test_a_network_that_is_not_there_is_said(whole):
    place, _ = whole
    refused = curves(place, "label_efficiency.networks=['tuned','probe']", code=2)
    assert refused.stderr.strip() == (
        "label-efficiency: label_efficiency.networks names probe; take networks of the run that "
        "learn (scratch, tuned)."
    )
