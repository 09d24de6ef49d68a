"""`make train-cnn DEVICES=2`, or NODES=2: the network of one process; killed, stopped, gone on."""

import json
import os
import shutil
import signal
import time
from pathlib import Path

import polars as pl
import pytest

from tests.cascade import TINY, call
from tests.stages import Place

SHARED = (
    'use_networks=["stage1"]', "networks.stage1.training.batch_size=16",
    "networks.stage1.training.accumulate=2", "networks.stage1.training.checkpoint_s=0.0",
)  # fmt: skip
NAME = "stage1_fold_0"


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    place = Place(tmp_path_factory.mktemp("devices"))
    call(place, "train_cnn", "--fold", "0", settings=SHARED)
    return place


@pytest.fixture
def place(alone, tmp_path):
    """The same data, folds made, and no network."""
    shutil.copytree(alone.folder, tmp_path / "copy")
    shutil.rmtree(tmp_path / "copy" / "run" / "networks")
    return Place(tmp_path / "copy")


def started(place, word="--devices"):
    return place.start(
        "train_cnn", "--fold", "0", word, "2", settings=(*TINY, *SHARED), OMP_NUM_THREADS="1",
        DERMSTACK_PRIVATE_NETWORK="1",
    )  # fmt: skip


def until_offered(place, owner):
    while not (place.run / "checkpoints" / f".{NAME}.offer").exists():
        assert owner.poll() is None, owner.communicate()
        time.sleep(0.02)


def ranks_of(process):
    """Those that a stage began, the first one first."""
    pids = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            words = (stat.parent / "cmdline").read_text()
        except OSError:
            continue
        if parent == process.pid and "spawn_main" in words:
            pids.append(int(stat.parent.name))
    return sorted(pids)


def until_a_checkpoint(place, process):
    while not list((place.run / "checkpoints").glob(f"{NAME}/epoch_*")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def left(place):
    network = place.run / "networks" / NAME
    return json.loads((network / "manifest.json").read_text()), [
        entry["loss"] for entry in json.loads((network / "history.json").read_text())
    ]


def same_network(place, alone):
    (mine, losses), (theirs, others) = left(place), left(alone)
    assert mine["settings"] == theirs["settings"]
    assert losses == pytest.approx(others, rel=1e-5)
    one, other = (
        pl.read_parquet(it.run / "networks" / NAME / "scores.parquet") for it in (place, alone)
    )
    assert one["isic_id"].n_unique() == len(one) == 93  # each held-out row once
    assert one["isic_id"].to_list() == other["isic_id"].to_list()
    for column in one.columns[1:]:
        assert one[column].to_list() == pytest.approx(other[column].to_list(), abs=1e-4)
    return mine["facts"].get("ranks")


def test_check_80_two_ranks_leave_the_network_of_one_and_each_held_out_row_once(alone, place):
    call(place, "train_cnn", "--fold", "0", "--devices", "2", settings=SHARED)
    assert same_network(place, alone) == [2]
    lines = map(json.loads, (place.run / "log.jsonl").read_text().splitlines())
    [line] = [one for one in lines if one["message"] == "training" and one["ranks"] == 2]
    assert (line["effective_batch"], line["steps_an_epoch"]) == (32, 8)  # of 256 pictures
    assert not list((place.run / "checkpoints").iterdir())


def test_one_batch_a_step_is_refused_before_anything_is_trained(place):
    settings = (*SHARED, "networks.stage1.training.accumulate=1")
    done = call(place, "train_cnn", "--fold", "0", "--devices", "2", settings=settings, code=2)
    assert done.stderr == (
        "train-cnn: A step of networks.stage1 is 1 batch (training.accumulate), so that of 2 ranks "
        "1 would have nothing to do; take fewer DEVICES, or batch_size=8 and accumulate=2, another "
        "recipe of the same effective batch.\n"
    )
    assert not (place.run / "networks").exists()


@pytest.mark.slow
def test_check_66_a_killed_rank_costs_the_steps_since_the_last_checkpoint(alone, place):
    with started(place) as process:
        until_a_checkpoint(place, process)
        os.kill(ranks_of(process)[1], signal.SIGKILL)
        said, complained = process.communicate(timeout=600)
    assert process.returncode == 0, said + complained
    assert "all go on from the last checkpoint (1 of 3 times)" in " ".join(said.split())
    assert same_network(place, alone) == [2]


@pytest.mark.slow
def test_check_57_stopped_it_leaves_no_rank_and_goes_on_in_one_process(alone, place):
    with started(place) as process:
        until_a_checkpoint(place, process)
        ranks = ranks_of(process)
        process.send_signal(signal.SIGTERM)
        _, complained = process.communicate(timeout=600)
    assert process.returncode == 128 + signal.SIGTERM
    assert "stopped by SIGTERM; what was finished is kept" in " ".join(complained.split())
    assert len(ranks) == 2
    assert not [pid for pid in ranks if Path(f"/proc/{pid}").exists()]
    call(place, "train_cnn", "--fold", "0", settings=SHARED)
    assert same_network(place, alone) == [2, 1]


@pytest.mark.slow
def test_two_machines_leave_the_network_of_one_and_one_of_them_writes_it(alone, place):
    with started(place, "--nodes") as owner:
        until_offered(place, owner)
        with started(place, "--nodes") as other:
            said = [
                " ".join(process.communicate(timeout=600)[0].split()) for process in (owner, other)
            ]
    assert (owner.returncode, other.returncode) == (0, 0), said
    assert "as machine 2 of 2." in said[1]
    assert "as machine" not in said[0]
    assert same_network(place, alone) == [2]
    assert not list((place.run / "checkpoints").iterdir())


@pytest.mark.parametrize(
    "dies",
    [pytest.param("the owner", marks=pytest.mark.slow),
     pytest.param("the other", marks=pytest.mark.whole)],
)  # fmt: skip
def test_a_machine_that_dies_is_waited_for_and_another_goes_on_in_its_stead(alone, place, dies):
    with started(place, "--nodes") as owner:
        until_offered(place, owner)
        with started(place, "--nodes") as other:
            until_a_checkpoint(place, owner)
            dead, left = (owner, other) if dies == "the owner" else (other, owner)
            os.kill(dead.pid, signal.SIGKILL)
            dead.communicate(timeout=600)
            until_offered(place, left)
            with started(place, "--nodes") as third:
                said = left.communicate(timeout=600)
                assert third.wait(600) == 0, third.communicate()
    assert left.returncode == 0, said
    words = "took over from" if dies == "the owner" else "(1 of 3 times)"
    assert words in " ".join(said[0].split())
    assert same_network(place, alone) == [2]
