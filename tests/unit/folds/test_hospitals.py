"""Leave one hospital out: who is alone, who is together, and whose patients are anchors."""

import polars as pl
import pytest

from folds.findings import Findings
from folds.groups import joined_groups, own_groups
from folds.hospitals import positives_at_home, worth_leaving_out
from folds.split import FoldConfig, assign_folds, check_anchors
from tests.unit.folds.test_split import NO_PAIRS, fold, table
from workspace.errors import ConfigError, DataError

LEFT_OUT = "leave_one_hospital_out"


def test_hospitals_are_folds_in_alphabetical_order():
    samples = table(hospitals=3)
    folds = fold(samples, scheme="leave_one_hospital_out").join(samples, on="isic_id")
    homes = folds.select("fold", "hospital").unique().sort("fold")
    assert homes.rows() == [(0, "Hospital A"), (1, "Hospital B"), (2, "Hospital C")]


def test_a_patient_of_two_hospitals_goes_where_most_rows_lie():
    samples = table(hospitals=2).with_columns(
        pl.when(pl.col("isic_id") == "ISIC_0000000").then(pl.lit("Hospital B"))
        .otherwise(pl.col("hospital")).alias("hospital")
    )  # fmt: skip
    findings = Findings()
    groups = joined_groups(own_groups(samples, "patient"), NO_PAIRS)
    config = FoldConfig(scheme="leave_one_hospital_out")
    folds = assign_folds(samples, groups, config, 0, findings)
    assert folds["fold"][:6].to_list() == [0] * 6
    assert [f.message for f in findings.notices] == [
        "1 group with more than one hospital folded with the one that has most of its rows."
    ]


def test_a_hospital_that_holds_every_positive_cannot_be_left_out():
    samples = table(hospitals=2, positives=1)
    with pytest.raises(DataError) as refused:
        fold(samples, scheme="leave_one_hospital_out")
    assert str(refused.value) == (
        "Fold 0 would train on one class only: the other lies in that fold alone. Take another "
        "folds.scheme, or fewer folds."
    )


def test_a_hospital_without_a_positive_is_said():
    samples, findings = table(hospitals=3, positives=2), Findings()
    groups = joined_groups(own_groups(samples, "patient"), NO_PAIRS)
    assign_folds(samples, groups, FoldConfig(scheme="leave_one_hospital_out"), 0, findings)
    assert [f.message for f in findings.notices] == [
        "Fold 2 (Hospital C) holds out one class only; it has no score alone."
    ]


def test_hospitals_that_are_named_are_alone_and_all_others_together():
    samples = table(patients=30, hospitals=5)
    folds = fold(samples, scheme=LEFT_OUT, hospitals=["Hospital D", "Hospital B"])
    both = (
        folds.join(samples, on="isic_id").group_by("fold").agg(pl.col("hospital").unique().sort())
    )
    assert dict(both.iter_rows()) == {
        0: ["Hospital B"], 1: ["Hospital D"], 2: ["Hospital A", "Hospital C", "Hospital E"],
    }  # fmt: skip
    used = FoldConfig(scheme=LEFT_OUT, hospitals=["Hospital D", "Hospital B"]).used()
    assert used == {"scheme": LEFT_OUT, "hospitals": ["Hospital B", "Hospital D"]}
    assert "hospitals" not in FoldConfig(scheme=LEFT_OUT).used()  # folds of before stay


def test_a_hospital_that_is_not_there_is_told():
    with pytest.raises(ConfigError) as refused:
        fold(table(hospitals=3), scheme=LEFT_OUT, hospitals=["Hospital D"])
    assert str(refused.value) == (
        "folds.hospitals names Hospital D; there are Hospital A, Hospital B, Hospital C."
    )


def test_anchors_are_without_a_positive_and_of_hospitals_that_are_not_held_out_alone():
    samples = table(patients=60, positives=30, hospitals=3, test=12)
    folds = fold(samples, scheme=LEFT_OUT, hospitals=["Hospital A"], anchor_share=0.25)
    rows = folds.join(samples.drop("split"), on="isic_id")
    anchors = rows.filter(pl.col("split") == "anchor")
    assert anchors["fold"].is_null().all()
    assert set(anchors["hospital"]) == {"Hospital B", "Hospital C"}
    assert anchors["target"].sum() == 0
    ill = samples.filter(pl.col("target") == 1)["patient_id"]
    assert not set(anchors["group_id"]) & set(ill)
    assert anchors["group_id"].n_unique() == 4  # a quarter of 18
    assert rows.filter(pl.col("target") == 1)["fold"].null_count() == 0  # no positive is spent
    others = rows.filter(pl.col("split") == "train")
    assert not set(anchors["group_id"]) & set(others["group_id"])


def test_where_all_are_held_out_alone_nobody_is_left_to_be_an_anchor():
    with pytest.raises(ConfigError, match=r"^folds.anchor_share takes patients of hospitals that"):
        fold(table(), scheme=LEFT_OUT, anchor_share=0.1)


def test_too_few_anchors_are_told_before_folds_are_made():
    samples = table(patients=40, positives=10).with_columns(image=pl.col("isic_id"))
    groups = joined_groups(own_groups(samples, "patient"), NO_PAIRS)
    config = FoldConfig(scheme=LEFT_OUT, hospitals=["Hospital A"], anchor_share=0.05)
    with pytest.raises(DataError) as refused:
        check_anchors(samples, groups, config, 0, 20)
    assert str(refused.value).startswith("folds.anchor_share=0.05 sets 1 patient with 6 pictures")
    assert 'Take SET="folds.anchor_share=0.2"' in str(refused.value)
    check_anchors(samples, groups, config.model_copy(update={"anchor_share": 0.2}), 0, 20)


def test_the_seed_draws_anchors_and_no_fold():
    samples = table(patients=60, positives=30)
    words = {"scheme": LEFT_OUT, "hospitals": ["Hospital A"], "anchor_share": 0.2}
    one, other = (fold(samples, seed, **words) for seed in (0, 1))
    asides = [set(each.filter(pl.col("split") == "anchor")["isic_id"]) for each in (one, other)]
    assert asides[0] != asides[1]
    both = one.join(other, on="isic_id").filter(pl.col("fold").is_not_null())
    both = both.filter(pl.col("fold_right").is_not_null())
    assert (both["fold"] == both["fold_right"]).all()
    assert FoldConfig(**words).draws()
    assert not FoldConfig(scheme=LEFT_OUT).draws()


def test_a_patient_of_two_hospitals_is_no_anchor_if_one_is_held_out_alone():
    samples = table(patients=12, positives=4, hospitals=2).with_columns(
        # one picture of each patient of B is from A
        pl.when((pl.col("hospital") == "Hospital B") & (pl.int_range(pl.len()) % 6 == 5))
        .then(pl.lit("Hospital A")).otherwise(pl.col("hospital")).alias("hospital")
    )  # fmt: skip
    folds = fold(samples, scheme=LEFT_OUT, hospitals=["Hospital A"], anchor_share=0.5)
    assert not (folds["split"] == "anchor").any()


def test_a_hospital_named_twice_is_refused():
    with pytest.raises(ValueError, match="names a hospital twice"):
        FoldConfig(scheme=LEFT_OUT, hospitals=["Hospital A", "Hospital A"])


def test_positives_count_where_most_rows_of_a_group_lie_and_the_fewest_come_first():
    rows = pl.DataFrame(
        {
            "group_id": ["p", "p", "p", "q", "q", "r", "s"],
            "hospital": ["A", "A", "B", "B", "B", "C", "D"],
            "target": [0, 0, 1, 1, 1, 0, 1],  # the positive from B is A's: its patient is
        }
    )
    assert list(positives_at_home(rows).items()) == [("C", 0), ("A", 1), ("D", 1), ("B", 2)]
    assert worth_leaving_out(rows) == ["A", "D", "B"]
    of_one = rows.with_columns(target=(pl.col("hospital") == "D").cast(pl.Int8))
    assert worth_leaving_out(of_one) == []  # without D there is no positive
