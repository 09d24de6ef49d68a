"""The exported file says what the library says, of pictures of any shape."""

import hashlib

import numpy as np
import onnx
import pytest
import torch

from models.export.onnx_file import halved
from models.export.predict import Detector
from models.inference.scores import Way, score_pictures
from models.inference.views import FOUR
from tests.unit.models.export.conftest import MAP


@pytest.fixture(scope="module")
def library(net, pictures):
    way = Way(torch.device("cpu"), views=FOUR)
    return score_pictures(net, pictures, np.arange(len(pictures)), way)


def outputs(model, pictures):
    detector = Detector(model, {"model_sha256": hashlib.sha256(model).hexdigest()})
    return [detector.outputs(pictures.pixels(at)) for at in range(len(pictures))]


def test_check_122_file_and_library_agree_on_every_shape(exported, pictures, library):
    said = outputs(exported, pictures)
    shares = np.stack([one["shares"] for one in said])
    assert shares.dtype == np.float64
    assert np.abs(shares - library.probability).max() < 1e-6
    assert np.ptp(library.probability) > 0.3  # they do differ
    target = [one["probability"] for one in said]
    own = library.probability[:, [0, 2]].sum(axis=1)
    wanted = 1 / (1 + np.exp(-(MAP[0] * np.log(own / (1 - own)) + MAP[1])))
    assert np.allclose(target, wanted, atol=1e-6)


def test_the_distance_is_that_of_the_picture_as_it_is(module, exported, pictures, library):
    said = [float(one["distance"]) for one in outputs(exported, pictures)]
    with torch.inference_mode():
        wanted = [float(module.distance(torch.from_numpy(e))) for e in library.embedding]
    assert np.allclose(said, wanted, rtol=1e-4)


def test_check_126_halved_weights_take_half_the_room_and_change_little(exported, pictures, library):
    half = halved(exported)
    assert len(half) < 0.6 * len(exported)
    shares = np.stack([one["shares"] for one in outputs(half, pictures)])
    apart = np.abs(shares - library.probability).max()
    assert 0 < apart < 1e-2


def test_the_file_knows_nothing_of_this_machine(exported):
    model = onnx.load_from_string(exported)
    onnx.checker.check_model(model, full_check=True)
    assert not [node for node in model.graph.node if node.metadata_props or node.doc_string]
    assert b"site-packages" not in exported
    assert b".py" not in exported
    [picture] = model.graph.input
    assert picture.name == "picture"
    assert picture.type.tensor_type.elem_type == onnx.TensorProto.UINT8
