"""Schemes that begin with a published split, on tables whose sides can be said by hand."""

from collections import Counter

import polars as pl
import pytest

from folds.findings import Findings
from folds.frozen import load_folds, save_folds
from folds.groups import GROUP, own_groups, spread_groups
from folds.official import _deal, by_lesion, corrected, official
from folds.split import FoldConfig, assign_folds, rows_to_place
from tests.by_hand.units import made, sample_table
from workspace.errors import ArtifactError, ConfigError, DataError

# Lesions of one to three images; A, C and E lie on two sides or more as published, G on one.
TABLE = sample_table(
    isic_id=["a1", "a2", "a3", "b1", "c1", "c2", "d1", "e1", "e2", "f1", "g1", "g2"],
    lesion_id=["A", "A", "A", "B", "C", "C", "D", "E", "E", "F", "G", "G"],
    diagnosis=["nv"] * 7 + ["mel"] * 5,
    target=[0] * 7 + [1] * 5,
    split=["train", "valid", "test", "test", "test", "valid", "train",
           "train", "test", "valid", "test", "test"],
)  # fmt: skip


def large(lesions=400, seed=0):
    """Lesions of one to four images of three diagnoses, published by turns."""
    rows = [
        (f"i{n:04d}_{k}", f"L{n:04d}", ("nv", "nv", "nv", "bkl", "mel")[n % 5])
        for n in range(lesions)
        for k in range((1, 1, 1, 2, 4)[n * 7 % 11 % 5])
    ]
    ids, owners, classes = zip(*rows, strict=True)
    sides = ["train"] * 7 + ["valid"] + ["test"] * 2
    drawn = pl.int_range(len(rows), eager=True).shuffle(seed=seed)
    return sample_table(
        isic_id=list(ids), lesion_id=list(owners), diagnosis=list(classes),
        target=[int(name == "mel") for name in classes],
        split=[sides[n % 10] for n in drawn],
    )  # fmt: skip


def grouped(table):
    return table.join(own_groups(table, "lesion").drop("split"), on="isic_id").sort("isic_id")


def folded(table, scheme, seed=0, findings=None):
    config = FoldConfig(scheme=scheme)
    groups = own_groups(rows_to_place(table, config), "lesion").drop("split")
    return assign_folds(table, groups, config, seed, findings or Findings())


def side_of(folds):
    """As the schemes keep their sides: in words."""
    words = {("train", None): "train", ("train", 0): "valid"}
    rows = folds.select("isic_id", "split", "fold").iter_rows()
    return {name: words.get((split, fold), split) for name, split, fold in rows}


def sizes(table, sides):
    named = zip(table["diagnosis"], map(sides.get, table["isic_id"]), strict=True)
    return Counter((name, "test" if side == "holdout" else side) for name, side in named)


def test_as_published_every_row_stays_and_the_test_is_the_source_s_own():
    published = dict(TABLE.select("isic_id", "split").iter_rows())
    assert side_of(official(grouped(TABLE))) == published


def test_corrected_lesions_on_several_sides_are_learnt_and_all_others_stay():
    assert side_of(corrected(grouped(TABLE))) == {
        "a1": "train", "a2": "train", "a3": "train", "b1": "holdout", "c1": "train",
        "c2": "train", "d1": "train", "e1": "train", "e2": "train", "f1": "valid",
        "g1": "holdout", "g2": "holdout",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("sizes", "wanted", "sides"),
    [
        # The three have room in training alone; then valid and test lack all of theirs.
        ([3, 2, 1, 1, 1], (4, 2, 2), ["train", "valid", "test", "test", "train"]),
        # There is no room for four: they go where most is lacking, and sizes are missed by one.
        ([4, 1, 1], (3, 1, 2), ["train", "test", "valid"]),
        ([1, 1], (2, 0, 0), ["train", "train"]),  # no class of size nought is asked for its share
    ],
)  # fmt: skip
def test_groups_go_where_the_greatest_share_is_still_to_come(sizes, wanted, sides):
    named = dict(zip(("train", "valid", "test"), wanted, strict=True))
    assert _deal(sizes, named) == sides


@pytest.mark.parametrize("seed", range(5))
def test_drawn_by_lesion_a_side_is_as_large_as_published_and_no_lesion_lies_on_two(seed):
    table, findings = large(), Findings()
    sides = side_of(folded(table, "by_lesion", seed, findings))
    published = dict(table.select("isic_id", "split").iter_rows())
    assert sizes(table, sides) == sizes(table, published)
    where = {(lesion, sides[name]) for name, lesion in table.select("isic_id", "lesion_id").rows()}
    assert len(where) == table["lesion_id"].n_unique() == 400
    [notice] = findings.notices
    totals = Counter(table["split"])
    assert notice.message == (
        f"Rows to train, validate and test on: {totals['train']}, {totals['valid']}, "
        f"{totals['test']}; of each diagnosis as many as in the official split."
    )


def test_every_side_has_its_part_of_the_lesions_of_several_images():
    """Taken for their size alone, the large ones would all be learnt."""
    table = large()
    sides = side_of(folded(table, "by_lesion"))
    several = table.filter(pl.len().over("lesion_id") == 4)["isic_id"]
    share = Counter(sides[name] for name in several)
    assert share["train"] / len(several) == pytest.approx(0.7, abs=0.05)
    assert share["holdout"] / len(several) == pytest.approx(0.2, abs=0.05)


def test_lesions_are_drawn_by_the_seed_and_not_by_the_order_of_rows_or_the_published_sides():
    table = large()
    one = folded(table, "by_lesion", seed=0)
    assert one.equals(folded(table.sample(fraction=1, shuffle=True, seed=3), "by_lesion", seed=0))
    assert not one.equals(folded(table, "by_lesion", seed=1))
    other = table.with_columns(pl.col("split").reverse().over("diagnosis"))
    assert not other["split"].equals(table["split"])
    assert one.equals(folded(other, "by_lesion", seed=0))  # as many of each are published so


def test_how_far_lesions_miss_the_published_sizes_is_said():
    table = sample_table(
        isic_id=["a1", "a2", "b1", "b2", "c1", "d1", "d2", "e1"],
        lesion_id=["A", "A", "B", "B", "C", "D", "D", "E"],
        diagnosis=["mel"] * 5 + ["nv"] * 3, target=[1] * 5 + [0] * 3,
        split=["train", "valid", "train", "valid", "test", "train", "train", "test"],
    )  # fmt: skip
    findings = Findings()
    sides = side_of(by_lesion(grouped(table), 0, findings))
    assert Counter(sides.values()) == {"train": 4, "valid": 2, "holdout": 2}
    [notice] = findings.notices
    assert (notice.check, notice.count) == ("sizes", 8)
    assert notice.message == (
        "Rows to train, validate and test on: 4, 2, 2; of each diagnosis as many as in the "
        "official split."
    )
    split = ["train", "valid", "test", "valid", "valid", "train", "train", "test"]
    findings = Findings()
    by_lesion(grouped(table.with_columns(pl.Series("split", split))), 0, findings)
    assert findings.notices[0].message == (
        "Rows to train, validate and test on: 4, 2, 2; the official split has 3, 3, 2: "
        "mel 2, 2, 1 for 1, 3, 1."
    )


def test_a_lesion_of_two_diagnoses_is_drawn_as_the_one_of_most_of_its_images():
    table = TABLE.with_columns(pl.Series("diagnosis", ["nv", "nv", "mel", *TABLE["diagnosis"][3:]]))
    sides = side_of(by_lesion(grouped(table), 0, Findings()))
    assert len({sides[name] for name in ("a1", "a2", "a3")}) == 1


@pytest.mark.parametrize("scheme", ["corrected", "by_lesion"])
def test_what_was_placed_by_us_is_checked_at_every_load(tmp_path, scheme):
    def kept(folder, folds):
        return made(folder, save_folds, stage="folds", folds=folds,
                    config=FoldConfig(scheme=scheme), seed=0)  # fmt: skip

    table = large(60)
    folds = folded(table, scheme)
    assert load_folds(kept(tmp_path / "sound", folds), table).equals(folds)
    assert spread_groups(folds).is_empty()
    several = folds.filter((pl.len().over(GROUP) > 1) & (pl.col("split") == "train"))["isic_id"][0]
    moved = pl.when(pl.col("isic_id") == several).then(pl.lit("holdout")).otherwise("split")
    with pytest.raises(ArtifactError, match=r"^1 group of folds\.parquet is on more than one side"):
        kept(tmp_path / "torn", folds.with_columns(moved.alias("split")))


def test_a_seed_and_repeats_matter_where_something_is_drawn():
    drawn, fixed = FoldConfig(scheme="by_lesion"), FoldConfig(scheme="corrected")
    assert (drawn.draws(), fixed.draws()) == (True, False)
    assert drawn.used() == {"scheme": "by_lesion", "repeats": 1}
    assert fixed.used() == {"scheme": "corrected"}
    with pytest.raises(ConfigError) as refused:
        assign_folds(
            TABLE, own_groups(TABLE, "lesion").drop("split"),
            FoldConfig(scheme="corrected", repeats=2), 0, Findings(),
        )  # fmt: skip
    assert str(refused.value) == (
        "folds.repeats is 2, but scheme 'corrected' has no randomness to repeat; set "
        "folds.repeats=1."
    )


@pytest.mark.parametrize("scheme", ["corrected", "by_lesion"])
@pytest.mark.parametrize(
    ("columns", "kind", "message"),
    [
        ({"split": pl.lit("train")}, ConfigError,
         "folds.scheme '{}' needs a source with validation rows of its own; this one has none. "
         "Take 'stratified_groups'."),
        ({"lesion_id": pl.lit(None, pl.String), "group_id": pl.col("isic_id")}, ConfigError,
         "folds.scheme '{}' keeps images of one lesion together, and data.group='none' says of "
         "none whose it is; name their lesions in data.lesions and take data.group='lesion'."),
        ({"target": pl.when(pl.col("split") != "test").then("target")}, DataError,
         "folds.scheme '{}' places the source's test rows too, and these have no target: "
         "[a3, b1, c1, e2, g1] (+1 more); take folds.scheme='official'."),
        ({"diagnosis": pl.when(pl.col("isic_id") != "g2").then("diagnosis")}, DataError,
         "folds.scheme '{}' places the source's test rows too, and these have no diagnosis: [g2]; "
         "take folds.scheme='official'."),
    ],
)  # fmt: skip
def test_what_must_be_known_of_every_row_is_asked_for_before(scheme, columns, kind, message):
    rows = grouped(TABLE).with_columns(**columns)
    with pytest.raises(kind) as refused:
        if scheme == "corrected":
            corrected(rows)
        else:
            by_lesion(rows, 0, Findings())
    assert str(refused.value) == message.format(scheme)
