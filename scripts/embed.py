"""make embed: every picture as every fold's network embeds it, in one space for the stack.

Reads the networks of `make train-cnn`, training them first where needed; writes
<run>/embeddings/<network>_fold_<k>/ (what each fold's network says of its held-out rows and of test
rows) and <run>/blocks/<network>/ with oof.parquet and test.parquet (columns for the stack),
maps.safetensors, scales_<score>.safetensors and drift.json (how far the folds' networks agree). For
a nested stack also inner_<k>.parquet. An encoder that learns nothing is kept in
<run>/encoders/<name>/.
"""

from pipeline.block_columns import anchors_of
from pipeline.blocks import DRIFT, WARNINGS, block_files, blocking, embeddings
from pipeline.embeddings import clear_stale
from pipeline.job import Job, up_to_date
from pipeline.picture_rows import NO_NETWORK, open_picture_rows
from reports.drift import sentences
from scripts import train_cnn
from scripts.stage import main
from stacking.blocks import LEARNT_NOTHING, OOF, TEST
from workspace.errors import ConfigError
from workspace.units import Unit


def run(job: Job) -> dict[str, Unit]:
    """A block for the stack of each of the recipe's networks, made if not there yet."""
    files = train_cnn.files_of(job)
    anchors = anchors_of(job, open_picture_rows(files))  # too few: said before training
    if not job.recipe.used:
        raise ConfigError(NO_NETWORK)
    job.need(train_cnn.run)
    blocks = {name: block_files(job, files, name, anchors) for name in job.recipe.used}
    shards = {name: embeddings(job, block) for name, block in blocks.items()}
    tasks = {name: blocking(job, name, block, shards[name]) for name, block in blocks.items()}
    # Shards of a block that is done are of no more use; they may have been deleted.
    missing = [name for name, task in tasks.items() if not job.state_of(task).done]
    every = [*(task for name in missing for task in shards[name]), *tasks.values()]
    made = dict(zip(tasks, job.carry_out(*every)[-len(tasks) :], strict=True))
    for name in missing:
        for network, some in blocks[name].columns().sets():
            clear_stale(job.run, network, some)
    units = {name: unit for name, (unit, _) in made.items()}
    if not any(new for _, new in made.values()):
        job.rest("embed", up_to_date(units))
        return units
    for name, (unit, new) in made.items():
        if not new:
            job.say(f"{name}: nothing to do, {unit.folder} is up to date.")
        elif not unit.facts.get(LEARNT_NOTHING):
            job.show(sentences(name, unit.json(DRIFT), unit.facts["anchors"], unit.json(WARNINGS)))
    folders = ", ".join(str(unit.folder) for unit in units.values())
    job.say(f"embed: see {folders}: {OOF}, {TEST}, {DRIFT}.")
    return units


if __name__ == "__main__":
    main(run)
