"""The resize as tensor operations against OpenCV's: the same grey levels, ties included."""

import warnings

import numpy as np
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.export.resizing import Resized
from models.input.evaluation import resize

REAL = ((480, 640), (256, 256), (512, 512), (768, 1024), (450, 600), (200, 150), (1024, 768))
SIZES = (96, 112, 128, 192, 224)  # what networks of the recipes take
side = st.integers(1, 120)
seed = st.integers(0, 2**32 - 1)


def picture(height, width, number):
    return np.random.default_rng(number).integers(0, 256, (height, width, 3)).astype(np.uint8)


def ours(pixels, size):
    return Resized(size)(torch.from_numpy(pixels)).numpy()


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((64, 64), 32), ((96, 96), 32), ((60, 80), 20), ((130, 64), 64), ((64, 128), 64),
        ((200, 30), 100), ((28, 28), 32), ((28, 28), 64), ((34, 36), 64), ((100, 90), 112),
        ((3, 2), 224), ((1, 1), 32), ((64, 10), 64), ((5000, 20), 64), ((20, 5000), 64),
        ((2, 40000), 64), ((64, 64), 64), ((63, 65), 64), ((450, 600), 112),
        ((147, 147), 3), ((147, 98), 3),  # 49 has no inverse of an inverse
    ],
)  # fmt: skip
def test_check_122_every_pixel_is_opencv_s(shape, size):
    pixels = picture(*shape, 0)
    assert np.array_equal(ours(pixels, size), resize(pixels, size))


@pytest.mark.parametrize("shape", REAL)
@pytest.mark.parametrize("size", SIZES)
def test_check_122_pictures_as_cameras_and_archives_have_them(shape, size):
    """Of 256 x 256 to 192 a ninth of all means lies halfway between two levels."""
    pixels = picture(*shape, size)
    assert np.array_equal(ours(pixels, size), resize(pixels, size))


@pytest.fixture(scope="module")
def in_a_graph():
    any_size = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    with warnings.catch_warnings():  # the exporter's own, of torch's own
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            Resized(192), (torch.zeros((90, 110, 3), dtype=torch.uint8),), dynamo=True,
            dynamic_shapes=(any_size,), opset_version=21, verbose=False,
        )  # fmt: skip
    model = program.model_proto.SerializeToString()
    return onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])


def test_check_122_the_graph_adds_in_the_same_order(in_a_graph):
    [name] = (one.name for one in in_a_graph.get_inputs())
    for number, shape in enumerate((*REAL, (193, 700), (40, 300), (1, 1), (192, 384))):
        pixels = picture(*shape, number)
        [said] = in_a_graph.run(None, {name: pixels})
        assert np.array_equal(said, resize(pixels, 192)), shape


def test_a_thousandth_of_a_pixel_counts_for_nothing():
    """As in OpenCV: of 1752 rows the fourth of 1001 would have .000999 of a fourth one."""
    pixels = picture(1752, 900, 0)
    assert np.array_equal(ours(pixels, 1001)[3], resize(pixels, 1001)[3])


@settings(max_examples=150, deadline=None)
@given(size=st.integers(1, 40), height=side, width=side, number=seed)
def test_a_picture_that_shrinks_is_opencv_s(size, height, width, number):
    pixels = picture(height + size, width + size, number)
    assert np.array_equal(ours(pixels, size), resize(pixels, size))


@settings(max_examples=150, deadline=None)
@given(size=st.integers(16, 100), height=side, width=side, number=seed)
def test_a_side_that_grows_is_opencv_s_too(size, height, width, number):
    """Of one that shrinks beside it a wrong level would be spread."""
    pixels = picture(height, width, number)
    assert np.array_equal(ours(pixels, size), resize(pixels, size))


@settings(max_examples=25, deadline=None)
@given(
    size=st.sampled_from(SIZES), height=st.integers(64, 1100), width=st.integers(64, 1100),
    number=seed,
)  # fmt: skip
def test_so_it_is_at_any_real_size(size, height, width, number):
    pixels = picture(height, width, number)
    assert np.array_equal(ours(pixels, size), resize(pixels, size))
