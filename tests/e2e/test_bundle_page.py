"""A bundle's page in a real browser, round a network of five operators: what gets no answer."""

import cv2
import numpy as np
import pytest
import torch
from onnx import TensorProto, helper

from models.export.answering import Answering
from models.export.onnx_file import onnx_of
from models.inference.familiar import familiar
from models.inference.views import IDENTITY
from models.nets.config import NetConfig
from models.nets.network import LesionNet
from models.nets.quantised import in_few_bits
from reports.bundle.page import page
from reports.bundle.runtime import open_runtime
from tests.browser import chromium, runtime
from tests.unit.reports.bundle.test_bundle_page import LABELS, SHEET


def brightest():
    """Says 0.4 of every picture that is not black, and of a black one 0 / 0."""
    picture = helper.make_tensor_value_info("picture", TensorProto.UINT8, ["h", "w", 3])
    names = ("shares", "probability", "logits", "distance")
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names]
    part = helper.make_tensor("part", TensorProto.FLOAT, [], [0.4])
    nodes = [
        helper.make_node("Cast", ["picture"], ["levels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMax", ["levels"], ["most"], keepdims=0),
        helper.make_node("Div", ["most", "most"], ["one"]),
        helper.make_node("Mul", ["one", "part"], ["probability"]),
        *(helper.make_node("Identity", ["part"], [name]) for name in names if name != names[1]),
    ]
    graph = helper.make_graph(nodes, "brightest", [picture], outputs, [part])
    opset = [helper.make_opsetid("", 21)]
    return helper.make_model(graph, opset_imports=opset, ir_version=10).SerializeToString()


def pictures(folder):
    """Name, pixels, and why it gets no answer; None: it gets one."""
    rng = np.random.default_rng(0)
    grey = rng.integers(1, 2**16, (20, 30)).astype(np.uint16)
    opaque = rng.integers(1, 256, (20, 30, 4)).astype(np.uint8)
    opaque[..., 3] = 255
    half = opaque.copy()
    half[7, 9, 3] = 254
    every = (
        ("grey.png", opaque[..., 0], None),
        ("opaque.png", opaque, None),
        ("half.png", half, "it is transparent; save it without transparency"),
        ("deep.png", grey, "it has more than 8 bits a colour; save it with 8"),
        ("black.png", opaque[..., :3] * 0, "what the network says of it is no number"),
    )
    for name, pixels, why in every:
        assert cv2.imwrite(str(folder / name), pixels)
        yield name, why


def test_what_a_browser_reads_otherwise_and_what_is_no_number_get_no_answer(tmp_path):
    inside = open_runtime(runtime())
    with chromium() as browser:
        file, tab = tmp_path / "index.html", browser.new_page()
        file.write_text(page(LABELS, SHEET, brightest(), inside), encoding="utf-8")
        tab.goto(file.as_uri())
        tab.wait_for_selector("body[data-ready]", timeout=60_000)
        for name, why in pictures(tmp_path):
            tab.set_input_files("#choose", tmp_path / name)
            if why is None:
                tab.wait_for_selector(f'#answer[data-name="{name}"]', timeout=60_000)
                assert float(tab.get_attribute("#answer", "data-probability")) == pytest.approx(0.4)
            else:
                words = f"{name} gets no answer ({why})."
                tab.wait_for_selector(f'#state:text-is("{words}")', timeout=60_000)
                assert not tab.is_visible("#answer")


@pytest.mark.slow
def test_with_the_smallest_student_a_page_has_8_mb_at_most():
    """MobileNetV3-Small in 8 bits, whose random weights pack no better than learnt ones."""
    inside = open_runtime(runtime())
    config = NetConfig(  # the recipe base `student`
        backbone="mobilenetv3_small_100", weights="none", size=112, se=False, cbam=False,
        hidden=(), dropout=(0.1,),
    )  # fmt: skip
    net = LesionNet(config, 1).eval()
    few = in_few_bits(net, 8, [torch.rand(4, 3, 112, 112)])
    known = familiar(np.random.default_rng(0).normal(size=(200, net.num_features)).astype("f4"))
    text = page(LABELS, SHEET, onnx_of(Answering(few, IDENTITY, (1,), known)), inside)
    assert 5e6 < len(text.encode()) <= 8e6
