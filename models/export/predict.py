"""Asks the network in this folder what it says of a picture; a research tool, no medical device.

    python predict.py picture.jpg ...

Needs onnxruntime and numpy alone; Pillow too, to read files. `Detector().ask(pixels)` takes uint8
RGB (height, width, 3) of any size, upright; model.onnx does all else.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

HERE = Path(__file__).resolve().parent


class Detector:
    """The network, opened once."""

    def __init__(self, model: bytes, labels: dict[str, Any], threads: int | None = 1) -> None:
        if hashlib.sha256(model).hexdigest() != labels["model_sha256"]:
            raise ValueError("labels.json is of another model.onnx; unpack the bundle anew.")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or 1
        self.labels = labels
        self.session = onnxruntime.InferenceSession(
            model, options, providers=["CPUExecutionProvider"]
        )

    def outputs(self, pixels: Any) -> dict[str, Any]:
        """`shares` of the classes, `probability`, `logits` and `distance`."""
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
            raise ValueError(f"Wanted are uint8 RGB (H, W, 3), not {pixels.dtype} {pixels.shape}.")
        names = [output.name for output in self.session.get_outputs()]
        feed = {"picture": np.ascontiguousarray(pixels)}
        return dict(zip(names, self.session.run(names, feed), strict=True))

    def ask(self, pixels: Any) -> dict[str, Any]:
        """The probability, the decision, and whether the picture is like those learnt from."""
        said = self.outputs(pixels)
        probability, distance = float(said["probability"]), float(said["distance"])
        return {
            "probability": probability,
            "flagged": probability >= self.labels["threshold"]["value"],
            "unlike": distance > self.labels["distance"]["limit"],
            "classes": dict(zip(self.labels["classes"], said["shares"].tolist(), strict=True)),
        }


def opened(folder: Path = HERE) -> Detector:
    """The detector of a bundle."""
    labels = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    return Detector((folder / "model.onnx").read_bytes(), labels)


if __name__ == "__main__":
    from PIL import Image, ImageOps

    detector = opened()
    for name in sys.argv[1:]:
        upright = ImageOps.exif_transpose(Image.open(name)).convert("RGB")
        print(name, json.dumps(detector.ask(np.asarray(upright))))
