"""New data: tables or pictures alone, who is whose picture, damage that is told before any work."""

import io
import zipfile
from dataclasses import replace

import cv2
import numpy as np
import polars as pl
import pytest
from PIL import Image
from rich.console import Console

from folds.images import ImageReader
from folds.sources import DataConfig
from pipeline.job import Job
from pipeline.new_data import ROWS, NewData, open_data, pictures_in, reading, refuse_half_seen
from pipeline.recipe import load_recipe
from reports.desk import ConsoleDesk
from tests.by_hand.units import kept
from workspace.errors import DataError
from workspace.hashing import HashMemory

AGES = {"mel__b": 60.0, "mel__a": 40.0}


def picture(seed=0):
    pixels = np.random.default_rng(seed).integers(0, 255, (8, 9, 3), dtype=np.uint8)
    return cv2.imencode(".png", pixels)[1].tobytes()


def turned_jpeg():
    exif, data = Image.Exif(), io.BytesIO()
    exif[0x0112] = 3
    Image.new("RGB", (9, 4)).save(data, "JPEG", exif=exif)
    return data.getvalue()


class New:
    """A folder as somebody hands it in, and calls on it."""

    def __init__(self, folder):
        self.place, self.run, self.said = folder / "new", folder / "run", io.StringIO()
        self.place.mkdir()

    def add(self, name, data=None):
        path = self.place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture() if data is None else data)
        return path

    def job(self, *settings, place=None, **config):
        recipe = load_recipe("image_folder", [*settings, "data.folder=elsewhere"])
        given = {"source": "image_folder", "positive": ("mel",), "folder": place or self.place}
        recipe = recipe.model_copy(update={"data": DataConfig(**given | config)})
        desk = ConsoleDesk(Console(file=self.said, width=200), "predict")
        return Job("predict", recipe, self.run, HashMemory(), desk, own_data=True)

    def rows(self, *settings, sees=True, **config):
        job = self.job(*settings, **config)
        data = open_data(job, sees=sees)
        unit, _ = job.make(reading(job, data, []))
        job.show_notices_of(unit)
        return data, unit.parquet(ROWS)


@pytest.fixture
def new(tmp_path):
    return New(tmp_path)


def test_pictures_alone_are_rows_and_patients_of_their_own_called_by_their_paths(new):
    for name in ("z.png", "sub/b.JPG", "a.png", ".hidden/c.png", "notes.txt"):
        new.add(name)
    data, rows = new.rows()
    assert data.alone
    assert rows.rows() == [
        ("a", "a.png", None), ("sub/b", "sub/b.JPG", None), ("z", "z.png", None),
    ]  # fmt: skip
    assert rows.columns == ["isic_id", "image", "patient_id"]


def test_pictures_that_would_be_called_the_same_keep_their_suffix(new):
    new.add("a.png")
    new.add("a.jpg")
    _, rows = new.rows()
    assert rows["isic_id"].to_list() == ["a.jpg", "a.png"]


def test_a_zip_of_pictures_is_rows_that_lie_in_it(new, tmp_path):
    path = tmp_path / "some.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("b.png", "a.png", "read.me"):
            archive.writestr(name, picture())
    data, rows = new.rows(place=path)
    assert (data.alone, data.folder) == (True, tmp_path)
    assert rows["isic_id"].to_list() == ["a", "b"]
    assert ImageReader(data.folder).pixels(rows["image"][0]).shape == (8, 9, 3)


def test_a_container_without_a_picture_is_refused(new, tmp_path):
    path = tmp_path / "some.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("read.me", "")
    with pytest.raises(DataError) as refused:
        pictures_in(new.job().desk, path)
    assert str(refused.value) == f"There is no picture in {path}."


@pytest.mark.parametrize("table", ["groups.csv", "OTHER.CSV", "some.npz"])
def test_a_folder_with_a_table_holds_no_pictures_alone(new, table):
    new.add("mel/a.png")
    new.add(table, b"image,patient_id\nmel/a.png,p\n")
    assert not open_data(new.job(), sees=True).alone


@pytest.mark.parametrize(("sees", "images"), [(False, "all"), (True, "none")])
def test_pictures_are_of_no_use_to_whom_no_network_sees_them(new, sees, images):
    new.add("mel/a.png")
    data = open_data(new.job(images=images), sees=sees)
    assert not data.alone
    assert data.config.images == "none"
    assert data.blind == (images == "none")


def test_the_hash_is_of_what_rows_are_read_from_and_names_the_prediction(new):
    for name in ("mel/a.png", "nv/b.png"):
        new.add(name)
    new.add("groups.csv", b"image,patient_id\nmel/a.png,p\nnv/b.png,q\n")
    first = open_data(new.job(), sees=True)
    assert first.hashes.keys() == {"mel", "nv", "groups.csv"}
    assert first.name == f"new-{first.hash}"
    assert open_data(new.job(), sees=True).hash == first.hash
    new.add("nv/b.png", picture(1))
    assert open_data(new.job(), sees=True).hash != first.hash
    reverse = replace(first, hashes=dict(reversed(first.hashes.items())))
    assert reverse.hash == first.hash  # whatever order they were found in


def test_tables_are_rows_of_the_test_joined_to_their_pictures_by_id(new):
    for seed, name in enumerate(("nv/b.png", "mel/a.png")):
        new.add(name, picture(seed))
    new.add("groups.csv", b"image,patient_id\nnv/b.png,q\nmel/a.png,p\n")
    _, rows = new.rows(group="patient")
    shown = rows.select("isic_id", "image", "patient_id", "split").rows()
    assert shown == [
        ("mel__a", "mel/a.png", "p", "test"), ("nv__b", "nv/b.png", "q", "test"),
    ]  # fmt: skip


BROKEN = b"\x89PNG\r\n\x1a\nno picture"


def test_a_damaged_picture_stops_and_every_one_is_named_first(new):
    new.add("a.png")
    for name in ("c.png", "b.png"):
        new.add(name, BROKEN)
    with pytest.raises(DataError) as refused:
        new.rows()
    assert str(refused.value) == (
        "Damaged pictures: [b, c]; mend them, or leave them out with "
        'SET="verify.corrupt_images=drop".'
    )
    assert new.said.getvalue().splitlines()[1:] == [
        "error: Image b is damaged and cannot be decoded.",
        "error: Image c is damaged and cannot be decoded.",
    ]


DROP = "verify.corrupt_images=drop"


def test_pictures_of_other_kinds_alone_are_no_table_that_is_missing(new):
    new.add("scan.tif", b"")
    with pytest.raises(DataError, match=r"^There is no JPEG or PNG below .*scan\.tif"):
        new.rows()
    new.add("phone.jpg", turned_jpeg())
    _, rows = new.rows()
    assert rows["isic_id"].to_list() == ["phone"]
    said = new.said.getvalue()
    assert "notice: 1 picture turned as EXIF says: [phone]." in said
    assert "notice: 1 picture neither JPEG nor PNG (.tif 1) left out: [scan.tif]" in said


def test_of_pictures_alone_a_damaged_one_goes_with_its_row_and_is_named(new):
    new.add("a.png")
    new.add("b.png", BROKEN)
    _, rows = new.rows(DROP)
    assert rows["isic_id"].to_list() == ["a"]
    assert new.said.getvalue().splitlines()[1:] == [
        "notice: Image b is damaged and cannot be decoded."
    ]


def test_a_row_of_a_table_stays_without_its_damaged_picture(new):
    new.add("nv/a.png")
    new.add("mel/b.png", BROKEN)
    new.add("groups.csv", b"image,patient_id\nnv/a.png,q\nmel/b.png,p\n")
    _, rows = new.rows(DROP, group="patient")
    assert dict(rows.select("isic_id", "image").iter_rows()) == {
        "mel__b": None, "nv__a": "nv/a.png",
    }  # fmt: skip


def test_pictures_of_which_none_can_be_decoded_are_refused(new):
    new.add("a.png", BROKEN)
    with pytest.raises(DataError) as refused:
        new.rows(DROP)
    assert str(refused.value) == f"No picture of {new.place} can be decoded."


BLIND = pl.DataFrame({"isic_id": ["a", "b", "c"], "image": [None, "b.png", None]})


def test_rows_without_a_picture_are_refused_where_none_was_learnt_from(new):
    with pytest.raises(DataError) as refused:
        refuse_half_seen(new.job(), BLIND, known=False)
    assert str(refused.value) == (
        "2 rows of the new data without a picture: [a, c]; the run learnt from none such. Add the "
        'pictures, or score all rows by the tables alone with SET="data.images=none".'
    )


def test_rows_without_a_picture_are_told_where_some_were_learnt_from(new):
    refuse_half_seen(new.job(), BLIND, known=True)
    assert new.said.getvalue() == (
        "notice: 2 rows without a picture, as in training: networks say nothing there: a, c.\n"
    )


def test_what_networks_saw_is_forgotten_of_these_data_alone(new):
    config = new.job().recipe.data
    data, other = (NewData(config, True, False, {"pictures": mark * 64}) for mark in "ab")
    folders = [
        kept(new.run / "embeddings" / network / f"new_{one.hash}_00000", "embed", {}).folder
        for network in ("net_fold_0", "net_fold_1") for one in (data, other)
    ]  # fmt: skip
    held_out = kept(new.run / "embeddings" / "net_fold_0" / "held_out_00000", "embed", {}).folder
    data.forget(new.run)
    assert [path.exists() for path in folders] == [False, True, False, True]
    assert held_out.exists()
