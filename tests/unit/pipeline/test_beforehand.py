"""What can be known before training is said before training: weights, sizes, classes, room."""

import shutil
from dataclasses import replace
from types import SimpleNamespace

import polars as pl
import pytest

from pipeline import beforehand, fold_network
from pipeline.beforehand import (
    GB,
    Size,
    build,
    check_classes,
    check_disk,
    check_memory,
    size_of,
)
from pipeline.picture_rows import open_picture_rows
from scripts import train_cnn
from tests.by_hand.pictures import NET, SMALL, PicturesByHand, random_weights
from workspace.errors import ArtifactError, ConfigError, DataError
from workspace.files import write_tensors

NAMES = ("flag", "also")  # a second network, of the rows that the first too learns from
LAST = (
    "cascade.first=stage1", "cascade.second=stage2", 'use_networks=["flag", "also", "plain"]',
    "networks.also.base=first_stage", *(f"networks.also.{one}" for one in SMALL),
    "networks.also.source_only=false",
    *(f"networks.{name}.training.choose=last" for name in NAMES),
    *(f"networks.{name}.task.threshold=none" for name in NAMES),
)  # fmt: skip


@pytest.fixture
def made(tmp_path):
    return PicturesByHand(tmp_path)


@pytest.fixture
def train(made, monkeypatch):
    """Run the stage up to its first training, which is counted and not done."""
    begun = []

    def beginning(*given):
        begun.append(given)
        raise ConfigError("A training has begun.")

    monkeypatch.setattr(fold_network, "train_network", beginning)
    monkeypatch.setattr(train_cnn, "files_of", made.files)

    def run(*settings):
        with pytest.raises((ArtifactError, ConfigError, DataError)) as refused:
            train_cnn.run(made.job(*LAST, *settings))
        return str(refused.value), len(begun)

    return run


def test_where_all_is_well_the_first_training_begins(train):
    assert train() == ("A training has begun.", 1)


def test_the_second_networks_bad_weights_are_known_before_the_first_trains(train, tmp_path):
    path = tmp_path / "bad.safetensors"
    tensors = random_weights(0)
    name = next(name for name in tensors if name.startswith("backbone."))
    write_tensors(path, {**tensors, name: tensors[name][:1]})
    said, begun = train(f"networks.also.net.weights={path}")
    assert begun == 0
    assert said == (
        f"networks.also: bad.safetensors has other shapes in {name.removeprefix('backbone.')}; it "
        "belongs to another network."
    )


@pytest.mark.parametrize("name", ["also", "plain"])
def test_weights_that_are_not_there_are_known_before_any_training(train, tmp_path, name):
    said, begun = train(f"networks.{name}.net.weights={tmp_path / 'gone.safetensors'}")
    assert begun == 0
    assert said.startswith(f"networks.{name}: net.weights names '")
    assert "which is not there; name a .safetensors file" in said


def test_a_class_that_one_training_would_not_see_is_known_before_any(train):
    said, begun = train('use_networks=["flag", "which"]', "networks.which.training.choose=last")
    assert begun == 0
    assert said == (
        "which without fold 1 has no row of BCC to learn from; mend networks.which.task, or take "
        "folds.n_folds that leave some."
    )


def test_a_question_that_one_training_could_not_learn_is_known_before_any(train, made):
    in_fold_1 = pl.col("isic_id").is_in(["c0", "c1"])
    made.keep_samples(lesion_id=pl.when(in_fold_1).then(pl.lit("IL_1")))
    said, begun = train('networks.also.task.questions=["suspicious", "has_lesion_id"]')
    assert begun == 0
    assert said == (
        "also without fold 1: networks.also.task.questions asks has_lesion_id, which the rows to "
        "learn from answer with yes 0 times and with no 6 times; leave it out."
    )


def test_rows_are_parted_beforehand_by_the_seed_of_the_networks(train, monkeypatch):
    seeds = []
    monkeypatch.setattr(beforehand, "check_classes", lambda *given: seeds.append(given[2]))
    train("seed=7", "network_seed=3")
    assert set(seeds) == {3}


def test_another_hash_than_the_recipes_is_known_before_any_training(train, tmp_path):
    path = tmp_path / "other.safetensors"
    write_tensors(path, random_weights(0))
    said, begun = train(f"networks.also.net.weights={path}", f"networks.also.net.sha256={'0' * 64}")
    assert begun == 0
    assert said.startswith("networks.also: other.safetensors has SHA-256 ")


def test_a_size_that_the_backbone_cannot_take_is_refused(monkeypatch):
    def refusing(config, outputs, blank):
        raise AssertionError("Input height (50) doesn't match model (224).")

    monkeypatch.setattr(beforehand, "LesionNet", refusing)
    with pytest.raises(ConfigError) as refused:
        build("which", NET.model_copy(update={"size": 50}), 1)
    assert str(refused.value) == (
        "networks.which: test_resnet cannot look at pictures of 50 px (Input height (50) doesn't "
        "match model (224).); take another net.size or net.backbone."
    )


def test_a_fold_that_leaves_no_row_of_a_class_is_named(made):
    rows = open_picture_rows(made.files())
    network = made.network(rows, "flag")
    learnt, _ = rows.without(1)
    codes = network.codes.copy()
    codes[learnt.training] = 0
    network = replace(network, labels=replace(network.labels, codes=codes))
    with pytest.raises(DataError) as refused:
        check_classes(network, learnt, seed=0)
    assert str(refused.value) == (
        "flag without fold 1 has no row of malignant to learn from; mend networks.flag.task, or "
        "take folds.n_folds that leave some."
    )


def test_too_few_patients_for_inner_rows_are_told_with_network_and_fold(made):
    settings = "networks.flag.training.inner_folds=7"
    rows = open_picture_rows(made.files())
    with pytest.raises(ConfigError, match=r"^flag without fold 0: inner_folds=7 needs as many"):
        check_classes(made.network(rows, "flag", settings), rows.without(0)[0], seed=0)


def test_a_network_is_as_large_as_its_weights_and_what_learns_four_times(made):
    rows = open_picture_rows(made.files())
    network = made.network(rows, "flag")
    net = build("flag", network.config.net, network.outputs)
    bytes_of = {name: 4 * one.numel() for name, one in net.named_parameters()}
    whole, head = sum(bytes_of.values()), sum(v for n, v in bytes_of.items() if "head" in n)
    training = network.config.learning
    assert size_of(net, training) == Size(whole, whole)
    frozen = training.phases[0].model_copy(update={"frozen": ("backbone", "attention")})
    alone = size_of(net, training.model_copy(update={"phases": (frozen,)}))
    assert alone == Size(whole, head)
    assert alone.learning == whole + 3 * head


def test_a_disk_that_cannot_hold_the_networks_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=8 * GB))
    sizes, trainings = {"small": Size(GB, GB)}, {"small": 3, "done": 0}
    check_disk(tmp_path, sizes, trainings)
    with pytest.raises(ConfigError) as refused:
        check_disk(tmp_path, sizes, {"small": 4})
    assert str(refused.value) == (
        f"4 networks to train take 10.0 GB at the least, and {tmp_path} has 8.0 GB free; make "
        "room, or take another RUN=."
    )


def test_memory_that_cannot_hold_a_network_that_learns_is_refused():
    sizes = {"small": Size(GB, GB)}
    check_memory(sizes, 4.0)
    with pytest.raises(ConfigError) as refused:
        check_memory(sizes, 3.9)
    assert str(refused.value) == (
        "networks.small takes 4.0 GB at the least while it learns, and 3.9 GB of memory are free; "
        "free some, or take a smaller net.backbone."
    )


def test_more_threads_than_are_lent_are_said_once_and_stay(made, monkeypatch):
    job = made.job(*LAST)
    few, many = (
        SimpleNamespace(
            name=name, config=SimpleNamespace(net=NET.model_copy(update={"threads": threads}))
        )
        for name, threads in (("few", 2), ("many", 3))
    )
    monkeypatch.setattr(beforehand, "lent_cores", lambda: 2)
    for _ in range(2):
        beforehand.notice_threads(job, [few, many])
    monkeypatch.setattr(beforehand, "lent_cores", lambda: 1)
    beforehand.notice_threads(job, [few, many])
    assert made.lines() == [
        "notice: many computes with 3 threads, which decide its last bits, and 2 cores are lent: "
        "it takes its time; networks.many.net.threads=2 makes another network.",
        "notice: few computes with 2 threads, which decide its last bits, and 1 core is lent: "
        "it takes its time; networks.few.net.threads=1 makes another network.",
    ]
