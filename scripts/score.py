"""make score: what a submission is worth, with intervals, and what a scorer would refuse.

Reads two CSVs, SOLUTION (isic_id, target; with patient_id the intervals are by patient, with sex,
age and so on there are subgroups) and SUBMISSION (isic_id, target). Joins them by id. Writes
<run>/scores/<submission>-<its hash>/score.json and prints it as a table.
"""

from pipeline.job import Job
from pipeline.submission_scores import FILE, scoring
from reports.scores import tables
from scripts.stage import main
from workspace.errors import ConfigError
from workspace.units import Unit


def run(job: Job) -> Unit:
    """The score sheet of a submission, made if it is not there yet."""
    if set(job.files) != {"solution", "submission"}:
        raise ConfigError("Name both files: make score SOLUTION=a.csv SUBMISSION=b.csv.")
    done, _ = job.make(scoring(job, job.files["solution"], job.files["submission"]))
    job.show(tables(job.files["submission"].name, done.json(FILE)))
    job.say(f"score: see {done.folder / FILE}.", **done.facts)
    return done


if __name__ == "__main__":
    main(run, files={"solution": "CSV of the truth", "submission": "CSV of the scores"})
