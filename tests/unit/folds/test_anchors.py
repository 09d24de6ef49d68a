"""Groups set aside: by hash, in equal shares of each class, and never too few without a mend."""

import polars as pl
import pytest

from folds.anchors import check_enough, set_aside
from folds.frozen import splits
from folds.split import FoldConfig
from tests.unit.folds.test_split import fold, table
from workspace.errors import ConfigError, DataError


def rows(patients, pictures=10, positive=0):
    """So many pictures a patient; the first patients have a positive each."""
    names = [f"IP_{p:03d}" for p in range(patients) for _ in range(pictures)]
    return pl.DataFrame(
        {
            "isic_id": [f"I{n:05d}" for n in range(len(names))],
            "image": ["there"] * len(names),
            "target": [
                int(p < positive and first == 0)
                for p in range(patients)
                for first in range(pictures)
            ],
            "patient_id": names,
            "lesion_id": [None] * len(names),
            "group_id": names,
        },
        schema_overrides={"lesion_id": pl.String},
    )


def aside(table, share, seed=0):
    return set(table.filter(set_aside(table, share, seed))["group_id"])


def with_positive(names, positive):
    return sum(int(name[-3:]) < positive for name in names)


def test_each_class_gives_its_share_of_whole_groups():
    found = aside(rows(100, positive=20), 0.1)
    assert len(found) == 10
    assert with_positive(found, 20) == 2


def test_order_does_not_matter_and_another_seed_takes_others():
    table = rows(50)
    shuffled = table.sample(fraction=1, shuffle=True, seed=1)
    first = {"IP_005", "IP_029", "IP_033", "IP_041", "IP_042"}
    assert aside(table, 0.1) == aside(shuffled, 0.1) == first
    assert aside(table, 0.1, seed=1) != aside(table, 0.1)


@pytest.mark.parametrize(("patients", "positive"), [(3, 1), (3, 3), (12, 12), (49, 20)])
def test_however_few_there_are_one_group_is_set_aside(patients, positive):
    found = aside(rows(patients, positive=positive), 0.01)
    assert len(found) == 1
    assert with_positive(found, positive) == (positive == patients)  # the rarer ones are spared


def checked(table, share, least, folds=lambda left: None):
    check_enough(table, share, least, 0, folds)


def refusal(*given):
    with pytest.raises(DataError) as refused:
        checked(*given)
    return str(refused.value)


def test_enough_pictures_say_nothing():
    checked(rows(50), 0.1, 50)


def test_too_few_pictures_are_refused_with_the_smallest_share_that_works():
    said = refusal(rows(50), 0.02, 50)
    assert said == (
        "folds.anchor_share=0.02 sets 1 patient with 10 pictures aside, fewer than "
        'align.least_anchors=50. Take SET="folds.anchor_share=0.1", or '
        'SET="folds.anchor_share=0.01 align.least_anchors=10".'
    )
    checked(rows(50), 0.1, 50)


def leaves(patients):
    def folds(left):
        if left["group_id"].n_unique() < patients:
            raise DataError("too few for folds")

    return folds


def test_what_is_proposed_leaves_folds():
    said = refusal(rows(10, 5), 0.02, 20, leaves(6))
    assert said.endswith('. Take SET="folds.anchor_share=0.2 align.least_anchors=10".')
    checked(rows(10, 5), 0.2, 10, leaves(6))


def test_where_there_can_be_no_folds_at_all_that_is_said():
    assert refusal(rows(5, 1), 0.2, 50, leaves(6)) == "too few for folds"


def test_where_no_share_does_other_ways_are_named():
    assert refusal(rows(4, 2), 0.02, 50, leaves(4)).endswith(
        "No share leaves enough for both: name pictures of your own in align.pictures, or stack "
        'the tables alone with SET="stack.networks=false".'
    )


def test_anchors_are_whole_groups_that_no_fold_learns_from_or_holds_out():
    folds = fold(table(patients=100, positives=50, test=60), anchor_share=0.1)
    anchors = folds.filter(pl.col("split") == "anchor")
    assert len(anchors) == pytest.approx(54, abs=6)
    assert anchors["fold"].is_null().all()
    others = folds.filter(pl.col("split") != "anchor")
    assert not set(anchors["group_id"]) & set(others["group_id"])
    assert others.filter(pl.col("split") == "train")["fold"].is_not_null().all()
    for _, training, held in splits(folds):
        assert not set(anchors["isic_id"]) & {*training, *held}


def test_no_anchors_leave_the_folds_and_what_they_are_known_by_as_they_were():
    assert "anchor_share" not in FoldConfig().used()
    assert FoldConfig(anchor_share=0.1).used()["anchor_share"] == 0.1
    with pytest.raises(
        ConfigError, match=r"scheme='stratified_groups' or 'leave_one_hospital_out'"
    ):
        fold(table(), scheme="holdout", anchor_share=0.1)
