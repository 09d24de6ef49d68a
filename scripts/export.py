"""make export: a fold's network as a bundle that needs nothing of this project, and as one page.

Trains the network first where it is not there (`make train-cnn FOLD=k`). Writes
<run>/export/<network>_fold_<k>/: model.onnx with the preprocessing inside, labels.json (threshold,
limit), predict.py, sheet.json, model_card.md, LICENSE; index.html, which runs it in a browser from
disk, where export.runtime names the npm package onnxruntime-web.
"""

from dataclasses import replace

from folds.findings import Findings
from pipeline.export import LABELS, NO_PAGE, SHEET, STAGE, asked_for, bundling
from pipeline.job import Job
from pipeline.networks import needed_by, trainings_of
from pipeline.picture_rows import beginnings_of, networks_of, open_picture_rows
from reports.bundle.model_card import tables
from scripts import train_cnn
from scripts.stage import main
from workspace.units import Unit


def run(job: Job) -> Unit:
    """The bundle, made as far as it is not there yet."""
    files = train_cnn.files_of(job)
    rows = open_picture_rows(files)
    networks = networks_of(job, rows, Findings())
    network, fold = asked_for(job.recipe.export, networks, list(rows.by_fold))
    [trained] = trainings_of(job, files, network, [fold]).values()
    bundle = bundling(job, files, network, trained)
    start = job.recipe.beginning_of(network.config.net)
    begun = {n: one for n, one in beginnings_of(job, rows, Findings()).items() if n == start}
    first = {name: trainings_of(job, files, one, [fold]) for name, one in begun.items()}
    kept = train_cnn.prepared(
        replace(job, fresh=False), rows, {**begun, network.name: network},
        {network.name: {fold: trained}}, first,
    )  # fmt: skip
    kept.carry_out(*needed_by([trained]), trained)
    if job.recipe.export.runtime is None:
        job.say(NO_PAGE)
    done, new = job.make(bundle)
    if not new:
        job.rest(STAGE, f"{done.folder} is up to date.")
        return done
    job.show(tables(done.json(LABELS), done.json(SHEET)))
    job.say(f"{STAGE}: see {done.folder}: {', '.join(sorted(done.manifest.files))}.")
    return done


if __name__ == "__main__":
    main(run)
