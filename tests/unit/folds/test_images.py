"""Checks A 20, B 29-34 and 139 where images are found and fetched."""

import os
import pickle
import zipfile

import h5py
import numpy as np
import polars as pl
import pytest

from folds.findings import Findings
from folds.images import ImageReader, attach_images, index_images
from folds.sources import DataConfig, open_source
from tests.unit.folds.conftest import jpeg
from workspace.errors import DataError, shorten
from workspace.hdf5 import write_archive

SAMPLES = pl.DataFrame(
    {"isic_id": ["ISIC_0000001", "ISIC_0000002"], "image": [None, None]},
    schema={"isic_id": pl.String, "image": pl.String},
)


@pytest.fixture
def places(tmp_path):
    """The same two pictures in a folder, a ZIP, an HDF5 file and an npz."""
    pictures = {f"ISIC_000000{n}": jpeg(n) for n in (1, 2)}
    (tmp_path / "crops").mkdir()
    for name, data in pictures.items():
        (tmp_path / "crops" / f"{name}.JPG").write_bytes(data)
    with zipfile.ZipFile(tmp_path / "crops.zip", "w") as archive:
        for name, data in pictures.items():
            archive.writestr(f"images/{name}.jpg", data)
        archive.writestr("__MACOSX/._ISIC_0000001.jpg", b"not an image")
    write_archive(tmp_path / "crops.hdf5", pictures.items())
    return tmp_path, pictures


@pytest.mark.parametrize(
    ("place", "reference"),
    [
        ("crops", "crops/ISIC_0000001.JPG"),
        ("crops.zip", "crops.zip::images/ISIC_0000001.jpg"),
        ("crops.hdf5", "crops.hdf5::ISIC_0000001"),
    ],
)
def test_every_place_gives_the_same_bytes(places, place, reference):
    folder, pictures = places
    index = index_images(folder, [folder / place], Findings())
    assert index["isic_id"].to_list() == list(pictures)
    assert index["image"][0] == reference
    reader = pickle.loads(pickle.dumps(ImageReader(folder)))
    for name, found in index.iter_rows():
        data, pixels = reader.both(found)
        assert data == pictures[name]
        assert pixels.shape == (24, 24, 3)


def test_arrays_are_pictures_too(tmp_path):
    grey = np.arange(2 * 28 * 28, dtype=np.uint8).reshape(2, 28, 28)
    np.savez(tmp_path / "a.npz", train_images=grey)
    data, pixels = ImageReader(tmp_path).both("a.npz::train_images/1")
    assert data == grey[1].tobytes()
    assert pixels.shape == (28, 28, 3)
    assert (pixels == grey[1][..., None]).all()


def test_an_image_in_two_places_is_an_error(places):
    folder, _ = places
    findings = Findings()
    index_images(folder, [folder / "crops", folder / "crops.zip"], findings)
    assert [f.message for f in findings.errors] == [
        "Images with more than one file: [ISIC_0000001, ISIC_0000002]; name one place with "
        "data.images_in."
    ]


def test_check_20_both_directions_in_one_report(places):
    folder, _ = places
    findings = Findings()
    index = index_images(folder, [folder / "crops.hdf5"], findings)
    other = SAMPLES.with_columns(pl.Series("isic_id", ["ISIC_0000002", "ISIC_0000003"]))
    attach_images(other, index, "all", "crops.hdf5", findings)
    assert [f.message for f in findings.errors] == [
        "Images missing from crops.hdf5: [ISIC_0000003] (1 of 2); add them, name their place in "
        "data.images_in, or take data.images=some."
    ]
    assert [f.message for f in findings.notices] == [
        "1 image of crops.hdf5 without a row in the table is ignored: [ISIC_0000001]."
    ]


def test_check_33_ten_thousand_extra_images_are_counted(tmp_path):
    names = [f"ISIC_{n:07d}" for n in range(1, 10_003)]
    write_archive(tmp_path / "a.hdf5", ((name, b"\xff\xd8\xff") for name in names))
    findings = Findings()
    index = index_images(tmp_path, [tmp_path / "a.hdf5"], findings)
    attach_images(SAMPLES, index, "all", "a.hdf5", findings)
    assert findings.errors == []
    assert [(f.message, f.count) for f in findings.notices] == [
        (
            "10000 images of a.hdf5 without a row in the table are ignored: [ISIC_0000003, "
            "ISIC_0000004, ISIC_0000005, ISIC_0000006, ISIC_0000007] (+9995 more).",
            10_000,
        )
    ]


def test_check_31_links_are_named_in_one_line_a_kind(tmp_path):
    with h5py.File(tmp_path / "a.hdf5", "w") as file:
        file["ISIC_0000001"] = h5py.ExternalLink("other.hdf5", "/x")
        file["ISIC_0000002"] = h5py.SoftLink("/x")
    findings = Findings()
    assert index_images(tmp_path, [tmp_path / "a.hdf5"], findings).is_empty()
    assert [f.message for f in findings.errors] == [
        "Not allowed: external link ISIC_0000001 in a.hdf5.",
        "Not allowed: soft link ISIC_0000002 in a.hdf5.",
    ]


def test_images_that_are_optional_or_unused(places):
    folder, _ = places
    findings = Findings()
    index = index_images(folder, [folder / "crops.hdf5"], findings)
    other = SAMPLES.with_columns(pl.Series("isic_id", ["ISIC_0000002", "ISIC_0000003"]))
    some = attach_images(other, index, "some", "crops.hdf5", findings)
    assert some["image"].to_list() == ["crops.hdf5::ISIC_0000002", None]
    assert findings.errors == []
    none = attach_images(other, index, "none", "crops.hdf5", findings)
    assert none["image"].null_count() == 2


@pytest.mark.parametrize("name", ["a.zip", "a.npz"])
def test_a_container_that_is_none(tmp_path, name):
    (tmp_path / name).write_bytes(b"PK nothing")
    with pytest.raises(DataError, match=rf"^{name} is not a readable "):
        ImageReader(tmp_path).both(f"{name}::x/1")


def test_a_damaged_zip_item_is_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("images/ISIC_0000001.jpg", jpeg(1, 240))
    data = bytearray((tmp_path / "a.zip").read_bytes())
    data[500] ^= 0xFF
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(DataError, match=r"^Image images/ISIC_0000001\.jpg cannot be read from its"):
        ImageReader(tmp_path).both("a.zip::images/ISIC_0000001.jpg")


def test_check_139_a_zip_is_read_item_by_item_and_never_unpacked(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../ISIC_0000001.jpg", jpeg(1))
        archive.writestr("ISIC_0000002.jpg", bytes(10_000_000))
    before = sorted(tmp_path.parent.rglob("*"))
    index = index_images(tmp_path, [tmp_path / "a.zip"], Findings())
    reader = ImageReader(tmp_path)
    assert reader.both(index["image"][0])[0] == jpeg(1)
    monkeypatch.setattr("folds.images.ITEM_LIMIT", 1_000_000)
    with pytest.raises(DataError) as refused:
        reader.both(index["image"][1])
    assert str(refused.value) == ("Not allowed: ISIC_0000002.jpg unpacks to over 1000000 bytes.")
    assert sorted(tmp_path.parent.rglob("*")) == before


@pytest.mark.parametrize("shape", [(2, 28, 28, 4), (2, 3, 28, 28), (2, 784)])
def test_arrays_of_another_form_are_refused(tmp_path, shape):
    np.savez(tmp_path / "a.npz", train_images=np.zeros(shape, np.uint8))
    with pytest.raises(DataError) as refused:
        ImageReader(tmp_path).both("a.npz::train_images/1")
    assert str(refused.value) == (
        f"Image 1 of train_images is uint8 of shape {list(shape[1:])}; it must be uint8 of "
        "height x width, or height x width x 3."
    )


def test_hidden_files_and_folders_are_no_images(places):
    folder, _ = places
    (folder / "crops" / ".trash").mkdir()
    (folder / "crops" / ".trash" / "ISIC_0000003.jpg").write_bytes(jpeg(3))
    (folder / "crops" / "._ISIC_0000004.jpg").write_bytes(jpeg(4))
    index = index_images(folder, [folder / "crops"], Findings())
    assert index["isic_id"].to_list() == ["ISIC_0000001", "ISIC_0000002"]


def test_a_file_too_large_for_a_picture_is_not_read(tmp_path):
    with (tmp_path / "a.jpg").open("wb") as file:
        file.truncate(2**28 + 1)
    with pytest.raises(DataError) as refused:
        ImageReader(tmp_path).pixels("a.jpg")
    assert str(refused.value) == "Not allowed: image a.jpg has over 268435456 bytes."


@pytest.mark.parametrize("source", ["image_folder", "places"])
def test_a_file_name_that_is_no_text_is_refused(tmp_path, source):
    (tmp_path / "mel").mkdir()
    for name in (b"mel/a.jpg", b"mel/\xff.jpg"):
        with open(os.fsencode(tmp_path) + b"/" + name, "wb") as file:
            file.write(jpeg(1, 240))
    with pytest.raises(DataError) as refused:
        if source == "places":
            index_images(tmp_path, [tmp_path / "mel"], Findings())
        else:
            config = DataConfig(source="image_folder", folder=tmp_path, positive=("mel",))
            open_source(config).index(Findings())
    where, name = (tmp_path.name, "mel/") if source == "image_folder" else ("mel", "")
    assert str(refused.value) == (
        f"1 file name in {shorten(where)} is not UTF-8: [{name}\\udcff.jpg]; rename it."
    )


@pytest.mark.parametrize("name", ["a.zip", "a.npz"])
def test_a_zip_of_a_version_that_nobody_knows_is_one_line(tmp_path, name):
    np.savez(tmp_path / name, x=np.zeros((2, 4, 4), np.uint8))
    written = next(tmp_path.iterdir())
    data = bytearray(written.read_bytes())
    data[data.index(b"PK\x01\x02") + 6] = 99  # the version that is needed to unpack
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError, match=rf"^{name} is not a readable "):
        ImageReader(tmp_path).both(f"{name}::x/1")
