"""make audit: look for leaks in the run, and say what was done to find none.

Reads folds, features and the recipe's stack, on any recipe, with fewer rows and rounds (`[audit]`);
writes <run>/leaks/leaks.json and prints it as a table. A finding ends in exit code 2.
"""

from rich.box import SIMPLE_HEAD
from rich.table import Table

from pipeline.job import Job
from pipeline.leak_audit import LEAKS, auditing
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
    table = Table("what was done", "what came of it", "", box=SIMPLE_HEAD, pad_edge=False)
    for check in checks:
        table.add_row(check["check"], check["found"], "holds" if check["holds"] else "LEAK")
    job.desk.console.print(table)
    leaks = [check["check"] for check in checks if not check["holds"]]
    if leaks:
        raise ArtifactError(
            f"{len(leaks)} of {len(checks)} checks found a leak: {'; '.join(leaks)}. See "
            f"{done.folder / LEAKS}."
        )
    job.say(f"audit: {len(checks)} checks hold; see {done.folder / LEAKS}.")


if __name__ == "__main__":
    main(run)
