"""`make train-cnn predict ablate` as people meet them: whole, stopped, damaged, on pictures."""

import json
import re
import shutil
import signal
import time

import cv2
import numpy as np
import polars as pl
import pytest

from tests.cascade import TINY, call
from tests.launcher import killed
from tests.manifests import rewrite
from tests.stages import Place


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    place = Place(tmp_path_factory.mktemp("networks"))
    return place, call(place, "train_cnn")


@pytest.fixture
def place(made, tmp_path):
    shutil.copytree(made[0].folder, tmp_path / "copy")
    return Place(tmp_path / "copy")


@pytest.fixture
def untrained(made, tmp_path):
    """The same data, and no run."""
    shutil.copytree(made[0].data, tmp_path / "untrained" / "data")
    return Place(tmp_path / "untrained")


def weights(place):
    return {
        path.relative_to(place.run).as_posix(): path.read_bytes()
        for path in sorted((place.run / "networks").glob("*/*.safetensors"))
    }


def test_both_stages_are_trained_scored_and_told(made):
    place, done = made
    assert len(weights(place)) == 2 * 3 * 2  # stages, folds, best and last
    assert not list((place.run / "checkpoints").iterdir())
    first = json.loads((place.run / "networks" / "stage1" / "metrics.json").read_text())
    assert first["best_epoch"]["report"]["n"] == 260
    assert first["claim"] is None  # the paper says nothing of drawn pictures
    assert {"metrics", "ours_minus_this"} == first["source_only"].keys()
    second = json.loads((place.run / "networks" / "stage2" / "metrics.json").read_text())
    assert second["classes"] == ["MEL", "BCC", "SCC"]
    assert second["best_epoch"]["report"]["n"] == 60
    cascade = json.loads((place.run / "cascade" / "metrics.json").read_text())
    assert cascade["report"]["n"] == 260
    assert sum(map(sum, cascade["report"]["confusion"]["counts"])) == 260
    assert "claimed" not in done.stdout
    assert "cascade: accuracy end to end" in done.stdout


def test_each_row_is_scored_once_by_the_fold_that_never_saw_it(made):
    place, _ = made
    folds = pl.read_parquet(place.run / "folds" / "folds.parquet")
    train = folds.filter(pl.col("split") == "train").select("isic_id", "fold")
    for stage in ("stage1", "stage2"):
        oof = pl.read_parquet(place.run / "networks" / stage / "oof.parquet")
        both = train.join(oof, on="isic_id", validate="1:1", suffix="_made")
        assert len(both) == len(oof) == len(train)
        assert (both["fold"] == both["fold_made"]).all()
    calls = pl.read_parquet(place.run / "cascade" / "calls.parquet")
    assert calls["called"].is_between(0, 3).all()


def test_the_stack_takes_both_stages_as_blocks(place):
    done = call(place, "stack", settings=("stack.networks=true",))
    assert "stack: out of fold, 260 rows" in done.stdout
    used = pl.read_csv(place.run / "stack" / "importance.csv")["column"]
    assert {
        "oof_stage1_probability", "oof_stage2_MEL_rank", "emb_stage1_0000", "emb_stage2_nearest"
    } <= set(used)  # fmt: skip
    metrics = json.loads((place.run / "stack" / "metrics.json").read_text())
    assert metrics["blend"]["members"] == ["images", "stack", "stage1", "tabular"]


def test_a_second_call_does_nothing_and_a_touched_one_is_stopped(place):
    before = {path: path.stat().st_mtime_ns for path in (place.run / "networks").rglob("*.json")}
    done = call(place, "train_cnn")
    assert done.stdout == (
        f"train-cnn: nothing to do, stage1, stage2 in {place.run / 'networks'} are up to date.\n"
    )
    assert before == {path: path.stat().st_mtime_ns for path in before}
    ended = call(place, "train_cnn", settings=("networks.stage1.training.gamma=1.0",), code=2)
    assert re.fullmatch(
        r"train-cnn: stage1_fold_0, stage1_fold_1, stage1_fold_2 in .* were made from other values "
        r"\(training\.gamma\); .*FRESH=1' with the new ones\.\n",
        ended.stderr,
    )


def test_another_order_of_the_classes_is_refused_by_name(place):
    turned = (
        'networks.stage2.task.classes={ BCC = ["Basal cell carcinoma"], MEL = ["Malignant '
        'melanocytic proliferations (Melanoma)"], SCC = ["Malignant epidermal proliferations"] }'
    )
    ended = call(place, "train_cnn", settings=(turned,), code=2)
    assert "were made from other values (classes)" in ended.stderr
    assert ended.stderr.count("\n") == 1


TWO = (
    'networks.stage2.task.classes={ MEL = ["Malignant melanocytic proliferations (Melanoma)"], '
    'OTHER = ["Basal cell carcinoma", "Malignant epidermal proliferations"] }'
)


@pytest.mark.slow
def test_a_second_stage_of_two_classes_calls_both(untrained):
    place = untrained
    call(place, "train_cnn", settings=(TWO, "folds.n_folds=2"))
    calls = pl.read_parquet(place.run / "cascade" / "calls.parquet")
    first = pl.read_parquet(place.run / "networks" / "stage1" / "oof.parquet")
    second = pl.read_parquet(place.run / "networks" / "stage2" / "oof.parquet")
    metrics = json.loads((place.run / "networks" / "stage1" / "metrics.json").read_text())
    limits = {entry["fold"]: entry["threshold"] for entry in metrics["folds"]}
    rows = calls.join(first, on="isic_id").join(second, on="isic_id", suffix="_2")
    goes_on = rows["oof_stage1_malignant"] >= rows["fold"].replace_strict(limits)
    expected = np.where(goes_on, np.where(rows["oof_stage2_OTHER"] > 0.5, 2, 1), 0)
    assert rows["called"].to_list() == expected.tolist()


@pytest.mark.slow
def test_a_stopped_training_anew_goes_on_without_fresh(place):
    settings = ("networks.stage1.training.gamma=1.0", "networks.stage1.training.checkpoint_s=0.0")
    process = place.start("train_cnn", "--fresh", settings=(*TINY, *settings))
    while process.poll() is None and not list((place.run / "checkpoints").glob("*_1/epoch_*")):
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, error = process.communicate(timeout=60)
    assert "the same command without FRESH=1 goes on." in error
    kept = place.run / "networks" / "stage1_fold_0" / "manifest.json"
    before = kept.read_bytes()
    call(place, "train_cnn", settings=settings)
    assert kept.read_bytes() == before


def test_predict_uses_the_networks_that_were_joined_and_no_others(place, tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    assert cv2.imwrite(str(own / "good.png"), np.full((40, 40, 3), 90, np.uint8))
    stray = place.run / "networks" / "stage1_fold_7"
    shutil.copytree(place.run / "networks" / "stage1_fold_0", stray)
    call(place, "predict_images", "--images", str(own))
    [folder] = (place.run / "predictions").iterdir()
    used = json.loads((folder / "manifest.json").read_text())["inputs"]
    asked = [f"stage{stage}_fold_{fold}" for stage in (1, 2) for fold in (0, 1, 2)]
    known = [f"familiar/stage1_fold_{fold}" for fold in (0, 1, 2)]
    assert sorted(name for name in used if name != "images") == [*known, *asked]
    shutil.rmtree(place.run / "networks" / "stage1_fold_0")
    shutil.copytree(place.run / "networks" / "stage1_fold_1", stray.with_name("stage1_fold_0"))
    ended = call(place, "predict_images", "--images", str(own), code=2)
    assert "stage1_fold_0 is not what" in ended.stderr


def test_check_77_switched_or_not_a_finished_network_is_the_same(place):
    before = weights(place)
    done = call(place, "train_cnn", "--deterministic")
    assert "train-cnn: nothing to do" in done.stdout
    assert weights(place) == before
    assert "and is kept" not in done.stdout
    rewrite(  # as if a GPU had made it
        place.run / "networks/stage2_fold_1",
        lambda manifest: manifest["facts"].update(repeatable=False),
    )
    done = call(place, "train_cnn", "--deterministic")
    assert done.stdout.count("was trained without DETERMINISTIC=1 on a GPU and is kept.") == 1


def test_one_fold_alone_and_switched(untrained):
    place = untrained
    done = call(place, "train_cnn", "--fold", "1", "--deterministic")
    assert "train-cnn: fold 1 is trained" in done.stdout
    assert "repeatable" not in done.stdout  # a notice for whoever has a GPU and no switch
    facts = json.loads((place.run / "networks/stage1_fold_1/manifest.json").read_text())["facts"]
    assert facts["repeatable"] is True
    assert [path.name for path in sorted((place.run / "networks").iterdir())] == [
        "stage1_fold_1", "stage2_fold_1"
    ]  # fmt: skip
    ended = call(place, "train_cnn", "--fold", "7", code=2)
    assert ended.stderr == "train-cnn: There is no fold FOLD=7; there are 0, 1, 2.\n"


@pytest.mark.parametrize("damage", ["flip", "cut"])
def test_damaged_weights_end_in_one_line(place, damage, tmp_path):
    path = place.run / "networks" / "stage1_fold_0" / "best.safetensors"
    (tmp_path / "own").mkdir()
    data = bytearray(path.read_bytes())
    data[-5] ^= 4
    path.write_bytes(data if damage == "flip" else data[:-1000])
    ended = call(place, "train_cnn", code=2)
    assert ended.stderr.startswith(f"train-cnn: {path} does not match its hash")
    assert ended.stderr.count("\n") == 1
    assert cv2.imwrite(str(tmp_path / "own" / "one.png"), np.full((40, 40, 3), 90, np.uint8))
    ended = call(place, "predict_images", "--images", str(tmp_path / "own"), code=2)
    assert "does not match its hash" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_check_131_a_pickle_is_refused_unopened(untrained, tmp_path):
    marker, pickled = tmp_path / "marker", tmp_path / "weights.pth"
    pickled.write_bytes(f"cposix\nsystem\n(S'touch {marker}'\ntR.".encode())
    own = (f"networks.stage1.net.weights={pickled}",)
    ended = call(untrained, "train_cnn", settings=own, code=2)
    assert "which is not a .safetensors file" in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert not marker.exists()


def test_check_58_sigterm_is_kept_and_the_same_command_goes_on(untrained):
    place = untrained
    often = "networks.stage1.training.checkpoint_s=0.0"
    process = place.start("train_cnn", settings=(*TINY, often))
    checkpoints = place.run / "checkpoints" / "stage1_fold_0"
    while not list(checkpoints.glob("epoch_*")) and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 143
    assert "stopped by SIGTERM; what was finished is kept" in error
    assert list(checkpoints.glob("epoch_*/manifest.json"))


@pytest.mark.parametrize(
    "times", [pytest.param(6, marks=pytest.mark.slow), pytest.param(30, marks=pytest.mark.whole)]
)
def test_check_47_thirty_kills_end_in_the_weights_of_an_unbroken_run(made, untrained, times):
    unbroken, rng, kills = weights(made[0]), np.random.default_rng(0), 0
    often = tuple(f"networks.stage{stage}.training.checkpoint_s=0.0" for stage in (1, 2))
    place = untrained
    while kills < times:
        with place.start("train_cnn", settings=(*TINY, *often), OMP_NUM_THREADS="1") as process:
            if killed(process, place.folder, rng.integers(1, 60), rng.uniform(0, 0.1)):
                kills += 1
                continue
            assert process.returncode == 0, process.stderr.read()
        # It came to its end: begin anew, so that there is something to kill.
        assert weights(place) == unbroken
        shutil.rmtree(place.run / "networks")
    call(place, "train_cnn")
    assert weights(place) == unbroken


def test_predict_on_pictures_of_ones_own(place, tmp_path):
    own = tmp_path / "my pictures"
    (own / "deep").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in ("one.jpg", "deep/two.png", "three.JPEG"):
        assert cv2.imwrite(str(own / name), rng.integers(0, 255, (70, 90, 3)).astype(np.uint8))
    done = call(place, "predict_images", "--images", str(own))
    [folder] = (place.run / "predictions").iterdir()
    rows = pl.read_csv(folder / "predictions.csv")
    assert sorted(rows["picture"]) == ["deep/two", "one", "three"]
    assert rows["stage1_malignant"].is_between(0, 1).all()
    assert (rows["goes_on"] == (rows["stage1_malignant"] >= rows["threshold"])).all()
    shares = rows.select("stage2_MEL", "stage2_BCC", "stage2_SCC").sum_horizontal()
    assert shares.to_list() == pytest.approx([1.0] * 3, abs=1e-6)
    assert json.loads((folder / "predictions.json").read_text())["pictures"] == rows.to_dicts()
    overlays = sorted(path.name for path in (folder / "overlays").iterdir())
    assert [n for n in overlays if "stage1" in n] == [
        "deep__two_stage1.png", "one_stage1.png", "three_stage1.png"
    ]  # fmt: skip
    drawn = cv2.imread(str(folder / "overlays" / "one_stage1.png"))
    assert drawn.shape[1] == 2 * 256  # the picture and the overlay, enlarged for the words below
    assert drawn.shape[0] > 256 * 70 / 90
    page = (folder / "predictions.html").read_text()
    assert page.count("Not a medical device") == 3  # in the head, at the foot, on each printed page
    assert all(f"overlays/{name}" in page for name in overlays)
    assert (rows["unlike"] == (rows["distance"] > 1)).all()
    assert "that stage1 learnt from" in done.stdout
    assert "no medical device" in done.stdout
    assert "nothing to do" in call(place, "predict_images", "--images", str(own)).stdout


def test_predict_names_damaged_pictures_and_leaves_them_out_if_told_so(place, tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    assert cv2.imwrite(str(own / "good.png"), np.full((40, 40, 3), 90, np.uint8))
    (own / "bad.jpg").write_bytes(b"\xff\xd8\xff" + b"noise" * 9)
    ended = call(place, "predict_images", "--images", str(own), code=2)
    assert "Damaged pictures: [bad]; mend them" in ended.stderr
    call(place, "predict_images", "--images", str(own), settings=("verify.corrupt_images=drop",))
    [folder] = (place.run / "predictions").iterdir()
    assert pl.read_csv(folder / "predictions.csv")["picture"].to_list() == ["good"]


def own_pictures(folder, count):
    rng = np.random.default_rng(0)
    folder.mkdir()
    for number in range(count):
        pixels = rng.integers(0, 255, (40, 50, 3)).astype(np.uint8)
        assert cv2.imwrite(str(folder / f"{number:03d}.png"), pixels)
    return folder


def predicted(place):
    """The files of the one prediction, but its manifest."""
    [folder] = (place.run / "predictions").iterdir()
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in files
        if path.name != "manifest.json"
    }


def stopped_while_drawing(place, own, number, *extra):
    """Stop `make predict` by this signal once two batches more of overlays are kept; all files."""
    process = place.start(
        "predict_images", "--images", str(own), *extra, settings=TINY, OMP_NUM_THREADS="1"
    )
    kept = place.run / "checkpoints"

    def batches():
        return len(list(kept.glob("predict_*/overlays_stage1/0*")))

    before = 0 if "--fresh" in extra else batches()
    while process.poll() is None and batches() < before + 2:
        time.sleep(0.01)
    process.send_signal(number)
    process.wait(timeout=60)
    return {path.name: path.stat().st_ino for path in kept.glob("predict_*/overlays_*/0*/*.png")}


@pytest.mark.slow
def test_a_prediction_that_is_stopped_goes_on_to_the_same_bytes(place, tmp_path):
    """Begun anew and killed, then stopped, then left alone: the last two without FRESH=1."""
    own = own_pictures(tmp_path / "own", 150)
    call(place, "predict_images", "--images", str(own))
    unbroken = predicted(place)
    assert len([name for name in unbroken if name.endswith("_stage1.png")]) == 150
    assert stopped_while_drawing(place, own, signal.SIGKILL, "--fresh")
    kept = stopped_while_drawing(place, own, signal.SIGINT)
    assert 32 <= len(kept) < 300
    assert predicted(place) == unbroken  # the old one, until the new one is whole
    done = call(place, "predict_images", "--images", str(own))
    assert "predict: wrote" in done.stdout
    assert predicted(place) == unbroken
    assert not list((place.run / "checkpoints").iterdir())
    [folder] = (place.run / "predictions").iterdir()
    overlays = folder / "overlays"
    assert kept == {name: (overlays / name).stat().st_ino for name in kept}  # drawn once
    hashes = json.loads((folder / "manifest.json").read_text())["files"]
    assert set(hashes) == set(unbroken)
    assert "nothing to do" in call(place, "predict_images", "--images", str(own)).stdout


def test_overlays_are_left_out_if_the_recipe_says_so(place, tmp_path):
    own = own_pictures(tmp_path / "own", 3)
    without = ("predict.overlays=false",)
    call(place, "predict_images", "--images", str(own), settings=without)
    plain = predicted(place)
    assert sorted(plain) == ["predictions.csv", "predictions.html", "predictions.json"]
    page = plain.pop("predictions.html")
    assert b"overlays/" not in page
    call(place, "predict_images", "--images", str(own))
    drawn = predicted(place)
    assert {name: drawn[name] for name in plain} == plain
    assert "overlays/000_stage1.png" in drawn


@pytest.mark.slow
def test_ablation_compares_on_the_same_rows_and_says_where_nothing_is_gained(place):
    settings = ("ablation.network=stage1", "ablation.seeds=[0, 1]",
                'ablation.variants=["no_mixup", "no_hair"]')  # fmt: skip
    done = call(place, "ablate", settings=settings)
    found = json.loads((place.run / "ablation" / "ablation.json").read_text())
    assert list(found["variants"]) == ["no_mixup", "whole"]
    assert "notice: no_hair changes nothing in this recipe and is left out." in done.stdout
    assert found["variants"]["whole"]["minus_whole"]["value"] == 0
    assert all(len(entry["by_seed"]) == 2 for entry in found["variants"].values())
    assert "too few patients" in done.stdout  # of the tiny fold, with a positive, for an interval
    one = place.run / "networks" / "no_mixup_seed_1_stage1_fold_0" / "manifest.json"
    before = one.stat().st_mtime_ns
    changed = ("ablation.network=stage1", "ablation.seeds=[1]", 'ablation.variants=["no_mixup"]',
               "networks.stage1.training.gamma=1.0")  # fmt: skip
    assert "were made from other values" in call(place, "ablate", settings=changed, code=2).stderr
    call(place, "ablate", "--fresh", settings=changed)
    assert one.stat().st_mtime_ns > before
