"""Which of a run's networks answer about pictures of one's own, by which folds, and as what."""

from collections.abc import Mapping, Sequence

from models.networks.names import unit_name
from models.networks.use import maker_of, use_of
from pipeline.job import Job
from pipeline.unit_files import TRAIN_CNN
from submissions import isic_challenge
from workspace.errors import ArtifactError, ConfigError, DermstackError, name_some
from workspace.manifest import load_manifest
from workspace.units import Unit, open_unit

Networks = Mapping[str, Sequence[Unit]]  # the folds' units by the network's name
Challenged = Mapping[str, tuple[str, Mapping[str, str]]]  # file: network, its class by category


def answering_networks(job: Job) -> Networks:
    """Those that are asked for; else the cascade's, as far as it is there; else all there are."""
    recipe = job.recipe
    there = {name: folds_of(job, name) for name, c in recipe.used.items() if c.task.learns}
    finished = {name: units for name, units in there.items() if units}
    if not finished:
        raise _without_networks(job)
    if recipe.predict.networks is not None:
        absent = [name for name in recipe.predict.networks if name not in finished]
        if absent:
            raise ConfigError(
                f"predict.networks names {name_some(absent)}, which {job.run} holds no finished "
                f"network of; there are {name_some(finished)}."
            )
        return {name: finished[name] for name in recipe.predict.networks}
    cascade = recipe.cascade
    if cascade is not None and cascade.first in finished:
        both = (cascade.first, cascade.second)
        return {name: finished[name] for name in both if name in finished}
    return finished


def _without_networks(job: Job) -> DermstackError:
    """To train would be bad advice where another recipe's networks are there."""
    others = [p.parent.name for p in sorted(job.run.glob("networks/*/metrics.json"))]
    if not others:
        return ArtifactError(f"{job.run} holds no networks; run 'make train-cnn' first.")
    return ConfigError(
        f"{job.run} holds networks ({name_some(others)}), but none that {job.recipe.name} uses; "
        "name the run's own RECIPE=."
    )


def folds_of(job: Job, name: str) -> list[Unit]:
    """The folds' networks that the finished one was joined of, and no others; none without it."""
    folder = job.run / "networks" / name
    if load_manifest(folder) is None:
        return []
    joined, units = open_unit(folder, TRAIN_CNN), []
    for fold, maker in joined.facts["makers"].items():
        unit = open_unit(job.run / "networks" / unit_name(name, int(fold)), TRAIN_CNN)
        if maker_of(unit) != maker:
            raise ArtifactError(
                f"{unit.folder} is not what {folder} was joined of; run 'make {TRAIN_CNN}' first."
            )
        use_of(unit, joined.facts["classes"])
        units.append(unit)
    return units


def cascade_of(job: Job, networks: Networks) -> tuple[str, str] | None:
    """The recipe's, if its first network answers first and no other but its second besides."""
    cascade = job.recipe.cascade
    if cascade is None or next(iter(networks)) != cascade.first:
        return None
    both = (cascade.first, cascade.second)
    return both if set(networks) <= set(both) else None


def challenged_by(job: Job, networks: Networks) -> Challenged:
    """The challenge's files, and of each the network and the class of every category."""
    named, by_network = job.recipe.predict.challenge, {}
    for name, units in networks.items():
        categories = isic_challenge.categories_of(use_of(units[0]).classes, named)
        if categories is not None:
            by_network[name] = categories
    if named and not by_network:
        raise ConfigError(
            "predict.challenge is given, but no network that answers has a class for each of its "
            f"categories ({', '.join(isic_challenge.CATEGORIES)}); name them all, or leave it out."
        )
    if len(by_network) == 1:
        return {isic_challenge.FILE: next(iter(by_network.items()))}
    stem, _, suffix = isic_challenge.FILE.partition(".")
    return {
        f"{stem}_{name}.{suffix}": (name, categories) for name, categories in by_network.items()
    }
