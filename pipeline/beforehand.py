"""What can be known of trainings before the first of them begins: said in seconds, not after hours.

Every class is among the rows of every training, and both answers to a question are; every network
that the recipe uses is built once, with the weights that it begins with; what the trainings take at
the very least is there, on the disk and in memory. Only what is clearly impossible is refused: what
a step takes nobody knows yet.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from folds.findings import plural
from models.nets.config import PARTS, NetConfig
from models.nets.network import LesionNet
from models.nets.work import threads_of
from models.networks.fold import split_rows
from models.networks.names import HeldOut, in_words
from models.networks.network import Network, TrainingRows
from models.training.config import TrainConfig
from models.training.position import seed_of
from models.training.sharing import check_shared, uneven
from pipeline.job import Job
from pipeline.machine import Machine
from pipeline.picture_rows import PictureRows
from pipeline.unit_files import ENCODERS
from workspace.errors import ConfigError, DataError, DermstackError, name_some
from workspace.machine import lent_cores, lent_memory_gb

Asked = Sequence[tuple[Network, Sequence[HeldOut]]]  # the networks, and what each is to leave out
GB = 2**30


@dataclass(frozen=True)
class Size:
    """Bytes of a network's weights, and of those among them that some phase changes."""

    whole: int
    learnt: int

    @property
    def learning(self) -> int:
        """While it learns: a gradient and AdamW's two moments beside each that changes."""
        return self.whole + 3 * self.learnt


def check_beforehand(job: Job, rows: PictureRows, asked: Asked) -> None:
    """Refuse trainings of which the last could not be, before the first has begun."""
    check_devices(job, [network for network, left_out in asked if left_out])
    for network, left_out in asked:
        for held_out in left_out:
            check_classes(network, rows.without(held_out)[0], job.recipe.seed_of_networks)
    for name, config in job.recipe.used.items():
        if not (config.task.learns or (job.run / ENCODERS / name).is_dir()):
            build(name, config.net, 1)
    sizes = {
        network.name: size_of(
            build(
                network.name, network.config.net, network.outputs,
                # It begins with a network of this run, which may not be made yet.
                blank=job.recipe.beginning_of(network.config.net) is not None,
            ),
            network.config.learning,
        )
        for network, left_out in asked
        if left_out
    }  # fmt: skip
    device = Machine.of(job).torch_device()
    if device.type == "cpu":
        notice_threads(job, [network for network, left_out in asked if left_out])
    check_disk(job.run, sizes, {network.name: len(left_out) for network, left_out in asked})
    check_memory(sizes, memory_gb_of(device))


def notice_threads(job: Job, networks: Sequence[Network]) -> None:
    """A network's threads are its own, whatever is lent: fewer would make another network."""
    lent = lent_cores()
    for network in networks:
        own = threads_of(network.config.net)
        if own > lent and f"threads {network.name}" not in job.noticed:
            job.noticed.add(f"threads {network.name}")
            job.say(
                f"notice: {network.name} computes with {own} threads, which decide its last bits, "
                f"and {plural(lent, 'core')} {'is' if lent == 1 else 'are'} lent: it takes its "
                f"time; networks.{network.name}.net.threads={lent} makes another network."
            )


def check_devices(job: Job, networks: Sequence[Network]) -> None:
    """Refuse ranks that a network's steps cannot be shared among, or devices that are not there."""
    machine = Machine.of(job)
    if machine.ranks == 1:
        return
    machine.check_devices()
    for network in networks:
        config, by_batch = network.config, network.task.by_batch
        check_shared(network.name, config.net, config.learning, machine.ranks, by_batch=by_batch)
        if text := uneven(config.learning, machine.ranks, by_batch=by_batch):
            job.say(f"notice: networks.{network.name}: {text}.")


def check_classes(network: Network, rows: TrainingRows, seed: int) -> None:
    """Whether a training has rows of every class and answer, and inner rows where it needs some."""
    where = f"{network.name} without {in_words(rows.held_out)}"
    codes = network.codes[rows.training]
    absent = [name for code, name in enumerate(network.classes) if not (codes == code).any()]
    if absent:
        raise DataError(
            f"{where} has no row of {name_some(absent)} to learn from; mend networks."
            f"{network.name}.task, or take folds.n_folds that leave some."
        )
    try:
        split_rows(network, rows, seed_of(seed, network.name, rows.held_out))
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error


def build(name: str, net: NetConfig, outputs: int, *, blank: bool = False) -> LesionNet:
    """As its training will: with its weights, if they are there, for pictures of its size."""
    try:
        return LesionNet(net, outputs, blank)
    except DermstackError as error:
        raise type(error)(f"networks.{name}: {error}") from error
    except (RuntimeError, ValueError, AssertionError) as error:  # timm's, of a size that is not its
        raise ConfigError(
            f"networks.{name}: {net.backbone} cannot look at pictures of {net.size} px ({error}); "
            "take another net.size or net.backbone."
        ) from error


def size_of(net: LesionNet, training: TrainConfig) -> Size:
    """What its weights take, and what of them is learnt in some phase."""
    phases = [phase for phase in training.phases if phase.epochs]
    free = {part for part in PARTS if any(part not in phase.frozen for phase in phases)}
    taken = {name: one.numel() * one.element_size() for name, one in net.named_parameters()}
    learnt = sum(size for name, size in taken.items() if net.part_of(name) in free)
    return Size(sum(taken.values()), learnt)


def check_disk(run: Path, sizes: Mapping[str, Size], trainings: Mapping[str, int]) -> None:
    """Best and last weights of each, and two checkpoints of one."""
    networks = sum(2 * size.whole * trainings[name] for name, size in sizes.items())
    needed = networks + max((2 * size.whole for size in sizes.values()), default=0)
    free = shutil.disk_usage(run).free
    if needed > free:
        raise ConfigError(
            f"{sum(trainings.values())} networks to train take {needed / GB:.1f} GB at the least, "
            f"and {run} has {free / GB:.1f} GB free; make room, or take another RUN=."
        )


def check_memory(sizes: Mapping[str, Size], there_gb: float) -> None:
    """One network that learns; pictures and what a step takes come on top."""
    for name, size in sizes.items():
        if size.learning / GB > there_gb:
            raise ConfigError(
                f"networks.{name} takes {size.learning / GB:.1f} GB at the least while it learns, "
                f"and {there_gb:.1f} GB of memory are free; free some, or take a smaller "
                "net.backbone."
            )


def memory_gb_of(device: torch.device) -> float:
    """Of the device on which networks learn."""
    if device.type == "cuda":
        return float(torch.cuda.get_device_properties(device).total_memory) / GB
    return lent_memory_gb()
