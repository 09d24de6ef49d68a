"""Teacher and students on a holdout: who teaches whom, what is learnt from, what hangs on what."""

import numpy as np
import pytest

from models.distill.simple import NAMES
from models.networks.use import BEST
from pipeline.baselines import Model, fit_baseline
from pipeline.distill import (
    COLUMNS,
    asked_networks,
    check_sides,
    describing,
    fitting,
    network_on,
    student,
)
from pipeline.networks import needed_by
from pipeline.picture_rows import open_picture_rows
from pipeline.sided import FOLD, TEST_SCORES, Split, begin_sided_anew, inner_job
from tests.by_hand.pictures import SMALL, TABLE, PicturesByHand
from tests.by_hand.tasks import check_travels, depends_on
from tests.by_hand.trainings import LAST
from tests.unit.pipeline.test_beginnings import SIMCLR
from tests.unit.pipeline.test_beginnings import redrawn as redraw
from tests.unit.pipeline.test_teaching import TEACHER
from workspace.errors import ArtifactError, ConfigError, DataError

pytestmark = pytest.mark.usefixtures("one_thread")

TAUGHT = (
    *LAST, *TEACHER, "networks.flag.teacher.network=big", 'distill.networks=["big", "flag"]',
    "networks.big.training.batch_size=4", "networks.big.training.accumulate=1",
)  # fmt: skip
# Of the rows by hand one fold alone is left: the others are always learnt from.
SIDED = [(*row[:3], 0 if row[3] == 0 else None, *row[4:]) for row in TABLE]
SIDED = [row if row[0] != "b0" else (*row[:2], "holdout", None, *row[4:]) for row in SIDED]
VALIDATION, TEST = ["a0", "a1"], ["b0", "h0"]
LEARNT = ["c0", "c1", "e0", "e1", "f0"]


FEW = (
    *TAUGHT, *(f"networks.few.{one}" for one in (
        "base=first_stage", "source_only=false", *SMALL, "training.choose=last",
        "task.threshold=none", "training.batch_size=4", "training.epoch_samples=8",
        "training.phases=[{ epochs = 1, lr = 1e-30 }]", "net.weights=flag", "net.weight_bits=8",
        "teacher.network=big",
    )), 'distill.networks=["few"]',
)  # fmt: skip
BEGUN = (*TAUGHT, *SIMCLR, "networks.big.net.weights=simclr")


@pytest.fixture
def made(tmp_path):
    return PicturesByHand(tmp_path, SIDED)


def split_of(made, *settings, **values):
    job = made.job(*TAUGHT, *settings, stage="distill", **values)
    return Split(job, made.files(job))


def carried_out(split, *tasks):
    """By folder's name, with all that they are made from."""
    every = [*needed_by(tasks), *tasks]
    return {unit.folder.name: unit for unit, _ in split.job.carry_out(*every)}


def test_a_student_is_taught_by_the_training_of_its_own_split_and_seed(made):
    split = split_of(made)
    tasks = [student(split, "flag", seed) for seed in (0, 1)]
    first = needed_by(tasks)
    assert [one.folder.relative_to(made.run).as_posix() for one in first] == [
        "networks/big_seed_0", "soft_labels/big_seed_0",
        "networks/big_seed_1", "soft_labels/big_seed_1",
    ]  # fmt: skip
    assert first[0] is student(split, "big", 0)  # which is measured itself: no further training
    assert [task.settings["seed"] for task in (first[2], tasks[1])] == [1, 1]
    for task in (*first, *tasks):
        assert task.stage == "distill"
        check_travels(task)


def test_check_87_nobody_learns_from_validation_or_test_and_each_side_is_answered(made):
    split = split_of(made)
    task = student(split, "flag", 0)
    *_, (unit, _) = split.job.carry_out(*needed_by([task]), task)
    asked = made.unit("soft_labels", "big_seed_0", stage="distill").parquet("soft_labels.parquet")
    assert sorted(asked["isic_id"]) == LEARNT
    assert sorted(unit.parquet("scores.parquet")["isic_id"]) == VALIDATION
    assert sorted(unit.parquet(TEST_SCORES)["isic_id"]) == TEST
    assert unit.facts["parameters"] > 0


def test_check_87_one_in_few_bits_begins_with_the_training_of_its_own_split_and_seed(made):
    split = split_of(made, *FEW)
    tasks = [student(split, "few", seed) for seed in (0, 1)]
    assert [one.folder.relative_to(made.run).as_posix() for one in needed_by(tasks)] == [
        f"{kind}_seed_{seed}" for seed in (0, 1)
        for kind in ("networks/big", "soft_labels/big", "networks/flag")
    ]  # fmt: skip
    for task in tasks:
        check_travels(task)
    said = split.job.carry_out(*needed_by(tasks), *tasks)
    units = {unit.folder.relative_to(made.run).as_posix(): unit for unit, _ in said}
    for seed in (0, 1):
        few, whole, soft = (
            units[f"{name}_seed_{seed}"]
            for name in ("networks/few", "networks/flag", "soft_labels/big")
        )
        assert few.manifest.inputs["weights"] == whole.sha256(BEST)
        assert few.manifest.inputs["soft_labels"] == soft.sha256("soft_labels.parquet")
        theirs, ours = whole.tensors(BEST), few.tensors(BEST)
        [head] = [name for name in theirs if name.startswith("head.") and theirs[name].ndim == 2]
        assert np.array_equal(theirs[head], ours[head.replace(".weight", ".layer.weight")])
        assert sorted(few.parquet(TEST_SCORES)["isic_id"]) == TEST
        ranges = sum(name.endswith((".low", ".high")) for name in ours)
        statistics = sum("running_" in name or "num_batches" in name for name in ours)
        assert (ranges > 0, statistics) == (True, 0)
        assert few.facts["parameters"] == sum(one.size for one in ours.values()) - ranges
    assert len({unit.sha256(BEST) for unit in units.values() if BEST in unit.manifest.files}) == 6


@pytest.mark.parametrize(
    ("redrawn", "same"), [((*VALIDATION, *TEST), True), (("c0",), False)], ids=["held", "learnt"]
)
def test_check_87_what_is_begun_with_never_saw_a_validation_or_test_picture(made, redrawn, same):
    weights = []
    for fresh in (False, True):
        split = split_of(made, *BEGUN, fresh=fresh)
        first = needed_by([student(split, "big", 0)])
        assert [task.folder.name for task in first] == ["simclr_seed_0"]
        unit = carried_out(split, *first)["simclr_seed_0"]
        assert {TEST_SCORES, "scores.parquet"}.isdisjoint(unit.manifest.files)
        weights.append(unit.tensors(BEST))
        redraw(made, redrawn)
    before, after = weights
    assert all(np.array_equal(before[name], after[name]) for name in before) == same


def test_its_student_begins_with_it_to_the_bit(made):
    still = "networks.big.training.phases=[{ epochs = 1, lr = 1e-30, frozen = ['backbone'] }]"
    split = split_of(made, *BEGUN, still)
    units = carried_out(split, student(split, "big", 1))
    theirs, ours = (units[f"{name}_seed_1"].tensors(BEST) for name in ("simclr", "big"))
    backbone = [name for name in theirs if name.startswith("backbone.")]
    assert backbone
    assert all(np.array_equal(theirs[name], ours[name]) for name in backbone)


def test_fresh_makes_anew_what_is_of_other_values_and_whatever_comes_of_it(made):
    split = split_of(made, *FEW)
    carried_out(split, student(split, "few", 0))
    changed = ("networks.flag.training.phases=[{ epochs = 1, lr = 2e-3 }]",)
    split = split_of(made, *FEW, *changed)
    with pytest.raises(ArtifactError, match="run 'make distill FRESH=1'"):
        carried_out(split, student(split, "few", 0))
    begin_sided_anew(split.job, {"holdout": split}, [student(split, "few", 0)], "distill")
    kept = sorted(folder.name for folder in (made.run / "networks").iterdir())
    assert kept == ["big_seed_0"]
    carried_out(split, student(split, "few", 0))


def test_a_baseline_learns_from_the_training_side_alone(made):
    split = split_of(made)
    network, job = network_on(split, "flag"), split.job
    columns = describing(split, job)
    [(described, _)] = job.carry_out(columns)
    assert described.parquet(COLUMNS).columns == ["isic_id", *NAMES]
    task = fitting(split, columns, network, "random_forest", 3)
    check_travels(task)
    assert depends_on(task)[1]["columns"] == (columns.folder, COLUMNS)
    rows = open_picture_rows(split.files)
    learnt, _ = rows.by_side
    table = described.parquet(COLUMNS)
    values = rows.table.select("isic_id").join(table, on="isic_id", how="left")
    values = values.select(NAMES).to_numpy()
    for which in ("logistic_regression", "random_forest", "gradient_boosting"):
        model = Model(which, 0, job.recipe.boosting)
        first = model.probability(values, network.codes, learnt.training)
        held = np.setdiff1d(np.arange(len(values)), learnt.training)
        codes, other = network.codes.copy(), values.copy()
        codes[held], other[held] = 1 - codes[held], 0.0
        again = model.probability(other, codes, learnt.training)
        assert again[learnt.training] == pytest.approx(first[learnt.training], rel=1e-9)
        assert ((first >= 0) & (first <= 1)).all()


def test_a_baseline_s_columns_are_joined_by_id(made):
    split = split_of(made)
    columns, network = describing(split, split.job), network_on(split, "flag")
    [(described, _)] = split.job.carry_out(columns)
    with made.making("turned", stage="distill") as draft:
        draft.parquet(COLUMNS, described.parquet(COLUMNS).reverse())
    said = []
    for where in ("simple", "turned"):
        folder = described.folder if where == "simple" else made.run / "turned"
        with made.making("b", where, stage="distill") as draft:
            fit_baseline(
                draft, files=split.files, columns=folder, network=("flag", network.config),
                model=("logistic_regression", 0, split.job.recipe.boosting),
            )  # fmt: skip
        said.append(made.unit("b", where, stage="distill").parquet(TEST_SCORES))
    assert said[0].equals(said[1])
    assert sorted(said[0]["isic_id"]) == TEST


def test_a_split_is_a_run_within_the_run_on_folds_of_its_own(made):
    job = made.job(*TAUGHT, "folds.anchor_share=0.1", stage="distill")
    inner = inner_job(job, "distill", "by_image", {})
    assert inner.run == made.run / "distill" / "by_image"
    assert (inner.recipe.folds.scheme, inner.recipe.folds.anchor_share) == ("by_image", 0.0)
    assert inner.recipe.networks == job.recipe.networks


def test_those_that_learn_the_target_are_compared_where_none_is_named(made):
    assert asked_networks(made.job(*TAUGHT, "distill.networks=[]")) == ("big", "flag")
    with pytest.raises(ConfigError) as refused:
        asked_networks(made.job(*LAST, 'use_networks=["which"]'))
    assert str(refused.value) == (
        "This recipe has no network that learns the target; add one, and name it in "
        "distill.networks."
    )


@pytest.mark.parametrize("name", ["big", "flag"])
def test_a_beginning_that_sees_all_is_refused_for_whoever_comes_of_it(made, name):
    job = made.job(
        *TAUGHT, *SIMCLR, "networks.big.net.weights=simclr", "networks.simclr.task.rows=all",
        f'distill.networks=["{name}"]',
    )  # fmt: skip
    with pytest.raises(ConfigError) as refused:
        asked_networks(job)
    assert str(refused.value) == (
        "networks.simclr.task.rows='all' would show validation and test pictures to what "
        f"networks.{name} is made from, and 'make distill' measures on these; take rows='fold', "
        "or other distill.networks."
    )


def test_a_side_of_one_class_is_refused_before_anything_is_trained(tmp_path):
    table = [(*row[:4], 0 if row[0] == "h0" else row[4], *row[5:]) for row in SIDED]
    split = split_of(PicturesByHand(tmp_path, table))
    with pytest.raises(DataError) as refused:
        check_sides("holdout", split, network_on(split, "flag"))
    assert str(refused.value) == (
        "The test side of holdout has 0 positives and 2 others, and both are needed; take another "
        "distill.scheme, seed or folds.test_share."
    )


def test_another_seed_or_value_is_another_unit_but_not_what_a_unit_does_not_look_at(made):
    def settings_of(*settings):
        split = split_of(made, *settings)
        return student(split, "flag", 0).settings

    assert settings_of("distill.sensitivity=0.9") == settings_of()
    assert settings_of("networks.flag.teacher.weight=0.9") != settings_of()
    assert settings_of()["fold"] == FOLD
