"""Who is held out: what the folds depend on, who is kept together, what is noticed."""

import polars as pl
import pytest

from folds.schema import SPLIT
from folds.split import FoldConfig
from pipeline.fold_table import BALANCE, fold_samples, folded_rows, folding
from pipeline.job import NOTICES
from pipeline.samples import DUPLICATES, SAMPLES
from tests.by_hand.tasks import check_travels, depends_on
from tests.by_hand.units import folds_of, made, sample_table, samples_of
from workspace.errors import ArtifactError

PATIENTS = ["p0", "p0", "p1", "p1", "p2", "p2", "p3", "p3", "t"]
TABLE = sample_table(
    isic_id=[*"abcdefgh", "z"],
    patient_id=PATIENTS,
    target=[0, 1] * 4 + [None],
    hospital=["x", "x", "y", "y", "x", "x", "y", "y", "x"],
    split=["train"] * 8 + ["test"],
)


def fold(folder, samples, **values):
    return made(
        folder / "folds", fold_samples, stage="folds", samples=samples.folder, group="patient",
        config=FoldConfig(**values), seed=0,
    )  # fmt: skip


def groups(unit):
    return dict(unit.parquet("folds.parquet").select("isic_id", "group_id").iter_rows())


@pytest.fixture
def samples(tmp_path):
    return samples_of(tmp_path / "samples", TABLE)


def test_folds_stop_on_another_value_and_hang_on_rows_and_duplicates(blank, samples):
    task = folding(blank.job(), samples)
    assert (task.folder, task.stage, task.on_change) == (blank.run / "folds", "folds", "stop")
    assert depends_on(task)[1] == {name: samples.sha256(name) for name in (SAMPLES, DUPLICATES)}
    check_travels(task)


@pytest.mark.parametrize(
    ("setting", "matters"),
    [
        ("folds.n_folds=4", True),
        ("folds.repeats=2", True),
        ("folds.stratify=diagnosis", True),
        ("seed=1", True),
        ("data.group=lesion", True),
        ("folds.test_share=0.5", False),  # of another scheme
        ("folds.valid_share=0.5", False),
        ("data.images=some", False),
        ("stack.seeds=2", False),
        ("score.replicates=200", False),
    ],
)
def test_only_what_the_scheme_looks_at_makes_other_folds(blank, samples, setting, matters):
    before, after = (folding(blank.job(*some), samples) for some in ((), (setting,)))
    assert (depends_on(before) != depends_on(after)) == matters


@pytest.mark.parametrize("scheme", ["official", "leave_one_hospital_out"])
def test_where_nothing_is_drawn_no_seed_matters(blank, samples, scheme):
    tasks = [folding(blank.job(f"folds.scheme={scheme}", f"seed={n}"), samples) for n in (0, 1)]
    assert depends_on(tasks[0]) == depends_on(tasks[1])
    assert "seed" not in tasks[0].settings


def test_patients_who_share_a_picture_are_one_group_in_one_fold(tmp_path):
    alone = fold(tmp_path / "alone", samples_of(tmp_path / "samples", TABLE), n_folds=2)
    assert groups(alone) == dict(zip(TABLE["isic_id"], PATIENTS, strict=True))
    shared = samples_of(tmp_path / "shared", TABLE, ("b", "g"))  # p0 and p3
    together = fold(tmp_path, shared, n_folds=2)
    assert groups(together) == groups(alone) | {"g": "p0", "h": "p0"}
    rows = together.parquet("folds.parquet")
    assert rows.filter(pl.col("isic_id").is_in(list("abgh")))["fold"].n_unique() == 1
    assert together.json(NOTICES) == []


def test_the_balance_counts_what_each_fold_holds_out(tmp_path, samples):
    unit = fold(tmp_path, samples, scheme="leave_one_hospital_out")
    each = {"repeat": 0, "rows": 4, "positives": 2, "groups": 2, "hospitals": 1, "split": "train"}
    test = {
        "repeat": 0, "rows": 1, "positives": None, "groups": 1, "hospitals": 1, "split": "test",
        "fold": None,
    }  # fmt: skip
    assert unit.json(BALANCE) == [each | {"fold": 0}, each | {"fold": 1}, test]


def test_a_published_split_is_kept_and_who_stands_on_two_sides_is_noticed(tmp_path):
    split = ["train", "valid", "train", "train", "train", "valid", "valid", "valid", "test"]
    table = TABLE.with_columns(pl.Series(SPLIT, split))
    unit = fold(tmp_path, samples_of(tmp_path / "samples", table, ("a", "h")), scheme="official")
    assert groups(unit) == dict(zip(TABLE["isic_id"], PATIENTS, strict=True))  # none is joined
    assert unit.parquet("folds.parquet")["fold"].to_list() == [
        0 if side == "valid" else None for side in split
    ]
    assert unit.json(NOTICES) == [{
        "check": "official-spread", "count": 2, "ids": [],
        "message": "2 patients on more than one side of the official split, which is kept as "
        "published: p0, p2.",
    }]  # fmt: skip


def test_rows_take_the_side_that_the_folds_say_and_keep_their_own_values(tmp_path):
    folded = folds_of(tmp_path / "folds", TABLE, [0, 0, 1, 1, None, None, 1, 1, None])
    shown = TABLE.with_columns(split=pl.lit("other")).reverse()
    rows = folded_rows(folded, shown)
    assert rows["isic_id"].to_list() == list("abcdefghz")
    assert rows["split"].to_list() == TABLE["split"].to_list()
    assert rows["fold"].to_list() == [0, 0, 1, 1, None, None, 1, 1, None]
    assert rows["group_id"].to_list() == rows["patient_id"].to_list() == PATIENTS


def test_rows_that_the_folds_do_not_know_are_refused(tmp_path):
    folded = folds_of(tmp_path / "folds", TABLE, [0, 0, 1, 1, 0, 0, 1, 1, None])
    with pytest.raises(ArtifactError) as refused:
        folded_rows(folded, TABLE.filter(pl.col("isic_id") != "c"))
    assert str(refused.value) == (
        "folds.parquet and samples.parquet do not hold the same images: [c]; run "
        "'make folds FRESH=1'."
    )
