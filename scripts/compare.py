"""make compare: ways to stack what networks say, beside the recipe's own, on the same folds.

Reads the run's networks and features (made first where needed); no network is trained for it. Each
variant is a unit in <run>/comparison/<variant>/ with its scores out of fold for every seed of the
boosters; <run>/comparison/all/comparison.json has all of them minus the recipe's own way, paired.
"""

from dataclasses import replace

from pipeline.block_columns import anchors_of
from pipeline.blocks import block_files
from pipeline.comparisons import COMPARISON, OWN, comparing, stacking_variant
from pipeline.job import Job
from pipeline.picture_rows import open_picture_rows
from pipeline.stack_rows import open_stack
from reports.comparison import tables
from scripts import stack, train_cnn
from scripts.stage import main
from stacking.alignment.variants import VARIANTS, Variant
from workspace.errors import ConfigError
from workspace.tasks import Task
from workspace.units import Unit


def run(job: Job) -> Unit:
    """Every variant beside the recipe's own way, made if not there yet."""
    if not job.recipe.stack.networks:
        raise ConfigError("There is nothing to compare without networks; take stack.networks=true.")
    as_it_is = replace(job, fresh=False)  # FRESH=1 is of the comparison alone
    stacked, pictures = stack.files_of(as_it_is), train_cnn.files_of(as_it_is)
    rows = open_stack(stacked)
    anchors = anchors_of(as_it_is, open_picture_rows(pictures))
    blocks = {
        name: block_files(as_it_is, pictures, name, anchors)
        for name in (block.unit.folder.name for block in rows.blocks)
        if name in job.recipe.used
    }
    tasks: list[Task] = []
    for name, variant in _variants(job, tables=bool(rows.tables().columns)).items():
        task = stacking_variant(job, stacked, blocks, (name, variant), tasks)
        try:
            job.make(task)
        except ConfigError as error:
            if name == OWN:
                raise
            job.say(f"notice: {name} cannot be done with this run and is left out: {error}")
        else:
            tasks.append(task)
    done, _ = job.make(comparing(job, stacked, tasks))
    job.show(tables(done.json(COMPARISON)))
    job.say(f"compare: see {done.folder / COMPARISON}.")
    return done


def _variants(job: Job, *, tables: bool) -> dict[str, Variant]:
    """The recipe's own way, then those that its networks allow."""
    recipe = job.recipe
    learning = [config.task.learns for config in recipe.used.values()]
    trained, still = any(learning), not all(learning)
    variants = {OWN: Variant(trained=trained, encoders=still)}
    for name in recipe.compare.variants or VARIANTS:
        variant = VARIANTS[name]
        asks = variant.encoders or variant.trained
        if (variant.encoders and not still) or (variant.trained and not trained):
            job.say(f"notice: {name} needs networks that this recipe has not; it is left out.")
        elif not (asks or tables):
            job.say(f"notice: {name} has no column in this run; it is left out.")
        else:
            variants[name] = variant
    return variants


if __name__ == "__main__":
    main(run)
