"""make suite: many networks that differ by one change each, several seeds, on one page.

Trains the experiments of recipes/suites/ (suite.only: some of them) on each of suite.schemes, in
<run>/suite/<scheme>/; a stopped call goes on where it was. Writes <run>/suite/leaderboard/ with
leaderboard.json and leaderboard.html. An experiment whose weights cannot be had is skipped and said
to be.
"""

from collections.abc import Mapping
from dataclasses import replace

from folds.split import Scheme
from models.suite.config import Suite
from pipeline.job import Job, mended_by
from pipeline.machine import notice_unswitched
from pipeline.picture_rows import picture_files
from pipeline.sided import Split, begin_sided_anew, inner_job
from pipeline.suite import (
    LEADERBOARD,
    PAGE,
    SUITE,
    Trained,
    check_classes,
    check_suited,
    comparing,
    experimenting,
    skipped,
)
from pipeline.suite_file import asked_of, read_suite
from reports.suite.leaderboard import tables
from scripts import folds, verify
from scripts.stage import main
from workspace.errors import ConfigError
from workspace.lazy import importing
from workspace.tasks import Task
from workspace.units import Unit


def run(job: Job) -> Unit:
    """Every experiment, seed and split, made as far as they are not there yet; and their page."""
    check_suited(job.recipe)
    config = job.recipe.suite
    suite = read_suite(config)
    asked = asked_of(suite, config)
    splits = _splits(job)
    for scheme, split in splits.items():
        check_classes(suite, asked, scheme, split)
    reasons = _skipped(job, suite, asked)
    trainings = _trainings(suite, splits, [n for n in asked if n not in reasons], config.seeds)
    if not trainings:
        raise ConfigError("No experiment that is asked for can be run here; see the notices above.")
    if job.fresh:
        begin_sided_anew(job, splits, list(trainings.values()), SUITE)
    job.need(notice_unswitched)
    replace(job, fresh=False).carry_out(*trainings.values())
    done, new = job.make(comparing(job, suite, splits, trainings, reasons))
    if not new:
        job.rest(SUITE, f"{done.folder} is up to date.")
        return done
    job.show(tables(done.json(LEADERBOARD)))
    job.say(f"suite: see {done.folder / PAGE}.")
    return done


def _splits(job: Job) -> dict[Scheme, Split]:
    """Of each scheme its folds; the samples are the run's."""
    verified = job.need(verify.run)
    splits = dict[Scheme, Split]()
    for scheme in job.recipe.suite.schemes:
        inner = inner_job(job, SUITE, scheme, {verify.run: verified})
        with mended_by(SUITE):
            folded = folds.run(inner)  # FRESH=1 is of the inner folds too
        splits[scheme] = Split(inner, picture_files(inner, verified, folded))
    return splits


def _skipped(job: Job, suite: Suite, asked: list[str]) -> dict[str, str]:
    with importing("torch"):
        reasons = skipped(suite, asked)
    for number, why in reasons.items():
        job.say(f"notice: experiment {number} is {why}")
    return reasons


def _trainings(
    suite: Suite, splits: Mapping[Scheme, Split], numbers: list[str], seeds: tuple[int, ...]
) -> dict[Trained, Task]:
    """Seed by seed, so that a stopped suite has all experiments of the first ones."""
    return {
        (scheme, number, seed): experimenting(split, number, suite.experiments[number], seed)
        for seed in seeds
        for scheme, split in splits.items()  # rows of one split are open at a time
        for number in numbers
    }


if __name__ == "__main__":
    main(run)
