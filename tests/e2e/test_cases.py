"""Single lesions in the report: shown of drawn data, hidden of people, never of another model."""

import json
import re
import shutil
from math import exp

import h5py
import polars as pl
import pytest

from tests import multimodal as networks
from tests.stages import Place

SMALL = (
    "synthetic.patients=30", "synthetic.rows=400", "synthetic.positives=60",
    "synthetic.images=0", "data.images=none", "stack.networks=false",
    "folds.n_folds=2", "stack.seeds=1", "lightgbm.rounds=10", "lightgbm.min_data_in_leaf=5",
    "score.replicates=100", "score.seeds=[0]",
)  # fmt: skip
SHOWN = "report.pictures=true"


def call(place, stage, *extra, settings=(), code=0):
    return place.call(stage, *extra, settings=(*SMALL, *settings), code=code, OMP_NUM_THREADS="1")


def page(place):
    return (place.run / "report" / "report.html").read_text()


def cases(place):
    return json.loads((place.run / "cases" / "cases.json").read_text())


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """A stack of tables alone."""
    place = Place(tmp_path_factory.mktemp("cases"))
    call(place, "stack")
    return place


@pytest.fixture(scope="module")
def people(tables, tmp_path_factory):
    """The same, of data that nobody says were drawn."""
    place = Place(tmp_path_factory.mktemp("people"))
    shutil.copytree(tables.data, place.data)
    (place.data / "manifest.json").unlink()
    call(place, "stack", "--data", str(place.data))
    return place


def copied(place, tmp_path):
    shutil.copytree(place.folder, tmp_path / "copy")
    return Place(tmp_path / "copy")


def ids_of(place):
    samples = pl.read_parquet(place.run / "samples" / "samples.parquet")
    return {*samples["isic_id"], *samples["patient_id"]}


def test_of_drawn_tables_the_most_wrong_rows_are_shown_with_what_moved_their_scores(
    tables, tmp_path
):
    place = copied(tables, tmp_path)
    call(place, "report")
    rows = pl.read_parquet(place.run / "stack" / "oof_stack.parquet")
    kinds = cases(place)["kinds"]
    positives = rows.filter(pl.col("target") == 1).sort("score", "isic_id")
    negatives = rows.filter(pl.col("target") == 0)
    negatives = negatives.sort("score", "isic_id", descending=[True, False])
    assert [one["id"] for one in kinds["missed"]] == positives["isic_id"].head(6).to_list()
    assert [one["id"] for one in kinds["alarms"]] == negatives["isic_id"].head(6).to_list()
    for one in (*kinds["missed"], *kinds["alarms"]):  # one booster a fold: its odds are the score
        odds = one["explained"]["log_odds"]
        assert 1 / (1 + exp(-odds)) == pytest.approx(one["score"], abs=1e-6)
        assert f">{one['id']}</h4>" in page(place)
        assert len(one["explained"]["columns"]) == 6
    assert "What moves the scores" in page(place)
    assert "data:image" not in page(place)
    told = call(place, "report").stdout.splitlines()
    assert told == [f"report: nothing to do, {place.run / 'report' / 'report.html'} is up to date."]


def test_of_people_no_id_no_patient_and_no_picture_is_written_unless_it_is_asked_for(
    people, tmp_path
):
    place, data = copied(people, tmp_path), ("--data", str(people.data))
    known = ids_of(place)
    assert len(known) > 400
    call(place, "report", *data, settings=(SHOWN,))
    assert any(one in page(place) for one in known)
    for _ in range(2):  # what was asked for before is gone
        call(place, "report", *data)
        files = [*(place.run / "report").iterdir(), *(place.run / "cases").iterdir()]
        assert {path.name for path in files} >= {"report.html", "explained.json", "places.json"}
        for path in files:
            text = path.read_text()
            assert not [one for one in known if one in text], path
            assert "data:image" not in text
        assert "No single lesion, picture or patient is shown" in page(place)
        assert "What moves the scores" in page(place)
        assert "Top 15 of each patient" in page(place)


def test_drawn_data_are_hidden_where_the_recipe_says_so(tables, tmp_path):
    place = copied(tables, tmp_path)
    call(place, "report", settings=("report.pictures=false",))
    assert not [one for one in ids_of(place) if one in page(place)]
    assert not (place.run / "cases" / "cases.json").exists()


def test_a_score_is_explained_by_the_boosters_that_made_it_or_not_at_all(tables, tmp_path):
    place = copied(tables, tmp_path)
    shutil.rmtree(place.run / "boosters" / "stack_fold_1")
    call(place, "report")
    assert "The boosters of fold 1 are not there, or not those that scored its rows." in page(place)
    assert all(one["explained"] is None for kind in cases(place)["kinds"].values() for one in kind)
    place = copied(tables, tmp_path / "again")
    call(place, "features", settings=("features.families=['lesion']",))
    call(place, "report")
    assert "Features, folds, samples or what networks saw are others now" in page(place)


@pytest.fixture
def pictures(multimodal, tmp_path):
    return copied(multimodal, tmp_path)


def test_lesions_have_their_pictures_and_where_the_network_of_their_fold_looked(pictures):
    networks.call(pictures, "report")
    shown = cases(pictures)
    assert (shown["network"], shown["lacks"]) == ("stage1", [])
    every = [one for kind in shown["kinds"].values() for one in kind]
    assert len(every) == 12
    for one in every:
        assert one["picture"].startswith("data:image/jpeg;base64,")
        assert one["heat"].startswith("data:image/jpeg;base64,")
        assert one["picture"] in page(pictures)
        assert all(other["picture"] for other in one["others"])
        assert len(one["others"]) == min(8, one["place"]["of"] - 1)
    others = [one["score"] for one in every[0]["others"]]
    assert others == sorted(others, reverse=True)
    assert not re.search(r'(src|href)="(?!data:|#)', page(pictures))
    assert len(page(pictures)) < 3_000_000


def test_pictures_that_are_others_now_or_lie_elsewhere_are_not_shown(pictures, tmp_path):
    moved = tmp_path / "moved"
    pictures.data.rename(moved)
    networks.call(pictures, "report")
    assert "they do not lie where they were. Name their folder with DATA=." in page(pictures)
    assert "data:image" not in page(pictures)
    moved.rename(pictures.data)
    networks.call(pictures, "report")
    assert "data:image" in page(pictures)
    other = tmp_path / "other"  # pictures of other rows under the same names of files
    networks.call(Place(other), "sample", settings=("synthetic.seed=5",))
    networks.call(pictures, "report", "--data", str(other / "data"))
    assert "data:image" not in page(pictures)
    networks.call(pictures, "report")  # and where they are to be found again
    assert "data:image" in page(pictures)
    shutil.rmtree(pictures.run / "networks" / "stage1_fold_1")
    networks.call(pictures, "report")
    assert "stage1 of fold 1 is not there, or another one than that which" in page(pictures)
    assert cases(pictures)["network"] is None


def test_a_picture_that_is_another_one_now_is_not_shown(pictures):
    networks.call(pictures, "report")
    shown = cases(pictures)["kinds"]
    one, other = shown["missed"][0]["id"], shown["alarms"][0]["id"]
    with h5py.File(pictures.data / "train-image.hdf5", "r+") as file:
        data = {one: file[other][()], other: file[one][()]}
        for name, bytes_ in data.items():
            del file[name]
            file[name] = bytes_
    networks.call(pictures, "report", "--fresh")
    assert "No picture is shown: they are others now than those that" in page(pictures)
    assert "data:image" not in page(pictures)


def test_a_blend_ranks_the_cases_and_the_stack_explains_them(pictures):
    networks.call(pictures, "stack", settings=("blend.policy=rank_average",))
    networks.call(pictures, "report")
    rows = pl.read_parquet(pictures.run / "stack" / "oof_stack.parquet")
    worst = rows.filter(pl.col("target") == 1).sort("score", "isic_id")["isic_id"][0]
    [first, *_] = cases(pictures)["kinds"]["missed"]
    assert first["id"] == worst
    assert first["explained"] is not None
    assert "what is handed in, and ranks the lesions here, is rank_average, a blend." in page(
        pictures
    )
