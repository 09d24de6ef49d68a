"""`make folds` as people meet it: made once, kept, checked, resumed, refused in one line."""

import json
import random
import shutil
import signal
import socket
import time

import polars as pl
import pytest

from tests.launcher import killed
from tests.stages import SMALL, Place
from workspace.hdf5 import ImageArchive, write_archive
from workspace.lock import lock_of


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The small sample with its folds, made once; tests copy it before they bend it."""
    place = Place(tmp_path_factory.mktemp("made"))
    return place, place.call("folds")


@pytest.fixture
def place(made, tmp_path):
    shutil.copytree(made[0].folder, tmp_path / "copy")
    return Place(tmp_path / "copy")


def files_of(place):
    return {path.name: path.read_bytes() for path in sorted((place.run / "folds").iterdir())}


def test_one_command_ends_with_folds(made):
    place, done = made
    lines = done.stdout.splitlines()
    assert lines[0] == f"sample: making {place.data}."
    assert lines[1].startswith(f"sample: drew {place.data}: 16 patients, 160 rows, 24 positives")
    assert lines[1].endswith("Synthetic: no person is in it.")
    assert any(line.startswith("verify: 160 rows, 24 positives, 16 patients,") for line in lines)
    assert lines[-1].startswith(f"folds: wrote {place.run / 'folds' / 'folds.parquet'} (hash ")
    assert done.stderr == ""
    held = pl.read_parquet(place.run / "folds" / "folds.parquet").filter(pl.col("split") == "train")
    counts = held["fold"].value_counts()["count"]
    assert counts.sum() == 160
    assert (counts > 0).all()


def test_a_second_call_redoes_nothing_and_says_so_in_one_line(place):
    before = files_of(place)
    [line] = place.call("folds").stdout.splitlines()
    assert line.startswith(f"folds: nothing to do, {place.run / 'folds'} is up to date (hash ")
    assert files_of(place) == before


def test_check_63_touch_alone_redoes_nothing(place):
    (place.data / "train-metadata.csv").touch()
    (place.data / "train-image.hdf5").touch()
    assert "folds: nothing to do" in place.call("folds").stdout


def test_other_values_stop_with_their_names_and_fresh_makes_anew(place):
    before = place.fold_hash()
    other = (*SMALL, "folds.n_folds=4")
    done = place.call("folds", code=2, settings=other)
    assert done.stderr == (
        f"folds: {place.run / 'folds'} was made from other values (folds.n_folds); restore them, "
        "take another folder, or run 'make folds FRESH=1' with the new ones.\n"
    )
    assert place.fold_hash() == before
    assert place.fold_hash("--fresh", settings=other) != before


def test_changed_raw_data_is_verified_anew_and_stops_the_folds(place):
    shutil.rmtree(place.data)
    place.call("sample", "--seed", "1")
    done = place.call("folds", code=2, settings=(*SMALL, "synthetic.seed=1"))
    assert "verify: 160 rows" in done.stdout
    assert "was made from other values (input samples.parquet" in done.stderr


def test_an_edited_row_is_caught_by_the_next_stage(place):
    path = place.run / "folds" / "folds.parquet"
    folds = pl.read_parquet(path)
    folds.with_columns(
        pl.when(pl.col("isic_id") == folds["isic_id"][0]).then((pl.col("fold") + 1) % 5)
        .otherwise(pl.col("fold")).cast(pl.Int16).alias("fold")
    ).write_parquet(path)  # fmt: skip
    assert place.call("folds", code=2).stderr == (
        f"folds: {path} does not match its hash: it was changed after it was written; "
        "restore it, or delete the folder folds and run 'make folds', which makes it alone anew.\n"
    )


def test_the_same_folds_from_shuffled_rows_other_threads_and_hash_seeds(made, tmp_path):
    first = made[0].fold_hash()
    shuffled = Place(tmp_path)
    shutil.copytree(made[0].data, shuffled.data)
    for name in ("train-metadata.csv", "test-metadata.csv"):
        head, *rows = (shuffled.data / name).read_text().splitlines(keepends=True)
        random.Random(1).shuffle(rows)
        (shuffled.data / name).write_text(head + "".join(rows))
    arguments = ("--data", str(shuffled.data))
    assert shuffled.fold_hash(*arguments, PYTHONHASHSEED="7", POLARS_MAX_THREADS="1") == first
    assert (
        shuffled.fold_hash(*arguments, "--fresh", PYTHONHASHSEED="0", OMP_NUM_THREADS="1") == first
    )


def test_every_problem_is_named_in_one_pass(place):
    path = place.data / "train-metadata.csv"
    lines = path.read_text().splitlines(keepends=True)
    cells = lines[1].split(",")
    lines[1] = ",".join([cells[0], "2", "  ", *cells[3:]])
    path.write_text("".join([*lines, lines[5]]))
    done = place.call("verify", "--data", str(place.data), code=2)
    report = json.loads((place.run / "samples" / "verify.json").read_text())
    assert [finding["check"] for finding in report["errors"]] == [
        "duplicate-id", "missing-group", "bad-target",
    ]  # fmt: skip
    assert done.stderr.startswith("verify: Duplicate isic_id rows: [")
    assert done.stdout.count("error: ") == 2
    assert "Traceback" not in done.stderr
    again = place.call("folds", "--data", str(place.data), code=2)
    assert again.stderr.replace("folds: ", "verify: ") == done.stderr


def test_data_that_is_not_there_is_never_drawn_in_its_place(tmp_path):
    place = Place(tmp_path)
    done = place.call("folds", "--data", str(tmp_path / "typo"), code=2)
    assert done.stderr.startswith(f"folds: train-metadata.csv is missing in {tmp_path / 'typo'}; ")
    assert not (tmp_path / "typo").exists()


def test_sample_never_writes_over_files_it_did_not_write(tmp_path):
    place = Place(tmp_path)
    place.data.mkdir()
    (place.data / "mine.txt").touch()
    assert place.call("sample", code=2).stderr == (
        f"sample: {place.data} holds files that 'make sample' did not write; name another folder "
        "with DATA=, or move them away.\n"
    )
    assert [path.name for path in place.data.iterdir()] == ["mine.txt"]
    (place.data / "manifest.json").write_text("{}")
    assert "did not write" in place.call("sample", "--fresh", code=2).stderr
    assert (
        "did not write"
        in place.call("sample", "--data", str(place.data / "mine.txt"), code=2).stderr
    )


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_check_58_a_stop_is_clean(tmp_path, number, code):
    """While the default sample is drawn, which takes seconds, so that the signal meets work."""
    place = Place(tmp_path)
    with place.start("folds", settings=()) as process:
        while not place.run.exists():
            time.sleep(0.01)
        time.sleep(0.5)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == code
    assert errors.endswith(
        f"folds: stopped by {number.name}; what was finished is kept, the same command goes on.\n"
    )
    assert not place.run.joinpath("folds").exists()
    place.call("folds")
    assert not list(tmp_path.rglob("*.tmp"))
    assert not list(tmp_path.rglob("*.lock"))


def test_check_61_a_second_process_leaves_the_first_its_unit_and_redoes_nothing(place):
    folder, host = place.run / "folds", socket.gethostname()
    lock = lock_of(folder)
    written = {path: path.stat().st_mtime_ns for path in place.run.rglob("manifest.json")}
    with place.start("folds", "--fresh") as first:
        while not (lock.exists() and lock.read_text()):
            time.sleep(0.001)
        first.send_signal(signal.SIGSTOP)
        assert lock.exists()  # it was stopped while it had the unit
        with place.start("folds", "--fresh") as second:
            seen = ""
            while "is being made by" not in seen:
                time.sleep(0.001)
                assert second.poll() is None, second.stderr.read()
                seen += second.stdout.readline()
            first.send_signal(signal.SIGCONT)
            assert first.wait(timeout=60) == 0
            once = (folder / "manifest.json").stat().st_mtime_ns
            rest, errors = second.communicate(timeout=60)
        assert first.stderr.read() == ""
    assert (second.returncode, errors) == (0, "")
    assert seen.splitlines()[-1] == (
        f"{folder} is being made by pid {first.pid} on {host}; going on with others."
    )
    assert f"folds: nothing to do, {folder}" in rest
    now = {path: path.stat().st_mtime_ns for path in place.run.rglob("manifest.json")}
    assert now == written | {folder / "manifest.json": once}
    assert once > written[folder / "manifest.json"]
    assert not list(place.run.rglob("*.lock"))


def test_check_60_a_run_directory_that_cannot_be_written(tmp_path):
    place = Place(tmp_path)
    place.run.write_text("a file is in the way")
    assert place.call("folds", code=2).stderr == (
        f"folds: Cannot write {place.run}: File exists; what was there before is untouched.\n"
    )
    assert place.run.read_text() == "a file is in the way"


def test_an_unknown_option_is_one_line(tmp_path):
    done = Place(tmp_path).call("folds", "--set", "folds.nfolds=3", code=2)
    assert done.stderr == (
        "folds: Unknown option 'folds.nfolds' in SET; did you mean 'folds.n_folds'?\n"
    )


def test_check_140_logs_and_manifests_name_no_patient_and_no_path(made):
    place, _ = made
    for path in [*place.run.rglob("manifest.json"), place.run / "log.jsonl"]:
        text = path.read_text()
        assert "IP_" not in text
        if path.name == "manifest.json":
            assert str(place.folder) not in text
    for line in (place.run / "log.jsonl").read_text().splitlines():
        assert {"time", "level", "stage", "message"} <= set(json.loads(line))


def test_a_seed_of_the_folds_leaves_the_drawing_alone(place):
    first = place.fold_hash()
    done = place.call("folds", "--seed", "3", code=2)
    assert "was made from other values (seed); " in done.stderr
    assert place.fold_hash("--seed", "3", "--fresh") != first


def test_losing_every_positive_to_damage_is_an_error(place):
    shutil.copytree(place.data, place.folder / "hurt")
    table = pl.read_csv(place.data / "train-metadata.csv", infer_schema=False)
    lost = set(table.filter(pl.col("target") == "1")["isic_id"])
    archive = ImageArchive(place.data / "train-image.hdf5")
    names, _ = archive.names()
    write_archive(
        place.folder / "hurt" / "train-image.hdf5",
        ((name, b"<html>" if name in lost else archive.read(name)) for name in names),
    )
    given = ("--data", str(place.folder / "hurt"), "--set", "verify.corrupt_images='drop'")
    done = place.call("folds", *given, code=2)
    assert done.stderr == "folds: Training needs both classes; found 0 positives in 136 rows.\n"


def test_synthetic_data_is_called_so_wherever_its_numbers_show(made):
    _, done = made
    assert "no person is in it" in done.stdout
    assert "notice: data was drawn by 'make sample': it shows no person" in done.stdout
    assert "folds: held out by scheme 'stratified_groups', synthetic data:" in done.stdout


def test_a_damaged_look_is_redone(place):
    (place.run / "audit" / "00000" / "thumbs.npy").write_bytes(b"torn")
    before = place.fold_hash()
    shutil.rmtree(place.run / "samples")
    assert place.fold_hash() == before


FEW = ("synthetic.patients=8", "synthetic.rows=60", "synthetic.positives=12", "folds.n_folds=3")


@pytest.mark.parametrize(
    "times", [pytest.param(8, marks=pytest.mark.slow), pytest.param(30, marks=pytest.mark.whole)]
)
def test_killed_again_and_again_the_folds_are_the_same(tmp_path, times):
    """By turns from nothing, so that drawing and looking are hit, and over folds that exist."""
    place, moments = Place(tmp_path / "place"), random.Random(0)
    wanted = place.fold_hash(settings=FEW)
    hits, most = 0, {True: 12, False: 30}  # files that come or go, over folds that exist or not
    for attempt in range(90):
        again = bool(attempt % 2)
        if not again:
            shutil.rmtree(place.folder)
        with place.start("folds", *["--fresh"] * again, settings=FEW) as process:
            changes, moment = moments.randint(1, most[again]), moments.uniform(0, 0.02)
            hits += killed(process, place.folder, changes, moment)
        assert place.fold_hash(settings=FEW) == wanted
        assert not list(place.folder.rglob("*.tmp"))
        if hits == times:
            return
    pytest.fail(f"only {hits} of {attempt + 1} kills hit a running stage")
