"""make report: the run as one HTML page that needs nothing else, and its model card.

Reads whatever finished units the run has; writes <run>/cases/, the lesions of a stack that it
shows, <run>/report/report.html, which names what is not made yet with the command for it, and
model_card.md beside it. All are made anew when a unit has changed.
OUT=folder takes the place of a <run> that may only be read.
"""

from pipeline.job import Job
from pipeline.run_report import FILE, reporting, showing_cases
from scripts.stage import OUT, main
from workspace.units import Unit


def run(job: Job) -> Unit:
    """The report of the run, made if it is not there yet or a unit has changed since."""
    shown = showing_cases(job)
    lesions = None if shown is None else job.make(shown)[0]
    done, new = job.make(reporting(job, lesions))
    if new:
        job.say(f"report: wrote {done.folder / FILE}.")
    else:
        job.rest("report", f"{done.folder / FILE} is up to date.")
    return done


if __name__ == "__main__":
    main(run, files={"out": OUT}, of_finished_run=())
