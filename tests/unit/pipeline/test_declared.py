"""What is declared of a network reaches every sheet that its block feeds, and no other changes."""

import polars as pl
import pytest

from pipeline.comparisons import COMPARISON, OWN, compare_all, comparing
from pipeline.comparisons import SCORES as VARIANT_SCORES
from pipeline.declared import declaration, declared_by
from pipeline.hospitals import SHEET as COST
from pipeline.hospitals import LeftOut, StackedRun, measure_hospitals
from pipeline.leak_audit import LEAKS, audit_run, auditing
from pipeline.stack_rows import StackFiles, open_stack
from pipeline.stacked import SCORES
from pipeline.tuned import SHEET, Tried, sum_up, summing_up
from pipeline.tuning import plan_of
from pipeline.unseen_members import STACK
from reports import comparison, hospitals, tuning
from reports.pages.elements import Note
from stacking.left_out import WAYS
from tests.by_hand.stack import block_of, stack_table, stack_units
from tests.by_hand.units import kept, made

WORDS = "net began with the weights of simclr, which had seen the held-out pictures too."
OURS = ("stack.networks=true", 'features.families=["raw", "categories"]')


@pytest.fixture(scope="module")
def stacks(tmp_path_factory):
    """The same stack, its network's block with nothing to declare and with something."""
    units, [plain] = stack_units(tmp_path_factory.mktemp("plain"))
    table, folds, says = stack_table()
    fold_hash = units["folds"].facts["fold_hash"]
    place = tmp_path_factory.mktemp("declared") / "blocks" / "net"
    block = block_of(place, table, folds, says, fold_hash, declared=[WORDS])
    return [StackFiles.of(*units.values(), [one], ()) for one in (plain, block)]


@pytest.fixture
def recipe(blank):
    return blank.job(*OURS).recipe


def scored(files):
    """Each row's fold, and a score that no network gave."""
    rows = open_stack(files).rows.select("isic_id", "fold")
    return rows.with_columns(score=pl.int_range(pl.len()).cast(pl.Float64) / len(rows))


def compared(files, recipe, folder):
    table = scored(files).rename({"score": "0"})
    variant = kept(folder / OWN, "compare", {VARIANT_SCORES: table})
    unit = made(
        folder / "all", compare_all, stage="compare", files=files,
        variants={OWN: variant.folder}, seeds=["0"], score=recipe.score, group="patient",
    )  # fmt: skip
    return unit.json(COMPARISON)


def cost(files, recipe, folder):
    table, boosters = scored(files), {}
    for fold in range(3):
        held = table.filter(pl.col("fold") == fold)
        boosters[fold] = kept(folder / f"stack_fold_{fold}", STACK, {SCORES: held}).folder
    run = StackedRun(files, {STACK: boosters}, folder)
    unit = made(
        folder / "all", measure_hospitals, stage="hospitals", runs=dict.fromkeys(WAYS, run),
        chosen=LeftOut(("x", "y", "z"), (), "why"), configs=(recipe.blending, recipe.score),
        group="patient", learns=True,
    )  # fmt: skip
    return unit.json(COST)


def summed_up(files, blank, folder):
    plan = plan_of(blank.job(*OURS), files, 1)
    trials = pl.DataFrame({"number": [0], "state": ["fail"], "pauc": [None]})
    unit = made(
        folder, sum_up, stage="tune", files=files, space=plan.space,
        tried=[Tried("all_folds", trials, None, None, {})], boosters={},
        score=plan.job.recipe.score, group="patient", base="sample", blend={},
    )  # fmt: skip
    return unit.json(SHEET)


def only_declares(plain, declared):
    """One sheet says it, and they are alike in all else."""
    assert "declared" not in plain
    assert declared == {**plain, "declared": [WORDS]}


def test_each_sentence_once_and_no_key_where_there_is_none(stacks):
    plain, declared = (open_stack(files).blocks for files in stacks)
    assert declared_by([*plain, *declared, *declared]) == [WORDS]
    assert declared_by(plain) == []
    assert declaration([WORDS]) == {"declared": [WORDS]}
    assert declaration([]) == {}


def test_the_comparison_declares_it(stacks, recipe, tmp_path):
    plain, declared = (
        compared(files, recipe, tmp_path / str(at)) for at, files in enumerate(stacks)
    )
    only_declares(plain, declared)
    assert comparison.tables(declared)[2:] == [f"notice: {WORDS}"]
    assert comparison.tables(plain)[2:] == []


def test_the_cost_of_a_hospital_declares_it(stacks, recipe, tmp_path):
    plain, declared = (cost(files, recipe, tmp_path / str(at)) for at, files in enumerate(stacks))
    only_declares(plain, declared)
    assert hospitals.tables(declared).count(f"notice: {WORDS}") == 1
    assert Note(WORDS, "warning") in hospitals.section(declared).elements
    assert f"notice: {WORDS}" not in hospitals.tables(plain)


def test_tuning_declares_it(stacks, blank, tmp_path):
    plain, declared = (
        summed_up(files, blank, tmp_path / str(at)) for at, files in enumerate(stacks)
    )
    only_declares(plain, declared)
    assert f"notice: {WORDS}" in tuning.tables(declared)
    assert f"notice: {WORDS}" not in tuning.tables(plain)
    trials = pl.DataFrame({"study": ["all_folds"], "number": [0], "pauc": [0.1]})
    assert Note(WORDS, "warning") in tuning.section(declared, trials).elements


def test_the_audit_declares_it_beside_its_list_of_checks(stacks, recipe, tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.leak_audit._checks", lambda rows, recipe: iter(()))
    plain, declared = (
        made(tmp_path / str(at), audit_run, stage="audit", files=files, recipe=recipe)
        for at, files in enumerate(stacks)
    )
    assert plain.json(LEAKS) == declared.json(LEAKS)
    assert plain.facts == {}
    assert declared.facts == {"declared": [WORDS]}


def test_what_was_made_before_and_says_nothing_is_made_anew(stacks, blank):
    """By its settings, which are as before where there is nothing to declare."""
    job = blank.job(*OURS)

    def tasks(files):
        tuned = summing_up(plan_of(job, files, 1), None, {})
        return [comparing(job, files, []), auditing(job, files), tuned]

    plain, declared = map(tasks, stacks)
    for before, after in zip(plain, declared, strict=True):
        assert after.settings == {**before.settings, "declared": [WORDS]}
        assert "declared" not in before.settings
