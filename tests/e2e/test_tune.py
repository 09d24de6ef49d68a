"""`make tune` as people meet it: killed and gone on with, shared, refused in a sentence, used."""

import json
import shutil
import time
import tomllib

import numpy as np
import polars as pl
import pytest

from folds.groups import GROUP
from metrics.ranking import auc
from stacking.leaks import permuted_by_patient
from stacking.tuning.space import USE
from tests.stages import Place

TRIALS = 6
SMALL = (
    "synthetic.patients=40", "synthetic.rows=480", "synthetic.positives=80",
    "synthetic.images=0", "data.images=none", "stack.networks=false",
    "folds.n_folds=3", "stack.seeds=2", "lightgbm.rounds=20", "lightgbm.min_data_in_leaf=5",
    "score.replicates=100", "score.seeds=[0]", f"tune.trials={TRIALS}", "tune.random=3",
)  # fmt: skip
STUDIES = ("all_folds", "fold_0", "fold_1", "fold_2")


def tune(place, *extra, settings=(), code=0):
    return place.call("tune", "--jobs", "1", *extra, settings=(*SMALL, *settings), code=code)


def trials_of(place):
    return pl.read_parquet(place.run / "tune" / "trials.parquet")


def sheet_of(place):
    return json.loads((place.run / "tune" / "tuning.json").read_text())


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    place = Place(tmp_path_factory.mktemp("tuned"))
    return place, tune(place)


@pytest.fixture
def begun(whole, tmp_path):
    """The same run before anything of it is tuned."""
    shutil.copytree(whole[0].folder, tmp_path / "copy")
    place = Place(tmp_path / "copy")
    for folder in ("tune", "trials", "boosters"):
        shutil.rmtree(place.run / folder)
    return place


def check_whole(place):
    """Each study has as many trials as were asked for, no two alike."""
    table = trials_of(place)
    values = [name for name in table.columns if "." in name]
    for study in STUDIES:
        own = table.filter(pl.col("study") == study)
        assert own["number"].to_list() == list(range(TRIALS)), study
        assert set(own["state"]) == {"complete"}
        assert own.select(values).n_unique() == TRIALS
    return table


def test_every_study_has_its_trials_and_the_recipes_own_values_first(whole):
    place, said = whole
    table = check_whole(place)
    first = table.filter(pl.col("number") == 0)
    assert set(first["lightgbm.rounds"]) == {20}
    for name, study in sheet_of(place)["studies"].items():
        own = table.filter(pl.col("study") == name)
        assert study["best_inner_pauc"] == own["pauc"].max() >= study["own_inner_pauc"]
    assert "optimistic" in said.stdout
    assert "tuned minus own" in said.stdout


def test_the_tuned_score_is_of_boosters_that_never_met_the_fold(whole):
    place, _ = whole
    sheet = sheet_of(place)
    for fold in range(3):
        best = sheet["studies"][f"fold_{fold}"]["best_values"]
        manifest = json.loads(
            (place.run / "boosters" / f"tuned_fold_{fold}" / "manifest.json").read_text()
        )
        assert manifest["settings"]["lightgbm"]["rounds"] == best["lightgbm.rounds"]
        tried = json.loads((place.run / "trials" / f"fold_{fold}_0000" / "trial.json").read_text())
        assert tried["pauc"].keys() == {str(k) for k in range(3)} - {str(fold)}
    nested = sheet["nested"]
    difference = nested["tuned"]["pauc"]["value"] - nested["own"]["pauc"]["value"]
    assert nested["tuned_minus_own"]["pauc"]["value"] == pytest.approx(difference, abs=1e-12)
    assert nested["n"] == 480


def test_again_there_is_nothing_to_do(whole):
    place, _ = whole
    assert tune(place).stdout.startswith("tune: nothing to do, ")


@pytest.mark.slow
def test_killed_twice_it_goes_on_to_the_same_values(whole, begun):
    for after in (3, 13):
        process = begun.start("tune", "--jobs", "1", settings=SMALL)
        deadline = time.monotonic() + 120
        while len(list(begun.run.glob("trials/*/manifest.json"))) < after:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.005)
        process.kill()
        process.wait(60)
    assert not (begun.run / "tune").exists()
    tune(begun)
    check_whole(begun)
    for file in ("tuned.toml", "trials.parquet"):
        ours, theirs = (place.run / "tune" / file for place in (begun, whole[0]))
        assert ours.read_bytes() == theirs.read_bytes()


@pytest.mark.slow
def test_two_calls_share_the_trials_of_a_run(whole, begun):
    processes = [begun.start("tune", "--jobs", "1", settings=SMALL) for _ in range(2)]
    for process in processes:
        said, complained = process.communicate(timeout=300)
        assert process.returncode == 0, said + complained
    check_whole(begun)
    ours, theirs = (place.run / "tune" / "tuned.toml" for place in (begun, whole[0]))
    assert ours.read_bytes() == theirs.read_bytes()


def test_more_trials_go_on_from_those_that_are_there(whole, tmp_path):
    shutil.copytree(whole[0].folder, tmp_path / "copy")
    place = Place(tmp_path / "copy")
    before = {path: path.stat().st_mtime_ns for path in place.run.glob("trials/*/manifest.json")}
    tune(place, "--trials", str(TRIALS + 2))
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert len(list(place.run.glob("trials/*/manifest.json"))) == len(before) + 2 * len(STUDIES)


def test_the_tuned_values_are_a_recipe(whole, tmp_path):
    place, _ = whole
    overlay = place.run / "tune" / "tuned.toml"
    stated = tomllib.loads(overlay.read_text())
    assert stated["base"] == "sample"
    best = sheet_of(place)["studies"]["all_folds"]["best_values"]
    assert stated["lightgbm"]["rounds"] == best["lightgbm.rounds"]
    left_out = [
        f"{key.removeprefix(USE)}_*" for key, on in best.items() if key.startswith(USE) and not on
    ]
    assert stated["stack"].get("leave_out", []) == [one.lstrip(".") for one in left_out]
    other = Place(tmp_path)
    kept = [one for one in SMALL if not one.startswith(("lightgbm.", "tune."))]
    other.call("stack", "--recipe", str(overlay), settings=(*kept, f"data.folder={place.data}"))
    assert json.loads((other.run / "stack" / "metrics.json").read_text())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (("tune.families=false",), "looks for other values: there are use."),
        (("seed=1",), "made from other values"),
        (("lightgbm.max_bin=127",), "was made from other values (lightgbm.max_bin)"),
        (("folds.n_folds=2",), "made from other values"),
    ],
)
def test_a_study_of_something_else_is_refused(whole, settings, message):
    place, _ = whole
    refused = place.call("tune", settings=(*SMALL, *settings), code=2).stderr
    assert message in refused
    assert refused.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--trials", "0"), "tune: TRIALS=0 is no number of trials; take 1 or more.\n"),
        (("--storage", "nowhere"), "tune: STORAGE is no address of a database; write "),
    ],
)
def test_words_that_make_no_sense_are_told(begun, words, message):
    assert tune(begun, *words, code=2).stderr.startswith(message)


def test_two_folds_are_too_few_to_choose_for_one(tmp_path):
    place = Place(tmp_path)
    refused = tune(place, settings=("folds.n_folds=2",), code=2).stderr
    assert refused.startswith(
        "tune: tune.nested=true chooses for a fold on two others at the least"
    )
    said = tune(place, settings=("folds.n_folds=2", "tune.nested=false", "tune.trials=2")).stdout
    assert "tune: not nested, so that no score is of rows that had no say." in said


def test_a_locked_database_is_one_sentence(begun, tmp_path):
    refused = tune(begun, "--storage", f"sqlite:///{tmp_path}/no/such/folder.db", code=2).stderr
    assert refused.startswith("tune: The studies in sqlite:///")
    assert refused.count("\n") == 1


@pytest.mark.whole
def test_labels_by_a_coin_are_at_chance_nested_and_above_it_inside(tmp_path):
    """What is chosen on rows flatters on them, and not on the rows of the outer fold."""
    nested, inside = [], []
    for seed in range(4):
        place = Place(tmp_path / str(seed))
        place.call("sample", settings=SMALL)
        (place.data / "manifest.json").unlink()
        path = place.data / "train-metadata.csv"
        rows = pl.read_csv(path, infer_schema=False)
        coin = np.random.default_rng(seed).random(len(rows)) < 0.2
        rows.with_columns(target=pl.Series(coin.astype(int)).cast(pl.String)).write_csv(path)
        tune(place, "--data", str(place.data))
        sheet = sheet_of(place)
        nested.append(sheet["nested"]["tuned"]["auc"]["value"])
        inside.append(sheet["studies"]["all_folds"]["best_inner_pauc"])
    assert np.mean(nested) == pytest.approx(0.5, abs=0.06)  # one has a standard error of .03
    assert np.mean(inside) > 0.025  # a constant score has .02: chosen, so above


EQUAL = 6  # lesions of each patient: or counting them would tell who can have several positives


def equal_patients(rows):
    """The first lesions of each patient who has so many."""
    many = rows.filter(pl.len().over("patient_id") >= EQUAL)
    return many.filter(pl.int_range(pl.len()).over("patient_id") < EQUAL)


def aucs_by_fold(place, name):
    """Of the fold's own rows: pooled, folds with more positives would rank too low."""
    labels = pl.read_parquet(place.run / "samples" / "samples.parquet").select("isic_id", "target")
    for path in sorted((place.run / "boosters").glob(f"{name}_fold_*/scores.parquet")):
        rows = pl.read_parquet(path).join(labels, on="isic_id", validate="1:1")
        yield auc(rows["target"].to_numpy(), rows["score"].to_numpy())


@pytest.mark.slow
def test_labels_permuted_by_patient_are_at_chance_through_tune_and_stack(tmp_path):
    """Each patient's positives go together to another patient; nothing tells to whom."""
    aucs = {"tuned": [], "stack": []}
    for seed in range(6):
        place = Place(tmp_path / str(seed))
        place.call("sample", settings=SMALL)
        (place.data / "manifest.json").unlink()
        path = place.data / "train-metadata.csv"
        rows = equal_patients(pl.read_csv(path, infer_schema=False))
        known = rows.select(pl.col("patient_id").alias(GROUP), pl.col("target").cast(pl.Int8))
        dealt = permuted_by_patient(known, np.random.default_rng(seed)).astype(str)
        rows.with_columns(target=pl.Series(dealt)).write_csv(path)
        tune(place, "--data", str(place.data))
        for name, several in aucs.items():
            several.extend(aucs_by_fold(place, name))
    for several in aucs.values():
        assert len(several) == 6 * 3
        assert np.mean(several) == pytest.approx(0.5, abs=0.06)  # a standard error is some .02
