"""Whether some processes can share a training's steps and come to the same network; without torch.

A step is so many whole batches, each with batch norms, MixUp and dropout of its own. Only a loss
that looks at its whole batch lets one be divided, and only where nothing is drawn within it.
"""

from models.nets.config import NetConfig
from models.training.config import TrainConfig
from workspace.errors import ConfigError


def is_divided(training: TrainConfig, ranks: int, *, by_batch: bool) -> bool:
    """Whether each batch is divided among ranks by its pictures, instead of a step by batches."""
    return by_batch and ranks > training.accumulate


def check_shared(
    name: str, net: NetConfig, training: TrainConfig, ranks: int, *, by_batch: bool
) -> None:
    """Refuse what ranks cannot share, and ranks that would have nothing to do."""
    if net.weight_bits is not None:
        raise ConfigError(
            f"networks.{name} learns in few bits (net.weight_bits), by ranges that one process "
            "takes from all batches; leave DEVICES out."
        )
    if is_divided(training, ranks, by_batch=by_batch):
        _check_divided(name, net, training, ranks)
    elif ranks > training.accumulate:
        _refuse_idle(name, training, ranks)


def _check_divided(name: str, net: NetConfig, training: TrainConfig, ranks: int) -> None:
    rates = [*net.dropout, *(rate for phase in training.phases for rate in phase.dropout or ())]
    if net.drop_path or any(rates):
        raise ConfigError(
            f"networks.{name} drops at random (net.dropout, net.drop_path), which {ranks} ranks "
            "that divide a batch would draw otherwise than one process; take 0 for both, or leave "
            "DEVICES out."
        )
    if ranks > training.batch_size:
        raise ConfigError(
            f"networks.{name}.training.batch_size={training.batch_size} cannot be divided among "
            f"{ranks} ranks; take fewer DEVICES."
        )


def _refuse_idle(name: str, training: TrainConfig, ranks: int) -> None:
    size, every = training.batch_size, training.accumulate
    mend = "take fewer DEVICES"
    if size * every % ranks == 0:
        mend += (
            f", or batch_size={size * every // ranks} and accumulate={ranks}, another recipe of "
            "the same effective batch"
        )
    raise ConfigError(
        f"A step of networks.{name} is {every} {'batch' if every == 1 else 'batches'} "
        f"(training.accumulate), so that of {ranks} ranks {ranks - every} would have nothing to "
        f"do; {mend}."
    )


def uneven(training: TrainConfig, ranks: int, *, by_batch: bool) -> str | None:
    """A sentence where some ranks wait for others in every step."""
    most = -(-training.accumulate // ranks)
    enough = -(-training.accumulate // most)
    if is_divided(training, ranks, by_batch=by_batch) or enough == ranks:
        return None
    return (
        f"a step of {training.accumulate} batches takes {ranks} ranks as long as {enough}: DEVICES "
        "that divide training.accumulate waste none"
    )
