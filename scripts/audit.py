"""make audit: look for leaks in the run, and say what was done to find none.

Reads folds, features and the recipe's stack, on any recipe, with fewer rows and rounds (`[audit]`);
writes <run>/leaks/leaks.json and prints it as a table. A finding ends in exit code 2.
"""

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
from reports.leaks import leak_table
from scripts import features, stack, verify
from scripts.features import TRAINING
from scripts.stack import Inputs, gather
from scripts.stage import Job, main
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
from workspace.errors import ArtifactError, ConfigError, name_some
from workspace.units import Unit, find, making, open_unit

VERSION = 2
PLANTED = "planted_copy_of_target"


@dataclass(frozen=True)
class Check:
    """One way to look, what came of it, and whether that is as it should be."""

    check: str
    found: str
    holds: bool


def run(job: Job) -> Unit:
    """The audit of the run, made if it is not there yet; raises if it finds a leak."""
    inputs, folder = gather(job), job.run / "leaks"
    part = {
        "audit": job.recipe.audit.model_dump(mode="json"),
        "stack": job.recipe.stack.model_dump(mode="json", exclude={"blocks", "networks"}),
        "lightgbm": job.recipe.lightgbm.model_dump(mode="json"),
        "features": job.recipe.features.used(),
        "seed": job.recipe.seed,
        "version": [VERSION, stack.VERSION],
    }
    wanted = job.wanted("audit", part, inputs.hashes(inputs.columns))
    done = find(folder, wanted, job.hashes, on_change="redo", fresh=job.fresh)
    if done is None:
        checks = []
        with job.progress("Looking for leaks") as show:
            for check in _checks(inputs):
                checks.append(asdict(check))
                show(len(checks), 9)
        with making(folder, wanted) as draft:
            draft.json("leaks.json", checks)
        done = open_unit(folder, "audit")
    _tell(job, done)
    return done


def _checks(inputs: Inputs) -> Iterator[Check]:
    job = inputs.job
    config: AuditConfig = job.recipe.audit
    samples = job.need(verify.run).parquet(verify.SAMPLES)
    folds = inputs.folded.parquet(FILE)
    spread, official = len(spread_groups(folds)), job.recipe.folds.scheme == "official"
    words = f"{spread} of {folds[GROUP].n_unique()} groups on two sides"
    words += ", kept as published" if spread and official else ""
    yield Check("a group lies on one side", words, not spread or official)
    yield _planted(job, samples)
    yield _whole_patients(job, samples)
    yield _own_side(job, samples)
    matrix = reduced(inputs.matrix, config.rows, job.recipe.seed)
    booster = job.recipe.lightgbm.model_copy(
        update={"rounds": min(config.rounds, job.recipe.lightgbm.rounds)}
    )
    small = job.recipe.stack.model_copy(update={"seeds": 1, "shap_rows": 0, "patience": 10})
    fold = inputs.fold_numbers[0]
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
    permuted = on_permuted(matrix, small, booster, job.recipe.seed, config.permutations)
    yield Check(
        "labels permuted by patient are at chance among patients of equally many lesions",
        _told(permuted, config.permutations) if permuted.folds else "no two patients have as many",
        permuted.at_chance or not permuted.folds,
    )
    for chance in on_noise(matrix, small, booster, job.recipe.seed, config.permutations):
        yield Check(
            f"noise labels, alike within a patient, are at chance ({chance.metric})",
            _told(chance, config.permutations),
            chance.at_chance,
        )


def _told(chance: Chance, draws: int) -> str:
    return (
        f"{chance.metric} {chance.above_chance:+.4f} from chance, standard error "
        f"{chance.standard_error:.4f} ({chance.folds} folds of {draws} draws)"
    )


def _planted(job: Job, samples: pl.DataFrame) -> Check:
    """Labels: the sample table's are refused, a copy in the raw table is not read."""
    refused = 0
    for name in CORE:
        try:
            select_features([name], samples)
        except ConfigError:
            refused += 1
    words = f"{refused} of {len(CORE)} key and label columns refused"
    source = open_source(job.recipe.data.model_copy(update={"images": "none"}))
    table = source.table_path()
    read = False
    if table.is_file() and table.suffix == ".csv":
        with tempfile.TemporaryDirectory() as folder:
            config = {"images": "none", "folder": Path(folder)}
            _plant(table, Path(folder) / table.name)
            rows = open_source(job.recipe.data.model_copy(update=config)).read(Findings())
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


def _whole_patients(job: Job, samples: pl.DataFrame) -> Check:
    """A patient's features must not depend on who else is in the table."""
    training = samples.filter(pl.col(SPLIT) != TEST)
    state = fit(training, job.recipe.features)
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


def _own_side(job: Job, samples: pl.DataFrame) -> Check:
    """The kept feature table is what the training rows alone give, whatever the test rows are."""
    training = samples.filter(pl.col(SPLIT) != TEST)
    table = build(training, fit(training, job.recipe.features))
    kept = job.need(features.run).parquet(TRAINING)
    return Check(
        "features of training rows ignore the test rows", f"{len(table)} rows", table.equals(kept)
    )


def _tell(job: Job, done: Unit) -> None:
    checks = done.json("leaks.json")
    job.show([leak_table(checks)])
    leaks = [check["check"] for check in checks if not check["holds"]]
    if leaks:
        raise ArtifactError(
            f"{len(leaks)} of {len(checks)} checks found a leak: {'; '.join(leaks)}. See "
            f"{done.folder / 'leaks.json'}."
        )
    job.say(f"audit: {len(checks)} checks hold; see {done.folder / 'leaks.json'}.")


if __name__ == "__main__":
    main(run)
