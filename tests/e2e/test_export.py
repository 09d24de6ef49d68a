"""`make export` as people meet it: a bundle asked by its own loader, and by a browser from disk."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest

from folds.images import ImageReader
from models.export.parity import NEARER
from models.export.predict import opened
from tests.browser import chromium, runtime
from tests.stages import SMALL, Place

RECIPE = """
base = "sample"
use_networks = ["mine", "taught", "few"]
[networks.mine]
base = "extractor"
net = { backbone = "test_resnet", weights = "none", size = 32 }
training = { epoch_samples = 64, phases = [{ epochs = 2, lr = 1e-2 }] }
[networks.taught]
base = "extractor"
net = { backbone = "test_resnet", weights = "none", size = 32 }
training = { epoch_samples = 64, choose = "last", phases = [{ epochs = 1, lr = 1e-2 }] }
teacher = { network = "mine" }
[networks.few]
base = "extractor"
net = { backbone = "test_resnet", weights = "taught", size = 32, weight_bits = 4 }
training = { epoch_samples = 64, choose = "last", phases = [{ epochs = 1, lr = 1e-3 }] }
teacher = { network = "mine" }
[score]
replicates = 100
seeds = [0]
"""
# For networks that choose by half of what they held out: both halves need both classes.
MORE = ("synthetic.patients=60", "synthetic.rows=300", "synthetic.positives=60")


def export(place, *settings, drawn=SMALL, **options):
    path = place.folder / "mine.toml"
    path.write_text(RECIPE, encoding="utf-8")
    return place.call("export", "--recipe", str(path), settings=(*drawn, *settings), **options)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    place = Place(tmp_path_factory.mktemp("export"))
    return place, export(place)


@pytest.fixture(scope="module")
def bundle(whole):
    return whole[0].run / "export" / "mine_fold_0"


@pytest.fixture(scope="module")
def labels(bundle):
    return json.loads((bundle / "labels.json").read_text())


def test_the_network_is_trained_first_and_all_of_it_is_handed_out(whole, bundle):
    _, said = whole
    assert {path.name for path in bundle.iterdir()} == {
        "LICENSE", "labels.json", "manifest.json", "model.onnx", "model_card.md", "predict.py",
        "sheet.json",
    }  # fmt: skip
    assert "export: agrees with the library to" in said.stdout
    assert "notice: no index.html: export.runtime names no folder of the npm package" in said.stdout
    card = (bundle / "model_card.md").read_text()
    assert "not a medical device" in card
    assert "'make sample' drew: they show no person" in card


def test_what_was_kept_of_held_out_rows_is_what_the_file_says(whole, bundle, labels):
    """By the table that the training left, which this stage does not read."""
    place, _ = whole
    kept = pl.read_parquet(place.run / "networks" / "mine_fold_0" / "scores.parquet")
    table = pl.read_parquet(place.run / "samples" / "samples.parquet").join(kept, on="isic_id")
    detector = opened(bundle)
    some = table.sort("isic_id").head(12)
    reader = ImageReader(place.data)
    said = [detector.ask(reader.pixels(image)) for image in some["image"]]
    probability = np.array([one["probability"] for one in said])
    assert np.abs(probability - some["oof_mine_malignant"].to_numpy()).max() <= 1e-4
    flagged = [one["flagged"] for one in said]
    assert flagged == (probability >= labels["threshold"]["value"]).tolist()


def asked_alone(bundle, picture):
    """In a process that finds neither torch nor the rooms; Pillow reads the file."""
    code = (
        "import runpy, sys; "
        "sys.modules.update(dict.fromkeys(['torch', 'cv2', 'models', 'workspace'])); "
        f"sys.argv = ['predict.py', {str(picture)!r}]; "
        f"runpy.run_path({str(bundle / 'predict.py')!r}, run_name='__main__')"
    )
    return subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, cwd=picture.parent,
        check=False,
    )  # fmt: skip


def test_the_loader_needs_none_of_this_project_and_reads_a_file_as_the_library_does(
    bundle, tmp_path
):
    """Also a transparent one; 16 bits, which Pillow would cut off, are refused."""
    alone = shutil.copytree(bundle, tmp_path / "alone")
    rng = np.random.default_rng(0)
    for name, channels in (("plain.png", 3), ("transparent.png", 4)):
        pixels = rng.integers(0, 256, (50, 40, channels)).astype(np.uint8)
        cv2.imwrite(str(tmp_path / name), pixels)
        done = asked_alone(alone, tmp_path / name)
        assert done.returncode == 0, done.stderr
        said, answer = done.stdout.split(" ", 1)
        assert said.endswith(name)
        assert json.loads(answer) == opened(bundle).ask(ImageReader(tmp_path).pixels(name))
    cv2.imwrite(str(tmp_path / "deep.png"), rng.integers(0, 2**16, (50, 40)).astype(np.uint16))
    done = asked_alone(alone, tmp_path / "deep.png")
    assert done.returncode == 1
    assert "Wanted are uint8 RGB (H, W, 3), not uint16 (50, 40)." in done.stderr


@pytest.mark.slow
def test_another_call_does_nothing_and_another_sensitivity_makes_it_anew(whole, tmp_path):
    place = Place(Path(shutil.copytree(whole[0].folder, tmp_path / "copy")))
    bundle = place.run / "export" / "mine_fold_0"
    before = (bundle / "model.onnx").read_bytes()
    again = export(place)
    assert "export: nothing to do, " in again.stdout
    export(place, "export.sensitivity=0.5", "export.precision=float16")
    labels, sheet = (json.loads((bundle / f"{n}.json").read_text()) for n in ("labels", "sheet"))
    assert labels["threshold"]["sensitivity"] == 0.5
    assert labels["precision"] == "float16"
    assert sheet["parity"]["bound"] == 0.01
    assert len((bundle / "model.onnx").read_bytes()) < 0.6 * len(before)


@pytest.mark.slow
def test_students_are_handed_out_too(tmp_path):
    """A taught one, and one in few bits that begins with it and is taught as well."""
    place = Place(tmp_path)
    for name, precision in (("taught", "float32"), ("few", "int4")):
        said = export(place, f"export.network={name}", drawn=MORE).stdout
        assert "export: agrees with the library to" in said
        bundle = place.run / "export" / f"{name}_fold_0"
        labels = json.loads((bundle / "labels.json").read_text())
        assert (labels["network"], labels["precision"]) == (name, precision)
        assert labels["taught_by"] == {"mine": "random numbers"}
        assert "It learnt from what mine says as well" in (bundle / "LICENSE").read_text()
        assert 0 <= opened(bundle).ask(next(drawn(tmp_path))[1])["probability"] <= 1


@pytest.mark.slow
def test_check_122_ten_pictures_in_a_real_browser(whole, tmp_path):
    """From disk: the library's probabilities to 1e-4, no request leaves, nobody complains."""
    folder = runtime()
    with chromium() as browser:
        place = Place(Path(shutil.copytree(whole[0].folder, tmp_path / "copy")))
        export(place, f"export.runtime={folder}")
        bundle = place.run / "export" / "mine_fold_0"
        detector = opened(bundle)
        tab = browser.new_page()
        said, asked = [], []
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.on("request", lambda request: asked.append(request.url))
        tab.goto((bundle / "index.html").as_uri())
        tab.wait_for_selector("body[data-ready]", timeout=60_000)
        seen = []
        for number, (name, pixels) in enumerate(drawn(tmp_path)):
            tab.set_input_files("#choose" if number % 2 else "#photograph", name)
            tab.wait_for_selector(f'#answer[data-name="{name.name}"]', timeout=60_000)
            wanted = detector.ask(pixels)
            got = float(tab.get_attribute("#answer", "data-probability"))
            seen.append(got)
            assert abs(got - wanted["probability"]) <= 1e-4
            is_flagged = tab.get_attribute("#answer", "data-flagged") == "true"
            assert is_flagged == wanted["flagged"]
            assert tab.is_visible("#unlike") == wanted["unlike"]
            words = "Flagged: at or above" if is_flagged else "Not flagged: below"
            assert tab.inner_text("#decision").startswith(words)
        assert np.ptp(seen) > 1e-3
        text = tmp_path / "no_picture.png"
        text.write_text("no picture")
        tab.set_input_files("#choose", text)
        tab.wait_for_selector("#state:text('no_picture.png gets no answer')")
        assert not tab.is_visible("#answer")
        assert said == []
        assert [url for url in asked if not url.startswith(("file://", "blob:", "data:"))] == []
        tab.close()


@pytest.mark.slow
def test_few_bits_run_in_a_browser_too(whole, tmp_path):
    """The least of them: two weights in a byte, and what each layer sees in 256 values."""
    folder = runtime()
    with chromium() as browser:
        place = Place(Path(shutil.copytree(whole[0].folder, tmp_path / "copy")))
        said = export(place, f"export.runtime={folder}", "export.precision=int4").stdout
        assert "export: int4 minus float32, rounded after training: ROC-AUC" in said
        bundle = place.run / "export" / "mine_fold_0"
        labels, sheet = (
            json.loads((bundle / f"{n}.json").read_text()) for n in ("labels", "sheet")
        )
        assert labels["precision"] == "int4"
        assert sheet["parity"]["mean"] <= sheet["parity"]["mean_bound"] <= 0.05
        assert 0 < sheet["rounding"]["mean"] <= sheet["rounding"]["largest"]
        assert (
            "int4 minus float32, rounded after training" in (bundle / "model_card.md").read_text()
        )
        plain = whole[0].run / "export" / "mine_fold_0" / "model.onnx"
        assert len((bundle / "model.onnx").read_bytes()) < 0.5 * len(plain.read_bytes())
        detector, tab, both = opened(bundle), browser.new_page(), []
        tab.goto((bundle / "index.html").as_uri())
        tab.wait_for_selector("body[data-ready]", timeout=60_000)
        for name, pixels in drawn(tmp_path):
            tab.set_input_files("#choose", name)
            tab.wait_for_selector(f'#answer[data-name="{name.name}"]', timeout=60_000)
            got = float(tab.get_attribute("#answer", "data-probability"))
            both.append((got, detector.ask(pixels)["probability"]))
        page, native = np.array(both).T
        one_number = np.abs(native - np.median(native)).mean()  # the best that a dead page reaches
        assert np.abs(page - native).mean() <= min(0.05, NEARER * one_number)
        tab.close()


def drawn(folder):
    """Ten PNG pictures of several shapes, no two alike."""
    rng = np.random.default_rng(0)
    shapes = [(133, 133), (90, 110), (20, 300), (32, 32), (450, 600)] * 2
    for number, shape in enumerate(shapes):
        mean = rng.integers(40, 200, 3)
        pixels = np.clip(rng.normal(mean, 30, (*shape, 3)), 0, 255).astype(np.uint8)
        path = folder / f"drawn_{number}.png"
        assert cv2.imwrite(str(path), pixels[..., ::-1])
        yield path, pixels
