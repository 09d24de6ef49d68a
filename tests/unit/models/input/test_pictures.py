import pickle
import threading

import numpy as np
import polars as pl
import pytest
import simplejpeg

from folds.images import ImageReader
from models.input import pictures as module
from models.input.pictures import Pictures
from workspace.errors import DataError


def counting(pictures, monkeypatch):
    read = []
    fetch = pictures._reader.pixels
    monkeypatch.setattr(pictures._reader, "pixels", lambda name: read.append(name) or fetch(name))
    return read


def test_pixels_are_those_of_the_reader(make_pictures, crops):
    pictures = make_pictures()
    reader = ImageReader(crops)
    assert len(pictures) == 40
    assert pictures.ids.to_list()[:2] == ["ISIC_0000000", "ISIC_0000001"]
    for index in (0, 7, 39):
        wanted = reader.pixels(f"image/ISIC_{index:07d}.jpg")
        assert np.array_equal(pictures.pixels(index), wanted)


def test_a_small_set_is_decoded_once(make_pictures, monkeypatch):
    pictures = make_pictures(memory_gb=0.1)
    read = counting(pictures, monkeypatch)
    first = [pictures.pixels(index).copy() for index in range(40)]
    second = [pictures.pixels(index) for index in range(40)]
    assert len(read) == 40 == pictures.kept
    assert all(np.array_equal(*pair) for pair in zip(first, second, strict=True))
    with pytest.raises(ValueError, match="read-only"):
        second[0][:] = 0


def test_a_large_set_is_read_anew_beyond_its_allowance(make_pictures, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 200_000)
    pictures = make_pictures(memory_gb=500_000 / 2**30)
    read = counting(pictures, monkeypatch)
    sizes = [pictures.pixels(index).nbytes for index in range(40)]
    assert sum(sizes) > 1_000_000
    assert 0 < pictures.kept < 40
    assert 0.3 * 500_000 < pictures.kept_gb * 2**30 <= 500_000
    kept = pictures.kept
    for index in range(40):
        assert np.array_equal(pictures.pixels(index), pictures._reader.pixels(read[index]))
    assert pictures.kept == kept


def test_no_memory_means_none(make_pictures, monkeypatch):
    pictures = make_pictures()
    read = counting(pictures, monkeypatch)
    assert np.array_equal(pictures.pixels(3), pictures.pixels(3))
    assert (len(read), pictures.kept, pictures.kept_gb) == (2, 0, 0.0)


def test_an_image_larger_than_a_block_has_one_of_its_own(make_pictures, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 1000)
    pictures = make_pictures(memory_gb=0.01)
    first = pictures.pixels(5).copy()
    assert pictures.kept == 1
    assert np.array_equal(pictures.pixels(5), first)


def test_threads_see_whole_pictures(make_pictures):
    alone = [make_pictures().pixels(index) for index in range(40)]
    shared = make_pictures(memory_gb=0.1)
    wrong = []

    def work(seed):
        for index in np.random.default_rng(seed).permutation(40):
            if not np.array_equal(shared.pixels(int(index)), alone[index]):
                wrong.append(index)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert shared.kept == 40


def test_check_148_pickled_without_handles_or_pixels(make_pictures):
    pictures = make_pictures(memory_gb=0.1)
    first = pictures.pixels(0).copy()
    data = pickle.dumps(pictures)
    assert len(data) < 10_000
    again = pickle.loads(data)
    assert again.kept == 0
    assert np.array_equal(again.pixels(0), first)
    assert again.kept == 1


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[: len(data) // 2], "is damaged and cannot be decoded."),
        (lambda data: b"", "is empty."),
        (lambda data: b"<html>sign in</html>", "is neither a JPEG nor a PNG."),
    ],
)
def test_check_23_damage_names_the_id_and_nothing_stands_in(tmp_path, make_lesion, damage, message):
    data = simplejpeg.encode_jpeg(make_lesion())
    (tmp_path / "ISIC_0000001.jpg").write_bytes(damage(data))
    pictures = Pictures(ImageReader(tmp_path), ["ISIC_0000001"], ["ISIC_0000001.jpg"], 1.0)
    for _ in range(2):
        with pytest.raises(DataError) as refused:
            pictures.pixels(0)
        assert str(refused.value) == f"Image ISIC_0000001 {message}"
    assert pictures.kept == 0


def test_rows_without_an_image_are_named(crops):
    references = pl.Series(["image/ISIC_0000000.jpg", None, None])
    with pytest.raises(DataError) as refused:
        Pictures(ImageReader(crops), ["a", "b", "c"], references)
    assert str(refused.value) == (
        "Rows without an image: [b, c] (2 of 3); leave them out or add their images."
    )
