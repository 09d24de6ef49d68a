"""The networks of a run as tasks: one for each fold that is left out, and encoders.

A fold's network is a unit in <run>/networks/<name>_fold_<k>/ with its weights, what is needed to
use them, and the scores of the rows it never saw. While it is made, checkpoints lie in
<run>/checkpoints/, and the same command goes on from them. What makes them, with torch, is in
`fold_network`.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from folds.findings import Findings
from folds.frozen import FILE
from folds.schema import ID
from models.nets.config import GATES, HUB, INSTALLED, NONE, NetConfig
from models.networks.config import NetworkConfig
from models.networks.names import HeldOut, unit_name
from models.networks.network import Network, network_of
from models.networks.use import BEST, USE, maker_of
from models.training.config import AVERAGE
from pipeline.job import Job
from pipeline.machine import LOOKING_GB, Machine, devices_of
from pipeline.picture_rows import PictureFiles, PictureRows, open_picture_rows
from pipeline.unit_files import ENCODERS, TRAIN_CNN
from stacking.oof import MAKER
from stacking.use import FOLD
from workspace.atomic import remove_folder
from workspace.errors import ArtifactError, ConfigError, name_some
from workspace.manifest import load_manifest
from workspace.orders import Needs
from workspace.tasks import Output, Task
from workspace.units import Unit, refuse_foreign

PRETRAIN = "pretrain"  # of those with whose weights others begin
SCORES = "scores.parquet"
SOFT_LABELS = "soft_labels.parquet"  # what a teacher says, and the folder without its ending
LAST = "last_"  # before the columns of the last epoch's weights


def training(
    job: Job, files: PictureFiles, network: Network, held_out: HeldOut, name: str = "",
    seed: int | None = None,
) -> Task:  # fmt: skip
    """A network that leaves out a fold or two, and its scores of them.

    One that begins with another's weights begins with those that left out the same, and one that
    has a teacher learns from that which left out the same.
    """
    name = name or unit_name(network.name, held_out)
    seed = job.recipe.seed_of_networks if seed is None else seed
    net = network.config.net
    start = _beginning(job, files, network, held_out)
    config, comes_from = coming_from(
        job, files, network, start, teaching(job, files, network, held_out)
    )
    return Task(
        job.run / "networks" / name,
        PRETRAIN if network.task.is_beginning else TRAIN_CNN,
        "pipeline.fold_network:train_fold_network",
        settings=fold_settings(network, held_out, seed, job.recipe.data.positive),
        inputs={
            **files.hashes(), FILE: files.folds_sha, **comes_from,
        },
        arguments={
            "files": files,
            "network": (network.name, config),
            "run": (held_out, seed),
            "machine": Machine.of(job),
            "checkpoints": job.run / "checkpoints" / name,
        },
        join="pipeline.fold_network:join_fold_network" if Machine.of(job).nodes > 1 else None,
        needs=partial(Machine.of(job).needs, net, devices_of(job)),
        on_change="stop",
    )  # fmt: skip


def trainings_of(
    job: Job, files: PictureFiles, network: Network, every: Sequence[HeldOut]
) -> dict[HeldOut, Task]:
    """A network without each of these; or one that leaves out none, if it sees all.

    The same tasks whoever asks in a call: several networks begin with one, or learn from one.
    """
    left_out: Sequence[HeldOut] = [()] if network.task.sees_all else every
    for one in left_out:
        key = ("training", network.name, one)
        if key not in job.made:
            job.made[key] = training(job, files, network, one)
    return {one: job.made["training", network.name, one] for one in left_out}


def needed_by(tasks: Sequence[Task]) -> list[Task]:
    """What these are made from, and that in turn, each once and before what is made from it."""
    every = dict[Task, None]()
    for task in tasks:
        for one in task.inputs_from():
            every.update(dict.fromkeys([*needed_by([one]), one]))
    return list(every)


def coming_from(
    job: Job, files: PictureFiles, network: Network, start: Task | None, soft_labels: Task | None
) -> tuple[NetworkConfig, dict[str, str | Output]]:
    """The network, with what it begins with and is taught where they are kept; both as inputs."""
    config, inputs = network.config, dict[str, str | Output]()
    if start is None:
        inputs["weights"] = weights_of(job, files, config.net)
    else:
        inputs["weights"] = Output(start, BEST)
        config = begun_with(config, str(start.folder / BEST))
    if soft_labels is not None:
        inputs["soft_labels"] = Output(soft_labels, SOFT_LABELS)
        config = taught_by(config, soft_labels)
    return config, inputs


def begun_with(config: NetworkConfig, weights: str) -> NetworkConfig:
    """The same network, its weights from elsewhere."""
    net = config.net.model_copy(update={"weights": weights})
    return config.model_copy(update={"net": net})


def _beginning(job: Job, files: PictureFiles, network: Network, held_out: HeldOut) -> Task | None:
    """The network of this run with whose weights this one begins."""
    recipe = job.recipe
    if (name := recipe.beginning_of(network.config.net)) is None:
        return None
    if recipe.networks[name].task.sees_all and f"seen by {name}" not in job.noticed:
        job.noticed.add(f"seen by {name}")
        job.say(
            f"notice: {name} sees the held-out pictures too, without their labels "
            f"(networks.{name}.task.rows='all'); every number of what begins with it is to be read "
            "so."
        )
    beginning = _named(job, files, name)
    if network.config.net.weight_bits is not None:
        check_same_classes(network, beginning, "net.weights")
    [task] = trainings_of(job, files, beginning, [held_out]).values()
    return task


def taught_by(config: NetworkConfig, soft_labels: Task) -> NetworkConfig:
    """The same network, its teacher's words where they are kept."""
    assert config.teacher is not None, "it has a teacher"
    teacher = config.teacher.model_copy(update={"network": str(soft_labels.folder)})
    return config.model_copy(update={"teacher": teacher})


def teaching(job: Job, files: PictureFiles, network: Network, held_out: HeldOut) -> Task | None:
    """What its teacher says of all that such a network may learn from; None where it has none.

    In <run>/soft_labels/<teacher>_fold_<k>/, once for all its students.
    """
    if (config := network.config.teacher) is None:
        return None
    teacher = _named(job, files, config.network)
    check_same_classes(network, teacher, "teacher.network")
    learnt, _ = open_picture_rows(files).without(held_out)
    if network.config.learning.choose != "last" and learnt.validation is None:
        raise ConfigError(
            f"networks.{network.name} would choose on inner rows that its teacher {teacher.name} "
            f"learnt from; take networks.{network.name}.training.choose='last'."
        )
    [made_by] = trainings_of(job, files, teacher, [held_out]).values()
    return asking(job, files, network, held_out, made_by)


def check_same_classes(network: Network, other: Network, key: str) -> None:
    """Refuse to learn from a network of other classes; `key` says how it was named."""
    if other.classes != network.classes:
        raise ConfigError(
            f"networks.{network.name}.{key} is {other.name!r}, of the classes "
            f"{', '.join(other.classes)}, and the network itself is of "
            f"{', '.join(network.classes)}; give both the same, in one order."
        )


def asking(
    job: Job, files: PictureFiles, student: Network, held_out: HeldOut, teacher: Task
) -> Task:
    """What this training of its teacher says, once in a call for all students."""
    assert student.config.teacher is not None, "it has a teacher"
    views = student.config.teacher.views
    name = "_".join([teacher.folder.name, *([] if views == "one" else [views])])
    key = (SOFT_LABELS, teacher.folder, views)
    if key not in job.made:
        job.made[key] = Task(
            job.run / Path(SOFT_LABELS).stem / name,
            teacher.stage,
            "pipeline.teaching:keep_soft_labels",
            settings={"views": views, "classes": list(student.classes)},
            inputs={"teacher": Output(teacher, BEST), "use": Output(teacher, USE)},
            arguments={
                "files": files, "teacher": teacher.folder, "held_out": held_out,
                "views": views, "machine": Machine.of(job),
            },
            needs=Needs(memory_gb=LOOKING_GB, gpus=1),
        )  # fmt: skip
    task: Task = job.made[key]
    return task


def _named(job: Job, files: PictureFiles, name: str) -> Network:
    rows = open_picture_rows(files).table
    return network_of(name, job.recipe.networks[name], rows, Findings())


def fold_settings(
    network: Network, held_out: HeldOut, seed: int, positive: Sequence[str]
) -> dict[str, Any]:
    """The recipe's values that a fold's network depends on."""
    config, teacher = network.config, network.config.teacher
    return {
        **_gates(config.net),
        **({} if teacher is None else {"teacher": teacher.settings()}),
        **({"average": AVERAGE} if config.learning.ema else {}),
        "task": config.task.settings(),
        "training": config.learning.settings(),
        "augment": config.augment.settings(),
        "views": config.views,
        "classes": list(network.classes),  # in order, which a JSON object would not keep
        "net": config.net.settings(),
        "seed": seed,
        "fold": held_out if isinstance(held_out, int) else list(held_out),
        "positive": list(positive),
    }


def encoding(job: Job, files: PictureFiles, name: str, config: NetworkConfig) -> Task:
    """A backbone that learns nothing: one for all folds."""
    net = config.net
    settings: dict[str, Any] = {
        **_gates(net), "net": net.settings(),
    }  # fmt: skip
    if net.weights == NONE:
        if f"random {name}" not in job.noticed:
            job.noticed.add(f"random {name}")
            job.say(f"notice: {name} has random weights: its embeddings say little of a picture.")
        settings["seed"] = job.recipe.seed_of_networks
    return Task(
        job.run / ENCODERS / name,
        "embed",
        "pipeline.fold_network:keep_encoder",
        settings=settings,
        inputs={"weights": weights_of(job, files, net)},
        arguments={"name": name, "net": net, "seed": job.recipe.seed_of_networks},
    )


def to_make_anew(job: Job, trainings: Sequence[Task]) -> list[Task]:
    """What FRESH=1 asks for: what is not whole, of these values and this code; if all are, all.

    Equal values give the same network again, so what is as it was asked for is not trained twice.
    """
    differing = [task for task in trainings if not _as_asked(job, task)]
    if differing and len(differing) < len(trainings):
        names = name_some([task.name for task in differing])
        job.say(
            f"{trainings[0].stage}: FRESH=1 trains {names} anew; the others are whole and of these "
            "values, and stay."
        )
    return differing or list(trainings)


def _as_asked(job: Job, task: Task) -> bool:
    try:
        state = job.state_of(task)
    except ArtifactError:  # damaged
        return False
    return state.done and not state.other_code


def begin_anew(job: Job, names: Sequence[str], stage: str = TRAIN_CNN) -> None:
    """Delete these networks and their checkpoints, which a stopped FRESH=1 would go on from."""
    for name in names:
        refuse_foreign(job.run / "networks" / name, stage)
    for name in names:
        remove_folder(job.run / "networks" / name)
        remove_folder(job.run / "checkpoints" / name)


def notice_kept_unswitched(job: Job, units: Sequence[Unit]) -> None:
    """A network that is kept is what it was made, whatever is asked for now."""
    for unit in units:
        if job.deterministic and unit.facts.get("repeatable") is False:
            job.say(
                f"notice: {unit.folder} was trained without DETERMINISTIC=1 on a GPU and is kept."
            )


def held_out_table(
    rows: PictureRows, units: Mapping[int, Unit], names: Sequence[str]
) -> pl.DataFrame:
    """What each fold's network says of the rows it never saw; null for those without a picture."""
    parts = []
    for fold, unit in units.items():
        made_by = pl.lit(fold, dtype=pl.Int16).alias(FOLD), pl.lit(maker_of(unit)).alias(MAKER)
        silent = rows.pictureless.filter(pl.col(FOLD) == fold)
        parts += [unit.parquet(SCORES, [ID, *names]).with_columns(made_by),
                  silent.select(ID).with_columns(made_by)]  # fmt: skip
    return pl.concat(parts, how="diagonal").select(ID, FOLD, MAKER, *names).sort(ID)


def _gates(net: NetConfig) -> dict[str, str]:
    """How the gates of attention are computed, if the network has any."""
    return {"gates": GATES} if net.se or net.cbam else {}


def weights_of(job: Job, files: PictureFiles, net: NetConfig) -> str:
    """What the network begins with: a hash, or in a word; refused, if it learnt from rows here."""
    if net.weights in (HUB, INSTALLED, NONE):
        return net.weights
    path = Path(net.weights)
    if not path.is_file():
        return "missing"
    beside = load_manifest(path.parent)
    learnt_from = {} if beside is None else beside.inputs
    if any(learnt_from.get(name) == sha for name, sha in files.hashes().items()):
        raise ArtifactError(
            f"{path.name} in {path.parent} is of a network that learnt from these very rows: "
            "held-out patients would be known to it. Take weights of other data."
        )
    sha256 = job.hashes.of(path)
    if beside is None or sha256 not in {one.sha256 for one in beside.files.values()}:
        _notice_unknown(job, path)
    return sha256


def _notice_unknown(job: Job, path: Path) -> None:
    """A file that was moved out of its run, or came from elsewhere, tells nobody its rows."""
    if f"unknown {path}" not in job.noticed:
        job.noticed.add(f"unknown {path}")
        job.say(
            f"notice: {path.name} in {path.parent} has no manifest of its own beside it: whose "
            "pictures it saw nobody knows here. If it learnt from these rows, held-out patients "
            "are known to it and every number that follows is too good."
        )
