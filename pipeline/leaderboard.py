"""Runs, or submissions of one solution, side by side, as a task.

Reads the out-of-fold scores that each run hands in with its manifests, or the CSVs; writes
leaderboard.json and leaderboard.html into <names>-<hash>/, the hash of where they lie.
"""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import polars as pl

from folds.groups import patient_column
from folds.schema import ID, PATIENT, TARGET
from metrics import standings as of
from metrics.score_sheet import ScoreConfig
from metrics.standings import Entry, standings
from pipeline.job import Job
from pipeline.samples import SAMPLES
from pipeline.stacked import METRICS, OOF
from pipeline.submission_scores import hash_of, joined_with, truth_of
from pipeline.unseen_members import STACK
from reports.leaderboard import Leaderboard, page
from reports.pages.page import look_hash
from stacking.use import FOLD, SCORE
from workspace.errors import ConfigError, name_some, shorten
from workspace.hashing import sha256_text
from workspace.manifest import NAME
from workspace.sources import sources_of
from workspace.tasks import Task
from workspace.units import Draft, Unit, open_unit

LEADERBOARD, FILE, PAGE = "leaderboard", "leaderboard.json", "leaderboard.html"
HOME = Path("runs")  # where a run that is named alone lies
OF_NO_SCORE = ("about", "bundle", "predict", "report")  # keys of a recipe that change no number
USAGE = (
    'Name runs, make leaderboard RUNS="a b", or submissions with their truth, '
    'make leaderboard SUBMISSIONS="a.csv b.csv" SOLUTION=solution.csv.'
)
Differing = dict[str, Any]  # `what`, and `values` by name, of those that have one


@dataclass(frozen=True)
class Asked:
    """What is to stand side by side, by name in the order of the call, and beside which of them."""

    kind: Literal["runs", "submissions"]
    paths: Mapping[str, Path]
    reference: str


def asked(job: Job) -> Asked:
    """The words of the call, checked before anything is read."""
    runs, files = (_split(job, word) for word in ("runs", "submissions"))
    if fault := _fault(bool(runs), bool(files), "solution" in job.files):
        raise ConfigError(fault)
    paths = _named([_run_of(word) for word in runs] or [Path(word) for word in files])
    if len(paths) < 2:
        raise ConfigError(f"{name_some(paths)} stands beside nothing; name two or more.")
    reference = job.words.get("reference", next(iter(paths)))
    if reference not in paths:
        raise ConfigError(f"There is no REFERENCE={reference}; there are {name_some(paths)}.")
    return Asked("runs" if runs else "submissions", paths, reference)


def _split(job: Job, word: str) -> list[str]:
    """The names in a word of the call; those with a blank are in quotes there."""
    given = job.words.get(word, "")
    try:
        return shlex.split(given)
    except ValueError as error:
        raise ConfigError(
            f"{word.upper()}={shorten(given)} opens a quote, or begins an escape, that never ends; "
            "put each name that has a blank, an apostrophe or a backslash in double quotes, with "
            "\\\\ for each backslash."
        ) from error


def _fault(runs: bool, files: bool, solution: bool) -> str:
    """What is named too much or too little; nothing where it is as it should be."""
    if runs and files:
        return "RUNS= and SUBMISSIONS= never stand on one leaderboard; name either."
    if runs and solution:
        return (
            "Runs have a truth of their own; leave SOLUTION= out, or name SUBMISSIONS=, not RUNS=."
        )
    if files and not solution:
        return "SUBMISSIONS= are held against a truth; name it with SOLUTION=solution.csv."
    if solution and not files:
        return 'SOLUTION= is a truth of no submissions; name these, SUBMISSIONS="a.csv b.csv".'
    return "" if runs or files else USAGE


def _run_of(word: str) -> Path:
    """A run by its folder, or by its name under runs/."""
    for path in (Path(word), HOME / word):
        if path.is_dir():
            return path
    there = sorted(path.parent.parent.name for path in HOME.glob(f"*/{STACK}/{NAME}"))
    known = f"; there are {name_some(there)}" if there else ""
    raise ConfigError(f"There is no run {word}, neither here nor in {HOME}/{known}.")


def _named(paths: Sequence[Path]) -> dict[str, Path]:
    """By folder or file name; by the whole path where that is not enough."""
    if twice := [str(path) for path in dict.fromkeys(paths) if paths.count(path) > 1]:
        raise ConfigError(f"{name_some(twice)} is named twice; name each once.")
    short = [path.resolve().name.removesuffix(".csv") for path in paths]
    return {
        name if short.count(name) == 1 else str(path): path
        for name, path in zip(short, paths, strict=True)
    }


def lining_up(job: Job, what: Asked) -> Task:
    """The leaderboard, made anew when one of its entries has changed."""
    where = "\n".join(str(path.resolve()) for path in what.paths.values())
    names = re.sub(r"[^A-Za-z0-9_.-]", "_", "-".join(what.paths))[:60]
    score = job.recipe.score
    arguments = {"paths": dict(what.paths), "reference": what.reference, "config": score}
    if what.kind == "runs":
        stacks = {name: open_unit(path / STACK, STACK) for name, path in what.paths.items()}
        inputs = {name: job.hashes.of(stack.folder / NAME) for name, stack in stacks.items()}
    else:
        solution = job.files["solution"]
        where, arguments = f"{where}\n{solution.resolve()}", {**arguments, "solution": solution}
        inputs = {name: hash_of(path) for name, path in what.paths.items()}
        inputs[f"solution {solution.name}"] = hash_of(solution)
    return Task(
        job.run / f"{names}-{sha256_text(where)[:8]}",
        LEADERBOARD,
        line_up_runs if what.kind == "runs" else line_up_submissions,
        settings={
            "score": score.model_dump(mode="json"), "reference": what.reference,
            "code": sources_of(page), "look": look_hash(),
        },
        inputs=dict(inputs),
        arguments=arguments,
    )  # fmt: skip


def line_up_runs(
    draft: Draft, paths: Mapping[str, Path], reference: str, config: ScoreConfig
) -> None:
    """What the runs hand in, out of fold, and in what they were made otherwise."""
    stacks = {name: open_unit(path / STACK, STACK) for name, path in paths.items()}
    samples = {name: open_unit(path / "samples", "verify") for name, path in paths.items()}
    sheet = {
        "kind": "runs",
        "recipes": differing({name: _recipe(stack) for name, stack in stacks.items()}),
        "made": differing({name: _made(stack) for name, stack in stacks.items()}),
        "notes": {name: _notes(stacks[name], samples[name]) for name in paths},
        "synthetic": [name for name, one in samples.items() if one.facts.get("synthetic")],
    }
    _keep(draft, [_of_run(*one) for one in stacks.items()], reference, config, sheet)


def line_up_submissions(
    draft: Draft, paths: Mapping[str, Path], solution: Path, reference: str, config: ScoreConfig
) -> None:
    """What the files are worth; each is checked as a scorer would."""
    truth = truth_of(draft.desk, solution)
    entries = [
        Entry(
            name,
            joined_with(draft.desk, truth, path, SCORE).select(
                pl.col(ID).alias(of.ID), pl.col(TARGET).cast(pl.Int8).alias(of.TARGET),
                pl.col(PATIENT).alias(of.WHOSE), pl.col(SCORE).alias(of.SCORE),
            ),
        )
        for name, path in paths.items()
    ]  # fmt: skip
    sheet = {"kind": "submissions", "recipes": [], "made": [], "notes": {}, "synthetic": []}
    _keep(draft, entries, reference, config, sheet)


def _keep(
    draft: Draft, entries: Sequence[Entry], reference: str, config: ScoreConfig,
    sheet: Mapping[str, Any],
) -> None:  # fmt: skip
    with draft.progress("Drawing patients again") as show:
        found = standings(entries, reference, config, show)
    draft.json(FILE, whole := {**found, **sheet})
    draft.text(PAGE, page(cast("Leaderboard", whole)))


def _of_run(name: str, stack: Unit) -> Entry:
    rows = stack.parquet(OOF)
    patient = patient_column(stack.json(METRICS)["group"])
    whose = pl.lit(None, pl.String) if patient is None else pl.col(patient)
    columns = {of.ID: ID, of.TARGET: TARGET, of.SCORE: SCORE, of.FOLD: FOLD}
    return Entry(
        name,
        rows.select(
            whose.alias(of.WHOSE), **{ours: pl.col(theirs) for ours, theirs in columns.items()}
        ),
    )


def _recipe(stack: Unit) -> dict[str, Any]:
    return {key: one for key, one in stack.manifest.recipe.items() if key not in OF_NO_SCORE}


def _made(stack: Unit) -> dict[str, Any]:
    """What besides the recipe can change a number, as the stack's manifest has it."""
    made = stack.manifest
    return {
        "commit": made.code.commit[:12] + (", changed" if made.code.dirty else ""),
        "requirements.lock (SHA-256)": made.lock[:12],
        f"{SAMPLES} (SHA-256)": made.inputs.get(SAMPLES, "")[:12],
        "versions": dict(made.versions),
    }


def _notes(stack: Unit, samples: Unit) -> list[str]:
    """What a run's numbers are to be read with."""
    limited = [one for one in samples.json("verify.json")["notices"] if one["check"] == "limited"]
    declared: Sequence[str] = stack.json(METRICS).get("declared", ())
    return [*(one["message"] for one in limited), *declared]


def differing(by_name: Mapping[str, Mapping[str, Any]], prefix: str = "") -> list[Differing]:
    """The dotted keys whose values differ; a section that one of them lacks is one value."""
    found: list[Differing] = []
    for key in dict.fromkeys(key for one in by_name.values() for key in one):
        values = {name: one[key] for name, one in by_name.items() if key in one}
        whole = len(values) == len(by_name)
        if whole and all(isinstance(value, Mapping) for value in values.values()):
            found += differing(values, f"{prefix}{key}.")
        elif not whole or any(value != next(iter(values.values())) for value in values.values()):
            found.append({"what": f"{prefix}{key}", "values": values})
    return found
