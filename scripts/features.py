"""make features: the tabular columns of every row, by one function for train and test.

Reads the verified samples; writes <run>/features/ with features.parquet (all rows but the source's
test), test_features.parquet and state.json, what was learnt from the first to build the second.
"""

from pipeline.feature_table import featuring
from pipeline.job import Job
from reports.features import sentence
from scripts import verify
from scripts.stage import main
from workspace.units import Unit


def run(job: Job) -> Unit:
    """The features of the recipe's samples, made if they are not there yet."""
    done, new = job.make(featuring(job, job.need(verify.run)))
    if not new:
        job.rest("features", f"{done.folder} is up to date.")
        return done
    job.show_notices_of(done)
    job.say(f"features: wrote {done.folder}: {sentence(done.facts)}")
    return done


if __name__ == "__main__":
    main(run)
