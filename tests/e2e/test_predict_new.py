"""`make predict DATA=` with a run of networks and tables: both, tables alone, pictures alone."""

import io
import json
import shutil
import signal
import time
import zipfile
from html import unescape

import h5py
import numpy as np
import polars as pl
import pytest
import torch
from rich.console import Console

from pipeline.distances import NOT_CHECKED
from pipeline.job import Job
from pipeline.meaning import MEANING
from pipeline.recipe import load_recipe
from reports.desk import ConsoleDesk
from scripts.predict import run
from stacking.matrix import assemble, lazily
from stacking.unseen import score_unseen
from stacking.use import USE
from tests.stages import Place
from workspace.errors import DermstackError, listed
from workspace.hashing import HashMemory
from workspace.units import open_unit

TINY = (
    'use_networks=["stage2", "small"]', "synthetic.patients=30", "synthetic.rows=260",
    "synthetic.positives=60", "folds.n_folds=2", "networks.stage2.net.backbone=test_convnext",
    "networks.stage2.net.weights=none",
    "networks.stage2.net.size=32", "networks.stage2.net.hidden=[16]",
    "networks.stage2.net.dropout=[0.1, 0.1]",
    "networks.stage2.training.phases=[{ epochs = 1, lr = 1e-3 }]",
    "networks.stage2.training.inner_folds=2",
    "networks.small.training.phases=[{ epochs = 1, lr = 3e-3 }]",
    "networks.small.training.epoch_samples=128", "networks.small.net.size=32",
    "score.replicates=100", "score.seeds=[0]", "stack.seeds=1", "lightgbm.rounds=10",
    "lightgbm.min_data_in_leaf=5",
)  # fmt: skip
WEIGHTED = ("blend.policy=weighted",)


def call(place, stage, *extra, settings=(), code=0):
    return place.call(stage, *extra, settings=(*TINY, *settings), code=code, OMP_NUM_THREADS="1")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    place = Place(tmp_path_factory.mktemp("both"))
    call(place, "stack", settings=("blend.policy=stack",))
    return place


@pytest.fixture
def place(made, tmp_path):
    shutil.copytree(made.folder, tmp_path / "copy")
    return Place(tmp_path / "copy")


@pytest.fixture
def new(place, tmp_path):
    """The competition's own test folder, as another hospital would hand in theirs."""
    folder = tmp_path / "new"
    folder.mkdir()
    for name in ("test-metadata.csv", "test-image.hdf5"):
        shutil.copy(place.data / name, folder)
    return folder


@pytest.fixture
def pictures(new, tmp_path):
    """The same pictures, without the table."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name, data in crops(new / "test-image.hdf5").items():
        (folder / f"{name}.jpg").write_bytes(data)
    return folder


def crops(path):
    with h5py.File(path) as archive:
        return {name: np.asarray(archive[name]).tobytes() for name in archive}


@pytest.fixture(autouse=True)
def one_thread():
    """As the stages in a process of their own had it, whose sums are to be met to the bit."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def predict(place, data, *settings):
    """What a call in this process says."""
    recipe = load_recipe("sample", [*TINY, f"data.folder={data}", *settings])
    said = Console(file=io.StringIO(), width=200)
    memory = HashMemory(place.run / ".hashes.json")
    run(Job("predict", recipe, place.run, memory, ConsoleDesk(said), own_data=True))
    return said.file.getvalue()


def refusal(place, data, *settings):
    """The one line in which it ends."""
    with pytest.raises(DermstackError) as refused:
        predict(place, data, *settings)
    assert not (place.run / "predictions").exists()
    return str(refused.value)


def prediction(place, data, file="predictions.csv"):
    [folder] = (place.run / "predictions").glob(f"{data.name}-*")
    return pl.read_csv(folder / file)


def rows_of(page):
    """What a page's script draws."""
    return json.loads(page.partition('id="content">')[2].partition("</script>")[0])


def same_as_the_test_set(place, data):
    """Whether ids, scores and spreads are those of the stack's own test rows, to the bit."""
    ours = prediction(place, data).rename({"target": "score"})
    own = pl.read_parquet(place.run / "stack" / "test_stack.parquet")
    own = own.select("isic_id", "score", "fold_sd", "log_odds_sd")
    spread = prediction(place, data, "details.csv").select("isic_id", "fold_sd", "log_odds_sd")
    return ours.join(spread, on="isic_id").equals(own)


def by_part(place, name, table_of):
    """The scores of a part's boosters, of each fold's table of all columns."""
    folds = {k: open_unit(place.run / "boosters" / f"{name}_fold_{k}", "stack") for k in (0, 1)}

    def view(fold):
        table, columns = table_of(fold), folds[fold].json(USE)["columns"]
        return assemble(table.select("isic_id"), [lazily("test", columns, table.lazy)])

    return score_unseen(view, folds, "probability")["score"]


def test_the_competitions_own_test_folder_scores_as_its_test_set(place, new):
    shown = call(place, "predict", "--data", str(new)).stdout
    assert "predict: used stack (tabular columns, small, stage2).\n" in shown
    assert same_as_the_test_set(place, new)
    assert prediction(place, new, "details.csv").columns == [
        "isic_id", "score", "fold_sd", "log_odds_sd", "flagged", "trained_on",
        "small_malignant", "stage2_MEL", "stage2_BCC", "stage2_SCC",
    ]  # fmt: skip
    assert not list(place.run.glob("embeddings/*/new_*"))  # they served their turn
    assert "nothing to do" in predict(place, new)


def test_a_blend_scores_the_test_folder_as_its_test_set(place, new):
    call(place, "stack", settings=WEIGHTED)
    shown = predict(place, new)  # as the run did, whatever the recipe says now
    assert "predict: used weighted of images, small, stack, tabular.\n" in shown
    assert same_as_the_test_set(place, new)
    (new / "test-image.hdf5").unlink()
    new.rename(new.with_name("tables"))
    shown = predict(place, new.with_name("tables"))
    assert (
        "predict: no picture in DATA: used tabular; not used: stack, images, small, stage2; "
        "weighted, which the run hands in, needs others.\n"
    ) in shown
    assert "rank none of these scores among those of weighted." in shown


def test_who_ranks_and_who_flags_are_those_of_the_stack(place, new):
    some = ("blend.policy=rank_and_flag", 'blend.members=["small", "stack", "tabular"]')
    call(place, "stack", settings=some)
    stack = open_unit(place.run / "stack", "stack")
    roles = stack.json("metrics.json")["blend"]["roles"]["all_rows"]
    shown = predict(place, new)
    told = f"rank_and_flag: ranked by {roles['ranks']}, flagged by {roles['flags']}"
    assert f"predict: used {told}.\n" in shown
    assert same_as_the_test_set(place, new)
    threshold = stack.json("threshold.json")
    own = stack.parquet("test_stack.parquet")
    details = prediction(place, new, "details.csv").join(own, on="isic_id", validate="1:1")
    for name in ("flag_score", "flag_fold_sd", "flag_log_odds_sd"):
        assert details[name].equals(details[f"{name}_right"], check_names=False)
    assert (
        details["flagged"].to_list() == (details["flag_score"] >= threshold["on_average"]).to_list()
    )
    assert f"of {roles['flags']}'s own scores (flag_score in details.csv)" in shown


def test_a_network_none_of_whose_columns_are_used_is_a_member_still(place, new):
    some = ("blend.policy=mean", 'stack.leave_out=["emb_small_*", "oof_small_*"]')
    call(place, "stack", settings=some)
    assert "predict: used mean of images, small, stack, tabular.\n" in predict(place, new)
    assert same_as_the_test_set(place, new)


def test_tables_alone_are_scored_by_the_tabular_part(place, new):
    predict(place, new, "data.images=none")
    (new / "test-image.hdf5").unlink()
    shutil.copytree(new, new.with_name("tables"))
    shown = predict(place, new.with_name("tables"))
    assert (
        "predict: no picture in DATA: used tabular; not used: stack, images, small, stage2.\n"
        "notice: tabular has a scale of its own: rank none of these scores among those of stack.\n"
    ) in shown
    table = pl.read_parquet(place.run / "features" / "test_features.parquet")
    ours = prediction(place, new.with_name("tables"))
    assert ours["target"].equals(by_part(place, "tabular", lambda _: table), check_names=False)
    assert ours.equals(prediction(place, new))


def test_pictures_alone_are_scored_by_the_part_of_images(place, pictures):
    shown = predict(place, pictures)
    assert (
        "predict: no table in DATA: used images (small, stage2); not used: stack, tabular.\n"
    ) in shown
    assert "notice: no table says whose the pictures are: each is taken for a patient.\n" in shown
    ours = prediction(place, pictures)

    def alone(fold):
        """The blocks' test rows, had every lesion a patient of its own."""
        table = None
        for name in ("small", "stage2"):
            block = pl.read_parquet(place.run / "blocks" / name / "test.parquet")
            block = block.filter(pl.col("fold") == fold).drop("fold", "maker")
            table = block if table is None else table.join(block, on="isic_id")
        lone = {"_nearest": None, "_mean": None, "_largest": None, "_ratio": 1.0,
                "_difference": 0.0, "_patient_rank": 0.5}  # fmt: skip
        return table.with_columns(
            pl.lit(value, dtype=pl.Float32).alias(name)
            for ending, value in lone.items()
            for name in table.columns
            if name.endswith(ending)
        )

    assert ours["target"].equals(by_part(place, "images", alone), check_names=False)
    packed = pictures.with_name("pictures.zip")
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(pictures.iterdir(), reverse=True):
            archive.write(path, path.name)
    predict(place, packed)
    assert prediction(place, packed).equals(ours)


def test_tables_and_pictures_alone_are_as_far_from_what_was_learnt(place, new, pictures):
    """By two ways through the code: kept embeddings of rows, and pictures looked at in pieces."""
    said = predict(place, new)
    assert (
        "notice: whether pictures are unlike those learnt from is not said: where the run's own "
        'pictures lie is not said; name their folder once, SET="predict.learnt=folder".'
    ) in " ".join(said.split())
    assert "unlike" not in prediction(place, new, "details.csv").columns
    [file] = (place.run / "predictions").glob(f"{new.name}-*/predictions.html")
    told, skin = unescape(file.read_text()), "it knows nothing of skin."
    assert all(note in told for note in (NOT_CHECKED, MEANING, skin))
    said = predict(place, new, f"predict.learnt={place.data}")
    details = prediction(place, new, "details.csv")
    assert (details["unlike"] == (details["distance"] > 1)).all()
    told = unescape(file.read_text())
    assert [note in told for note in (NOT_CHECKED, MEANING, skin)] == [False, True, True]
    content = rows_of(file.read_text())
    _, bins = content["speakers"][0]["meaning"]
    held_out = pl.read_parquet(place.run / "stack" / "oof_stack.parquet")["target"].drop_nulls()
    assert [sum(b[at] for b in bins) for at in (2, 3)] == [len(held_out), held_out.sum()]
    assert [one["name"] for one in content["speakers"]] == ["stack", "small", "stage2"]
    assert {row[0]: row[2] for row in content["rows"]} == {
        name: float(f"{far:.5g}") for name, far in details.select("isic_id", "distance").iter_rows()
    }
    assert {row[0]: row[3][0][1][1] for row in content["rows"]} == {
        name: float(f"{target:.5g}") for name, target in prediction(place, new).iter_rows()
    }
    assert all(row[4] for row in content["rows"])
    decided = [content["decisions"][row[1]] for row in content["rows"]]
    assert decided.count("flagged") == (details["flagged"] & ~details["unlike"]).sum()
    gauge = "stage2" if "those that stage2 learnt from" in " ".join(said.split()) else "small"
    settings = (f'predict.networks=["{gauge}"]', "predict.overlays=false")
    call(place, "predict_images", "--images", str(pictures), settings=settings)
    alone = prediction(place, pictures).select(
        pl.col("picture").alias("isic_id"), pl.col("distance").alias("other")
    )
    both = details.join(alone, on="isic_id", validate="1:1")
    assert len(both) == len(details)
    np.testing.assert_allclose(both["distance"], both["other"], rtol=1e-3)
    kept = sorted((place.run / "familiar").glob("*/manifest.json"))
    assert [path.parent.name for path in kept] == [f"{gauge}_fold_0", f"{gauge}_fold_1"]
    again = predict(place, new)  # once it is known, nobody need name the folder
    assert "notice: whether pictures" not in again


def test_some_rows_without_a_picture_are_refused_by_name(place, new):
    with h5py.File(new / "test-image.hdf5", "a") as archive:
        gone = sorted(archive)[:2]
        for name in gone:
            del archive[name]
    assert refusal(place, new) == (
        f"2 rows of the new data without a picture: {listed(gone)}; the run learnt from none "
        'such. Add the pictures, or score all rows by the tables alone with SET="data.images=none".'
    )


def test_pictures_of_other_names_are_not_taken_for_none(place, new, pictures):
    (new / "test-image.hdf5").unlink()
    folder = new / "test-image" / "image"
    folder.mkdir(parents=True)
    path = next(pictures.iterdir())
    shutil.copy(path, folder / "mole.jpg")
    assert refusal(place, new) == (
        "No row of the new data has a picture, but 1 picture of other names is there: [mole]; call "
        'them by the rows\' ids, or score by the tables alone with SET="data.images=none".'
    )


def test_a_damaged_picture_ends_in_one_line_or_is_left_out(place, pictures):
    path = sorted(pictures.iterdir())[0]
    path.write_bytes(path.read_bytes()[:100])
    assert refusal(place, pictures) == (
        f"Damaged pictures: [{path.stem}]; mend them, or leave them out with "
        'SET="verify.corrupt_images=drop".'
    )
    predict(place, pictures, "verify.corrupt_images=drop")
    ours = prediction(place, pictures)
    assert len(ours) == 64
    assert path.stem not in ours["isic_id"]


def test_a_changed_or_missing_network_is_named(place, new):
    """Each fold's boosters learnt from what this very network says."""
    units = [place.run / "networks" / f"small_fold_{fold}" for fold in (0, 1)]
    aside = units[0].with_name("aside")
    units[1].rename(aside)
    shutil.copytree(units[0], units[1])
    assert refusal(place, new) == (
        f"{units[1]} is not the network that {place.run / 'blocks' / 'small'} was made by; restore "
        "it, or run 'make stack' again."
    )
    shutil.rmtree(units[1])
    assert refusal(place, new) == (
        f"{units[1]} is not there or unfinished; run 'make train-cnn' first."
    )
    aside.rename(units[1])
    shutil.rmtree(place.run / "blocks" / "small")
    assert refusal(place, new) == (
        f"{place.run} was stacked with small, which is no network of the run and cannot look at "
        'new data; score by the tables alone with SET="data.images=none".'
    )
    predict(place, new, "data.images=none")  # which needs no network


def test_what_was_trained_on_is_known_among_pictures_too(place, pictures):
    trained = crops(place.data / "train-image.hdf5")
    name, data = sorted(trained.items())[0]
    (pictures / "deep").mkdir()
    (pictures / "deep" / f"{name}.jpg").write_bytes(data)
    shown = predict(place, pictures)
    assert f"notice: 1 row of the new data was trained on by {place.run}" in shown
    details = prediction(place, pictures, "details.csv")
    assert details.filter(pl.col("trained_on"))["isic_id"].to_list() == [f"deep/{name}"]


def test_a_killed_prediction_goes_on_to_the_same_scores(place, new):
    with place.start("predict", "--data", str(new), settings=TINY) as process:
        while process.poll() is None and not list(
            place.run.glob("embeddings/small_fold_1/new_*/manifest.json")
        ):
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    if process.returncode != 0:  # a fast machine was done before the signal
        assert list(place.run.glob("embeddings/small_fold_0/new_*"))
    predict(place, new)
    assert same_as_the_test_set(place, new)
    assert not list(place.run.glob("embeddings/*/new_*"))


@pytest.fixture
def half_seen(tmp_path):
    """A run some of whose training and test rows have no picture."""
    place = Place(tmp_path / "half")
    place.call("sample", settings=TINY)
    for split in ("train", "test"):
        with h5py.File(place.data / f"{split}-image.hdf5", "a") as archive:
            for name in sorted(archive)[::10]:
                del archive[name]
    few = (*TINY, "data.images=some", 'use_networks=["small"]', "blend.policy=stack")
    place.call("stack", "--data", str(place.data), settings=few, OMP_NUM_THREADS="1")
    return place, few


def test_rows_without_a_picture_are_scored_as_such_rows_in_training(half_seen, tmp_path):
    place, few = half_seen
    new = tmp_path / "new"
    new.mkdir()
    for name in ("test-metadata.csv", "test-image.hdf5"):
        shutil.copy(place.data / name, new)
    shown = place.call("predict", "--data", str(new), settings=few).stdout
    assert "notice: 7 rows without a picture, as in training: networks say nothing there" in shown
    assert same_as_the_test_set(place, new)
