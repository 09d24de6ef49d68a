"""The real HAM10000: counts, lesion groups, the known duplicates, what its exploration finds."""

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
ZIP, TABLE = "ham10000_200x150.zip", "HAM10000_metadata.csv"
ZIPPED = f'data.images_in=["{ZIP}"]'
ALIKE = 16  # proposed among an eighth of the pictures; the recipe asks for 60 among all


def call(place, stage, data, look_alikes):
    settings = (ZIPPED, f"verify.look_alikes={look_alikes}")
    place.call(stage, "--recipe", "ham10000", "--data", str(data), settings=settings)
    return place


@pytest.fixture(scope="module")
def whole(real_data, tmp_path_factory):
    """All 10,015 pictures, compared by their bytes and grids."""
    return call(Place(tmp_path_factory.mktemp("ham")), "folds", real_data, 0), real_data


def across_lesions(place):
    """The near pairs of two lesions, and the lesion of each picture."""
    samples = pl.read_parquet(place.run / "samples" / "samples.parquet")
    lesion = dict(samples.select("isic_id", "lesion_id").rows())
    pairs = pl.read_parquet(place.run / "samples" / "duplicates.parquet")
    near = pairs.filter(kind="near").select("isic_id_a", "isic_id_b").rows()
    return {(a, b) for a, b in near if lesion[a] != lesion[b]}, lesion


def assert_together(place, across, lesion):
    """Lesions and joined pairs lie in one fold, and no others are joined."""
    folds = pl.read_parquet(place.run / "folds" / "folds.parquet")
    fold = dict(folds.select("isic_id", "fold").rows())
    by_lesion = folds.with_columns(lesion_id=pl.col("isic_id").replace_strict(lesion))
    assert by_lesion.group_by("lesion_id").agg(pl.col("fold").n_unique())["fold"].max() == 1
    assert folds["group_id"].n_unique() == len(set(lesion.values())) - len(across)
    assert all(fold[a] == fold[b] for a, b in across)


def test_the_audit_names_the_duplicates_and_folds_keep_lesions_together(whole):
    place, _ = whole
    report = json.loads((place.run / "samples" / "verify.json").read_text())
    assert report["errors"] == []
    assert (report["counts"]["rows"], report["counts"]["lesions"]) == (10_015, 7_470)
    pairs = pl.read_parquet(place.run / "samples" / "duplicates.parquet")
    assert pairs.filter(pl.col("kind") == "bytes").select("isic_id_a", "isic_id_b").rows() == [
        ("ISIC_0024366", "ISIC_0029861"), ("ISIC_0024777", "ISIC_0029938"),
    ]  # fmt: skip
    across, lesion = across_lesions(place)
    assert len(across) == 4
    assert ("ISIC_0033421", "ISIC_0033481") in across
    assert_together(place, across, lesion)


def test_look_alikes_of_the_known_pairs_are_joined_or_proposed(real_data, tmp_path):
    """Among every eighth picture of the others: points and embeddings of all take minutes."""
    place, known = Place(tmp_path), set().union(*KNOWN)
    table = pl.read_csv(real_data / TABLE, infer_schema=False).sort("image_id")
    some = (pl.int_range(pl.len()) % 8 == 0) | pl.col("image_id").is_in(sorted(known))
    place.data.mkdir()
    table.filter(some).write_csv(place.data / TABLE)
    (place.data / ZIP).symlink_to(real_data / ZIP)
    call(place, "folds", place.data, ALIKE)

    across, lesion = across_lesions(place)
    assert 1_250 < len(lesion) < 1_350
    assert_together(place, across, lesion)
    listed = pl.read_parquet(place.run / "samples" / "look_alikes.parquet")
    assert len(listed) <= ALIKE
    doubtful = set(map(frozenset, listed.select("isic_id_a", "isic_id_b").rows()))
    joined = KNOWN & set(map(frozenset, across))
    assert len(joined) >= 6
    assert len(joined | (KNOWN & doubtful)) >= 18


def test_bytes_and_how_often_a_lesion_was_photographed_tell(whole):
    place, data = whole
    call(place, "eda", data, 0)
    sheet = json.loads((place.run / "eda" / "eda.json").read_text())
    assert sheet["looked_at"]["rows"] == 10_015
    assert sheet["hospitals"] is None  # this copy of the table does not name them
    shares = {one["level"]: one["share"] for one in sheet["groups"]["sizes"]}
    assert shares["1"]["high"] < 0.12
    assert shares["2"]["low"] > 0.28
    measured = {one["name"]: one["alone"] for one in sheet["pictures"]["measured"]}
    assert measured["file size"]["auc"]["low"] > 0.63
    assert {one["kind"]: one["across"] for one in sheet["pairs"]["kinds"]}["near"] == 4
