import io
import json

import cv2
import numpy as np
import polars as pl
import pytest
import safetensors.numpy
import torch
from rich.console import Console

from folds.images import ImageReader
from models.inference.scores import Scores, Way, score_pictures
from models.inference.views import FOUR, IDENTITY
from models.input.pictures import Pictures
from models.nets.config import NetConfig
from models.nets.network import LesionNet
from models.nets.weights import pack
from models.networks.opened import open_network
from models.networks.use import BEST, USE, Use, maker_of
from pipeline import blocks, embedded_shard, embeddings
from pipeline.embeddings import (
    EMBEDDING,
    ROWS,
    Embedded,
    OtherPictures,
    PictureSet,
    clear_stale,
    embedding,
)
from pipeline.job import Job
from pipeline.machine import Machine
from pipeline.recipe import load_recipe
from reports.desk import ConsoleDesk
from stacking.alignment.drift import Agreement, Drift
from workspace.errors import ArtifactError
from workspace.hashing import HashMemory
from workspace.manifest import Wanted
from workspace.units import making, open_unit

NET = NetConfig(
    backbone="test_resnet", weights="none", size=32, mean=(0.5, 0.4, 0.3), std=(0.2, 0.2, 0.25),
    se=False, cbam=False, hidden=(), dropout=(0.0,),
)  # fmt: skip
THREE = ("MEL", "BCC", "SCC")
CONTENT = "c" * 64
NAMES = tuple(f"p{number:02d}" for number in range(11))


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for name in NAMES:
        pixels = rng.integers(0, 255, (34, 36, 3)).astype(np.uint8)
        assert cv2.imwrite(str(folder / f"{name}.png"), pixels)
    return folder


@pytest.fixture
def job(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    desk = ConsoleDesk(Console(file=io.StringIO()))
    return Job("embed", load_recipe("sample"), tmp_path / "run", HashMemory(), desk, device="cpu")


@pytest.fixture(autouse=True)
def _small_shards(monkeypatch):
    monkeypatch.setattr(embeddings, "SHARD", 4)


@pytest.fixture
def network(tmp_path):
    """A kept network, made anew by each call in place of the one before."""

    def made(seed=0, classes=("benign", "malignant"), views=IDENTITY):
        torch.manual_seed(seed)
        net = LesionNet(NET, 1 if len(classes) == 2 else len(classes)).eval()
        use = Use(
            network="net", held_out=0, classes=classes, net=NET,
            views=tuple(view.name for view in views), bfloat16=False, threshold=0.5,
            last_threshold=0.5, best_epoch=0, inner_score=None,
        )  # fmt: skip
        wanted = Wanted(stage="train-cnn", settings={}, inputs={}, recipe={}, seed=seed)
        with making(tmp_path / "networks" / "net_fold_0", wanted) as draft:
            draft.json(USE, use.model_dump(mode="json", by_alias=True))
            draft.tensors(BEST, pack(net))
        return open_unit(tmp_path / "networks" / "net_fold_0", "train-cnn")

    return made


@pytest.fixture
def seen(job, folder, network):
    """What a network says of some pictures, shards made where they are not there."""

    def embedded(unit=None, indices=None, name="held_out", content=CONTENT):
        unit = unit or network()
        indices = np.arange(11) if indices is None else np.array(indices, np.int64)
        pictures = OtherPictures(folder, content, NAMES, tuple(f"{one}.png" for one in NAMES))
        some = PictureSet(name, pictures, indices, content)
        job.carry_out(*embedding(job.run, Machine.of(job), unit, some))
        clear_stale(job.run, unit, some)
        return Embedded.open(job.run, unit, some)

    return embedded


def slowly(unit, folder, indices=range(11), views=IDENTITY):
    """The same by one call for all pictures."""
    pictures = Pictures(ImageReader(folder), pl.Series(NAMES), [f"{one}.png" for one in NAMES])
    net, _ = open_network(unit)
    return score_pictures(net, pictures, np.array(indices), Way(torch.device("cpu"), 2, 0, views))


def shards(job, name="held_out"):
    """Each shard's file of embeddings, and which file it is."""
    found = sorted((job.run / "embeddings" / "net_fold_0").glob(f"{name}_*"))
    return {path.name: (path / EMBEDDING).stat().st_ino for path in found}


@pytest.mark.parametrize("classes", [("benign", "malignant"), THREE])
def test_shards_hold_what_the_network_says_in_the_order_asked_for(
    job, folder, network, seen, classes
):
    unit, indices = network(classes=classes, views=FOUR), [7, 2, 9, 0, 4]
    found = seen(unit, indices)
    slow = slowly(unit, folder, indices, FOUR)
    names = ["oof_net_malignant"] if len(classes) == 2 else [f"oof_net_{c}" for c in classes]
    assert found.rows().columns == ["isic_id", *names]
    assert found.rows()["isic_id"].to_list() == ["p07", "p02", "p09", "p00", "p04"]
    shares = slow.probability[:, -len(names) :]
    np.testing.assert_allclose(found.rows().select(names).to_numpy(), shares, atol=1e-6)
    assert found.embedding().dtype == np.float16
    np.testing.assert_allclose(found.embedding(), slow.embedding, rtol=2e-3, atol=1e-4)
    assert list(shards(job)) == ["held_out_00000", "held_out_00001"]


def test_a_shards_manifest_says_who_saw_what_and_how(job, network, seen):
    unit = network(classes=THREE)
    seen(unit)
    folder = job.run / "embeddings" / "net_fold_0" / "held_out_00002"
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["stage"] == "embed"
    assert manifest["inputs"] == {"maker": maker_of(unit), "pictures": CONTENT}
    settings = manifest["settings"]
    assert settings["classes"] == ["MEL", "BCC", "SCC"]
    assert settings["size"] == 32
    assert (settings["mean"], settings["std"]) == ([0.5, 0.4, 0.3], [0.2, 0.2, 0.25])
    assert settings["views"] == ["identity"]
    assert sorted(manifest["files"]) == [EMBEDDING, ROWS]
    assert pl.read_parquet(folder / ROWS)["isic_id"].to_list() == ["p08", "p09", "p10"]
    embedding = safetensors.numpy.load_file(folder / EMBEDDING)["embedding"]
    assert (embedding.dtype, len(embedding)) == (np.float16, 3)


@pytest.mark.parametrize("before", [0, 1, 2])
def test_a_stop_between_shards_costs_the_one_that_was_begun(job, seen, monkeypatch, before):
    whole = seen(name="whole")
    score, calls = embedded_shard.score_in_memory, []

    def stopping(*given):
        calls.append(given)
        if len(calls) > before:
            raise KeyboardInterrupt
        return score(*given)

    monkeypatch.setattr(embedded_shard, "score_in_memory", stopping)
    with pytest.raises(KeyboardInterrupt):
        seen()
    kept = shards(job)
    assert len(kept) == before
    monkeypatch.setattr(embedded_shard, "score_in_memory", score)
    found = seen()
    assert kept.items() <= shards(job).items()  # the very same files
    assert list(shards(job)) == ["held_out_00000", "held_out_00001", "held_out_00002"]
    np.testing.assert_array_equal(found.embedding(), whole.embedding())
    assert found.rows().equals(whole.rows())
    again = shards(job)
    seen()
    assert shards(job) == again


def test_a_stop_while_a_shard_is_written_leaves_no_half_of_it(job, network, seen, monkeypatch):
    unit = network()
    whole = seen(unit, name="whole")

    def stopping(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("workspace.files.write_tensors", stopping)
        with pytest.raises(KeyboardInterrupt):
            seen(unit)
    assert shards(job) == {}
    np.testing.assert_array_equal(seen(unit).embedding(), whole.embedding())


@pytest.mark.parametrize(
    ("other", "content"),
    [
        ({"seed": 1}, CONTENT),
        ({"classes": ("benign", "odd")}, CONTENT),
        ({"views": FOUR}, CONTENT),
        ({}, "d" * 64),
    ],
)
def test_shards_of_other_weights_labels_views_or_pictures_are_made_anew(
    job, folder, network, seen, other, content
):
    seen()
    first = shards(job)
    unit = network(**other)
    found = seen(unit, content=content)
    assert not first.items() & shards(job).items()
    slow = slowly(unit, folder)
    np.testing.assert_allclose(found.embedding(), slow.embedding, rtol=2e-3, atol=1e-4)


def test_shards_beyond_a_smaller_set_are_removed_and_no_other_sets(job, seen):
    seen()
    seen(name="unseen")
    first, others = shards(job), shards(job, "unseen")
    assert len(seen(indices=range(8)).rows()) == 8
    assert list(shards(job)) == ["held_out_00000", "held_out_00001"]
    assert shards(job).items() < first.items()  # whose rows are the same
    assert shards(job, "unseen") == others
    assert len(seen(indices=range(5)).embedding()) == 5
    assert shards(job)["held_out_00001"] != first["held_out_00001"]


def test_no_picture_at_all_is_a_shard_with_all_columns(network, seen):
    unit = network()
    found = seen(unit, [])
    assert found.rows().columns == ["isic_id", "oof_net_malignant"]
    assert found.embedding().shape == (0, open_network(unit)[0].num_features)


@pytest.mark.parametrize("factor", [1e30, float("nan")])
def test_embeddings_beyond_sixteen_bits_are_refused_in_one_line(job, seen, monkeypatch, factor):
    score = embedded_shard.score_in_memory

    def far(*given):
        found = score(*given)
        return Scores(found.probability, found.embedding * np.float32(factor))

    monkeypatch.setattr(embedded_shard, "score_in_memory", far)
    with pytest.raises(ArtifactError) as error:
        seen()
    assert str(error.value) == (
        "net_fold_0 gives embeddings beyond what 16 bits hold (over 65504, or no number); train it "
        "anew with a lower lr."
    )
    assert shards(job) == {}


def test_a_drift_is_told_as_json_also_of_one_fold_alone():
    alone = blocks._as_json(Drift({}, {}))
    assert json.loads(json.dumps(alone, allow_nan=False)) == {
        when: {"mean": None, "folds": {}} for when in ("before", "after")
    }
    agreements = {0: Agreement(0.25, 0.5), 1: Agreement(0.75, 0.0)}
    assert blocks._as_json(Drift(agreements, None)) == {
        "before": {
            "mean": {"explained": 0.5, "cosine": 0.25},
            "folds": {
                "0": {"explained": 0.25, "cosine": 0.5},
                "1": {"explained": 0.75, "cosine": 0.0},
            },
        },
        "after": None,
    }
