import io
import json

import cv2
import numpy as np
import polars as pl
import pytest
import safetensors.numpy
import torch
from models.cascade.kept import Use
from rich.console import Console

from folds.images import ImageReader
from models.inference.scores import Way, score_pictures
from models.inference.views import FOUR, IDENTITY
from models.input.pictures import Pictures
from models.nets.config import NetConfig
from models.nets.network import LesionNet
from models.networks.kept import Use
from pipeline import embeddings
from pipeline.embeddings import EMBEDDING, ROWS, Embedder, embed_pictures
from pipeline.recipe import load_recipe
from scripts import embed
from stacking.alignment.drift import Agreement, Drift
from workspace.errors import ArtifactError
from workspace.hashing import HashMemory

NET = NetConfig(
    backbone="test_resnet", weights="none", size=32, mean=(0.5, 0.4, 0.3), std=(0.2, 0.2, 0.25),
    se=False, cbam=False, hidden=(), dropout=(0.0,),
)  # fmt: skip
THREE = ("MEL", "BCC", "SCC")
CONTENT = "c" * 64


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    names = [f"p{number:02d}" for number in range(11)]
    for name in names:
        pixels = rng.integers(0, 255, (34, 36, 3)).astype(np.uint8)
        assert cv2.imwrite(str(folder / f"{name}.png"), pixels)
    return Pictures(ImageReader(folder), names, [f"{name}.png" for name in names])


@pytest.fixture
def job(tmp_path):
    console = Console(file=io.StringIO())
    return Job("embed", load_recipe("sample", []), tmp_path, HashMemory(), console, device="cpu")


@pytest.fixture(autouse=True)
def _small_shards(monkeypatch):
    monkeypatch.setattr(embeddings, "SHARD", 4)


def embedder(seed=0, classes=("benign", "malignant"), maker="m" * 64, views=IDENTITY):
    torch.manual_seed(seed)
    outputs = 1 if len(classes) == 2 else len(classes)
    net = LesionNet(NET, outputs).eval()
    use = Use(
        network="net", held_out=0, classes=classes, net=NET,
        views=tuple(view.name for view in views),
        bfloat16=False, threshold=0.5, last_threshold=0.5, best_epoch=0, inner_score=None,
    )  # fmt: skip
    return Embedder("net_fold_0", lambda: net, maker, use)


def seen(job, pictures, one=None, count=11, name="held_out", content=CONTENT):
    return embed_pictures(job, one or embedder(), pictures, np.arange(count), (name, content))


def shards(job, name="held_out"):
    """Each shard's file of embeddings, and which file it is."""
    found = sorted((job.run / "embeddings" / "net_fold_0").glob(f"{name}_*"))
    return {path.name: (path / EMBEDDING).stat().st_ino for path in found}


@pytest.mark.parametrize("classes", [("benign", "malignant"), THREE])
def test_shards_hold_what_the_network_says_in_the_order_asked_for(job, pictures, classes):
    one, places = embedder(classes=classes, views=FOUR), np.array([7, 2, 9, 0, 4])
    found = embed_pictures(job, one, pictures, places, ("held_out", CONTENT))
    slow = score_pictures(one.net(), pictures, places, Way(torch.device("cpu"), 2, views=FOUR))
    names = ["oof_net_malignant"] if len(classes) == 2 else [f"oof_net_{c}" for c in classes]
    assert found.rows().columns == ["isic_id", *names]
    assert found.rows()["isic_id"].to_list() == ["p07", "p02", "p09", "p00", "p04"]
    shares = slow.probability[:, -len(names) :]
    np.testing.assert_allclose(found.rows().select(names).to_numpy(), shares, atol=1e-6)
    assert found.embedding().dtype == np.float16
    np.testing.assert_allclose(found.embedding(), slow.embedding, rtol=2e-3, atol=1e-4)
    assert list(shards(job)) == ["held_out_00000", "held_out_00001"]


def test_a_shards_manifest_says_who_saw_what_and_how(job, pictures):
    seen(job, pictures, embedder(classes=THREE))
    folder = job.run / "embeddings" / "net_fold_0" / "held_out_00002"
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["inputs"] == {"maker": "m" * 64, "pictures": CONTENT}
    part = manifest["part"]
    assert part["classes"] == ["MEL", "BCC", "SCC"]
    assert (part["size"], part["mean"], part["std"]) == (32, [0.5, 0.4, 0.3], [0.2, 0.2, 0.25])
    assert part["views"] == ["identity"]
    assert sorted(manifest["files"]) == [EMBEDDING, ROWS]
    assert pl.read_parquet(folder / ROWS)["isic_id"].to_list() == ["p08", "p09", "p10"]
    embedding = safetensors.numpy.load_file(folder / EMBEDDING)["embedding"]
    assert (embedding.dtype, len(embedding)) == (np.float16, 3)


@pytest.mark.parametrize("before", [0, 1, 2])
def test_a_stop_between_shards_costs_the_one_that_was_begun(job, pictures, monkeypatch, before):
    whole = seen(job, pictures, name="whole")
    score, calls = embeddings.score_pictures, []

    def stopping(*given):
        calls.append(given)
        if len(calls) > before:
            raise KeyboardInterrupt
        return score(*given)

    monkeypatch.setattr(embeddings, "score_pictures", stopping)
    with pytest.raises(KeyboardInterrupt):
        seen(job, pictures)
    kept = shards(job)
    assert len(kept) == before
    monkeypatch.setattr(embeddings, "score_pictures", score)
    found = seen(job, pictures)
    assert kept.items() <= shards(job).items()  # the very same files
    assert list(shards(job)) == ["held_out_00000", "held_out_00001", "held_out_00002"]
    np.testing.assert_array_equal(found.embedding(), whole.embedding())
    assert found.rows().equals(whole.rows())
    again = shards(job)
    seen(job, pictures)
    assert shards(job) == again


def test_a_stop_while_a_shard_is_written_leaves_no_half_of_it(job, pictures, monkeypatch):
    whole = seen(job, pictures, name="whole")

    def stopping(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("workspace.files.write_tensors", stopping)
        with pytest.raises(KeyboardInterrupt):
            seen(job, pictures)
    assert shards(job) == {}
    np.testing.assert_array_equal(seen(job, pictures).embedding(), whole.embedding())


@pytest.mark.parametrize(
    "other",
    [
        {"one": {"maker": "n" * 64, "seed": 1}},
        {"one": {"classes": ("benign", "odd")}},
        {"one": {"views": FOUR}},
        {"content": "d" * 64},
    ],
)
def test_shards_of_other_weights_labels_views_or_pictures_are_made_anew(job, pictures, other):
    seen(job, pictures)
    first = shards(job)
    one = embedder(**other.pop("one", {}))
    found = seen(job, pictures, one, **other)
    assert not first.items() & shards(job).items()
    slow = score_pictures(one.net(), pictures, np.arange(11), Way(torch.device("cpu")))
    np.testing.assert_allclose(found.embedding(), slow.embedding, rtol=2e-3, atol=1e-4)


def test_shards_beyond_a_smaller_set_are_removed_and_no_other_sets(job, pictures):
    seen(job, pictures)
    seen(job, pictures, name="elsewhere")
    first, others = shards(job), shards(job, "elsewhere")
    assert len(seen(job, pictures, count=8).rows()) == 8
    assert list(shards(job)) == ["held_out_00000", "held_out_00001"]
    assert shards(job).items() < first.items()  # whose rows are the same
    assert shards(job, "elsewhere") == others
    assert len(seen(job, pictures, count=5).embedding()) == 5
    assert shards(job)["held_out_00001"] != first["held_out_00001"]


def test_no_picture_at_all_is_a_shard_with_all_columns(job, pictures):
    found = seen(job, pictures, count=0)
    assert found.rows().columns == ["isic_id", "oof_net_malignant"]
    assert found.embedding().shape == (0, embedder().net().num_features)


@pytest.mark.parametrize("factor", [1e30, float("nan")])
def test_embeddings_beyond_sixteen_bits_are_refused_in_one_line(job, pictures, factor):
    one = embedder()
    embed_as_is = one.net().embed

    def far(images):
        embedding, logits = embed_as_is(images)
        return embedding * factor, logits

    one.net().embed = far
    with pytest.raises(ArtifactError) as error:
        seen(job, pictures, one)
    assert str(error.value) == (
        "net_fold_0 gives embeddings beyond what 16 bits hold (over 65504, or no number); train it "
        "anew with a lower lr."
    )
    assert shards(job) == {}


def test_a_drift_is_told_as_json_also_of_one_fold_alone():
    alone = embed._as_json(Drift({}, {}))
    assert json.loads(json.dumps(alone, allow_nan=False)) == {
        when: {"mean": None, "folds": {}} for when in ("before", "after")
    }
    views = {0: Agreement(0.25, 0.5), 1: Agreement(0.75, 0.0)}
    assert embed._as_json(Drift(views, None)) == {
        "before": {
            "mean": {"explained": 0.5, "cosine": 0.25},
            "folds": {
                "0": {"explained": 0.25, "cosine": 0.5},
                "1": {"explained": 0.75, "cosine": 0.0},
            },
        },
        "after": None,
    }
