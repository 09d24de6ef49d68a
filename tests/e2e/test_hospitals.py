"""`make hospitals` as people meet it: both runs, paired by id, killed and gone on with, refused."""

import json
import shutil

import numpy as np
import polars as pl
import pytest

from metrics.ranking import auc
from tests.launcher import killed
from tests.stages import Place

SMALL = (
    "synthetic.patients=36", "synthetic.rows=360", "synthetic.positives=72",
    "synthetic.images=0", "data.images=none", "stack.networks=false",
    "folds.n_folds=3", "stack.seeds=1", "lightgbm.rounds=10", "lightgbm.min_data_in_leaf=5",
    "score.replicates=100", "score.seeds=[0]",
)  # fmt: skip
THREE = ("Hospital 0", "Hospital 1", "Hospital 2")


def call(place, *extra, settings=(), stage="hospitals", code=0):
    return place.call(
        stage, "--jobs", "1", "--data", str(place.data), *extra,
        settings=(*SMALL, *settings), code=code, OMP_NUM_THREADS="1",
    )  # fmt: skip


def drawn(folder, settings=SMALL, *changes):
    """A competition of three hospitals, of which the last alone has the site 'elsewhere'."""
    place = Place(folder)
    place.call("sample", settings=settings)
    (place.data / "manifest.json").unlink()
    path = place.data / "train-metadata.csv"
    rows = pl.read_csv(path, infer_schema=False)
    names = rows["attribution"].unique().sort().to_list()
    home = {name: THREE[number % 3] for number, name in enumerate(names)}
    rows = rows.with_columns(pl.col("attribution").replace(home))
    strange = (pl.col("attribution") == THREE[2]) & (pl.int_range(pl.len()) % 4 == 0)
    site = pl.when(strange).then(pl.lit("elsewhere")).otherwise(pl.col("anatom_site_general"))
    rows.with_columns(site.alias("anatom_site_general"), *changes).write_csv(path)
    return place


def sheet_of(place):
    return json.loads((place.run / "hospitals" / "all" / "hospitals.json").read_text())


def made_at(place):
    return {path: path.stat().st_mtime_ns for path in place.run.rglob("manifest.json")}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    place = drawn(tmp_path_factory.mktemp("hospitals"))
    return place, call(place).stdout


@pytest.fixture
def place(whole, tmp_path):
    shutil.copytree(whole[0].folder, tmp_path / "copy")
    return Place(tmp_path / "copy")


def test_both_runs_score_the_same_rows_and_differ_as_their_own_tables_say(whole):
    place, said = whole
    sheet = sheet_of(place)
    hospital = pl.read_csv(place.data / "train-metadata.csv", infer_schema=False).select(
        "isic_id", "attribution"
    )
    own, inner = (
        pl.read_parquet(run / "stack" / "oof_stack.parquet").sample(fraction=1.0, shuffle=True)
        for run in (place.run, place.run / "hospitals" / "run")
    )
    both = own.join(inner, on="isic_id", suffix="_out").join(hospital, on="isic_id")
    entries = [*((name, both.filter(pl.col("attribution") == name)) for name in THREE)]
    for (name, rows), entry in zip(entries, sheet["hospitals"], strict=True):
        assert entry["hospitals"] == [name]
        assert (entry["n"], entry["positives"]) == (len(rows), rows["target"].sum())
        scores = entry["scores"]["stack"]
        first, second = (
            auc(rows["target"].to_numpy(), rows[column].to_numpy())
            for column in ("score", "score_out")
        )
        assert scores["cross_validated"]["auc"]["value"] == pytest.approx(first, abs=1e-12)
        assert scores["left_out"]["auc"]["value"] == pytest.approx(second, abs=1e-12)
        assert scores["minus"]["auc"]["value"] == pytest.approx(second - first, abs=1e-12)
        assert rows["fold_out"].n_unique() == 1
    assert sheet["overall"]["n"] == len(both) == 360
    assert sheet["order"] == ["stack", "age_sex_site", "own_row_only"]
    assert sheet["one_run_alone"] == {"cross_validated": 0, "left_out": 0}
    assert (
        "each alone: Hospital 0; Hospital 1; Hospital 2 (alone are those with a positive)." in said
    )
    assert "hospitals: 360 rows scored both ways, 72 positives, 36 patients" in said
    assert not (place.run / "hospitals" / "run" / "samples").exists()  # shared, as are features


def test_a_category_of_the_hospital_that_is_left_out_is_unseen_by_its_boosters(whole):
    place, _ = whole
    rows = pl.read_csv(place.data / "train-metadata.csv", infer_schema=False)
    strange = rows.filter(pl.col("anatom_site_general") == "elsewhere")
    *others, last = sheet_of(place)["hospitals"]
    assert last["unseen"]["categories"]["cat_anatom_site_general"] == 1
    assert last["unseen"]["rows"] >= len(strange) > 0
    assert not any("cat_anatom_site_general" in one["unseen"]["categories"] for one in others)
    features = pl.read_parquet(place.run / "features" / "features.parquet")
    [code] = features.join(strange, on="isic_id")["cat_anatom_site_general"].unique()
    for fold in range(3):
        folder = place.run / "hospitals" / "run" / "boosters" / f"stack_fold_{fold}"
        known = json.loads((folder / "use.json").read_text())["levels"]["cat_anatom_site_general"]
        assert (code in known) is (fold != 2)


def test_again_there_is_nothing_to_do(place):
    before = made_at(place)
    said = call(place).stdout
    assert said == f"hospitals: nothing to do, {place.run / 'hospitals' / 'all'} is up to date.\n"
    assert made_at(place) == before
    shutil.rmtree(place.run / "hospitals" / "run" / "boosters" / "stack_fold_2")
    planned = place.call(
        "plan", "--data", str(place.data), settings=SMALL, OMP_NUM_THREADS="1"
    ).stdout
    assert "hospitals/run/boosters/stack_fold_2" in planned


def test_another_value_redoes_what_hangs_on_it_in_both_runs(place):
    before = made_at(place)
    call(place, settings=("score.top_k=5",))
    after = made_at(place)
    changed = {p.parent.relative_to(place.run).as_posix() for p in after if before[p] != after[p]}
    assert changed == {"stack", "hospitals/run/stack", "hospitals/all"}


def test_other_hospitals_stop_and_are_made_anew_at_a_word_the_outer_run_spared(place):
    alone = ('folds.hospitals=["Hospital 1"]',)
    refused = call(place, settings=alone, code=2).stderr
    assert refused.startswith("hospitals: ")
    assert "folds.hospitals" in refused
    assert "'make hospitals FRESH=1'" in refused
    before = made_at(place)
    call(place, "--fresh", settings=alone)
    entries = sheet_of(place)["hospitals"]
    assert [one["hospitals"] for one in entries] == [["Hospital 1"], ["Hospital 0", "Hospital 2"]]
    inner = place.run / "hospitals"
    after = made_at(place)
    outer = {path for path in before if not path.is_relative_to(inner)}
    assert {path: after[path] for path in outer} == {path: before[path] for path in outer}


@pytest.mark.parametrize("changes", [4, 20])
def test_killed_it_goes_on_to_the_same_numbers(whole, place, changes):
    """Now in the inner run's folds, now among its boosters."""
    shutil.rmtree(place.run / "hospitals")
    words = ("hospitals", "--jobs", "1", "--data", str(place.data))
    with place.start(*words, settings=SMALL, OMP_NUM_THREADS="1") as process:
        assert killed(process, place.run, changes, 0.0)
    # A unit has its manifest before it has its name: one that was killed between is not finished.
    begun = {
        path: at
        for path, at in made_at(place).items()
        if ".tmp" not in str(path.relative_to(place.run))
    }
    call(place)
    after = made_at(place)
    assert {path: after[path] for path in begun} == begun  # what was finished stays
    assert sheet_of(place) == sheet_of(whole[0])
    assert not list(place.run.rglob("*.tmp*"))


def test_a_hospital_without_a_positive_has_no_score_and_rows_of_a_holdout_are_counted(tmp_path):
    never = pl.when(pl.col("attribution") == THREE[1]).then(pl.lit("0")).otherwise(pl.col("target"))
    place = drawn(tmp_path, SMALL, never.alias("target"))
    call(place, settings=("folds.scheme=holdout", "folds.test_share=0.25", "folds.valid_share=0.5"))
    sheet = sheet_of(place)
    assert [one["hospitals"][0] for one in sheet["hospitals"]] == [THREE[0], THREE[2], THREE[1]]
    last = sheet["hospitals"][-1]
    assert (last["scores"], last["reason"]) == (None, "no positive")
    alone = sheet["one_run_alone"]
    assert alone["cross_validated"] == 0
    assert alone["left_out"] == 360 - sheet["overall"]["n"] > 0


def test_the_page_has_both_ways_in_words(place):
    call(place, stage="report")
    page = (place.run / "report" / "report.html").read_text()
    assert "A hospital left out" in page
    assert "left out minus cross-validated, pAUC" in page
    assert "age_sex_site by hospital" in page


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        (
            "folds.scheme=leave_one_hospital_out",
            "hospitals: folds.scheme is 'leave_one_hospital_out' already, so that there is no "
            "cross-validation to hold it against; take folds.scheme=stratified_groups.\n",
        ),
        (
            'folds.hospitals=["Hospital 9"]',
            "hospitals: folds.hospitals names Hospital 9; there are Hospital 0, Hospital 1, "
            "Hospital 2.\n",
        ),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_trained(whole, tmp_path, setting, sentence):
    place = Place(tmp_path)
    shutil.copytree(whole[0].data, place.data)
    assert call(place, settings=(setting,), code=2).stderr == sentence
    assert not (place.run / "boosters").exists()


NETWORKS = (
    'use_networks=["small"]', "synthetic.patients=36", "synthetic.rows=300",
    "synthetic.positives=60", "folds.n_folds=3", "folds.anchor_share=0.2", "align.anchors=anchor",
    "align.least_anchors=10", "verify.near_duplicates=false", "networks.small.net.size=32",
    "networks.small.training.phases=[{ epochs = 1, lr = 3e-3 }]", "networks.small.views=one",
    "networks.small.training.epoch_samples=96", "align.pca=8", "score.replicates=100",
    "score.seeds=[0]", "stack.seeds=1", "lightgbm.rounds=10", "lightgbm.min_data_in_leaf=5",
    "blend.policy=mean",
)  # fmt: skip


@pytest.mark.slow
def test_networks_aligned_on_anchors_are_trained_without_each_hospital(tmp_path):
    # Anchors are patients without a positive, whom such a drawing hardly has.
    spared = pl.col("patient_id").rank("dense") % 2 == 0
    target = pl.when(spared).then(pl.lit("0")).otherwise(pl.col("target"))
    place = drawn(tmp_path, NETWORKS, target.alias("target"))
    words = ("--jobs", "1", "--data", str(place.data))
    said = place.call("hospitals", *words, settings=NETWORKS, OMP_NUM_THREADS="1").stdout
    assert "anchors are of the others)." in said
    sheet = sheet_of(place)
    assert sheet["order"] == [
        "mean", "stack", "age_sex_site", "images", "own_row_only", "small", "tabular"
    ]  # fmt: skip
    inner = place.run / "hospitals" / "run"
    folds = [pl.read_parquet(run / "folds" / "folds.parquet") for run in (place.run, inner)]
    anchors = [set(one.filter(pl.col("split") == "anchor")["isic_id"]) for one in folds]
    assert all(anchors)
    assert sheet["one_run_alone"] == {
        "cross_validated": len(anchors[1] - anchors[0]), "left_out": len(anchors[0] - anchors[1])
    }  # fmt: skip
    assert sheet["overall"]["n"] == 300 - len(anchors[0] | anchors[1])
    # The network's own numbers, by id, of the hospital that is left out first.
    blocks = [
        pl.read_parquet(run / "blocks" / "small" / "oof.parquet") for run in (place.run, inner)
    ]
    first = folds[1].filter(pl.col("fold") == 0).select("isic_id")
    rows = pl.read_csv(place.data / "train-metadata.csv", infer_schema=False)
    both = blocks[0].join(blocks[1], on="isic_id", suffix="_out").join(first, on="isic_id")
    both = both.join(rows.select("isic_id", "target"), on="isic_id").reverse()
    scores = sheet["hospitals"][0]["scores"]["small"]
    for way, suffix in (("cross_validated", ""), ("left_out", "_out")):
        expected = auc(
            both["target"].cast(pl.Int8).to_numpy(),
            both[f"oof_small_probability{suffix}"].to_numpy(),
        )
        assert scores[way]["auc"]["value"] == pytest.approx(expected, abs=1e-12)
    assert np.isfinite(scores["minus"]["pauc"]["value"])
    again = place.call("hospitals", *words, settings=NETWORKS, OMP_NUM_THREADS="1").stdout
    assert again.startswith("hospitals: nothing to do, ")
