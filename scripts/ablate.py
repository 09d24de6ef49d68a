"""make ablate: what each part of the network brings, by training without it or with another.

For each variant and seed, trains one network on the first folds in <run>/networks/ and compares the
held-out rows' score with the whole network's, paired, over the same draws of patients. Writes
<run>/ablation/ablation.json and prints one table.
"""

from dataclasses import replace
from itertools import product

from folds.findings import Findings
from models.networks.ablation import VARIANTS
from models.networks.network import Network
from pipeline.ablations import FILE, ablating
from pipeline.job import Job
from pipeline.machine import notice_unswitched
from pipeline.networks import begin_anew, needed_by, training
from pipeline.picture_rows import networks_of, open_picture_rows
from reports.ablation import WHOLE, tables
from scripts import train_cnn
from scripts.stage import main
from workspace.errors import ConfigError, name_some
from workspace.units import Unit


def run(job: Job) -> Unit:
    """Every variant beside the whole network, made if not there yet."""
    files, config = train_cnn.files_of(job), job.recipe.ablation
    rows = open_picture_rows(files)
    networks = networks_of(job, rows, Findings())
    if config.network is None or config.network not in networks:
        raise ConfigError(
            f"ablation.network is {config.network!r}; take a network that learns "
            f"({name_some(networks) or 'this recipe has none'})."
        )
    whole, folds = networks[config.network], list(rows.by_fold)[: config.folds]
    variants = _variants(job, whole)
    which = list(product(variants, config.seeds, folds))
    if job.fresh:
        begin_anew(job, [_unit_name(whole.name, *one) for one in which])
    job.need(notice_unswitched)
    trainings = [
        training(job, files, variants[name], fold, _unit_name(whole.name, name, seed, fold), seed)
        for name, seed, fold in which
    ]
    replace(job, fresh=False).carry_out(
        *needed_by(trainings), *trainings
    )  # what is left of FRESH=1 goes on
    units = dict(zip(which, (task.folder for task in trainings), strict=True))
    done, _ = job.make(ablating(job, files, variants, units, trainings))
    job.show(tables(whole.name, done.json(FILE)))
    job.say(f"ablate: see {done.folder / FILE}.")
    return done


def _variants(job: Job, whole: Network) -> dict[str, Network]:
    """The whole network, and each variant that is another than it."""
    variants = {WHOLE: whole}
    for name in job.recipe.ablation.variants or VARIANTS:
        config = VARIANTS[name](whole.config)
        if config == whole.config:
            job.say(f"notice: {name} changes nothing in this recipe and is left out.")
        else:
            variants[name] = replace(whole, config=config)
    return variants


def _unit_name(network: str, variant: str, seed: int, fold: int) -> str:
    return f"{variant}_seed_{seed}_{network}_fold_{fold}"


if __name__ == "__main__":
    main(run)
