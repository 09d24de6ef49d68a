"""make label-efficiency: how a network's score grows with labels, from several beginnings.

Trains the networks of [label_efficiency] on the first folds with shares of the labels, over seeds,
all by one schedule of equally many steps; makes the weights that they begin with first. Writes
<run>/label_efficiency/ with label_efficiency.json and the curves as label_efficiency.svg.
"""

from dataclasses import replace
from itertools import product

from folds.findings import Findings
from models.networks.label_efficiency import with_labels
from models.networks.network import Network
from pipeline.job import Job
from pipeline.label_efficiency import FILE, PICTURE, STAGE, measuring
from pipeline.machine import notice_unswitched
from pipeline.networks import begin_anew, needed_by, to_make_anew, training
from pipeline.picture_rows import networks_of, open_picture_rows
from reports.label_efficiency import tables
from scripts import train_cnn
from scripts.stage import main
from workspace.errors import ConfigError, name_some
from workspace.lazy import importing
from workspace.units import Unit


def run(job: Job) -> Unit:
    """Every network with every share, made as far as they are not there yet."""
    files, config = train_cnn.files_of(job), job.recipe.label_efficiency
    rows = open_picture_rows(files)
    networks = _asked(job, networks_of(job, rows, Findings()))
    folds = list(rows.by_fold)[: config.folds]
    trainings = {
        (network.name, share, seed, fold): training(
            job, files,
            replace(network, config=with_labels(network.config, share, config)), fold,
            f"{share * 100:g}_percent_seed_{seed}_{network.name}_fold_{fold}", seed,
        )
        for seed, share, network, fold in product(config.seeds, config.shares, networks, folds)
    }  # fmt: skip
    every = list(trainings.values())
    if job.fresh:
        anew = to_make_anew(replace(job, fresh=False), every)
        begin_anew(job, [task.name for task in anew])
    job.need(notice_unswitched)
    job = replace(job, fresh=False)
    if job.watcher is None and not all(one.done for one in job.states_of(every).values()):
        with importing("pipeline.beforehand"):
            from pipeline.beforehand import check_beforehand  # noqa: PLC0415 - it imports torch

        least = [
            replace(network, config=with_labels(network.config, config.shares[0], config))
            for network in networks
        ]
        check_beforehand(job, rows, [(network, folds) for network in least])
    job.carry_out(*needed_by(every), *every)
    done, new = job.make(measuring(job, files, networks, trainings))
    if not new:
        job.rest(STAGE, f"{done.folder} is up to date.")
        return done
    job.show(tables(done.json(FILE)))
    job.say(f"{STAGE}: see {done.folder}: {FILE}, {PICTURE}.")
    return done


def _asked(job: Job, known: dict[str, Network]) -> list[Network]:
    """Those that the recipe names, or all; they answer the same question."""
    names = job.recipe.label_efficiency.networks or tuple(known)
    if not names or (unknown := [name for name in names if name not in known]):
        what = name_some(unknown) if names else "none"
        raise ConfigError(
            f"label_efficiency.networks names {what}; take networks of the run that learn "
            f"({name_some(known) or 'this recipe has none'})."
        )
    chosen = [known[name] for name in names]
    if other := [one.name for one in chosen if one.classes != chosen[0].classes]:
        raise ConfigError(
            f"{other[0]} has other classes than {chosen[0].name}, and no curve compares them; "
            "leave one out of label_efficiency.networks."
        )
    if several := [one.name for one in chosen if len(one.config.learning.phases) > 1]:
        raise ConfigError(
            f"{several[0]} learns in several phases, and a share of the labels is learnt in one; "
            "take another network in label_efficiency.networks, or state one phase."
        )
    if students := [one for one in chosen if one.config.teacher is not None]:
        raise ConfigError(
            f"{students[0].name} has a teacher, which learnt from all labels, and so no share of "
            "them; leave it out of label_efficiency.networks, or its teacher."
        )
    if few := [one for one in chosen if one.config.net.weight_bits is not None]:
        raise ConfigError(
            f"{few[0].name} learns in few bits and begins with {few[0].config.net.weights}, which "
            "learnt from all labels; leave it out of label_efficiency.networks, or its "
            "net.weight_bits."
        )
    return chosen


if __name__ == "__main__":
    main(run)
