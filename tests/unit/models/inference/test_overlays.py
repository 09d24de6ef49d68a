import cv2
import numpy as np
import polars as pl
import pytest
import torch

from folds.images import ImageReader
from models.inference.gradcam import gradcam, overlay
from models.inference.overlays import (
    OVERLAY_PX,
    Asked,
    captioned,
    draw,
    mean_maps,
    overlay_names,
    target_maps,
)
from models.inference.scores import Way
from models.input.evaluation import EvaluationTransform, resize
from models.input.pictures import Pictures
from models.nets.config import NetConfig
from models.nets.network import LesionNet

CPU = torch.device("cpu")
CLASSES = np.array([0, 2, 1, 1, 0, 2, 2, 0])


@pytest.fixture(scope="module")
def nets():
    """Two folds' networks, untrained but not asleep."""
    found = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        net = LesionNet(NetConfig(backbone="convnext_atto", weights="none", size=64), 3)
        with torch.no_grad():
            for name, parameter in net.named_parameters():
                if name.endswith("gamma"):  # the layer scale starts at a millionth
                    parameter.fill_(1.0)
        found.append(net.eval())
    return found


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("own"), np.random.default_rng(0)
    for number in range(8):
        coarse = rng.integers(0, 256, (5, 6, 3), dtype=np.uint8)
        pixels = cv2.resize(coarse, (90 + number, 70), interpolation=cv2.INTER_CUBIC)
        assert cv2.imwrite(str(folder / f"{number}.png"), pixels)
    names = [str(number) for number in range(8)]
    return Pictures(ImageReader(folder), names, [f"{name}.png" for name in names])


def one_by_one(nets, pictures, place, target):
    """A picture alone through each network, the maps averaged: (S, S)."""
    view = EvaluationTransform(nets[0].size, nets[0].mean, nets[0].std)
    shown = resize(pictures.pixels(place), view.size).transpose(2, 0, 1)[None].copy()
    images = view.finish(torch.from_numpy(shown), torch.zeros(1, 0))
    maps = [gradcam(net, images, torch.tensor([target]))[0].numpy() for net in nets]
    return np.mean(maps, axis=0)


def decoded(png):
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def drawn(nets, pictures, size, workers=0):
    places = np.arange(8)
    chosen = [places[at : at + size] for at in range(0, 8, size)]
    plan = [Asked(some, CLASSES[some], [f"{at}" for at in some]) for some in chosen]
    return [png for batch in draw(nets, pictures, plan, Way(CPU, workers=workers)) for png in batch]


def test_maps_of_a_batch_are_those_of_each_picture_alone(nets, pictures):
    view = EvaluationTransform(nets[0].size, nets[0].mean, nets[0].std)
    shown = [resize(pictures.pixels(place), view.size).transpose(2, 0, 1) for place in range(8)]
    images = view.finish(torch.from_numpy(np.stack(shown)), torch.zeros(8, 0))
    maps = mean_maps(nets, images, torch.from_numpy(CLASSES))
    for place, target in enumerate(CLASSES):
        alone = one_by_one(nets, pictures, place, int(target))
        np.testing.assert_allclose(maps[place], alone, rtol=1e-3, atol=1e-4)


def test_overlays_of_batches_are_those_of_each_picture_alone_but_for_rounding(nets, pictures):
    for place, png in enumerate(drawn(nets, pictures, 4)):
        heat = one_by_one(nets, pictures, place, int(CLASSES[place]))
        pixels = pictures.pixels(place)
        wide, high = 256, round(256 * 70 / pixels.shape[1])  # enlarged, so that words can be read
        plain = cv2.resize(pixels, (wide, high), interpolation=cv2.INTER_LINEAR)
        alone, shown = overlay(plain, heat), decoded(png)[:high].astype(int)
        assert (shown[:, :wide] == plain).all()
        away = np.abs(shown[:, wide:] - alone)
        assert away.max() <= 8  # a heat that rounds to the next level has the next colour
        assert (away > 0).mean() < 0.02


def test_threads_change_no_byte(nets, pictures):
    assert drawn(nets, pictures, 4, workers=3) == drawn(nets, pictures, 4)


def test_a_photograph_is_made_small(nets, tmp_path):
    assert cv2.imwrite(str(tmp_path / "large.png"), np.full((600, 2000, 3), 90, np.uint8))
    one = Pictures(ImageReader(tmp_path), ["large"], ["large.png"])
    [[png]] = draw(nets, one, [Asked(np.array([0]), np.array([1]), ["NV 0.5"])], Way(CPU))
    high, wide, _ = decoded(png).shape
    assert wide == 2 * OVERLAY_PX  # the picture and the overlay
    assert 307 + 40 < high < 307 + 140  # and the words below


def test_below_an_overlay_are_a_scale_of_its_colours_and_words_that_fit():
    drawn = np.full((200, 256, 3), 90, np.uint8)
    plain, words, long = (captioned(drawn, one) for one in ("", "MEL 0.832", "melanoma" * 5))
    assert (plain[:200] == 90).all()
    scale = plain[200].astype(int)
    assert scale[0].argmax() == 2  # cold is blue
    assert scale[-1].argmax() == 0  # hot is red
    ink = [(one != plain).any(axis=(0, 2)) for one in (words, long)]
    assert 60 < ink[0].sum() < 200
    assert ink[1][230:].any()
    assert not ink[1][-2:].any()
    assert captioned(drawn, "Näv").tobytes() == captioned(drawn, "N?v").tobytes()


def test_no_two_pictures_have_one_file_name():
    names = overlay_names(pl.Series(["one", "deep/two", "a/b", "a__b"]), "stage1")
    assert names == [
        "one_stage1.png", "deep__two_stage1.png", "a__b_c14cddc0_stage1.png",
        "a__b_63e5c1c4_stage1.png",
    ]  # fmt: skip


def test_the_map_of_the_target_is_that_of_its_likeliest_class(nets, pictures):
    net, places = nets[0], np.array([5, 0, 3])
    with torch.no_grad():
        net.head[-1].bias += torch.tensor([0.0, 50.0, 0.0])
    maps = target_maps(net, pictures, places, (1, 2), Way(CPU, batch_size=2))
    for number, place in enumerate(places):
        expected = one_by_one([net], pictures, int(place), 1)
        np.testing.assert_allclose(maps[number], expected, atol=1e-4)
    others = target_maps(net, pictures, places, (2,), Way(CPU))
    np.testing.assert_allclose(others[0], one_by_one([net], pictures, 5, 2), atol=1e-4)
    with torch.no_grad():
        net.head[-1].bias -= torch.tensor([0.0, 50.0, 0.0])
    assert target_maps(net, pictures, places[:0], (1,), Way(CPU)).shape[0] == 0


@pytest.mark.parametrize("target", [(1,), (0,)])
def test_of_a_single_logit_the_target_is_one_side(pictures, target):
    torch.manual_seed(0)
    net = LesionNet(NetConfig(backbone="test_resnet", weights="none", size=64), 1).eval()
    [found] = target_maps(net, pictures, np.array([4]), target, Way(CPU))
    np.testing.assert_allclose(found, one_by_one([net], pictures, 4, target[0]), atol=1e-4)
