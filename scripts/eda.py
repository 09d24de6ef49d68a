"""make eda: what the data say before any model, as one page that needs nothing else.

Reads the verified samples and, of folds with a test side, who is learnt from (it runs `verify` and
`folds` first where needed); writes <run>/eda/ with eda.json, every number, and eda.html. Labels of
the source's test and of a held-out side are never looked at.
"""

from folds.sources import open_source
from pipeline.exploration import PAGE, exploring, has_sides
from pipeline.job import Job
from pipeline.lesions import with_lesions
from pipeline.samples import looking
from scripts import folds, verify
from scripts.stage import main
from workspace.units import Unit


def run(job: Job) -> Unit:
    """The page of the recipe's samples, made if it is not there yet."""
    verified = job.need(verify.run)
    folded = job.need(folds.run) if has_sides(job.recipe) else None
    source = open_source(with_lesions(job))
    task = exploring(job, source, verified, folded)
    if job.state_of(task).done:
        done, new = job.make(task)
    else:
        shards = looking(job, source)
        done, new = job.carry_out(*shards, exploring(job, source, verified, folded, shards))[-1]
    if new:
        job.say(f"eda: wrote {done.folder / PAGE}.")
    else:
        job.rest("eda", f"{done.folder / PAGE} is up to date.")
    return done


if __name__ == "__main__":
    main(run)
