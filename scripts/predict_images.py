"""make predict IMAGES=folder: the run's networks on pictures of your own, one or ten thousand.

Reads every JPEG and PNG below IMAGES and the networks of a finished `make train-cnn`: those that
predict.networks names, else the recipe's cascade, else all. Writes
<run>/predictions/<folder>-<hash>/ with predictions.csv and predictions.json (probabilities by
class, thresholds, what is called), isic_challenge.csv if a network has all of that challenge's
classes, predictions.html (all of it to look at), and overlays/ (Grad-CAM as PNG), these unless
predict.overlays=false. It says which pictures are unlike those that the first network learnt from,
for which <run>/familiar/ is made once. All folds' networks answer; probabilities and thresholds are
their means. What is done of it is kept in <run>/checkpoints/ until all is; OUT=folder takes the
place of a <run> that may only be read.
"""

from dataclasses import replace

from folds.findings import plural
from pipeline.asked import OF_NEW_DATA
from pipeline.distances import UNLIKE, as_said
from pipeline.job import Job
from pipeline.new_pictures import DISCLAIMER, TABLE, answering, working_folder
from scripts.stage import OUT, main
from workspace.atomic import remove_folder
from workspace.errors import ConfigError
from workspace.pieces import begin_anew, is_anew
from workspace.units import Unit


def run(job: Job) -> Unit:
    """Predictions for the pictures, made if they are not there yet."""
    folder = job.files.get("images")
    if job.own_data:
        raise ConfigError("DATA= and IMAGES= are two kinds of new data; name one of them.")
    if folder is None or not folder.is_dir():
        raise ConfigError(f"There is no folder {folder}; name one with IMAGES=.")
    task = answering(job, folder)
    working = working_folder(task)
    if job.fresh:
        begin_anew(working)
    job = replace(job, fresh=is_anew(working))
    job.carry_out(*task.inputs_from())
    done, new = job.make(task)
    if not new:
        remove_folder(working)  # a call that was killed between its end and this line left it
        job.say(f"predict: nothing to do, {done.folder / TABLE} is up to date.")
        return done
    flagged = ""
    if "flagged" in done.facts:
        first = task.arguments["asked"].cascade[0]
        flagged = f", {done.facts['flagged']} at or above {first}'s threshold"
    count = plural(done.facts["pictures"], "picture")
    job.say(f"predict: wrote {done.folder / TABLE}: {count}{flagged}. {DISCLAIMER}")
    if UNLIKE in done.facts:
        job.say(f"predict: {as_said(done.facts[UNLIKE])}")
    return done


if __name__ == "__main__":
    main(run, files={"images": "folder of pictures", "out": OUT}, of_finished_run=OF_NEW_DATA)
