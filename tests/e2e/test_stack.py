"""`make stack submission predict audit` as people meet them: whole, kept, redone where needed."""

import hashlib
import json
import random
import shutil

import numpy as np
import polars as pl
import pytest

from tests.launcher import killed
from tests.multimodal import record_anew
from tests.stages import Place

SMALL = (
    "synthetic.patients=30", "synthetic.rows=400", "synthetic.positives=60",
    "synthetic.images=0", "data.images=none", "stack.networks=false",
    "folds.n_folds=3", "stack.seeds=2", "lightgbm.rounds=20", "lightgbm.min_data_in_leaf=5",
    "score.replicates=100", "score.seeds=[0]", "audit.rounds=10", "audit.permutations=2",
)  # fmt: skip


def call(place, stage, *extra, settings=(), code=0, **environment):
    return place.call(stage, *extra, settings=(*SMALL, *settings), code=code, **environment)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    place = Place(tmp_path_factory.mktemp("stacked"))
    return place, call(place, "submission")


@pytest.fixture
def place(made, tmp_path):
    shutil.copytree(made[0].folder, tmp_path / "copy")
    return Place(tmp_path / "copy")


def submission_of(place):
    return (place.run / "submission" / "submission.csv").read_bytes()


def trees_of(place):
    """A hash of all trees of all boosters."""
    texts = [
        path.read_text().split("\nparameters:")[0]
        for path in sorted((place.run / "boosters").glob("*/seed_*.txt"))
    ]
    assert len(texts) == 3 * 2 * 3  # folds, seeds, the stack and two baselines
    return hashlib.sha256("".join(texts).encode()).hexdigest()


def made_at(place):
    """When each unit was finished."""
    return {
        path.parent.relative_to(place.run).as_posix(): path.stat().st_mtime_ns
        for path in place.run.rglob("manifest.json")
    }


def test_one_command_ends_with_a_submission_that_its_own_scorer_takes(made):
    place, done = made
    assert done.stdout.splitlines()[-1].startswith(
        f"submission: wrote {place.run / 'submission' / 'submission.csv'}: "
    )
    written = pl.read_csv(place.run / "submission" / "submission.csv")
    sample = pl.read_csv(place.data / "sample_submission.csv")
    assert written.columns == ["isic_id", "target"]
    assert written["isic_id"].to_list() == sample["isic_id"].to_list()  # in the sample's order
    assert written["target"].is_between(0, 1).all()
    call(
        place, "score", "--solution", str(place.data / "solution.csv"),
        "--submission", str(place.run / "submission" / "submission.csv"),
    )  # fmt: skip


def test_the_oof_table_has_each_id_once_with_its_fold_and_maker(made):
    place, _ = made
    oof = pl.read_parquet(place.run / "stack" / "oof_stack.parquet")
    folds = pl.read_parquet(place.run / "folds" / "folds.parquet")
    held = folds.filter(pl.col("split") == "train").select("isic_id", "fold").sort("isic_id")
    assert oof.select("isic_id", "fold").equals(held)
    assert oof["maker"].n_unique() == 3
    assert oof.group_by("maker").agg(pl.col("fold").n_unique())["fold"].to_list() == [1, 1, 1]


def test_metrics_hold_the_stack_its_folds_and_every_baseline(made):
    place, done = made
    metrics = json.loads((place.run / "stack" / "metrics.json").read_text())
    assert list(metrics["baselines"]) == ["age_sex_site", "best_column", "constant", "own_row_only"]
    assert len(metrics["folds"]["folds"]) == 3
    value = metrics["stack"]["metrics"]["pauc"]
    assert value["low"] < value["value"] < value["high"]
    assert metrics["stack"]["metrics"]["top_15_retrieval_sensitivity"]["value"] > 0
    assert f"{value['value']:.3f} {value['low']:.3f}-{value['high']:.3f}" in done.stdout
    assert metrics["baselines"]["constant"]["metrics"]["pauc"]["value"] == pytest.approx(0.02)
    importance = pl.read_csv(place.run / "stack" / "importance.csv")
    assert importance["gain"].sum() == pytest.approx(1)


def test_a_second_call_does_nothing(place):
    before = made_at(place), submission_of(place)
    shown = call(place, "submission").stdout
    path = place.run / "submission" / "submission.csv"
    assert shown == f"submission: nothing to do, {path} is up to date.\n"
    assert (made_at(place), submission_of(place)) == before


@pytest.mark.parametrize(
    ("setting", "redone"),
    [
        ("score.top_k=5", {"stack"}),
        ("stack.shap_rows=10", {"stack boosters", "stack"}),
        ("stack.average=rank", {"stack", "submission"}),
        ("lightgbm.rounds=21", {"boosters", "stack", "submission"}),
        ('stack.leave_out=["ctx_*"]', {"stack boosters", "stack", "submission"}),
        ('features.families=["raw", "lesion", "categories", "z"]', {"features", "boosters", "stack",
                                                                    "submission"}),
    ],
)  # fmt: skip
def test_a_changed_value_redoes_what_depends_on_it_and_nothing_else(place, setting, redone):
    before = made_at(place)
    call(place, "submission", settings=(setting,))
    after = made_at(place)
    changed = {name for name, at in after.items() if before.get(name) != at}
    boosters = {name for name in after if name.startswith("boosters/")}
    expected = {name for name in redone if " " not in name and name != "boosters"}
    if "boosters" in redone:
        expected |= boosters
    if "stack boosters" in redone:
        expected |= {name for name in boosters if name.startswith("boosters/stack_")}
    assert changed == expected


def test_check_73_shuffled_rows_threads_and_hash_seeds_give_the_same_bits(made, tmp_path):
    other = Place(tmp_path)
    shutil.copytree(made[0].data, other.data)
    manifest = (other.data / "manifest.json").read_text()
    for name in ("train-metadata.csv", "test-metadata.csv"):
        header, *lines = (other.data / name).read_text().splitlines()
        random.Random(0).shuffle(lines)
        (other.data / name).write_text("\n".join([header, *lines]) + "\n")
    assert manifest
    call(
        other, "submission", "--data", str(other.data),
        OMP_NUM_THREADS="1", POLARS_MAX_THREADS="1", PYTHONHASHSEED="7",
    )  # fmt: skip
    assert trees_of(other) == trees_of(made[0])
    assert submission_of(other) == submission_of(made[0])


def test_a_kill_in_the_middle_costs_one_fold_at_most(made, tmp_path):
    place = Place(tmp_path)
    shutil.copytree(made[0].folder, tmp_path, dirs_exist_ok=True)
    shutil.rmtree(place.run / "boosters")
    shutil.rmtree(place.run / "stack")
    moments, hits = random.Random(0), 0
    for _ in range(6):
        with place.start("submission", settings=SMALL) as process:
            hits += killed(process, place.run, moments.randint(1, 12), moments.uniform(0, 0.05))
    assert hits > 2
    call(place, "submission")
    assert submission_of(place) == submission_of(made[0])
    assert trees_of(place) == trees_of(made[0])
    assert not list(place.run.rglob("*.tmp*"))


def new_data(place, folder):
    """A folder with the test table alone, as another hospital would hand it in."""
    folder.mkdir()
    shutil.copy(place.data / "test-metadata.csv", folder)
    return folder


def test_check_134_a_damaged_model_ends_predict_in_one_line(place, tmp_path):
    path = next((place.run / "boosters").glob("stack_fold_1/seed_1.txt"))
    path.write_text(path.read_text().replace("split_feature=", "split_feature=9", 1))
    new = new_data(place, tmp_path / "new")
    ended = call(place, "predict", "--data", str(new), code=2)
    assert ended.stderr == (
        f"predict: {path} does not match its hash: it was changed after it was written; restore "
        "it, or delete the folder stack_fold_1 and run 'make stack', which makes it alone anew.\n"
    )


def test_predict_gives_the_test_rows_the_scores_that_were_submitted(place, tmp_path):
    new = new_data(place, tmp_path / "hospital")
    shown = call(place, "predict", "--data", str(new)).stdout
    [folder] = (place.run / "predictions").iterdir()
    assert f"predict: wrote {folder / 'predictions.csv'}" in shown
    ours = pl.read_csv(folder / "predictions.csv")
    submitted = pl.read_csv(place.run / "submission" / "submission.csv")
    both = ours.join(submitted, on="isic_id", validate="1:1", suffix="_submitted")
    assert len(both) == len(submitted)
    assert (both["target"] == both["target_submitted"]).all()
    assert "nothing to do" in call(place, "predict", "--data", str(new)).stdout


def test_a_member_that_sees_whole_patients_predicts_what_was_submitted(place, tmp_path):
    """Whose each row is comes from the sample table there, and from the new table here."""
    new = new_data(place, tmp_path / "hospital")
    settings = ('stack.boosters=["set_attention"]', "set_attention.rounds=3")
    call(place, "submission", settings=settings)
    call(place, "predict", "--data", str(new), settings=settings)
    [folder] = (place.run / "predictions").iterdir()
    submitted = pl.read_csv(place.run / "submission" / "submission.csv")
    both = pl.read_csv(folder / "predictions.csv").join(submitted, on="isic_id", validate="1:1")
    assert (both["target"] == both["target_right"]).all()


def test_check_155_a_limit_tries_the_whole_way_on_some_rows(place, tmp_path):
    tried, settings = Place(place.folder), ("data.limit=150",)
    run = ("--run", str(tmp_path / "rehearsal"))
    shown = call(tried, "submission", *run, settings=settings).stdout
    assert "A rehearsal: 150 rows of 400 taken (data.limit)" in shown
    oof = pl.read_parquet(tmp_path / "rehearsal" / "stack" / "oof_stack.parquet")
    assert (len(oof), oof["target"].sum()) == (150, 60)
    whole = pl.read_csv(place.run / "submission" / "submission.csv")
    short = pl.read_csv(tmp_path / "rehearsal" / "submission" / "submission.csv")
    assert set(short["isic_id"]) == set(whole["isic_id"])
    new = new_data(place, tmp_path / "hospital")
    call(tried, "predict", "--data", str(new), *run, settings=settings)
    [folder] = (tmp_path / "rehearsal" / "predictions").iterdir()
    again = pl.read_csv(folder / "predictions.csv").join(short, on="isic_id", validate="1:1")
    assert len(again) == len(whole)
    assert (again["target"] == again["target_right"]).all()
    call(tried, "report", *run, settings=settings)
    page = (tmp_path / "rehearsal" / "report" / "report.html").read_text()
    assert "A rehearsal: 150 rows of 400 taken" in page


def test_predict_of_a_run_that_is_not_there_makes_none(place, tmp_path):
    typo = Place(tmp_path / "typo")
    ended = call(typo, "predict", "--data", str(place.data), code=2)
    assert ended.stderr == (
        f"predict: There is no run {typo.run}; name a finished one with RUN=.\n"
    )
    assert not typo.folder.exists()


def test_predict_averages_as_the_run_did_whatever_the_recipe_says_now(made, tmp_path):
    shutil.copytree(made[0].folder, tmp_path / "copy")
    place, new = Place(tmp_path / "copy"), tmp_path / "new"
    call(place, "submission", settings=("stack.average=rank",))
    new.mkdir()
    shutil.copy(place.data / "test-metadata.csv", new)
    call(place, "predict", "--data", str(new))
    [folder] = (place.run / "predictions").iterdir()
    submitted = pl.read_csv(place.run / "submission" / "submission.csv")
    both = pl.read_csv(folder / "predictions.csv").join(submitted, on="isic_id", validate="1:1")
    assert (both["target"] == both["target_right"]).all()


def test_predict_refuses_features_that_the_boosters_did_not_learn_from(place, tmp_path):
    path = place.data / "train-metadata.csv"
    table = pl.read_csv(path, infer_schema=False)
    word = pl.when(pl.int_range(pl.len()) == 0).then(pl.lit("aaa")).otherwise("anatom_site_general")
    other = tmp_path / "other"
    other.mkdir()
    table.with_columns(word.alias("anatom_site_general")).write_csv(other / path.name)
    shutil.copy(place.data / "test-metadata.csv", other)
    call(place, "features", "--data", str(other))
    new = new_data(place, tmp_path / "new")
    ended = call(place, "predict", "--data", str(new), code=2)
    assert "belong to; run 'make stack' again." in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_predict_says_which_rows_and_patients_were_trained_on(place, tmp_path):
    new = new_data(place, tmp_path / "mixed")
    train = pl.read_csv(place.data / "train-metadata.csv", infer_schema=False)
    train.head(3).write_csv(new / "train-metadata.csv")
    shown = call(place, "predict", "--data", str(new)).stdout
    assert "notice: 3 rows of the new data were trained on by" in shown
    [folder] = (place.run / "predictions").iterdir()
    assert pl.read_csv(folder / "details.csv")["trained_on"].sum() == 3


@pytest.mark.parametrize("scheme", ["holdout", "leave_one_hospital_out"])
def test_other_schemes_are_stacked_and_submitted_too(scheme, tmp_path):
    """Of a holdout there is one fold, which has no spread over folds."""
    place = Place(tmp_path)
    few = ("stack.seeds=1", "lightgbm.rounds=5", f"folds.scheme={scheme}", "folds.test_share=0.25",
           "folds.valid_share=0.25", 'data.id_pattern="ISIC_[0-9]{7}"')  # fmt: skip
    call(place, "submission", settings=few)
    test = pl.read_parquet(place.run / "stack" / "test_stack.parquet")
    splits = {"holdout": {"test", "holdout"}}.get(scheme, {"test"})
    assert set(test["split"]) == splits
    assert (test["fold_sd"].null_count() == len(test)) is (scheme == "holdout")


def test_predict_of_one_row_alone_works(place, tmp_path):
    """A column that is constant here was not when the features were fitted."""
    new = tmp_path / "one"
    new.mkdir()
    lines = (place.data / "test-metadata.csv").read_text().splitlines()
    (new / "test-metadata.csv").write_text("\n".join(lines[:2]) + "\n")
    call(place, "predict", "--data", str(new))
    [folder] = (place.run / "predictions").iterdir()
    assert len(pl.read_csv(folder / "predictions.csv")) == 1


def test_check_16_predict_refuses_data_that_lack_a_column(place, tmp_path):
    new = tmp_path / "short"
    new.mkdir()
    pl.read_csv(place.data / "test-metadata.csv", infer_schema=False).drop("tbp_lv_H").write_csv(
        new / "test-metadata.csv"
    )
    ended = call(place, "predict", "--data", str(new), code=2)
    assert ended.stderr == "predict: Feature columns missing in test-metadata.csv: ['tbp_lv_H'].\n"


def test_predict_refuses_the_rows_it_was_trained_on(place, tmp_path):
    new = tmp_path / "old"
    new.mkdir()
    shutil.copy(place.data / "train-metadata.csv", new)
    ended = call(place, "predict", "--data", str(new), code=2)
    assert "All 400 rows were trained on" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_the_audit_of_a_clean_run_holds(place):
    shown = call(place, "audit").stdout
    checks = json.loads((place.run / "leaks" / "leaks.json").read_text())
    assert [check["holds"] for check in checks] == [True] * 9
    assert shown.splitlines()[-1] == (
        f"audit: 9 checks hold; see {place.run / 'leaks' / 'leaks.json'}."
    )


def test_the_audit_finds_a_feature_table_that_is_not_what_the_rows_give(place):
    """As if a column had been made with the labels: the kept table and the rows disagree."""
    table = pl.read_parquet(place.run / "features" / "features.parquet")
    leaky = table.with_columns(pz_tbp_lv_H=pl.Series(np.arange(len(table)), dtype=pl.Float32))
    leaky.write_parquet(place.run / "features" / "features.parquet")
    record_anew(place.run / "features")
    ended = call(place, "audit", code=2)
    assert (
        "checks found a leak: features of training rows ignore the test rows. See" in ended.stderr
    )


def test_repeats_are_refused_in_one_line(tmp_path):
    ended = call(Place(tmp_path), "stack", settings=("folds.repeats=2",), code=2)
    assert ended.stderr == (
        "stack: The stack works on one repeat of the folds; folds.repeats is 2.\n"
    )
