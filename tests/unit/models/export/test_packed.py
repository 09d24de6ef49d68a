"""Few bits in a file: the numbers that torch rounds to, two weights of 4 bits in a byte."""

import hashlib

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, numpy_helper
from onnxruntime import GraphOptimizationLevel, InferenceSession, SessionOptions
from torch import nn

from models.export.answering import Answering
from models.export.onnx_file import OPSET, onnx_of
from models.export.packed import WHOLE, PackedWeight, packed
from models.export.predict import Detector
from models.inference.familiar import familiar
from models.inference.scores import Way, images_of, score_pictures
from models.inference.views import FOUR, IDENTITY
from models.nets.config import NetConfig
from models.nets.network import LesionNet
from models.nets.quantised import RoundedLayer, RoundedWeight, in_few_bits, rounded_weight


@pytest.fixture(scope="module", params=[8, 4])
def bits(request):
    return request.param


@pytest.fixture(scope="module")
def few(net, pictures, bits):
    way = Way(torch.device("cpu"))
    return in_few_bits(net, bits, images_of(net, pictures, np.arange(len(pictures)), way))


@pytest.fixture(scope="module")
def file(few):
    known = np.random.default_rng(0).normal(size=(200, few.num_features)).astype(np.float32)
    return onnx_of(Answering(few, FOUR, (0, 2), familiar(known)))


def test_whole_numbers_times_their_steps_are_the_rounded_weights(few, bits):
    layers = [one for one in few.modules() if isinstance(one, RoundedWeight)]
    for layer in layers:
        packed_layer = PackedWeight(layer)
        whole = packed_layer.get_buffer(WHOLE[bits])
        assert whole.dtype == torch.int8
        assert int(whole.abs().max()) in (0, 2 ** (bits - 1) - 1)  # some begin as nothing
        again = whole.float() * packed_layer.steps.reshape(-1, *[1] * (whole.dim() - 1))
        wanted = rounded_weight(layer.layer.weight.detach(), bits)
        assert torch.allclose(again, wanted, rtol=1e-5, atol=1e-7)


def assert_nearer_than_rounding(file, library, whole):
    """A last bit moves a value of some input by a step, now and then; rounding moves them all."""
    assert np.abs(file - library).mean() < 0.5 * np.abs(whole - library).mean()


def test_check_126_file_and_library_agree_in_few_bits(net, few, file, pictures):
    way = Way(torch.device("cpu"), views=FOUR)
    library = score_pictures(few, pictures, np.arange(len(pictures)), way).probability
    detector = Detector(file, {"model_sha256": hashlib.sha256(file).hexdigest()})
    said = np.stack([detector.outputs(pictures.pixels(i))["shares"] for i in range(len(pictures))])
    whole = score_pictures(net, pictures, np.arange(len(pictures)), way).probability
    assert_nearer_than_rounding(said, library, whole)
    assert np.abs(said - library).max() < 0.05  # a last bit may move what a layer sees by a step
    assert np.ptp(library) > 0.3


def test_the_file_keeps_no_weight_in_more_bits(file, few, bits):
    graph = onnx.load_from_string(file).graph
    kind = {8: TensorProto.INT8, 4: TensorProto.INT4}[bits]
    tensors = {one.name: one for one in graph.initializer if one.name.endswith(f".{WHOLE[bits]}")}
    assert {one.data_type for one in tensors.values()} == {kind}
    layers = {n: one for n, one in few.named_modules() if isinstance(one, RoundedWeight)}
    assert len(tensors) == len(layers)
    weights = sum(one.layer.weight.numel() for one in layers.values())
    assert sum(np.prod(one.dims) for one in tensors.values()) == weights
    assert sum(len(one.raw_data) for one in tensors.values()) <= weights * bits / 8 + len(layers)
    for name, layer in layers.items():
        [tensor] = [one for one in tensors.values() if one.name.startswith(f"net.{name}.")]
        whole = PackedWeight(layer).get_buffer(WHOLE[bits])
        assert (numpy_helper.to_array(tensor).astype(np.int8) == whole.numpy()).all()
    sizes = {
        numpy_helper.to_array(one).size for one in graph.initializer if one.name not in tensors
    }
    assert max(sizes) < max(one.layer.weight.numel() for one in layers.values())


def test_no_runtime_computes_a_layer_in_whole_numbers(file, tmp_path):
    """On a processor without VNNI it would cut off sums, and round biases on any."""
    options = SessionOptions()
    options.graph_optimization_level = GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(tmp_path / "as_it_runs.onnx")
    InferenceSession(file, options, ["CPUExecutionProvider"])
    kinds = {one.op_type for one in onnx.load(options.optimized_model_filepath).graph.node}
    assert not {one for one in kinds if one.startswith("QLinear") or one.endswith("Integer")}
    assert {"QuantizeLinear", "DequantizeLinear"} <= kinds


def test_a_layer_of_the_largest_numbers_says_in_a_file_what_torch_says():
    """Whose sum is twice what 16 bits can hold of two products."""
    layer, behind = nn.Conv2d(16, 8, 3), nn.Conv2d(8, 1, 1)
    nn.init.constant_(layer.weight, 0.127)
    few = nn.Sequential(RoundedLayer(layer, 8), RoundedLayer(behind, 8)).eval()
    for one, most in zip(few, (1.0, 20.0), strict=True):
        one.high.fill_(most)
    images = torch.ones(1, 16, 6, 6)
    program = torch.onnx.export(packed(few), (images,), dynamo=True, opset_version=OPSET)
    assert program is not None
    session = InferenceSession(program.model_proto.SerializeToString())
    [said] = session.run(None, {session.get_inputs()[0].name: images.numpy()})
    with torch.no_grad():
        np.testing.assert_allclose(said, few(images).numpy(), rtol=1e-2)


def test_layers_without_a_bias_as_squeezing_has_them_are_kept_too(pictures):
    torch.manual_seed(0)
    config = NetConfig(
        backbone="test_resnet", weights="none", size=32, mean=(0.5,) * 3, std=(0.25,) * 3,
        hidden=(), dropout=(0.0,),
    )  # fmt: skip
    net, way = LesionNet(config, 1).eval(), Way(torch.device("cpu"))
    with torch.no_grad():
        net.head[-1].weight.mul_(40)
        for name, one in net.named_modules():
            if name.endswith("excite"):  # which begins as nothing
                one.weight.normal_(std=0.5)
    every = np.arange(len(pictures))
    few = in_few_bits(net, 8, images_of(net, pictures, every, way))
    layers = [one.layer for one in few.modules() if isinstance(one, RoundedWeight)]
    assert [one for one in layers if one.bias is None]
    scores = score_pictures(few, pictures, every, way)
    file = onnx_of(Answering(few, IDENTITY, (1,), familiar(scores.embedding)))
    detector = Detector(file, {"model_sha256": hashlib.sha256(file).hexdigest()})
    answers = [detector.outputs(pictures.pixels(i)) for i in range(len(pictures))]
    said = np.stack([one["shares"] for one in answers])
    assert np.abs(said - scores.probability).max() < 0.05
    with torch.no_grad():
        [images] = images_of(net, pictures, every, way)
        logits = np.stack([one["logits"] for one in answers])
        assert_nearer_than_rounding(logits, few(images).numpy(), net(images).numpy())
    assert np.ptp(scores.probability[:, 1]) > 0.2


def test_what_has_all_its_bits_is_handed_on_as_it_is(net):
    assert packed(net) is net
