"""Which picture each picture is: small vectors by hand, and pictures in other bytes."""

import cv2
import numpy as np
import polars as pl
import pytest

from folds.findings import Findings
from folds.images import ImageReader
from folds.matching import (
    AMBIGUOUS,
    LEAST,
    MARGIN,
    OTHER_CLASS,
    SIDE,
    TAKEN,
    WEAK,
    Matches,
    lesion_table,
    match,
    report_unmatched,
    small_copies,
    small_copy,
)
from workspace.errors import DataError
from workspace.progress import quietly


def unit(*angles):
    """(n, 2): directions in the plane, whose products are cosines of their differences."""
    return np.array([(np.cos(a), np.sin(a)) for a in angles], np.float32)


def matched(ours, theirs, lesions):
    found = match(unit(*ours), unit(*theirs), np.array(lesions))
    return found.index.tolist(), found.problem


def test_each_picture_is_matched_with_that_which_is_most_alike():
    found = match(unit(0.0, 1.0), unit(1.05, 2.0, 0.1), np.array([0, 1, 2]))
    assert (found.index.tolist(), found.problem) == ([2, 0], [None, None])
    assert found.correlation == pytest.approx([np.cos(0.1), np.cos(0.05)])


def test_one_picture_is_matched_once_and_with_the_more_alike():
    # Both are most like the first; it is the second's, and the other's next is far away.
    assert matched([0.1, 0.02], [0.0, 2.0], [0, 1]) == ([-1, 0], [TAKEN, None])
    # With another picture of the same lesion near, the lesion is known of both.
    assert matched([0.1, 0.02], [0.0, 0.25], [7, 7]) == ([1, 0], [None, None])


def test_twins_of_one_lesion_are_matched_and_twins_of_two_lesions_are_not():
    assert matched([0.0, 0.0], [0.0, 0.0], [7, 7]) == ([0, 1], [None, None])
    assert matched([0.0, 0.0], [0.0, 0.0], [7, 8]) == ([-1, -1], [AMBIGUOUS, AMBIGUOUS])


def test_what_is_hardly_alike_is_no_match():
    limit = float(np.arccos(LEAST))
    assert matched([0.0], [limit - 0.01], [0]) == ([0], [None])
    assert matched([0.0], [limit + 0.01], [0]) == ([-1], [WEAK])


def test_a_picture_of_another_lesion_must_be_less_alike_by_the_margin():
    near = float(np.arccos(1 - MARGIN * 1.1))
    nearer = float(np.arccos(1 - MARGIN * 0.9))
    assert matched([0.0], [0.0, near], [0, 1]) == ([0], [None])
    assert matched([0.0], [0.0, nearer], [0, 1]) == ([-1], [AMBIGUOUS])


def slow_match(ours, theirs):
    """One to one, the most alike first, by looking at all pairs again for every match."""
    products, found = ours @ theirs.T, [-1] * len(ours)
    for _ in range(len(ours)):
        row, column = np.unravel_index(np.argmax(products), products.shape)
        if products[row, column] < LEAST:
            break
        found[row] = int(column)
        products[row, :] = products[:, column] = -2
    return found


@pytest.mark.parametrize("seed", range(4))
def test_by_blocks_and_candidates_the_matches_are_those_of_all_pairs(seed, monkeypatch):
    monkeypatch.setattr("folds.matching.BLOCK", 7)
    rng = np.random.default_rng(seed)
    theirs = rng.normal(size=(60, 12)).astype(np.float32)
    ours = (theirs[rng.permutation(60)[:40]] + rng.normal(size=(40, 12)) * 0.2).astype(np.float32)
    theirs, ours = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (theirs, ours))
    found = match(ours, theirs, np.zeros(60, np.int64))
    assert found.index.tolist() == slow_match(ours, theirs)
    assert (found.index >= 0).sum() > 30


def picture(seed, height=150, width=200):
    coarse = np.random.default_rng(seed).integers(40, 220, (9, 12, 3)).astype(np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def test_a_copy_is_of_the_middle_square_whatever_its_size_or_format():
    whole = picture(0)
    square = np.ascontiguousarray(whole[:, 25:175])
    assert np.array_equal(small_copy(whole), small_copy(square))
    assert small_copy(whole).shape == (SIDE * SIDE * 3,)
    assert np.linalg.norm(small_copy(whole)) == pytest.approx(1, abs=1e-6)
    assert small_copy(whole).sum() == pytest.approx(0, abs=1e-4)
    tall = np.ascontiguousarray(whole.transpose(1, 0, 2))
    assert np.array_equal(small_copy(tall), small_copy(np.ascontiguousarray(tall[25:175])))
    assert not small_copy(np.full((5, 5, 3), 9, np.uint8)).any()
    large = small_copy(picture(0, 450, 600))
    assert float(large @ small_copy(whole)) > 0.99


def test_small_pictures_are_found_among_large_ones_in_other_bytes(tmp_path):
    for number in range(70):  # more than one batch
        assert cv2.imwrite(str(tmp_path / f"h{number:02d}.png"), picture(number))
        small = cv2.resize(picture(number)[:, 25:175], (28, 28), interpolation=cv2.INTER_AREA)
        assert cv2.imwrite(str(tmp_path / f"d{number:02d}.jpg"), small)
    reader, rng = ImageReader(tmp_path), np.random.default_rng(0)
    order = rng.permutation(70)
    theirs = small_copies(reader, [f"h{n:02d}.png" for n in range(70)], quietly)
    ours = small_copies(reader, [f"d{n:02d}.jpg" for n in order], quietly, workers=2)
    assert match(ours, theirs, np.arange(70)).index.tolist() == order.tolist()


IMAGES = pl.DataFrame(
    {"isic_id": ["d0", "d1", "d2", "d3"], "diagnosis": ["mel", "nv", "nv", "bcc"],
     "split": ["train", "valid", "test", "test"]}
)  # fmt: skip
PICTURES = pl.DataFrame(
    {"isic_id": ["h0", "h1", "h2"], "diagnosis": ["nv", "mel", "mel"], "lesion_id": ["B", "A", "A"]}
)


def found(index, problem):
    return Matches(np.array(index), np.array([0.99, 0.98, 0.97, 0.5], np.float32), problem)


def test_an_image_has_the_lesion_of_its_picture_if_the_class_is_the_same():
    table = lesion_table(IMAGES, PICTURES, found([1, 0, 2, -1], [None, None, None, WEAK]))
    assert table.select("dermamnist_id", "isic_id", "lesion_id", "problem").rows() == [
        ("d0", "h1", "A", None), ("d1", "h0", "B", None), ("d2", "h2", "A", OTHER_CLASS),
        ("d3", None, None, WEAK),
    ]  # fmt: skip
    findings = Findings()
    report_unmatched(table, "ham", findings)
    assert [(f.check, f.message, f.ids) for f in findings.notices] == [
        ("unmatched-weak", "1 image without a lesion: no picture of ham correlates by 0.9 or more "
         "with it: [d3].", ("d3",)),
        ("unmatched-class", "1 image without a lesion: the picture of ham has another class: "
         "[d2].", ("d2",)),
    ]  # fmt: skip


def test_a_folder_of_other_pictures_is_refused():
    table = lesion_table(IMAGES, PICTURES, found([-1] * 4, [WEAK, TAKEN, AMBIGUOUS, WEAK]))
    with pytest.raises(DataError) as refused:
        report_unmatched(table, "ham", Findings())
    assert str(refused.value) == (
        "None of 4 images is a picture of ham (a correlation of 0.9 or more, the same class); name "
        "a folder of HAM10000 in data.lesions."
    )
