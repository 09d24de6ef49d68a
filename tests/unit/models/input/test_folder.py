import zipfile

import cv2
import numpy as np
import pytest
from PIL import Image

from folds.images import ImageReader, unread_in
from models.input.folder import damaged_in, names_in, turned_in
from workspace.errors import DataError, one_line


def fill(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(folder / name), np.full((8, 8, 3), 90, np.uint8))


def test_pictures_are_called_by_their_path_with_the_suffix_where_it_tells_them_apart(tmp_path):
    fill(tmp_path, "one.jpg", "deep/two.PNG", "three.png", "three.jpeg", "four.png", "four.png.jpg")
    assert names_in(tmp_path) == {
        "one": "one.jpg", "deep/two": "deep/two.PNG", "three.png": "three.png",
        "three.jpeg": "three.jpeg", "four": "four.png", "four.png.jpg": "four.png.jpg",
    }  # fmt: skip


def test_hidden_files_and_folders_do_not_count_as_in_the_folders_hash(tmp_path):
    fill(tmp_path, "one.jpg", ".thumbs/one.jpg", "._one.jpg")
    assert list(names_in(tmp_path)) == ["one"]


def test_a_folder_without_pictures_and_names_like_formulas_are_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(DataError) as refused:
        names_in(tmp_path)
    assert str(refused.value) == one_line(
        f"There is no JPEG or PNG below {tmp_path}; put pictures there, or name another folder."
    )
    fill(tmp_path, "one.jpg", "=1+1.png", "a\nb.png")
    with pytest.raises(DataError) as refused:
        names_in(tmp_path)
    assert str(refused.value) == (
        "Pictures with names that a table cannot hold: ['=1+1.png', 'a\\nb.png']; rename them."
    )


@pytest.mark.parametrize("workers", [0, 3])
def test_damage_is_told_by_name_and_every_picture_is_looked_at(tmp_path, workers):
    fill(tmp_path, "a.png", "c.png")
    (tmp_path / "b.jpg").write_bytes(b"\xff\xd8\xff" + b"noise" * 9)
    shown = []
    reader = ImageReader(tmp_path)
    found = damaged_in(reader, names_in(tmp_path), workers, lambda *at: shown.append(at))
    assert list(found) == ["b"]
    assert found["b"].startswith("Image b ")
    assert shown == [(1, 3), (2, 3), (3, 3)]


def test_pictures_of_other_kinds_are_named_and_counted_in_a_folder_and_in_a_zip(tmp_path):
    assert unread_in(tmp_path) == ""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in ("x/scan.TIF", "x/._scan.tif", "x/photo.jpg"):
            archive.writestr(name, b"")
    assert unread_in(tmp_path / "a.zip") == (
        "1 picture neither JPEG nor PNG (.tif 1) left out: [x/scan.TIF]; save them as PNG."
    )
    for name in ("scan.tif", "deep/phone.HEIC", "web.webp", "other.webp", ".hidden/a.bmp", "n.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    said = (
        "4 pictures neither JPEG nor PNG (.heic 1, .tif 1, .webp 2) left out: [deep/phone.HEIC, "
        "other.webp, scan.tif, web.webp]; save them as PNG"
    )
    assert unread_in(tmp_path) == f"{said}."
    with pytest.raises(DataError) as refused:
        names_in(tmp_path)
    assert str(refused.value) == one_line(f"There is no JPEG or PNG below {tmp_path}; {said}.")


def test_pictures_that_exif_says_to_turn_are_named(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    for name, options in (("phone.jpg", {"exif": exif}), ("plain.jpg", {})):
        Image.new("RGB", (9, 4)).save(tmp_path / name, **options)
    reader = ImageReader(tmp_path)
    assert turned_in(reader, names_in(tmp_path)) == ["phone"]
    assert reader.pixels("phone.jpg").shape == (9, 4, 3)
