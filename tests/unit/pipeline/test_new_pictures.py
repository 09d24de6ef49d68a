"""Which of a run's networks answer about pictures, by which folds, and into which files."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from PIL import Image

from folds.images import ImageReader
from models.inference.scores import score_pictures
from models.networks import opened
from models.networks.opened import open_network
from models.networks.use import maker_of, use_of
from pipeline import new_pictures
from pipeline.answerers import answering_networks, cascade_of, challenged_by
from pipeline.answerers import folds_of as units_of
from pipeline.answers import Answer
from pipeline.machine import Machine
from pipeline.new_pictures import BLIND, _pictures, _rows
from scripts import predict_images
from submissions.isic_challenge import CATEGORIES
from tests.by_hand.pictures import PicturesByHand, random_weights
from tests.by_hand.units import files_in
from workspace.errors import ArtifactError, ConfigError, DataError, one_line
from workspace.units import open_unit


@pytest.fixture
def run(tmp_path):
    return PicturesByHand(tmp_path)


def keep(run, name, classes=("benign", "malignant"), **values):
    """A network's folds, and the joined one that knows them."""
    weights = values.pop("weights", lambda fold: None)
    units = {k: run.keep_network(name, k, classes, weights=weights(k), **values) for k in range(3)}
    with run.making("networks", name, stage="train-cnn") as draft:
        draft.json("metrics.json", {})
        draft.parquet(
            "oof.parquet", pl.DataFrame({"isic_id": ["a0"], f"oof_{name}_malignant": 0.5})
        )
        makers = {str(k): maker_of(unit) for k, unit in units.items()}
        draft.facts |= {"makers": makers, "classes": list(classes)}
    return units


def answering(run, *settings):
    networks = answering_networks(run.job(*settings))
    return {name: [unit.folder.name for unit in units] for name, units in networks.items()}


def folds_of(name):
    return [f"{name}_fold_{k}" for k in range(3)]


def test_the_cascade_answers_and_no_other_network(run):
    for name in ("flag", "which", "small"):
        keep(run, name)
    both = {name: folds_of(name) for name in ("flag", "which")}
    assert answering(run, 'use_networks=["flag", "which", "small"]') == both


def test_of_a_cascade_the_first_answers_alone_while_the_second_is_not_there(run):
    keep(run, "flag")
    assert answering(run) == {"flag": folds_of("flag")}


def test_without_the_cascades_first_all_that_are_finished_answer(run):
    keep(run, "which")
    run.keep_network("flag", 0)  # a fold that was never joined
    assert answering(run) == {"which": folds_of("which")}


def test_those_that_are_named_answer_in_this_order(run):
    for name in ("flag", "which"):
        keep(run, name)
    found = answering(run, 'predict.networks=["which", "flag"]')
    assert list(found) == ["which", "flag"]


def test_a_network_that_is_named_but_not_finished_is_refused_with_those_that_are(run):
    keep(run, "flag")
    with pytest.raises(ConfigError) as refused:
        answering(run, 'predict.networks=["which", "flag"]')
    assert str(refused.value) == (
        f"predict.networks names which, which {run.run} holds no finished network of; there are "
        "flag."
    )


def test_a_run_without_networks_is_told_what_to_do_first(run):
    with pytest.raises(ArtifactError) as refused:
        answering(run)
    assert str(refused.value) == f"{run.run} holds no networks; run 'make train-cnn' first."


def test_a_run_of_another_recipes_networks_is_not_told_to_train(run):
    keep(run, "lite")
    with pytest.raises(ConfigError) as refused:
        answering(run)
    assert str(refused.value) == (
        f"{run.run} holds networks (lite), but none that sample uses; name the run's own RECIPE=."
    )


def test_a_prediction_of_pictures_keeps_the_recipe_of_its_networks(run, tmp_path):
    keep(run, "flag")
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "a.png").write_bytes((run.data / "pictures" / "a0.png").read_bytes())
    asked = run.job("predict.overlays=false", "networks.flag.training.gamma=0.5", "seed=9")
    task = new_pictures.answering(replace(asked, files={"images": mine}), mine)
    trained = open_unit(run.run / "networks" / "flag_fold_0", "train-cnn").manifest
    assert task.as_of.recipe == {
        **trained.recipe, **{n: asked.recipe.resolved()[n] for n in ("data", "verify", "predict")}
    }  # fmt: skip
    assert task.as_of.seed == trained.seed != 9


def test_a_fold_that_was_trained_anew_is_not_what_was_joined(run):
    keep(run, "flag")
    other = run.keep_network("flag", 1, weights=random_weights(4))
    with pytest.raises(ArtifactError) as refused:
        units_of(run.job(), "flag")
    assert str(refused.value) == one_line(
        f"{other.folder} is not what {run.run / 'networks' / 'flag'} was joined of; run 'make "
        "train-cnn' first."
    )


NAMED = [f"predict.challenge.{name}=c{at}" for at, name in enumerate(CATEGORIES)]
ALL = tuple(f"c{at}" for at in range(len(CATEGORIES)))


def challenged(run, names, *settings):
    networks = {name: keep(run, name, classes) for name, classes in names.items()}
    units = {name: list(by_fold.values()) for name, by_fold in networks.items()}
    return challenged_by(run.job(*settings), units)


def test_a_network_of_all_the_challenges_categories_has_a_file_of_that_name(run):
    found = challenged(run, {"flag": ("benign", "malignant"), "which": ALL}, *NAMED)
    assert found == {
        "isic_challenge.csv": ("which", {name: f"c{at}" for at, name in enumerate(CATEGORIES)})
    }


def test_of_two_such_networks_each_has_a_file_of_its_own(run):
    found = challenged(run, {"flag": ALL, "which": ALL}, *NAMED)
    assert {file: network for file, (network, _) in found.items()} == {
        "isic_challenge_flag.csv": "flag", "isic_challenge_which.csv": "which",
    }  # fmt: skip


def test_a_challenge_that_no_network_can_answer_is_refused_and_none_is_asked_of_others(run):
    assert challenged(run, {"flag": ("benign", "malignant")}) == {}
    with pytest.raises(ConfigError) as refused:
        challenged(run, {"flag": ("benign", "malignant")}, *NAMED)
    assert str(refused.value) == (
        "predict.challenge is given, but no network that answers has a class for each of its "
        f"categories ({', '.join(CATEGORIES)}); name them all, or leave it out."
    )


def answer(run, name, *shares, limit=None, classes=("benign", "malignant")):
    uses = [use_of(run.keep_network(name, k, classes, limit=limit)) for k in (0, 1)]
    return Answer(name, np.array(shares), uses)


def rows_of(run, answers):
    facts = {}
    rows, shown = _rows(cascade_of(run.job(), answers), answers, ["a", "b"], facts)
    return rows, shown, facts


def test_a_cascade_flags_some_and_counts_them(run):
    flag = answer(run, "flag", (0.9, 0.1), (0.2, 0.8), limit=0.5)
    which = answer(run, "which", (0.7, 0.3), (0.4, 0.6), classes=("MEL", "BCC"))
    rows, shown, facts = rows_of(run, {"flag": flag, "which": which})
    assert [row["called"] for row in rows] == ["benign", "BCC"]
    assert shown["which"][0].tolist() == [1]  # of those that went on
    assert facts == {"flagged": 1}


@pytest.mark.parametrize("names", [("which",), ("which", "flag"), ("flag", "small")])
def test_networks_that_are_no_cascade_as_they_were_asked_for_answer_alone(run, names):
    answers = {name: answer(run, name, (0.9, 0.1), (0.2, 0.8), limit=0.5) for name in names}
    rows, shown, facts = rows_of(run, answers)
    assert facts == {}
    assert [row["picture"] for row in rows] == ["a", "b"]
    assert not any("goes_on" in row for row in rows)
    assert {name: which[0].tolist() for name, which in shown.items()} == {
        name: [0, 1] for name in names
    }


@pytest.mark.parametrize("name", [None, "gone"])
def test_a_folder_that_is_not_there_is_refused_before_networks_are_opened(run, tmp_path, name):
    files = {} if name is None else {"images": tmp_path / name}
    with pytest.raises(ConfigError) as refused:
        predict_images.run(run.job(files=files))
    folder = files.get("images")
    assert str(refused.value) == f"There is no folder {folder}; name one with IMAGES=."


def test_new_data_are_tables_or_pictures_and_not_both(run):
    with pytest.raises(ConfigError) as refused:
        predict_images.run(run.job(files={"images": run.data}, own_data=True))
    assert str(refused.value) == (
        "DATA= and IMAGES= are two kinds of new data; name one of them."
    )  # fmt: skip


def test_pictures_of_a_phone_are_turned_and_those_of_other_kinds_left_out_and_both_said(
    run, tmp_path
):
    exif, mine = Image.Exif(), tmp_path / "mine"
    exif[0x0112] = 8
    mine.mkdir()
    for name, options in (("phone.jpg", {"exif": exif}), ("plain.png", {}), ("scan.tif", {})):
        Image.new("RGB", (9, 4)).save(mine / name, **options)
    pictures = _pictures(run.job().desk, ImageReader(mine), drop=False)
    assert [pictures.pixels(at).shape[:2] for at in range(2)] == [(9, 4), (4, 9)]
    assert run.lines() == [
        "notice: 1 picture neither JPEG nor PNG (.tif 1) left out: [scan.tif]; save them as PNG.",
        "notice: 1 picture turned as EXIF says: [phone].",
    ]


def test_pictures_that_cannot_be_decoded_leave_nothing_behind(run, tmp_path):
    keep(run, "flag")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.png").write_bytes(b"no picture")
    before = files_in(run.run)
    seen = "predict.unlike=false"
    for setting, said in (
        ("verify.corrupt_images=error", "Damaged pictures: [a]; mend them, or leave them out with "
         'SET="verify.corrupt_images=drop".'),
        ("verify.corrupt_images=drop", f"No picture below {tmp_path / 'mine'} can be decoded."),
    ):  # fmt: skip
        with pytest.raises(DataError) as refused:
            predict_images.run(run.job(setting, seen, files={"images": tmp_path / "mine"}))
        assert str(refused.value) == said
    assert files_in(run.run) == before


def test_the_mean_over_the_folds_answers_and_pieces_are_gone_once_all_is_written(run, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    for name in ("a0", "b0"):
        (mine / f"{name}.png").write_bytes((run.data / "pictures" / f"{name}.png").read_bytes())
    units = keep(run, "flag", weights=random_weights, limit=0.5)
    asked = ("predict.overlays=false", "predict.unlike=false")
    done = predict_images.run(run.job(*asked, files={"images": mine}))
    table = done.json("predictions.json")["pictures"]
    assert [row["picture"] for row in table] == ["a0", "b0"]
    job = run.job(*asked)
    each = [alone(job, mine, unit) for unit in units.values()]
    mean = np.mean(each, axis=0)[:, 1]
    assert [row["flag_malignant"] for row in table] == pytest.approx(mean.tolist())
    assert not list((run.run / "checkpoints").glob("*"))
    run.lines()
    predict_images.run(run.job(*asked, files={"images": mine}))
    [line] = run.lines()
    assert line == f"predict: nothing to do, {done.folder / 'predictions.csv'} is up to date."


def test_a_network_on_tokens_answers_without_overlays_and_says_so(run, tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a0.png").write_bytes((run.data / "pictures" / "a0.png").read_bytes())
    keep(run, "flag", weights=random_weights, limit=0.5)
    open_network = opened.open_network

    def on_tokens(*asked):
        net, use = open_network(*asked)
        net.last_map = ""
        return net, use

    monkeypatch.setattr(opened, "open_network", on_tokens)
    job = run.job("predict.unlike=false", files={"images": tmp_path / "mine"})
    done = predict_images.run(job)
    assert BLIND.format(name="flag") in run.lines()
    assert not (done.folder / "overlays").exists()
    assert "overlays/" not in done.text("predictions.html").partition('id="content">')[2]


def alone(job, folder, unit):
    """One fold's network on these pictures, in another way: by its scores alone."""
    net, use = open_network(unit)
    way = Machine.of(job).way(use.net, use.views, bfloat16=use.bfloat16)
    pictures = _pictures(job.desk, ImageReader(folder), drop=False)
    return score_pictures(net, pictures, np.arange(2), way, lambda done, total: None).probability
