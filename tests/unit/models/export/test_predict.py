"""The loader that is handed out, on a bundle of two files."""

import ast
import hashlib
import json
import re

import numpy as np
import pytest

from models.export.predict import Detector, opened
from pipeline.export import LOADED_FROM


@pytest.fixture
def bundle(tmp_path, exported):
    def made(**labels):
        known = {
            "model_sha256": hashlib.sha256(exported).hexdigest(), "classes": ["a", "b", "c"],
            "threshold": {"value": 0.5}, "distance": {"limit": 1.0}, **labels,
        }  # fmt: skip
        (tmp_path / "model.onnx").write_bytes(exported)
        (tmp_path / "labels.json").write_text(json.dumps(known))
        return opened(tmp_path)

    return made


def test_it_decides_by_the_labels_beside_the_model(bundle, pictures):
    pixels = pictures.pixels(0)
    said = bundle().outputs(pixels)
    probability, distance = float(said["probability"]), float(said["distance"])
    at, beyond = (
        bundle(threshold={"value": value}, distance={"limit": limit}).ask(pixels)
        for value, limit in ((probability, distance), (probability + 1e-6, distance - 1e-6))
    )
    assert (at["flagged"], at["unlike"]) == (True, False)
    assert (beyond["flagged"], beyond["unlike"]) == (False, True)
    assert at["probability"] == probability
    assert list(at["classes"]) == ["a", "b", "c"]
    assert sum(at["classes"].values()) == pytest.approx(1)


def test_labels_of_another_model_are_refused(bundle):
    sentence = "labels.json is of another model.onnx; unpack the bundle anew."
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        bundle(model_sha256="0")


@pytest.mark.parametrize(
    ("pixels", "said"),
    [
        (np.zeros((4, 5, 3), np.float32), "float32 (4, 5, 3)"),
        (np.zeros((4, 5), np.uint8), "uint8 (4, 5)"),
        (np.zeros((4, 5, 4), np.uint8), "uint8 (4, 5, 4)"),
        (np.zeros((4, 5, 3, 1), np.uint8), "uint8 (4, 5, 3, 1)"),
        (np.zeros((0, 5, 3), np.uint8), "uint8 (0, 5, 3)"),
        (np.zeros((4, 0, 3), np.uint8), "uint8 (4, 0, 3)"),
        (np.zeros((4, 5), np.uint16), "uint16 (4, 5)"),
    ],
)
def test_what_is_no_decoded_picture_is_refused(bundle, pixels, said):
    sentence = f"Wanted are uint8 RGB (H, W, 3), not {said}."
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        bundle().ask(pixels)


def test_one_thread_unless_more_are_asked_for(exported):
    labels = {"model_sha256": hashlib.sha256(exported).hexdigest()}
    for threads in (1, 2):
        options = Detector(exported, labels, threads).session.get_session_options()
        assert options.intra_op_num_threads == threads


@pytest.mark.parametrize("name", ["probability", "distance"])
def test_what_is_no_number_decides_nothing(bundle, pictures, monkeypatch, name):
    detector, pixels = bundle(), pictures.pixels(0)
    said = {**detector.outputs(pixels), name: np.array(np.nan)}
    monkeypatch.setattr(detector, "outputs", lambda _: said)
    sentence = "What the network says of this picture is no number."
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        detector.ask(pixels)


def test_it_is_40_lines_of_code():
    """Without blank lines and docstrings."""
    source = LOADED_FROM.read_text()
    lines = {at for at, line in enumerate(source.splitlines(), 1) if line.strip()}
    for one in ast.walk(ast.parse(source)):
        if isinstance(one, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(one):
            lines -= set(range(one.body[0].lineno, one.body[0].end_lineno + 1))
    assert len(lines) <= 40
