"""Asks the network in this folder what it says of a picture; a research tool, no medical device.

`python predict.py picture.jpg ...` needs onnxruntime and numpy alone; Pillow too, to read files.
`opened().ask(pixels)` takes uint8 RGB (height, width, 3) of any size, upright.
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
        options, self.labels = onnxruntime.SessionOptions(), labels
        options.intra_op_num_threads = threads or 1
        self.session = onnxruntime.InferenceSession(model, options, ["CPUExecutionProvider"])

    def outputs(self, pixels: Any) -> dict[str, Any]:
        """`shares` of the classes, `probability`, `logits` and `distance`."""
        if pixels.dtype != np.uint8 or pixels.shape[2:] != (3,) or not pixels.size:
            raise ValueError(f"Wanted are uint8 RGB (H, W, 3), not {pixels.dtype} {pixels.shape}.")
        said = self.session.run(None, {"picture": np.ascontiguousarray(pixels)})
        return dict(zip((one.name for one in self.session.get_outputs()), said, strict=True))

    def ask(self, pixels: Any) -> dict[str, Any]:
        """The probability, the decision, and whether the picture is like those learnt from."""
        said = self.outputs(pixels)
        probability, distance = float(said["probability"]), float(said["distance"])
        if not np.isfinite([probability, distance]).all():
            raise ValueError("What the network says of this picture is no number.")
        classes = dict(zip(self.labels["classes"], said["shares"].tolist(), strict=True))
        return {
            "probability": probability, "flagged": probability >= self.labels["threshold"]["value"],
            "classes": classes, "unlike": distance > self.labels["distance"]["limit"],
        }  # fmt: skip


def opened(folder: Path = HERE) -> Detector:
    """The detector of a bundle."""
    labels = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    return Detector((folder / "model.onnx").read_bytes(), labels)


if __name__ == "__main__":
    from PIL import Image, ImageOps

    detector = opened()
    for name in sys.argv[1:]:
        read = ImageOps.exif_transpose(Image.open(name))
        eight = read if read.mode[0] in "IF" else read.convert("RGB")  # more bits are refused
        print(name, json.dumps(detector.ask(np.asarray(eight))))
