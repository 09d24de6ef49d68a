"""A large competition is drawn in shards: by any number of processes, and on after a stop."""

import io

import pytest
from rich.console import Console

from pipeline.drawn_data import draw_crops, drawing_crops
from pipeline.job import Job
from pipeline.recipe import load_recipe
from reports.desk import ConsoleDesk
from scripts import sample
from scripts.fanout import Engine, executor_of
from synthetic import shown
from tests import makers
from tests.by_hand.tasks import check_travels
from workspace.hashing import HashMemory

SMALL = ("patients=6", "rows=70", "positives=4", "copies=5")


@pytest.fixture
def job(tmp_path):
    def call(folder, executor=None):
        settings = [f"synthetic.{one}" for one in SMALL]
        recipe = load_recipe("full_size_pictures", [*settings, f"data.folder={tmp_path / folder}"])
        desk = ConsoleDesk(Console(file=io.StringIO()))
        return Job("sample", recipe, tmp_path / "run", HashMemory(), desk, executor=executor)

    return call


def files_of(folder):
    return {one.name: one.read_bytes() for one in folder.iterdir() if one.name != "manifest.json"}


@pytest.fixture
def whole(job, tmp_path):
    """Drawn at once, as a small competition is."""
    sample.run(job("whole"))
    return files_of(tmp_path / "whole")


def test_shards_give_the_same_bytes_and_are_gone_in_the_end(job, tmp_path, whole, monkeypatch):
    monkeypatch.setattr(shown, "SHARD", 16)
    names = [task.name for task in drawing_crops(job("one"))]
    assert names == [f"train_{start:07d}" for start in (0, 16, 32, 48, 64)] + ["test_0000000"]
    drawn = sample.run(job("one"))
    assert files_of(tmp_path / "one") == whole
    assert drawn.facts["copies"] == 5
    assert not list(tmp_path.glob(".*"))


def test_a_users_folder_beside_the_data_stays_and_a_killed_calls_shards_go(
    job, tmp_path, monkeypatch
):
    monkeypatch.setattr(shown, "SHARD", 16)
    (tmp_path / "four_crops").mkdir()
    (tmp_path / "four_crops" / "mine.jpg").touch()
    with monkeypatch.context() as patch:  # killed once the competition was whole
        patch.setattr("pipeline.drawn_data.remove_folder", lambda folder: None)
        sample.run(job("four"))
    assert (tmp_path / ".four.crops").is_dir()
    sample.run(job("four"))
    assert {one.name for one in tmp_path.iterdir()} == {"four", "four_crops"}
    assert (tmp_path / "four_crops" / "mine.jpg").exists()


def test_two_processes_give_the_same_bytes(job, tmp_path, whole, monkeypatch):
    monkeypatch.setattr(shown, "SHARD", 32)
    check_travels(drawing_crops(job("two"))[0])
    desk = ConsoleDesk(Console(file=io.StringIO()))
    with executor_of(Engine(jobs=2), desk, makers.no_log, tmp_path) as executor:
        sample.run(job("two", executor))
    assert files_of(tmp_path / "two") == whole


def test_what_was_drawn_before_a_stop_is_not_drawn_again(job, tmp_path, whole, monkeypatch):
    monkeypatch.setattr(shown, "SHARD", 16)
    first = job("three")
    first.carry_out(*drawing_crops(first)[:4])
    drawn = []

    def counted(draft, config, shard):
        drawn.append(shard)
        draw_crops(draft, config, shard)

    monkeypatch.setattr("pipeline.drawn_data.draw_crops", counted)
    sample.run(job("three"))
    assert drawn == [("train", 64, 70), ("test", 0, 2)]
    assert files_of(tmp_path / "three") == whole
    sample.run(job("three"))
    assert len(drawn) == 2


def test_what_was_planted_is_told_beside_the_tables(job, tmp_path):
    sample.run(job("told"))
    head, *pairs = (tmp_path / "told" / "copies.csv").read_text().splitlines()
    assert head == "isic_id,copy_of"
    assert len(pairs) == 5
