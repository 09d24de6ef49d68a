"""From a module to the bytes of an ONNX file that says nothing of the machine it was made on."""

import warnings
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from models.export.answering import Answer, Answering
from models.export.packed import WHOLE, packed
from models.networks.rounding import LARGEST, SMALLEST

OPSET = 21
PICTURE = "picture"  # what the input is called


def onnx_of(module: Answering) -> bytes:
    """The file; layers in few bits are kept in few bits."""
    any_size = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    with warnings.catch_warnings():  # the exporter's own, of torch's own
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            packed(module.eval()), (torch.zeros((90, 110, 3), dtype=torch.uint8),), dynamo=True,
            dynamic_shapes=(any_size,), input_names=[PICTURE], output_names=list(Answer._fields),
            opset_version=OPSET, verbose=False,
        )  # fmt: skip
    assert program is not None
    model = program.model_proto
    _forget(model)
    _pack_in_fours(model.graph)
    return bytes(model.SerializeToString(deterministic=True))


def halved(file: bytes) -> bytes:
    """The same file with its weights in 16 bits, each made 32 again as it is opened."""
    model = onnx.load_from_string(file)
    _halve(model.graph)
    return bytes(model.SerializeToString(deterministic=True))


def _forget(model: onnx.ModelProto) -> None:
    """Without the lines of code that each node came from, whose paths are this machine's."""
    model.ClearField("metadata_props")
    model.ClearField("doc_string")
    _forget_in(model.graph)


def _forget_in(graph: onnx.GraphProto) -> None:
    """Also in what its loops repeat."""
    for part in (graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    graph.ClearField("value_info")
    for repeated in (one.g for node in graph.node for one in node.attribute if one.HasField("g")):
        _forget_in(repeated)


def _pack_in_fours(graph: onnx.GraphProto) -> None:
    """Two weights of 4 bits in a byte; the exporter knows no such type."""
    for tensor in graph.initializer:
        if tensor.name.endswith(WHOLE[4]):
            first, second = (_fours(numpy_helper.to_array(tensor).ravel(), at) for at in (0, 1))
            both = (first | second << 4).tobytes()
            fours = helper.make_tensor(tensor.name, TensorProto.INT4, tensor.dims, both, raw=True)
            tensor.CopyFrom(fours)


def _fours(whole: Any, start: int) -> Any:
    """Every second number from here on, in four bits; 0 where there is none any more."""
    even = np.append(whole, np.zeros(len(whole) % 2, np.int8))
    return (even[start::2] & 0b1111).astype(np.uint8)


def _halve(graph: onnx.GraphProto) -> None:
    """Whoever opens the file folds the casts away: it computes in 32 bits, as before."""
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < SMALLEST:
            continue
        name, values = tensor.name, numpy_helper.to_array(tensor).clip(-LARGEST, LARGEST)
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
