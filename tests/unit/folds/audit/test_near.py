"""Copies are found however they were made; other pictures, however alike, are not."""

from itertools import combinations

import cv2
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from folds.audit import near, nearest, overlay
from folds.audit.fingerprint import FINE_BLURS, SIDE, fingerprint, local_contrast
from folds.audit.near import has_detail, near_duplicates
from folds.audit.nearest import nearest_pairs
from tests.unit.folds.audit.test_fingerprint import Pixels, skin
from workspace.arrays import Floats32
from workspace.progress import quietly

Prints = tuple[NDArray[np.float32], NDArray[np.uint8]]


def prints(pictures: list[Pixels]) -> Prints:
    seen = [fingerprint(picture) for picture in pictures]
    return np.array([s.key for s in seen]), np.array([s.thumb for s in seen])


def encoded(picture: Pixels, quality: int) -> Pixels:
    data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def resized(picture: Pixels, factor: float) -> Pixels:
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, None, fx=factor, fy=factor, interpolation=way), np.uint8)


def shifted(picture: Pixels, dy: int, dx: int) -> Pixels:
    move = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    size = picture.shape[1::-1]
    moved = cv2.warpAffine(picture, move, size, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8)


COPIES = {
    "jpeg50": (lambda p: encoded(p, 50), "identity"),
    "jpeg95": (lambda p: encoded(p, 95), "identity"),
    "half": (lambda p: resized(p, 0.5), "identity"),
    "larger": (lambda p: resized(p, 1.5), "identity"),
    "brighter": (lambda p: np.clip(p * 1.03, 0, 255).astype(np.uint8), "identity"),
    "cropped": (lambda p: np.ascontiguousarray(p[4:, :-3]), "identity"),
    "shifted": (lambda p: shifted(p, -4, 3), "identity"),
    "flip_h": (lambda p: p[:, ::-1], "flip_h"),
    "flip_v": (lambda p: p[::-1], "flip_v"),
    "rot90": (lambda p: np.rot90(p, 1), "rot90"),
    "rot180": (lambda p: np.rot90(p, 2), "rot180"),
    "rot270": (lambda p: np.rot90(p, 3), "rot270"),
    "transpose": (lambda p: p.transpose(1, 0, 2), "transpose"),
    "transverse": (lambda p: np.rot90(p.transpose(1, 0, 2), 2), "transverse"),
    "all at once": (lambda p: encoded(np.rot90(shifted(p, 3, 2)), 70), "rot90"),
}


@pytest.mark.parametrize("name", COPIES)
def test_each_kind_of_copy_is_found_with_its_transform(name: str) -> None:
    change, transform = COPIES[name]
    originals = [skin(seed) for seed in range(8)]
    pairs = near_duplicates(*prints([*originals, *map(change, originals)]))
    assert pairs.select("i", "j").rows() == [(row, row + 8) for row in range(8)]
    assert set(pairs["transform"]) == {transform}
    assert pairs["similarity"].is_between(0.835, 1).all()


def test_transform_leads_from_the_lower_row_to_the_higher() -> None:
    picture = skin(1)
    for one, other, transform in (
        (picture, np.rot90(picture), "rot90"),
        (np.rot90(picture), picture, "rot270"),
    ):
        assert near_duplicates(*prints([one, other]))["transform"].to_list() == [transform]


def test_no_pair_among_500_blobs() -> None:
    assert near_duplicates(*prints([skin(seed, 64) for seed in range(500)])).is_empty()


@pytest.mark.parametrize("count", [0, 1, 2])
def test_table_has_its_columns_even_when_empty(count: int) -> None:
    keys, thumbs = FAMILY
    pairs = near_duplicates(keys[:count], thumbs[:count])
    assert pairs.schema == pl.Schema(near.PAIR_SCHEMA)
    assert pairs.is_empty()


@settings(max_examples=15, deadline=None)
@given(st.permutations(range(12)))
def test_pairs_do_not_depend_on_the_order_of_rows(order: list[int]) -> None:
    keys, thumbs = FAMILY
    expected = near_duplicates(keys, thumbs)
    pairs = near_duplicates(keys[order], thumbs[order])
    named = {frozenset((order[i], order[j])): s for i, j, s, _ in pairs.rows()}
    assert named == {frozenset((i, j)): s for i, j, s, _ in expected.rows()}
    assert len(named) == 3 + 4


def _family() -> Prints:
    """Three pictures of one lesion, four pairs, one picture alone."""
    base = [skin(seed) for seed in range(6)]
    copies = [encoded(np.ascontiguousarray(p[:, ::-1]), 80) for p in base[:5]]
    return prints([*base, *copies, shifted(base[0], 3, 3)])


FAMILY = _family()


@pytest.mark.parametrize("level", [0, 90, 255])
def test_pictures_without_detail_are_in_no_pair(level: int) -> None:
    blank = [np.full((40, 40, 3), level, np.uint8)] * 300
    speck = np.full((64, 64, 3), level, np.uint8)
    speck[:2, :2] = 255 - level  # outside of what is compared
    keys, thumbs = prints([*blank, speck, skin(1), encoded(skin(1), 80)])
    assert has_detail(thumbs).tolist() == [False] * 301 + [True, True]
    assert near_duplicates(keys, thumbs).select("i", "j").rows() == [(301, 302)]


def test_equal_fingerprints_are_paired_with_the_first_only() -> None:
    keys, thumbs = prints([skin(2), skin(1), encoded(skin(1), 80)])
    rows = [1] * 3000 + [0, 2]
    pairs = near_duplicates(keys[rows], thumbs[rows])
    assert pairs["i"].to_list() == [0] * 3000
    assert pairs["j"].to_list() == [*range(1, 3000), 3001]


def test_equal_thumbs_of_unequal_keys_are_not_equal_fingerprints() -> None:
    keys, thumbs = prints([skin(1)] * 3)
    keys[1] += 0.01  # another tint
    assert near_duplicates(keys, thumbs).select("i", "j").rows() == [(0, 1), (0, 2)]


def test_a_flood_of_copies_stays_together_in_few_pairs() -> None:
    """Eight sets of copies of one picture: each row's nearest lie in its own set."""
    keys, thumbs = prints([np.ascontiguousarray(p) for p in _eight(skin(1))])
    rng = np.random.default_rng(0)
    rows = np.repeat(np.arange(8), 100)
    noise = (
        rng.normal(0, 0.02, (len(rows), keys.shape[1]))
        + np.repeat(rng.normal(0, 1, 8), 100)[:, None]
    )
    pairs = near_duplicates(keys[rows] + noise.astype(np.float32), thumbs[rows], neighbours=6)
    assert len(pairs) < 800 * 7
    parent = list(range(800))

    def root(row: int) -> int:
        while parent[row] != row:
            row = parent[row]
        return row

    for i, j in pairs.select("i", "j").rows():
        parent[root(j)] = root(i)
    assert len({root(row) for row in range(800)}) == 1


def _eight(picture: Pixels) -> list[Pixels]:
    return [np.rot90(p, k) for p in (picture, picture[:, ::-1]) for k in range(4)]


def test_candidates_are_the_nearest_within_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearest, "LEAF", 16)
    rng = np.random.default_rng(0)
    keys = rng.normal(0, 4, (150, 2)).astype(np.float32)
    one, other = nearest_pairs(keys, reach=1.5, neighbours=4)
    apart = np.linalg.norm(keys[:, None].astype(float) - keys[None], axis=2)
    expected = set()
    for row in range(150):
        four = [int(n) for n in np.argsort(apart[row]) if n != row][:4]
        expected |= {(min(row, n), max(row, n)) for n in four if apart[row, n] <= 1.5}
    assert set(zip(one.tolist(), other.tolist(), strict=True)) == expected


def test_a_row_looks_into_few_boxes_and_still_finds_its_copy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(nearest, "LEAF", 32)
    monkeypatch.setattr(nearest, "BOXES", 4)
    looked = []
    add = nearest._Nearest.add
    monkeypatch.setattr(
        nearest._Nearest,
        "add",
        lambda self, rows, apart, others: (
            looked.append(apart.size),
            add(self, rows, apart, others),
        ),
    )
    rng = np.random.default_rng(0)
    for count in (512, 2048):
        looked.clear()
        keys = rng.normal(0, 6, (count, 12)).astype(np.float32)
        keys = np.concatenate([keys, keys + rng.normal(0, 1, keys.shape).astype(np.float32)])
        one, other = nearest_pairs(keys, reach=20, neighbours=4)
        assert sum(looked) <= 2 * count * 4 * 32
        assert ((other - one) == count).sum() >= 0.99 * count


def test_look_alikes_are_not_aligned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Aligning is a hundred times as dear as the gate before it."""
    keys, thumbs = prints([skin(seed, 64) for seed in range(60)])
    aligned = []
    align = overlay._align
    monkeypatch.setattr(
        overlay, "_align", lambda *asked: (aligned.append(len(asked[0])), align(*asked))[1]
    )
    near_duplicates(keys, thumbs, reach=1000, neighbours=59)
    assert sum(aligned) < 60 * 59 / 2 * 0.1


def test_agreement_equals_its_slow_twin() -> None:
    _, thumbs = prints([skin(1), skin(2), skin(3)])
    thumbs[2, :9] = 0  # a black bar
    one, other = thumbs[[0, 1, 2]].astype(np.float32), thumbs[[1, 2, 2]].astype(np.float32)
    warp = np.array([[1.3, 0.4, -0.7, 0.2], [0, 0, 0, 0], [0.5, 0, 0, 1]], np.float32)
    fast = overlay._agreement(one, other, warp)
    for pair in range(3):
        slow = _slow_agreement(one[pair], other[pair], warp[pair])
        assert fast[pair] == pytest.approx(slow, abs=1e-3)


def _slow_agreement(one: Floats32, other: Floats32, warp: Floats32) -> float:
    def between(picture: Floats32, y: float, x: float) -> float:
        y, x = min(max(y, 0), SIDE - 1.001), min(max(x, 0), SIDE - 1.001)
        top, left = int(y), int(x)
        patch = picture[top : top + 2, left : left + 2]
        return float(
            np.array([1 - (y - top), y - top]) @ patch @ np.array([1 - (x - left), x - left])
        )

    fine_one, fine_other = (local_contrast(p, *FINE_BLURS) for p in (one, other))
    black_one, black_other = (overlay._blackness(p) for p in (one, other))
    whole, outer, middle = [], [], (SIDE - 1) / 2
    for y in range(3, SIDE - 3):
        for x in range(3, SIDE - 3):
            v, u = (y - middle) / middle, (x - middle) / middle
            at = y + warp[0] + warp[1] * v, x + warp[2] + warp[3] * u
            if max(black_one[y, x], between(black_other, *at)) < overlay.BLACK_SHARE:
                whole.append((fine_one[y, x], between(fine_other, *at)))
                outer += whole[-1:] if max(abs(u), abs(v)) > 0.5 else []
    return float(np.mean([np.corrcoef(np.array(part).T)[0, 1] for part in (whole, outer)]))


def test_black_bars_alone_do_not_make_a_pair() -> None:
    pictures = [skin(seed) for seed in range(20)]
    for picture in pictures:
        picture[:40] = 0
    keys, thumbs = prints(pictures)
    assert near_duplicates(keys, thumbs, reach=1000, neighbours=19).is_empty()


def test_wider_reach_only_adds_pairs() -> None:
    keys, thumbs = FAMILY
    seen = [
        set(near_duplicates(keys, thumbs, reach=reach).select("i", "j").rows())
        for reach in (0.01, 5, 15, 50)
    ]
    assert all(fewer <= more for fewer, more in combinations(seen, 2))


def test_keys_and_thumbs_must_fit() -> None:
    keys, thumbs = FAMILY
    with pytest.raises(ValueError, match="do not fit"):
        near_duplicates(keys[1:], thumbs)


def test_a_pair_is_as_similar_either_way_round() -> None:
    """Which is first inside hangs on the last bits of keys, and those on the processor."""
    pictures = [skin(seed) for seed in range(60)]
    pictures += [encoded(shifted(one, 7, -6), 60) for one in pictures]
    _, thumbs = prints(pictures)
    one, other = np.arange(60), np.arange(60, 120)
    plain, _ = overlay.confirm_pairs(thumbs, one, other, quietly)
    turned, _ = overlay.confirm_pairs(thumbs, other, one, quietly)
    assert np.abs(plain - turned).max() > 0.001  # so it matters
    first, _ = near._either_way(thumbs, one, other, 0.835, quietly)
    second, _ = near._either_way(thumbs, other, one, 0.835, quietly)
    assert (first[first >= 0.835] == second[first >= 0.835]).all()
    assert ((first >= 0.835) == (second >= 0.835)).all()
    assert (first >= plain).all()
