import cv2
import numpy as np
import polars as pl
import pytest
import simplejpeg

from folds.audit.duplicates import find_pairs
from folds.audit.pictures import FINGERPRINT_SCHEMA, fingerprint_all, join_fingerprints
from folds.findings import Findings
from folds.groups import own_groups, report_duplicates
from folds.images import ImageReader
from tests.unit.folds.conftest import jpeg
from workspace.hdf5 import write_archive

NO_LIST = pl.DataFrame(schema={"isic_id_a": pl.String, "isic_id_b": pl.String})


def blob(seed: int) -> np.ndarray:
    """A smooth drawn lesion, unlike every other seed's."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:96, :96] / 96
    field = sum(
        rng.normal()
        * np.cos(2 * np.pi * (rng.integers(1, 9) * x + rng.integers(1, 9) * y + rng.random()))
        for _ in range(40)
    )
    return (140 + 14 * field[..., None] + rng.normal(0, 12, 3)).clip(0, 255).astype(np.uint8)


@pytest.fixture
def look(tmp_path):
    def look(images):
        write_archive(tmp_path / "a.hdf5", images.items())
        ids = sorted(images)
        seen = []
        pictures = fingerprint_all(
            ImageReader(tmp_path), ids, [f"a.hdf5::{name}" for name in ids], seen.append
        )
        assert seen[-1] == len(ids)
        return pictures

    return look


def test_bytes_pixels_and_near_copies_each_under_its_strictest_kind(look):
    one, two = blob(1), blob(2)
    png = cv2.imencode(".png", one[..., ::-1])[1].tobytes()
    data = simplejpeg.encode_jpeg(two, quality=92, colorsubsampling="444")
    decoded = simplejpeg.decode_jpeg(data, strict=True)
    same_pixels = cv2.imencode(".png", decoded[..., ::-1])[1].tobytes()
    pictures = look(
        {
            "A1": png, "A2": png, "A3": png,
            "B1": data, "B2": same_pixels,
            "B3": simplejpeg.encode_jpeg(two[:, ::-1].copy(), quality=70),
            "C1": simplejpeg.encode_jpeg(blob(3), quality=92),
        }
    )  # fmt: skip
    pairs = find_pairs(pictures, NO_LIST, near=True)
    assert pairs.select("isic_id_a", "isic_id_b", "kind").rows() == [
        ("A1", "A2", "bytes"), ("A1", "A3", "bytes"), ("B1", "B2", "pixels"), ("B1", "B3", "near"),
    ]  # fmt: skip
    assert pairs["similarity"][3] < 1
    without = find_pairs(pictures, NO_LIST, near=False)
    assert "near" not in without["kind"].to_list()


def test_listed_pairs_count_only_among_rows_that_are_there(look):
    pictures = look({"A": jpeg(1), "B": jpeg(2), "C": jpeg(3)})
    listed = pl.DataFrame({"isic_id_a": ["B", "A"], "isic_id_b": ["A", "Z"]})
    pairs = find_pairs(pictures, listed, near=False)
    assert pairs.rows() == [("A", "B", "listed", None)]


def test_a_damaged_image_is_a_problem_of_its_row_alone(look):
    pictures = look({"A": jpeg(1), "B": jpeg(2)[:200], "C": b"<html>"})
    assert pictures.table["problem"].to_list() == [
        None,
        "Image B is damaged and cannot be decoded.",
        "Image C is neither a JPEG nor a PNG.",
    ]
    assert dict(pictures.table.schema) == FINGERPRINT_SCHEMA
    assert find_pairs(pictures, NO_LIST, near=True).is_empty()


def test_shards_join_to_the_whole(look):
    images = {name: jpeg(n) for n, name in enumerate("ABCD")}
    whole = look(images)
    halves = [look({k: images[k] for k in part}) for part in ("AB", "CD")]
    joined = join_fingerprints(halves)
    assert joined.table.equals(whole.table)
    assert (joined.keys == whole.keys).all()
    assert join_fingerprints([]).table.is_empty()


def test_check_34_pairs_across_patients_are_told_apart(look):
    samples = pl.DataFrame(
        {
            "isic_id": ["A", "B", "C"], "patient_id": ["P1", "P2", "P1"],
            "lesion_id": [None] * 3, "split": ["train"] * 3,
        }
    )  # fmt: skip
    groups = own_groups(samples, "patient")
    same = jpeg(1)
    pairs = find_pairs(look({"A": same, "B": same, "C": same}), NO_LIST, near=False)
    findings = Findings()
    report_duplicates(pairs, groups, "patient", findings)
    assert [finding.message for finding in findings.notices] == [
        "2 pairs of images with the same bytes, 1 across patients, whose rows are folded as one "
        "group: A = B."
    ]


def test_listed_pairs_hold_where_no_image_was_looked_at(look):
    pictures = join_fingerprints([])
    listed = pl.DataFrame({"isic_id_a": ["B"], "isic_id_b": ["A"]})
    ids = pl.Series("isic_id", ["A", "B", "C"])
    assert find_pairs(pictures, listed, near=True, ids=ids).rows() == [("A", "B", "listed", None)]


def test_pairs_between_the_sources_splits_are_counted_and_not_called_joined(look):
    samples = pl.DataFrame(
        {
            "isic_id": ["A", "B"], "patient_id": ["P1", "P2"], "lesion_id": [None] * 2,
            "split": ["train", "test"],
        }
    )  # fmt: skip
    same = jpeg(1)
    pairs = find_pairs(look({"A": same, "B": same}), NO_LIST, near=False)
    findings = Findings()
    report_duplicates(pairs, own_groups(samples, "patient"), "patient", findings)
    report_duplicates(pairs, own_groups(samples, "none"), "none", findings)
    assert [finding.message for finding in findings.notices] == [
        "1 pair of images with the same bytes, 0 across patients, whose rows are folded as one "
        "group, 1 between the source's own splits: A = B.",
        "1 pair of images with the same bytes, 1 between the source's own splits: A = B.",
    ]
