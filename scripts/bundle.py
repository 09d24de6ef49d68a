"""make bundle: the finished run as a folder that answers unseen data, for a code competition.

Makes the stack first where it is not there. Writes <run>/bundle/: submit.ipynb and submit.py, the
networks, boosters and features' state, this project's inference code, bundle.json with the hash of
every file. It needs no internet, and no more of a machine than the competition's image has.
"""

from folds.findings import plural
from pipeline.bundled_run import BUNDLE, bundling
from pipeline.job import Job
from scripts import stack, verify
from scripts.stage import main
from workspace.units import Unit


def run(job: Job) -> Unit:
    """The bundle of the run, made if it is not there yet."""
    job.need(stack.run)
    done, new = job.make(bundling(job, job.need(verify.run)))
    if not new:
        job.rest(BUNDLE, f"{done.folder} is up to date.")
        return done
    files, facts = done.manifest.files, done.facts
    size = sum(file.size for file in files.values()) / 1e6
    if "moved_by_halving" in facts:
        job.say(
            f"bundle: weights in 16 bits move a probability by at most "
            f"{facts['moved_by_halving']:.2g} on pictures of the run."
        )
    job.say(
        f"bundle: wrote {done.folder}: {size:.1f} MB, {plural(len(facts['folds']), 'fold')} of "
        f"{', '.join([*facts['members'], *facts['networks']])}; bundle.json has the hash "
        f"{facts['sha256'][:12]}."
    )
    return done


if __name__ == "__main__":
    main(run)
