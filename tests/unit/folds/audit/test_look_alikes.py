"""What a network proposes is joined where points and overlay say so, listed where points do."""

import numpy as np
import polars as pl
import pytest

from folds.audit import look_alikes, nearest
from folds.audit.fingerprint import fingerprint
from folds.audit.look_alikes import LIST_SCHEMA, Joined, alike, along_axes, find_look_alikes
from folds.audit.pictures import FINGERPRINT_SCHEMA, Fingerprints
from tests.unit.folds.audit.test_fingerprint import skin
from tests.unit.folds.audit.test_points import photographed

PAIRS = pl.Schema(
    {"isic_id_a": pl.String, "isic_id_b": pl.String, "kind": pl.String, "similarity": pl.Float64}
)


def clusters(count, size, width=200, seed=0):
    """Directions (count x size, width): those of a cluster are nearer to one another."""
    rng = np.random.default_rng(seed)
    middle = np.repeat(rng.normal(size=(count, width)), size, axis=0)
    noise = rng.uniform(0.1, 0.45, (count * size, 1)) * rng.normal(size=(count * size, width))
    return ((middle + noise) * rng.uniform(1, 5, (count * size, 1))).astype(np.float16)


def nearest_slowly(rows, neighbours):
    """Each row with its nearest of positive cosine, among all."""
    cosine = rows @ rows.T
    np.fill_diagonal(cosine, -1)
    near = np.argsort(-cosine, axis=1)[:, :neighbours]
    return {
        (min(i, j), max(i, j)): cosine[i, j]
        for i in range(len(rows))
        for j in near[i].tolist()
        if cosine[i, j] > 0
    }


def pairs_of(one, other):
    return list(zip(one.tolist(), other.tolist(), strict=True))


def test_each_row_is_paired_with_its_nearest():
    embeddings = clusters(60, 5)
    one, other, cosine = alike(embeddings, 6)
    expected = nearest_slowly(along_axes(embeddings), 6)
    assert dict(zip(pairs_of(one, other), cosine, strict=True)) == pytest.approx(expected, abs=1e-4)
    assert len(expected) > 600


def test_axes_are_damped_by_the_root_of_their_deviation():
    """Against the fourth root of the covariance matrix, which needs no axes."""
    rng = np.random.default_rng(0)
    embeddings = (rng.normal(size=(500, 6)) * [9, 5, 3, 2, 1, 1] + 7).astype(np.float16)
    unit = embeddings.astype(np.float64)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    variance, axes = np.linalg.eigh(np.cov(unit.T, bias=True))
    root = axes @ np.diag(variance**-0.25) @ axes.T
    damped = (unit - unit.mean(axis=0)) @ root
    damped /= np.linalg.norm(damped, axis=1, keepdims=True)
    ours = along_axes(embeddings)
    assert np.allclose(ours @ ours.T, damped @ damped.T, atol=1e-4)


def test_few_are_lost_where_there_are_more_boxes_than_a_row_looks_into(monkeypatch):
    embeddings = clusters(400, 4)
    expected = {
        pair for pair, cosine in nearest_slowly(along_axes(embeddings), 3).items() if cosine > 0.7
    }
    monkeypatch.setattr(nearest, "LEAF", 16)
    monkeypatch.setattr(nearest, "BOXES", 16)  # of 128
    one, other, _ = alike(embeddings, 3)
    assert len(expected & set(pairs_of(one, other))) >= 0.98 * len(expected)


@pytest.mark.parametrize("count", [0, 1])
def test_where_there_are_no_two_there_is_no_pair(count):
    assert [len(part) for part in alike(np.ones((count, 8), np.float16))] == [0, 0, 0]


LESION = skin(1, 200)
AGAIN = photographed(LESION, 35, 1.2)  # no overlay sees it
SHIFTED = np.ascontiguousarray(LESION[6:, 4:])  # one that it sees
PIXELS = {"A": LESION, "B": AGAIN, "C": SHIFTED, "D": skin(2, 200), "E": skin(3, 200)}


def find(directions, groups, *pairs, pixels=PIXELS, at_most=9):
    """`directions`: which pictures a network takes for alike, by a letter each; groups likewise."""
    seen = [fingerprint(one) for one in pixels.values()]
    table = pl.DataFrame(
        [(name, name, name, 200, 200, None) for name in pixels], FINGERPRINT_SCHEMA, orient="row"
    )
    prints = Fingerprints(
        table, np.array([one.key for one in seen]), np.array([one.thumb for one in seen])
    )
    names = sorted(set(directions))
    embeddings = np.array([np.eye(len(names))[names.index(one)] for one in directions], np.float16)
    rows = pl.DataFrame({"isic_id": list(pixels), "group_id": list(groups), "split": "train"})
    joined = Joined(rows, pl.DataFrame(list(pairs), PAIRS, orient="row"))
    return find_look_alikes(prints, embeddings, joined, pixels.__getitem__, at_most=at_most)


def named(table):
    return table.select("isic_id_a", "isic_id_b").rows()


def test_the_same_skin_at_another_angle_is_for_a_person():
    found = find("xxyyz", "pqrst")
    assert named(found.doubtful) == [("A", "B")]
    assert found.doubtful.schema == LIST_SCHEMA
    assert found.doubtful["points"][0] >= 25
    assert found.doubtful["cosine"][0] == pytest.approx(1, abs=1e-3)
    assert (found.certain.is_empty(), found.judged) == (True, 2)  # C and D are other skin


def test_what_overlay_and_points_both_confirm_is_joined():
    found = find("xyxyz", "pqrst")
    assert found.certain.select("isic_id_a", "isic_id_b", "kind").rows() == [("A", "C", "near")]
    assert found.certain["similarity"][0] > 0.9
    assert found.doubtful.is_empty()


def test_what_the_overlay_alone_confirms_is_not(monkeypatch):
    monkeypatch.setattr(look_alikes, "count_points", lambda ids, one, *_: np.full(len(one), 11))
    found = find("xyxyz", "pqrst")
    assert found.certain.is_empty()
    assert ("A", "C") in named(found.doubtful)


def test_of_two_groups_the_best_pair_stands_for_all(monkeypatch):
    """A and C are one group by the overlay: of A-B and B-C that with more points is listed."""
    found = find("xxxyz", "pqrst")
    assert named(found.certain) == [("A", "C")]
    assert len(found.doubtful) == 1
    assert found.judged == 3


def test_what_is_one_group_already_is_no_look_alike():
    assert find("xxxxx"[:2] + "yyz", "pprrt").judged == 0
    assert find("xxyyz", "pqrst", ("A", "B", "accepted", None)).doubtful.is_empty()
    through = find("xxyyz", "pqrst", ("A", "E", "listed", None), ("B", "E", "bytes", 1.0))
    assert through.doubtful.is_empty()


def test_the_likeliest_come_first_and_no_more_than_asked_for(monkeypatch):
    def points(ids, one, other, *_):
        counts = {"AB": 8, "CD": 30, "AD": 9, "BC": 6}
        return np.array([counts.get(f"{ids[int(a)]}{ids[int(b)]}", 7) for a, b in zip(one, other)])  # noqa: B905

    monkeypatch.setattr(look_alikes, "count_points", points)
    monkeypatch.setattr(look_alikes, "confirmed", nothing_confirmed)
    pixels = {name: PIXELS[name] for name in "ABCD"} | {"E": PIXELS["E"]}
    everything = find("xxxxy", "pqrst", pixels=pixels)
    assert named(everything.doubtful)[:3] == [("C", "D"), ("A", "D"), ("A", "B")]
    assert ("B", "C") not in named(everything.doubtful)  # six agree by chance
    assert named(find("xxxxy", "pqrst", pixels=pixels, at_most=2).doubtful) == [
        ("C", "D"), ("A", "D"),
    ]  # fmt: skip


def nothing_confirmed(keys, thumbs, one, other):
    return np.zeros(len(one)), np.zeros(len(one), int), np.zeros(0, int)


def test_only_the_most_alike_are_judged_where_there_are_too_many(monkeypatch):
    monkeypatch.setattr(look_alikes, "MOST_JUDGED", 1)
    assert find("xxyyz", "pqrst").judged == 1


def test_pictures_without_detail_and_equal_ones_are_looked_at_once_or_never():
    flat = np.full((64, 64, 3), 90, np.uint8)
    assert find("xxyyz", "pqrst", pixels=PIXELS | {"B": flat, "D": flat}).judged == 0
