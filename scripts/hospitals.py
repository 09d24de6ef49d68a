"""make hospitals: what leaving a hospital out costs, beside cross-validation on the same rows.

Makes the recipe's own run as `make stack` does, networks and all, and in <run>/hospitals/run/ the
same recipe on folds by hospital, which shares the run's samples and features. Writes
<run>/hospitals/all/hospitals.json: every member both ways, paired, for each hospital and overall.
"""

from dataclasses import replace

from pipeline.fold_table import folding
from pipeline.hospitals import (
    HOSPITALS,
    SHEET,
    choose_hospitals,
    inner_run,
    measuring,
)
from pipeline.job import Job, mended_by
from pipeline.stack_rows import check_repeats
from reports.hospitals import tables
from scripts import features, folds, pretrain, stack, train_cnn, verify
from scripts.stage import main
from stacking.left_out import WAYS
from workspace.units import Unit


def run(job: Job) -> Unit:
    """Both runs, made as far as they are not there yet, and what each score is worth either way."""
    check_repeats(job)
    verified = job.need(verify.run)
    chosen = choose_hospitals(job.recipe, verified)
    job.need(folds.run)
    inner = inner_run(job, chosen, {verify.run: verified, features.run: job.need(features.run)})
    begun = inner.state_of(folding(inner, verified)).done
    if not begun or job.fresh:
        job.say(f"hospitals: left out, {chosen.said()}")
    with mended_by(HOSPITALS):
        _make_anew(inner) if job.fresh else inner.need(folds.run)
    job.need(stack.run)
    with mended_by(HOSPITALS):
        inner.need(stack.run)
    jobs = {way: replace(one, fresh=False) for way, one in zip(WAYS, (job, inner), strict=True)}
    made = {way: (stack.files_of(one), one.need(stack.run)) for way, one in jobs.items()}
    done, new = job.make(measuring(job, chosen, jobs, made))
    if not new:
        job.rest(HOSPITALS, f"{done.folder} is up to date.")
        return done
    job.show(tables(done.json(SHEET)))
    job.say(
        f"hospitals: see {done.folder / SHEET}; the run with hospitals left out is {inner.run}."
    )
    return done


def _make_anew(inner: Job) -> None:
    """FRESH=1 is of the inner run alone, as if each of its stages had been called with it."""
    networks = [train_cnn.run] if inner.recipe.stack.networks else []
    begun = [pretrain.run] if networks and inner.recipe.needed else []
    stages = [folds.run, *begun, *networks, stack.run]
    for stage in stages:
        inner.made[stage] = stage(inner)


if __name__ == "__main__":
    main(run)
