"""The real HAM10000 through verify and folds: counts, lesion groups, the known duplicates."""

import json

import polars as pl
import pytest

from tests.stages import Place

pytestmark = [pytest.mark.real_data, pytest.mark.slow]

# Pairs of pictures that show one lesion under two lesion ids. As published: Abhishek, Jain and
# Hamarneh, Scientific Data 12, 196 (2025), newly_discovered_duplicates.csv of their repository.
PUBLISHED = (
    "24437 31299, 24602 32283, 24629 29625, 24736 29748, 24770 27811, 24879 30906, 25226 30074, "
    "25664 26087, 27027 29036, 27162 29061, 27689 32647, 27820 28209, 29152 33173, 30000 31392, "
    "32634 33556, 33374 33417, 33391 34186, 33421 33481"
)
OURS = "34228 34248, 25499 28585, 25281 26904"  # docs/LOG.md
KNOWN = {
    frozenset(f"ISIC_00{number}" for number in pair.split())
    for pair in f"{PUBLISHED}, {OURS}".split(", ")
}


def test_the_audit_names_the_duplicates_and_folds_keep_lesions_together(real_data, tmp_path):
    place = Place(tmp_path)
    settings = ('data.images_in=["ham10000_200x150.zip"]',)
    place.call("folds", "--recipe", "ham10000", "--data", str(real_data), settings=settings)

    report = json.loads((place.run / "samples" / "verify.json").read_text())
    assert report["errors"] == []
    assert (report["counts"]["rows"], report["counts"]["lesions"]) == (10_015, 7_470)

    pairs = pl.read_parquet(place.run / "samples" / "duplicates.parquet")
    assert pairs.filter(pl.col("kind") == "bytes").select("isic_id_a", "isic_id_b").rows() == [
        ("ISIC_0024366", "ISIC_0029861"), ("ISIC_0024777", "ISIC_0029938"),
    ]  # fmt: skip
    samples = pl.read_parquet(place.run / "samples" / "samples.parquet")
    lesion = dict(samples.select("isic_id", "lesion_id").rows())
    across = {
        (a, b)
        for a, b, kind in pairs.select("isic_id_a", "isic_id_b", "kind").rows()
        if kind == "near" and lesion[a] != lesion[b]
    }
    assert ("ISIC_0033421", "ISIC_0033481") in across

    folds = pl.read_parquet(place.run / "folds" / "folds.parquet").join(samples, on="isic_id")
    assert folds.group_by("lesion_id").agg(pl.col("fold").n_unique())["fold"].max() == 1
    assert folds["group_id"].n_unique() == 7_470 - len(across)
    fold = dict(folds.select("isic_id", "fold").rows())
    assert all(fold[a] == fold[b] for a, b in across)

    listed = pl.read_parquet(place.run / "samples" / "look_alikes.parquet")
    assert len(listed) <= 60
    doubtful = set(map(frozenset, listed.select("isic_id_a", "isic_id_b").rows()))
    joined = KNOWN & set(map(frozenset, across))
    assert len(joined) >= 6
    assert len(joined | (KNOWN & doubtful)) >= 18
