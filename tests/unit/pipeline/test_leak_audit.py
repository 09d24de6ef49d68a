"""The leak audit: that it finds what is planted, and says what it looked at."""

from contextlib import nullcontext
from types import SimpleNamespace

import polars as pl
import pytest

from pipeline import leak_audit
from pipeline.leak_audit import CHECKS, LEAKS, PLANTED, audit_run, auditing
from pipeline.stack_rows import StackFiles, open_stack
from pipeline.unit_files import TESTS, TRAINING
from stacking.leaks import Chance
from tests.by_hand.stack import stack_table, stack_units
from tests.by_hand.tasks import check_travels, depends_on
from tests.by_hand.units import folds_of, kept, made
from workspace.units import open_unit

OURS = ('features.families=["raw", "categories"]', "stack.networks=true")


@pytest.fixture(scope="module")
def units(tmp_path_factory):
    return stack_units(tmp_path_factory.mktemp("stack"))


def files_of(units, **others):
    named, blocks = units
    return StackFiles.of(*(named | others).values(), blocks, ())


def samples_in(files):
    return open_unit(files.samples, "verify").parquet("samples.parquet")


@pytest.fixture
def recipe(blank):
    return blank.job(*OURS).recipe


def test_it_looks_at_everything_that_it_says_and_counts_it(units, recipe, tmp_path):
    shown = []

    class Desk:
        def progress(self, label):
            return nullcontext(lambda done, total: shown.append((done, total)))

    unit = made(tmp_path / "leaks", audit_run, stage="audit", desk=Desk(), files=files_of(units),
                recipe=recipe)  # fmt: skip
    checks = unit.json(LEAKS)
    assert len({check["check"] for check in checks}) == len(checks) == CHECKS
    assert shown == [(done, CHECKS) for done in range(1, CHECKS + 1)]
    by_name = {check["check"]: check for check in checks}
    assert by_name["a group lies on one side"] == {
        "check": "a group lies on one side", "found": "0 of 34 groups on two sides", "holds": True,
    }  # fmt: skip
    assert by_name["features of training rows ignore the test rows"]["found"] == "96 rows"
    for words in ("labels", "values"):
        check = by_name[f"other {words} in held-out rows fit nothing else"]
        assert (check["found"], check["holds"]) == ("fold 0: the same trees", True)


@pytest.mark.parametrize(
    ("setting", "matters"),
    [
        ("audit.rounds=4", True),
        ("seed=1", True),
        ("lightgbm.rounds=6", True),
        ('features.families=["raw"]', True),
        ("stack.seeds=2", True),
        ("stack.networks=false", False),
        ("score.bins=5", False),
        ("blend.policy=mean", False),
    ],
)
def test_what_makes_another_audit(blank, units, setting, matters):
    before, after = (
        depends_on(auditing(blank.job(*OURS, *more), files_of(units))) for more in ((), (setting,))
    )
    assert (before != after) is matters


def test_an_audit_hangs_on_every_table_and_block_of_the_stack(blank, units):
    task = auditing(blank.job(*OURS), files_of(units))
    assert task.inputs.keys() == {"samples.parquet", "folds.parquet", TRAINING, "net"}
    assert task.folder == blank.run / "leaks"
    check_travels(task)


@pytest.mark.parametrize(
    ("scheme", "found", "holds"),
    [
        ("stratified_groups", "2 of 34 groups on two sides", False),
        ("official", "2 of 34 groups on two sides, kept as published", True),
    ],
)
def test_patients_on_two_sides_are_a_leak_unless_the_split_was_published(
    units, blank, tmp_path, scheme, found, holds
):
    table, folds, _ = stack_table()
    folds[0], folds[4] = 1, 2
    folded = folds_of(tmp_path / "folds", table, folds, scheme="official")
    files = StackFiles.of(units[0]["samples"], folded, units[0]["features"], [], ())
    recipe = blank.job(*OURS).recipe
    recipe = recipe.model_copy(update={"folds": recipe.folds.model_copy(update={"scheme": scheme})})
    check = next(leak_audit._checks(open_stack(files), recipe))
    assert (check.found, check.holds) == (found, holds)


def test_features_that_knew_the_test_rows_are_found(units, recipe, tmp_path):
    own = leak_audit._own_side
    assert own(open_stack(files_of(units)), recipe, samples_in(files_of(units))).holds
    unit = units[0]["features"]
    tables = {TRAINING: unit.parquet(TRAINING), TESTS: unit.parquet(TESTS)}
    tables[TRAINING] = tables[TRAINING].with_columns(pl.col("meta_age_approx") + 0.001)
    other = kept(tmp_path / "features", "features", tables, dict(unit.facts))
    files = files_of(units, features=other)
    assert not own(open_stack(files), recipe, samples_in(files)).holds


def test_features_that_look_at_other_patients_are_found(units, recipe, monkeypatch):
    samples, build = samples_in(files_of(units)), leak_audit.build
    check = leak_audit._whole_patients(recipe, samples)
    assert (check.found, check.holds) == ("16 of 32 patients alone and among all", True)
    monkeypatch.setattr(
        leak_audit, "build",
        lambda rows, state: build(rows, state).with_columns(ctx_rows=pl.lit(len(rows))),
    )  # fmt: skip
    assert not leak_audit._whole_patients(recipe, samples).holds


def test_where_no_patient_is_known_half_of_the_rows_stand_alone(units, recipe):
    nobody = samples_in(files_of(units)).with_columns(patient_id=pl.lit(None, dtype=pl.String))
    assert leak_audit._whole_patients(recipe, nobody).found == (
        "no patient is known; half of the rows alone and among all"
    )


@pytest.mark.parametrize(
    ("header", "row", "copied"),
    [
        ("isic_id,target,age", 'a,1,"50,5"', "1"),
        ("isic_id,age,diagnosis", 'a,50,"MEL, early"', "MEL, early"),
    ],
)
def test_what_is_planted_is_the_target_or_the_last_column(tmp_path, header, row, copied):
    (tmp_path / "raw.csv").write_text(f"\ufeff{header}\n\n{row}\n", encoding="utf-8")
    leak_audit._plant(tmp_path / "raw.csv", tmp_path / "copy.csv")
    table = pl.read_csv(tmp_path / "copy.csv", infer_schema=False)
    assert table.columns == [*header.split(","), PLANTED]
    assert table[PLANTED].to_list() == [copied]
    assert table["isic_id"].to_list() == ["a"]


class Source:
    """Reads a table by its columns, as ours do, or whatever lies in it."""

    careless = False

    def __init__(self, config):
        self.folder = config.folder

    def table_path(self):
        return self.folder / "raw.csv"

    def read(self, findings):
        table = pl.read_csv(self.table_path())
        return table if self.careless else table.select("isic_id", "target")


@pytest.mark.parametrize("careless", [False, True])
def test_a_source_that_reads_what_is_planted_is_found(
    units, blank, monkeypatch, tmp_path, careless
):
    (tmp_path / "raw.csv").write_text("isic_id,target\na,1\n")
    monkeypatch.setattr(Source, "careless", careless)
    monkeypatch.setattr(leak_audit, "open_source", Source)
    recipe = blank.job(*OURS, f"data.folder={tmp_path}").recipe
    check = leak_audit._planted(recipe, samples_in(files_of(units)))
    assert check.holds is not careless
    assert check.found.endswith(f"a copy in raw.csv is {'READ' if careless else 'not read'}")
    assert (tmp_path / "raw.csv").read_text() == "isic_id,target\na,1\n"  # the user's own


def test_a_label_that_is_allowed_as_a_feature_is_found(units, recipe, monkeypatch):
    monkeypatch.setattr(leak_audit, "select_features", lambda names, samples: names)
    check = leak_audit._planted(recipe, samples_in(files_of(units)))
    assert check.found.startswith("0 of ")
    assert not check.holds


def test_trees_that_differ_and_scores_above_chance_are_told(units, recipe, monkeypatch):
    away = Chance("auc", 0.25, 0.01, 3)
    monkeypatch.setattr(leak_audit, "fitted_differently", lambda *given: ["seed_0.txt", "rounds"])
    monkeypatch.setattr(leak_audit, "on_permuted", lambda *given: away)
    monkeypatch.setattr(leak_audit, "on_noise", lambda *given: [away, Chance("pauc", 0.0, 0.1, 3)])
    checks = list(leak_audit._checks(open_stack(files_of(units)), recipe))[4:]
    assert [(check.found, check.holds) for check in checks] == [
        ("differs: seed_0.txt, rounds", False),
        ("differs: seed_0.txt, rounds", False),
        ("auc +0.2500 from chance, standard error 0.0100 (3 folds of 2 draws)", False),
        ("auc +0.2500 from chance, standard error 0.0100 (3 folds of 2 draws)", False),
        ("pauc +0.0000 from chance, standard error 0.1000 (3 folds of 2 draws)", True),
    ]


def test_without_patients_of_equally_many_lesions_nothing_is_permuted(units, recipe, monkeypatch):
    monkeypatch.setattr(leak_audit, "on_permuted", lambda *given: Chance("auc", 0.0, 0.0, 0))
    monkeypatch.setattr(leak_audit, "on_noise", lambda *given: [])
    monkeypatch.setattr(leak_audit, "fitted_differently", lambda *given: [])
    last = list(leak_audit._checks(open_stack(files_of(units)), recipe))[-1]
    assert (last.found, last.holds) == ("no two patients have as many", True)


def test_the_audits_stacks_are_small_whatever_the_recipe_trains(units, blank, monkeypatch):
    seen = []

    def fitted(matrix, other, stack, booster, fold):
        seen.append(SimpleNamespace(stack=stack, rounds=booster.rounds, rows=len(matrix.rows)))
        return []

    monkeypatch.setattr(leak_audit, "fitted_differently", fitted)
    monkeypatch.setattr(leak_audit, "on_permuted", lambda *given: Chance("auc", 0.0, 0.0, 0))
    monkeypatch.setattr(leak_audit, "on_noise", lambda *given: [])
    large = blank.job(*OURS, "lightgbm.rounds=500", "stack.seeds=3", "audit.rounds=7").recipe
    few = large.model_copy(update={"audit": large.audit.model_copy(update={"rows": 60})})
    list(leak_audit._checks(open_stack(files_of(units)), few))
    assert {(one.rounds, one.stack.seeds, one.stack.shap_rows) for one in seen} == {(7, 1, 0)}
    assert all(one.rows <= 60 for one in seen)
