"""The leak audit of a run, as a task: what was done to find a leak, and what came of it."""

import csv
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl

from features.build import build, fit
from folds.findings import Findings
from folds.frozen import FILE
from folds.groups import GROUP, spread_groups
from folds.samples import select_features
from folds.schema import CORE, ID, PATIENT, SPLIT, TARGET, TEST
from folds.sources import open_source
from pipeline.declared import declaration, declared_by
from pipeline.job import Job
from pipeline.recipe import Recipe
from pipeline.samples import SAMPLES
from pipeline.stack_rows import StackFiles, StackRows, open_stack
from pipeline.unit_files import TRAINING
from stacking.category_codes import check_blind
from stacking.config import AuditConfig
from stacking.leaks import (
    Chance,
    fitted_differently,
    on_noise,
    on_permuted,
    reduced,
    with_other_labels,
    with_other_values,
)
from workspace.errors import ConfigError, name_some
from workspace.orders import Needs
from workspace.tasks import Task
from workspace.units import Draft, open_unit

LEAKS = "leaks.json"
PLANTED = "planted_copy_of_target"
CHECKS = 9  # how many there are, for the bar


@dataclass(frozen=True)
class Check:
    """One way to look, what came of it, and whether that is as it should be."""

    check: str
    found: str
    holds: bool


def auditing(job: Job, files: StackFiles) -> Task:
    """The audit of the recipe's stack, on fewer rows and rounds."""
    recipe, rows = job.recipe, open_stack(files)
    check_blind(rows.columns, recipe.stack.blind)
    return Task(
        job.run / "leaks",
        "audit",
        audit_run,
        settings={
            "audit": recipe.audit.model_dump(mode="json"),
            "stack": recipe.stack.model_dump(
                mode="json", exclude={"blocks", "boosters", "networks"}
            ),
            **recipe.boosting_settings,
            "features": recipe.features.used(),
            "seed": recipe.seed,
            **declaration(declared_by(rows.blocks)),
        },
        inputs=dict(rows.hashes(rows.columns)),
        arguments={"files": files, "recipe": recipe},
        needs=Needs(memory_gb=3.0),
    )


def audit_run(draft: Draft, files: StackFiles, recipe: Recipe) -> None:
    """Every check, one after the other."""
    checks, rows = [], open_stack(files)
    with draft.progress("Looking for leaks") as show:
        for check in _checks(rows, recipe):
            checks.append(asdict(check))
            show(len(checks), CHECKS)
    draft.json(LEAKS, checks)
    draft.facts.update(declaration(declared_by(rows.blocks)))


def _checks(rows: StackRows, recipe: Recipe) -> Iterator[Check]:
    config: AuditConfig = recipe.audit
    samples = open_unit(rows.files.samples, "verify").parquet(SAMPLES)
    folds = rows.folded.parquet(FILE)
    spread, official = len(spread_groups(folds)), recipe.folds.scheme == "official"
    words = f"{spread} of {folds[GROUP].n_unique()} groups on two sides"
    words += ", kept as published" if spread and official else ""
    yield Check("a group lies on one side", words, not spread or official)
    yield _planted(recipe, samples)
    yield _whole_patients(recipe, samples)
    yield _own_side(rows, recipe, samples)
    matrix = reduced(rows.matrix, config.rows, recipe.seed)
    booster = recipe.boosting.model_copy(
        update={"rounds": min(config.rounds, recipe.boosting.rounds)}
    )
    small = recipe.stack.model_copy(update={"seeds": 1, "shap_rows": 0, "patience": 10})
    fold = rows.fold_numbers[0]
    for words, other in (
        ("labels", with_other_labels(matrix, fold)),
        ("values", with_other_values(matrix, fold)),
    ):
        differing = fitted_differently(matrix, other, small, booster, fold)
        yield Check(
            f"other {words} in held-out rows fit nothing else",
            f"differs: {name_some(differing)}" if differing else f"fold {fold}: the same trees",
            not differing,
        )
    permuted = on_permuted(matrix, small, booster, recipe.seed, config.permutations)
    yield Check(
        "labels permuted by patient are not above chance among patients of equally many lesions",
        _told(permuted, config.permutations) if permuted.folds else "no two patients have as many",
        permuted.at_chance or not permuted.folds,
    )
    for chance in on_noise(matrix, small, booster, recipe.seed, config.permutations):
        yield Check(
            f"noise labels, alike within a patient, are not above chance ({chance.metric})",
            _told(chance, config.permutations),
            chance.at_chance,
        )


def _told(chance: Chance, draws: int) -> str:
    return (
        f"{chance.metric} {chance.above_chance:+.4f} from chance, standard error "
        f"{chance.standard_error:.4f} ({chance.folds} folds of {draws} draws)"
    )


def _planted(recipe: Recipe, samples: pl.DataFrame) -> Check:
    """Labels: the sample table's are refused, a copy in the raw table is not read."""
    refused = 0
    for name in CORE:
        try:
            select_features([name], samples)
        except ConfigError:
            refused += 1
    words = f"{refused} of {len(CORE)} key and label columns refused"
    source = open_source(recipe.data.model_copy(update={"images": "none", "lesions": None}))
    table = source.table_path()
    read = False
    if table.is_file() and table.suffix == ".csv":
        with tempfile.TemporaryDirectory() as folder:
            config = {"images": "none", "folder": Path(folder), "lesions": None}
            _plant(table, Path(folder) / table.name)
            rows = open_source(recipe.data.model_copy(update=config)).read(Findings())
            read = PLANTED in rows.columns
        words += f"; a copy in {table.name} is " + ("READ" if read else "not read")
    return Check(
        "a planted copy of the target is refused", words, not read and refused == len(CORE)
    )


def _plant(table: Path, copy: Path) -> None:
    """The same table with one more column: the target, or for want of one the last column."""
    with table.open(newline="", encoding="utf-8-sig") as old, copy.open("w", newline="") as new:
        rows, write = csv.reader(old), csv.writer(new)
        header = next(rows)
        place = header.index(TARGET) if TARGET in header else len(header) - 1
        write.writerow([*header, PLANTED])
        write.writerows([*row, row[place]] for row in rows if row)


def _whole_patients(recipe: Recipe, samples: pl.DataFrame) -> Check:
    """A patient's features must not depend on who else is in the table."""
    training = samples.filter(pl.col(SPLIT) != TEST)
    state = fit(training, recipe.features)
    patients = training[PATIENT].drop_nulls().unique().sort()
    known = pl.col(PATIENT).is_in(patients.gather_every(2).implode())
    half = training.filter(known) if len(patients) > 1 else training.gather_every(2)
    alone, among = build(half, state), build(training, state)
    same = among.join(half.select(ID), on=ID, how="semi").sort(ID).equals(alone)
    return Check(
        "features of a patient ignore all others",
        f"{half[PATIENT].drop_nulls().n_unique()} of {len(patients)} patients alone and among all"
        if len(patients)
        else "no patient is known; half of the rows alone and among all",
        same,
    )


def _own_side(rows: StackRows, recipe: Recipe, samples: pl.DataFrame) -> Check:
    """The kept feature table is what the training rows alone give, whatever the test rows are."""
    training = samples.filter(pl.col(SPLIT) != TEST)
    table = build(training, fit(training, recipe.features))
    kept = rows.featured.parquet(TRAINING)
    return Check(
        "features of training rows ignore the test rows", f"{len(table)} rows", table.equals(kept)
    )
