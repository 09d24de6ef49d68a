import numpy as np
import polars as pl
import pytest

from folds.findings import Findings
from folds.groups import (
    check_disjoint,
    joined_groups,
    own_groups,
    patient_column,
    spread_groups,
)
from folds.samples import GROUP_COLUMNS
from folds.split import FoldConfig, assign_folds, balance
from workspace.errors import ArtifactError, ConfigError, DataError
from workspace.sentences import unnamed

GROUPED = list(GROUP_COLUMNS)


def table(patients=20, lesions=6, positives=10, hospitals=3, test=0):
    """One positive in each of the first `positives` patients, hospitals by turns."""
    n = patients * lesions
    patient = np.arange(n) // lesions
    target = ((np.arange(n) % lesions == 0) & (patient < positives)).astype(np.int8)
    return pl.DataFrame(
        {
            "isic_id": [f"ISIC_{i:07d}" for i in range(n)],
            "image": [None] * n,
            "target": target,
            "diagnosis": np.where(target == 1, "mel", np.where(patient % 2, "nv", "bkl")),
            "patient_id": [f"IP_{p:07d}" for p in patient],
            "lesion_id": [f"IL_{i:07d}" for i in range(n)],
            "hospital": [f"Hospital {'ABCDEFG'[p % hospitals]}" for p in patient],
            "split": ["train"] * (n - test) + ["test"] * test,
        },
        schema_overrides={"image": pl.String, "target": pl.Int8},
    )


NO_PAIRS = pl.DataFrame(schema={"isic_id_a": pl.String, "isic_id_b": pl.String})


def fold(samples, seed=0, pairs=NO_PAIRS, group="patient", **config):
    groups = joined_groups(own_groups(samples, group), pairs)
    return assign_folds(samples, groups, FoldConfig(**config), seed, Findings())


@pytest.mark.parametrize("scheme", ["stratified_groups", "holdout", "leave_one_hospital_out"])
def test_each_row_once_and_no_group_on_two_sides(scheme):
    samples = table(test=12)
    folds = fold(samples, scheme=scheme)
    assert folds["isic_id"].to_list() == samples["isic_id"].to_list()
    check_disjoint(folds)
    apart = folds.filter(
        pl.col("isic_id").is_in(samples.filter(pl.col("split") == "test")["isic_id"].to_list())
    )
    assert apart["fold"].null_count() == 12
    assert set(apart["split"]) == {"test"}


def test_positives_are_spread_as_evenly_as_they_go():
    folds = fold(table(patients=50, positives=25), n_folds=5)
    counts = balance(folds, table(patients=50, positives=25))
    assert counts["positives"].to_list() == [5, 5, 5, 5, 5]
    assert counts["groups"].sum() == 50


def test_check_68_sets_that_no_fold_numbers_stand_in_one_order():
    sets = ["train", "holdout", "anchor", "valid", "test"]
    ids = [f"i{number}" for number in range(40)]
    folds = pl.DataFrame(
        {"isic_id": ids, "split": sets * 8, "group_id": ids}
    ).with_columns(repeat=pl.lit(0), fold=pl.lit(None, pl.Int16))  # fmt: skip
    samples = pl.DataFrame({"isic_id": ids, "target": [0, 1] * 20, "hospital": ["x"] * 40})
    orders = {
        tuple(balance(folds.sample(fraction=1, shuffle=True, seed=seed), samples)["split"])
        for seed in range(20)
    }
    assert orders == {("anchor", "holdout", "train", "valid", "test")}


@pytest.mark.parametrize("group", ["patient", "none"])
def test_check_73_the_order_of_rows_does_not_matter(group):
    samples = table()
    shuffled = samples.sample(fraction=1, shuffle=True, seed=3)
    assert fold(shuffled, group=group).equals(fold(samples, group=group))


def test_another_seed_gives_other_folds_and_repeats_differ():
    samples = table()
    one, two = fold(samples, seed=0), fold(samples, seed=1)
    assert not one["fold"].equals(two["fold"])
    repeats = fold(samples, seed=0, repeats=3).partition_by("repeat")
    assert repeats[0].equals(one)
    assert not repeats[0]["fold"].equals(repeats[1]["fold"])
    # check 76: repeat 1 of a seed is not repeat 0 of the next seed
    assert not repeats[1]["fold"].equals(two["fold"])


def test_holdout_takes_a_fifth_and_then_a_fifth():
    folds = fold(table(patients=100, positives=50), scheme="holdout")
    shares = {
        "holdout": (folds["split"] == "holdout").mean(),
        "valid": (folds["fold"] == 0).sum() / 600,
        "train": ((folds["split"] == "train") & folds["fold"].is_null()).mean(),
    }
    assert shares == pytest.approx({"holdout": 0.20, "valid": 0.16, "train": 0.64})


def test_a_split_by_image_has_the_sizes_of_a_holdout_and_its_groups_on_several_sides():
    samples = table(patients=100, positives=50)
    folds = fold(samples, scheme="by_image")
    assert folds["isic_id"].to_list() == samples["isic_id"].to_list()
    assert folds["group_id"].n_unique() == 100  # whose a row is, stays
    spread = folds.group_by("group_id").agg(pl.struct("split", "fold").n_unique().alias("sides"))
    assert (spread["sides"] > 1).mean() > 0.9  # six images each: hardly all on one side
    shares = [(folds["split"] == "holdout").mean(), (folds["fold"] == 0).sum() / 600]
    assert shares == pytest.approx([0.20, 0.16])
    again = fold(samples, scheme="by_image", seed=1)
    assert not again["split"].equals(folds["split"])


def test_the_official_split_is_kept():
    samples = table().with_columns(
        pl.Series("split", ["train"] * 60 + ["valid"] * 30 + ["test"] * 30)
    )
    folds = fold(samples, scheme="official", group="none")
    assert folds["fold"].to_list() == [None] * 60 + [0] * 30 + [None] * 30
    assert folds["split"].to_list() == ["train"] * 90 + ["test"] * 30


def test_stratifying_by_diagnosis_spreads_each():
    samples = table(patients=60, positives=20)
    folds = fold(samples, stratify="diagnosis", n_folds=5).join(samples, on="isic_id")
    counts = folds.group_by("fold", "diagnosis").len()
    spread = counts.group_by("diagnosis").agg(pl.col("len").max() - pl.col("len").min())
    assert spread["len"].max() <= 12  # two patients' lesions


def test_rows_without_groups_are_folded_one_by_one():
    folds = fold(table(), group="none")
    assert folds["fold"].value_counts()["count"].to_list() == [24] * 5


def test_duplicates_across_patients_make_one_group():
    samples = table()
    pairs = pl.DataFrame(
        {
            "isic_id_a": ["ISIC_0000000", "ISIC_0000007", "ISIC_0000030"],
            "isic_id_b": ["ISIC_0000006", "ISIC_0000012", "ISIC_0000031"],
        }
    )
    folds = fold(samples, pairs=pairs)
    first = folds.filter(pl.col("group_id") == "IP_0000000")
    assert len(first) == 18  # patients 0, 1 and 2; the third pair lies within patient 5
    assert first["fold"].n_unique() == 1
    assert folds["group_id"].n_unique() == 18


def test_a_duplicate_in_the_test_joins_nothing():
    samples = table(test=6)
    pairs = pl.DataFrame({"isic_id_a": ["ISIC_0000000"], "isic_id_b": ["ISIC_0000119"]})
    assert fold(samples, pairs=pairs)["group_id"].n_unique() == 20


@pytest.mark.parametrize(
    ("samples", "config", "message"),
    [
        (
            table(positives=3),
            {},
            "folds.n_folds=5 needs at least 5 patients with a positive; found 3. Take "
            "folds.n_folds=3.",
        ),
        (
            table(patients=4, positives=4),
            {},
            "folds.n_folds=5 needs at least 5 patients; found 4. Take folds.n_folds=4.",
        ),
        (
            table(positives=3),
            {"stratify": "diagnosis"},
            "folds.n_folds=5 needs at least 5 patients with each diagnosis; mel has 3. Take "
            "folds.n_folds=3, or stratify by the target with folds.stratify=target.",
        ),
        (
            table(positives=3),
            {"scheme": "holdout"},
            "folds.test_share=0.2 needs at least 5 patients with a positive; found 3. Take "
            "folds.test_share=0.5.",
        ),
        (
            table(positives=3),
            {"anchor_share": 0.4},
            "folds.n_folds=5 needs at least 5 patients besides those that folds.anchor_share sets "
            "aside with a positive; found 2. Take folds.n_folds=2.",
        ),
        (
            table().with_columns(pl.lit(None, pl.String).alias("hospital")),
            {"scheme": "leave_one_hospital_out"},
            "Missing hospital for images: [ISIC_0000000, ISIC_0000001, ISIC_0000002, "
            "ISIC_0000003, ISIC_0000004] (+115 more).",
        ),
    ],
)
def test_check_7_and_8_folds_that_cannot_be(samples, config, message):
    with pytest.raises(DataError) as refused:
        fold(samples, **config)
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            {"scheme": "official"},
            "folds.scheme 'official' needs a source with validation rows of its own; "
            "this one has none. Take 'stratified_groups'.",
        ),
        (
            {"scheme": "leave_one_hospital_out", "repeats": 2},
            "folds.repeats is 2, but scheme 'leave_one_hospital_out' has no randomness to repeat; "
            "set folds.repeats=1.",
        ),
    ],
)
def test_schemes_that_do_not_fit(config, message):
    with pytest.raises(ConfigError) as refused:
        fold(table(), **config)
    assert str(refused.value) == message


def test_check_84_a_patient_on_two_sides_is_named():
    folds = fold(table())
    moved = folds.with_columns(
        pl.when(pl.col("isic_id") == "ISIC_0000000").then((pl.col("fold") + 1) % 5)
        .otherwise(pl.col("fold")).cast(pl.Int16).alias("fold")
    )  # fmt: skip
    was = folds["fold"][0]
    low, high = sorted([was, (was + 1) % 5])
    with pytest.raises(ArtifactError) as refused:
        check_disjoint(moved)
    assert str(refused.value) == (
        f"1 group of folds.parquet is on more than one side (IP_0000000 in fold {low}, fold {high})"
        "; run 'make folds FRESH=1'."
    )


def pairs_of(*pairs):
    a, b = zip(*pairs, strict=True)
    return pl.DataFrame({"isic_id_a": a, "isic_id_b": b})


def test_copies_of_one_test_picture_are_copies_of_one_another():
    """A pair list centred on a test row: T = A and T = B make A and B one group."""
    samples = table(test=6)
    star = pairs_of(("ISIC_0000119", "ISIC_0000000"), ("ISIC_0000119", "ISIC_0000006"))
    folds = fold(samples, pairs=star)
    assert folds["group_id"][:12].to_list() == ["IP_0000000"] * 12
    assert folds["group_id"][-6:].to_list() == ["IP_0000019"] * 6
    two = pairs_of(("ISIC_0000118", "ISIC_0000000"), ("ISIC_0000119", "ISIC_0000006"))
    assert fold(samples, pairs=two)["group_id"][:12].to_list() == ["IP_0000000"] * 12


def test_a_patient_in_training_and_in_the_sources_test_does_not_stop_the_folds():
    samples = table(test=3)  # patient 19 has three rows on either side
    folds = fold(samples)
    check_disjoint(folds)
    assert folds.filter(pl.col("group_id") == "IP_0000019")["split"].to_list() == (
        ["train"] * 3 + ["test"] * 3
    )


def test_the_holdout_and_the_sources_test_are_told_apart():
    folds = fold(table(patients=100, positives=50, test=60), scheme="holdout")
    counts = dict(folds["split"].value_counts().iter_rows())
    assert counts == {"train": 432, "holdout": 108, "test": 60}


def test_the_official_split_may_cross_groups_and_says_which():
    samples = table().with_columns(
        pl.Series("split", ["train"] * 57 + ["valid"] * 33 + ["test"] * 30)
    )
    folds = fold(samples, scheme="official")
    assert spread_groups(folds)["group_id"].to_list() == ["IP_0000009"]


def test_a_fold_without_a_positive_is_refused():
    """Sizes for which scikit-learn leaves one, although six patients have positives."""
    sizes, positives = [101, 4, 27, 11, 3, 5, 3, 3], [41, 1, 0, 5, 1, 0, 1, 1]
    patient = np.repeat(np.arange(8), sizes)
    target = np.concatenate([np.arange(n) < k for n, k in zip(sizes, positives, strict=True)])
    rows = table(patients=1, lesions=len(patient)).with_columns(
        pl.Series("patient_id", [f"IP_{p}" for p in patient]),
        pl.Series("target", target.astype(np.int8)),
    )
    with pytest.raises(DataError) as refused:
        fold(rows, n_folds=5)
    assert str(refused.value) == (
        "Fold 0 of 5 would hold no row of class '1', since few patients hold most of them. Take "
        "folds.n_folds=2."
    )
    with pytest.raises(DataError) as refused:
        fold(rows.with_columns(pl.lit(0, pl.Int8).alias("target")), n_folds=5)
    assert str(refused.value) == (
        "folds.n_folds=5 needs at least 5 patients with a positive; found 0. No smaller number of "
        "parts would do; add data, or take another folds.scheme."
    )


@pytest.mark.parametrize(
    ("given", "config", "folds"),
    [
        ({"positives": 18}, {}, 18),
        ({"positives": 3}, {"stratify": "diagnosis"}, 3),
        ({"positives": 18}, {"anchor_share": 0.2}, 14),
    ],
)
def test_the_number_of_folds_that_a_refusal_names_is_one_that_works(given, config, folds):
    """Fifty of twenty patients: as many as there are would be refused for their positives."""
    with pytest.raises(DataError, match=f"Take folds.n_folds={folds}") as refused:
        fold(table(**given), n_folds=50, **config)
    assert "stratify by" not in str(refused.value)
    kept = unnamed(refused.value)  # in a log: what was asked and the mend, and no class of a row
    assert kept.startswith("folds.n_folds=50 needs at least 50 patients")
    assert kept.endswith(f"Take folds.n_folds={folds}.")
    assert fold(table(**given), n_folds=folds, **config)["fold"].n_unique() >= folds


def test_values_a_scheme_does_not_use_are_not_part_of_the_result():
    assert FoldConfig(scheme="official", n_folds=7).used() == {"scheme": "official"}
    assert FoldConfig(n_folds=7).used() == {
        "scheme": "stratified_groups", "n_folds": 7, "repeats": 1, "stratify": "target",
    }  # fmt: skip


def test_rows_are_told_apart_by_group_unless_there_is_none():
    assert [patient_column(group) for group in ("patient", "lesion", "none")] == [
        "group_id",
        "group_id",
        None,
    ]
