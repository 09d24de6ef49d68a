"""An exported network in a browser beside native onnxruntime: one thread each, by turns.

The page's own clock says what an answer took, `time.perf_counter` what the native one did; both
take the same decoded picture and do the whole graph, preprocessing too. Besides, how long the page
takes from being opened to its first answer, each time in a new tab.
"""

import statistics
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import torch

from models.export.answering import Answering
from models.export.onnx_file import onnx_of
from models.export.predict import Detector
from models.inference.familiar import familiar
from models.inference.views import IDENTITY
from models.nets.config import NetConfig
from models.nets.network import LesionNet
from reports.bundle.page import page
from reports.bundle.runtime import VERSION, open_runtime
from tests.bench.record import keep
from tests.browser import chromium, runtime
from workspace.hashing import sha256_file

TURNS = 25
OPENINGS = 5
SHAPE = (450, 600)  # of HAM10000's pictures
NETS = {
    "mobilenetv3_small_100": {"size": 224},
    "tf_efficientnet_lite0": {"size": 112},
    "test_resnet": {"size": 112},
}


def run() -> None:
    rows = []
    for backbone, options in NETS.items():
        with tempfile.TemporaryDirectory() as folder:
            rows.append(_row(backbone, Path(folder), **options))
    keep(
        "browser",
        "A network in a browser",
        f"Chromium with onnxruntime-web {VERSION} from one HTML file on disk, beside onnxruntime, "
        f"one thread each, by turns, {TURNS} turns after a first that does not count; a picture "
        f"of {SHAPE[1]} x {SHAPE[0]}, weights random. Opened: from opening the page to its first "
        f"answer, on the wall, the median of {OPENINGS} new tabs. Ratio: the median over turns of "
        "the browser's milliseconds to the native ones'.",
        rows,
    )


def _row(backbone: str, folder: Path, size: int) -> dict[str, object]:
    picture = np.random.default_rng(0).integers(0, 256, (*SHAPE, 3)).astype(np.uint8)
    assert cv2.imwrite(str(folder / "picture.png"), picture[..., ::-1])
    model = _model(backbone, size)
    (folder / "model.onnx").write_bytes(model)
    labels = _labels(sha256_file(folder / "model.onnx"))
    (folder / "index.html").write_text(page(labels, _SHEET, model, open_runtime(runtime())))
    detector = Detector(model, labels, threads=1)
    native, web = [], []
    with chromium() as browser:
        opened = statistics.median(_opened(browser, folder) for _ in range(OPENINGS))
        tab = browser.new_page()
        _open(tab, folder)
        for turn in range(1 + TURNS):
            begun = time.perf_counter()
            said = detector.ask(picture)
            native.append(1000 * (time.perf_counter() - begun))
            web.append(_ask(tab, folder, turn))
        told = float(tab.get_attribute("#answer", "data-probability"))
    pairs = list(zip(native, web, strict=True))[1:]
    return {
        "network": f"{backbone}, {size} px",
        "model, MB": len(model) / 1e6,
        "page, MB": (folder / "index.html").stat().st_size / 1e6,
        "native, ms": statistics.median(one for one, _ in pairs),
        "browser, ms": statistics.median(other for _, other in pairs),
        "ratio": statistics.median(other / one for one, other in pairs),
        "opened, s": opened,
        "probabilities apart": abs(told - said["probability"]),
    }


def _model(backbone: str, size: int) -> bytes:
    torch.manual_seed(0)
    net = LesionNet(
        NetConfig(backbone=backbone, weights="none", size=size, se=False, cbam=False, hidden=(),
                  dropout=(0.0,)),
        1,
    ).eval()  # fmt: skip
    known = np.random.default_rng(0).normal(size=(400, net.num_features)).astype(np.float32)
    return onnx_of(Answering(net, IDENTITY, (1,), familiar(known)))


def _open(tab, folder: Path) -> None:  # type: ignore[no-untyped-def] # playwright is not always there
    tab.goto((folder / "index.html").as_uri())
    tab.wait_for_selector("body[data-ready]", timeout=120_000)


def _ask(tab, folder: Path, turn: int) -> float:  # type: ignore[no-untyped-def] # playwright is not always there
    """Milliseconds, by the page's own clock."""
    name = folder / f"turn_{turn}.png"
    name.write_bytes((folder / "picture.png").read_bytes())
    tab.set_input_files("#choose", name)
    tab.wait_for_selector(f'#answer[data-name="{name.name}"]', timeout=120_000)
    return float(tab.get_attribute("#answer", "data-milliseconds"))


def _opened(browser, folder: Path) -> float:  # type: ignore[no-untyped-def] # playwright is not always there
    """Seconds from opening the page to its first answer."""
    tab = browser.new_page()
    begun = time.perf_counter()
    _open(tab, folder)
    _ask(tab, folder, 0)
    took = time.perf_counter() - begun
    tab.close()
    return took


def _labels(sha256: str) -> dict[str, object]:
    return {
        "network": "bench", "fold": 0, "classes": ["0", "1"], "target": ["1"], "size": 0,
        "threshold": {"value": 0.5, "sensitivity": 0.95, "reached": 1.0, "specificity": 0.0},
        "distance": {"limit": 1.0, "false_alarms": 0.05}, "calibration": "none", "views": [],
        "precision": "float32", "model_sha256": sha256,
    }  # fmt: skip


_SHEET = {
    "chosen": {"n": 0, "positives": 0}, "chosen_on": "nothing", "measured_on": "nothing",
    "measured": {"n": 0, "positives": 0, "patients": None, "unlike": 0.0, "metrics": {}},
    "parity": {"pictures": 0, "largest": 0.0, "bound": 0.0, "mean": 0.0, "mean_bound": 0.0},
    "model_mb": 0.0, "parameters": 0,
    "licence": "Weights are random.", "learnt": "Nothing.", "level": 0.95,
}  # fmt: skip
