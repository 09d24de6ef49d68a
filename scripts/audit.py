"""make audit: look for leaks in the run, and say what was done to find none.

Reads folds, features and the recipe's stack, on any recipe, with fewer rows and rounds (`[audit]`);
writes <run>/leaks/leaks.json and prints it as a table. A finding ends in exit code 2.
"""

from pipeline.declared import DECLARED
from pipeline.job import Job
from pipeline.leak_audit import LEAKS, auditing
from reports.leaks import leak_table
from reports.table import notices
from scripts import stack
from scripts.stage import main
from workspace.errors import ArtifactError
from workspace.units import Unit


def run(job: Job) -> Unit:
    """The audit of the run, made if it is not there yet; raises if it finds a leak."""
    done, _ = job.make(auditing(job, stack.files_of(job)))
    _tell(job, done)
    return done


def _tell(job: Job, done: Unit) -> None:
    checks = done.json(LEAKS)
    job.show([leak_table(checks), *notices(done.facts.get(DECLARED, ()))])
    leaks = [check["check"] for check in checks if not check["holds"]]
    if leaks:
        raise ArtifactError(
            f"{len(leaks)} of {len(checks)} checks found a leak: {'; '.join(leaks)}. See "
            f"{done.folder / LEAKS}."
        )
    job.say(f"audit: {len(checks)} checks hold; see {done.folder / LEAKS}.")


if __name__ == "__main__":
    main(run)
