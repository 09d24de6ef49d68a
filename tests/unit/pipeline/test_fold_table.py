"""Who is held out: what the folds depend on, who is kept together, what is noticed."""

import polars as pl
import pytest

from folds.frozen import FILE, load_folds
from folds.schema import SPLIT
from folds.sides import lesion_in_training, with_sides
from folds.split import FoldConfig
from pipeline.fold_table import BALANCE, explained, fold_samples, folded_rows, folding
from pipeline.notices import NOTICES
from pipeline.samples import DUPLICATES, SAMPLES
from tests.by_hand.tasks import check_travels, depends_on
from tests.by_hand.units import folds_of, made, sample_table, samples_of
from workspace.errors import ArtifactError, ConfigError, DataError
from workspace.sentences import unnamed

PATIENTS = ["p0", "p0", "p1", "p1", "p2", "p2", "p3", "p3", "t"]
TABLE = sample_table(
    isic_id=[*"abcdefgh", "z"],
    patient_id=PATIENTS,
    target=[0, 1] * 4 + [None],
    hospital=["x", "x", "y", "y", "x", "x", "y", "y", "x"],
    split=["train"] * 8 + ["test"],
)


def fold(folder, samples, given="patient", **values):
    return made(
        folder / "folds", fold_samples, stage="folds", samples=samples.folder, group=given,
        config=FoldConfig(**values), seed=0, least_anchors=1,
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


STACKED = (
    "folds.anchor_share=0.25", "align.anchors=anchor", "stack.networks=true", "data.images=some"
)  # fmt: skip


@pytest.mark.parametrize(
    ("setting", "share"),
    [
        ("seed=0", 0.25), ("stack.networks=false", None), ("align.anchors=test", None),
        ("data.images=none", None),
    ],
)  # fmt: skip
def test_patients_are_set_aside_only_where_networks_are_aligned_on_them(
    blank, samples, setting, share
):
    task = folding(blank.job(*STACKED, setting), samples)
    assert task.settings["folds"].get("anchor_share") == share
    assert task.arguments["config"].anchor_share == (share or 0.0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            ["folds.anchor_share=0.0"],
            "align.anchors='anchor' needs groups that are set aside, and folds.anchor_share is 0; "
            "take folds.anchor_share=0.02, name pictures of your own in align.pictures, or take "
            "stack.networks=false.",
        ),
        (
            ["folds.scheme=leave_one_hospital_out"],
            "align.anchors='anchor' takes patients of hospitals that are not held out alone, and "
            "all are; name those that are in folds.hospitals, name pictures of your own in "
            "align.pictures, or take stack.networks=false.",
        ),
        (
            ["folds.scheme=holdout"],
            "align.anchors='anchor' needs groups that are set aside, which "
            "folds.scheme='holdout' does not do; name pictures of your own in align.pictures, or "
            "take stack.networks=false.",
        ),
    ],
)
def test_anchors_that_cannot_be_are_refused_before_folds_are_frozen(
    blank, samples, settings, message
):
    with pytest.raises(ConfigError) as refused:
        folding(blank.job(*STACKED, *settings), samples)
    assert str(refused.value) == message
    folding(blank.job(*STACKED, *settings, "stack.networks=false"), samples)  # the mend works


@pytest.mark.parametrize(
    ("group", "lesions", "message"),
    [
        ("none", None, "data.group='none' does not keep 4 patients with more than one image "
         "together: p0, p1, p2, p3; take data.group='patient'."),
        ("lesion", list("abcdefghi"), "data.group='lesion' does not keep 4 patients with more than "
         "one lesion together: p0, p1, p2, p3; take data.group='patient'."),
    ],
)  # fmt: skip
@pytest.mark.parametrize("scheme", ["stratified_groups", "leave_one_hospital_out", "official"])
def test_no_folds_of_ours_leave_a_known_patient_on_two_sides(
    tmp_path, group, lesions, message, scheme
):
    split = ["train"] * 4 + ["valid"] * 4 + ["test"] if scheme == "official" else TABLE["split"]
    table = TABLE.with_columns(
        pl.Series("lesion_id", lesions, pl.String) if lesions else TABLE["lesion_id"],
        pl.Series("split", split),
    )
    samples = samples_of(tmp_path / "samples", table)
    if scheme == "official":  # published, and kept as it is
        fold(tmp_path, samples, scheme=scheme, given=group)
        return
    with pytest.raises(ConfigError) as refused:
        fold(tmp_path, samples, scheme=scheme, given=group, n_folds=2)
    assert str(refused.value) == message
    assert unnamed(refused.value) == f"data.group='{group}' leaves apart what is one."


def many():
    """Sixteen patients of four pictures, two of them positive."""
    number = range(64)
    return sample_table(
        isic_id=[f"i{n:02d}" for n in number], image=[f"i{n:02d}.png" for n in number],
        patient_id=[f"p{n // 4:02d}" for n in number], target=[n % 2 for n in number],
    )  # fmt: skip


def test_folds_with_patients_set_aside_stay_where_nobody_needs_them_and_that_is_said(blank):
    verified = samples_of(blank.run / "samples", many())
    words = (*STACKED, "folds.n_folds=2", "align.least_anchors=10")
    job = blank.job(*words)
    unit, _ = job.make(folding(job, verified))
    alone = blank.job(*words, "stack.networks=false")
    kept, new = alone.make(folding(alone, verified))
    assert (new, kept.sha256(FILE)) == (False, unit.sha256(FILE))
    folding(alone, verified)  # said once in a call
    assert blank.lines()[-1:] == [
        f"notice: {blank.run / 'folds'} keeps 0.25 of the groups aside (folds.anchor_share), which "
        "nothing of this call needs; 'make folds FRESH=1' gives them back."
    ]
    anew = blank.job(*words, "stack.networks=false", fresh=True)
    assert "anchor_share" not in folding(anew, verified).settings["folds"]


def test_folds_without_patients_set_aside_are_not_those_with_and_say_why(blank):
    verified = samples_of(blank.run / "samples", many())
    words = (*STACKED, "folds.n_folds=2", "align.least_anchors=10")
    job = blank.job(*words, "stack.networks=false")
    job.make(folding(job, verified))
    changed = blank.job(*words)
    with pytest.raises(ArtifactError) as refused:
        changed.make(folding(changed, verified))
    assert str(explained(refused.value, changed)) == (
        f"{blank.run / 'folds'} sets no group aside (folds.anchor_share), which counts where "
        "networks are stacked, and stack.networks=true now; restore it, take another RUN=, "
        "or run 'make folds FRESH=1'."
    )
    other = ArtifactError("made from other values (folds.n_folds, folds.anchor_share)")
    assert explained(other, changed) is other


def test_too_few_pictures_to_align_on_stop_the_folds_with_a_share_that_works(blank):
    verified = samples_of(blank.run / "samples", many())
    words = (*STACKED, "folds.n_folds=2", "align.least_anchors=20")
    job = blank.job(*words)
    with pytest.raises(DataError) as refused:
        job.make(folding(job, verified))
    assert str(refused.value) == (
        "folds.anchor_share=0.25 sets 4 patients with 16 pictures aside, fewer than "
        'align.least_anchors=20. Take SET="folds.anchor_share=0.3", or '
        'SET="folds.anchor_share=0.2 align.least_anchors=10".'
    )
    mended = blank.job(*words, "folds.anchor_share=0.3")
    folds, _ = mended.make(folding(mended, verified))
    assert folds.parquet("folds.parquet")[SPLIT].to_list().count("anchor") == 20


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
    found = unit.json(BALANCE)
    assert [one.pop("hospital") for one in found[:2]] == ["x", "y"]
    assert found[2].pop("hospital") is not None
    assert found == [each | {"fold": 0}, each | {"fold": 1}, test]


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


def test_a_split_by_image_keeps_its_patients_apart_on_purpose_and_says_so(tmp_path):
    samples = samples_of(tmp_path / "samples", TABLE)
    shares = {"test_share": 0.5, "valid_share": 0.5}
    unit = fold(tmp_path, samples, scheme="by_image", **shares)
    [notice] = unit.json(NOTICES)
    assert notice["check"] == "by_image-spread"
    assert notice["message"].startswith(f"{notice['count']} patients on more than one side of a ")
    assert "whose scores show what a leak is worth and nothing else: p" in notice["message"]
    table = samples.parquet("samples.parquet", ["isic_id"])
    assert len(load_folds(unit, table)) == len(TABLE)  # though groups lie on several sides


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


# Lesion A lies in training and test; B and E, in training and in the test, share a picture.
MENDED = sample_table(
    isic_id=[*"abcdefgh"], lesion_id=["A", "A", "B", "C", "D", "E", "F", "G"],
    diagnosis=["mel", "mel", "nv", "nv", "mel", "nv", "mel", "nv"], target=[1, 1, 0, 0, 1, 0, 1, 0],
    split=["train", "test", "train", "valid", "valid", "test", "test", "train"],
)  # fmt: skip


@pytest.mark.parametrize("scheme", ["corrected", "by_lesion"])
def test_lesions_of_one_picture_are_one_also_with_the_source_s_test(tmp_path, scheme):
    samples = samples_of(tmp_path / "samples", MENDED, ("c", "f"))
    unit = fold(tmp_path, samples, scheme=scheme, given="lesion")
    assert groups(unit)["c"] == groups(unit)["f"] == "B"
    rows = folded_rows(unit, MENDED)
    sides = dict(with_sides(rows).select("isic_id", "side").iter_rows())
    assert sides["c"] == sides["f"]
    assert sides["a"] == sides["b"]
    leaks = lesion_in_training(rows, samples.parquet(DUPLICATES))
    assert set(leaks["lesion"]) == {"clean"}
    if scheme == "corrected":
        assert sides == {"a": "train", "b": "train", "c": "train", "d": "valid", "e": "valid",
                         "f": "train", "g": "test", "h": "train"}  # fmt: skip
        counts = {(row["split"], row["fold"]): row["rows"] for row in unit.json(BALANCE)}
        assert counts == {("train", 0): 2, ("train", None): 5, ("holdout", None): 1}


@pytest.mark.parametrize("scheme", ["corrected", "by_lesion"])
def test_a_split_that_we_place_keeps_known_lesions_together_or_is_refused(tmp_path, scheme):
    table = TABLE.with_columns(
        pl.Series("lesion_id", [*"AABBCDEFA"]),
        pl.Series("target", [0, 1] * 4 + [0], dtype=pl.Int8),
        patient_id=pl.lit(None, pl.String),
        split=pl.Series(["train"] * 4 + ["valid"] * 2 + ["test"] * 3),
    )  # fmt: skip
    samples = samples_of(tmp_path / "samples", table)
    with pytest.raises(ConfigError) as refused:
        fold(tmp_path, samples, scheme=scheme, given="none")
    assert str(refused.value) == (
        "data.group='none' does not keep 2 lesions with more than one image together: A, B; take "
        "data.group='lesion'."
    )
