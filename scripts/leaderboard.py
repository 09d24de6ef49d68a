"""make leaderboard: finished runs side by side, or many submissions of one solution.

RUNS="a b c" names runs by folder or by their names under runs/; SUBMISSIONS="a.csv b.csv" with
SOLUTION=solution.csv names files. Each is scored on its own rows, with intervals by patient, and
held against REFERENCE (the first named, if none is) on the rows that both have, paired. Writes
runs/leaderboard/<names>-<hash>/ (RUN= takes the place of runs/leaderboard) with leaderboard.json
and leaderboard.html, which says too in what the runs differ.
"""

from pipeline.job import Job
from pipeline.leaderboard import FILE, LEADERBOARD, PAGE, asked, lining_up
from reports.leaderboard import tables
from scripts.stage import main
from workspace.units import Unit


def run(job: Job) -> Unit:
    """The leaderboard, made if it is not there yet or an entry has changed since."""
    done, _ = job.make(lining_up(job, asked(job)))
    job.show(tables(done.json(FILE)))
    job.say(f"{LEADERBOARD}: see {done.folder / PAGE}.")
    return done


if __name__ == "__main__":
    main(
        run,
        files={"solution": "CSV of the truth that all submissions are held against"},
        words={
            "runs": "finished runs, by folder or by name under runs/",
            "submissions": "CSVs of scores",
            "reference": "the one that the others are held against (the first named)",
        },
    )
