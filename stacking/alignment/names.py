"""What the aligned columns of a network are called: `emb_<network>_...` and `oof_<network>_...`."""

import re

from stacking.alignment.config import AlignConfig
from workspace.errors import ConfigError, shorten

SCALARS = ("probability", "logit", "rank", "ratio", "difference", "patient_rank")
CONTEXT = ("nearest", "mean", "largest")  # the last only where there are sizes


def names(network: str, config: AlignConfig, columns: int, *, sized: bool) -> tuple[str, ...]:
    """All columns in order: the mapped embedding's, the distances in it, the score's."""
    columns_seen: tuple[str, ...] = ()
    if config.embeds:
        columns_seen = embedding_names(network, columns)
        if config.context:
            columns_seen += context_names(network, sized=sized)
    return columns_seen + scalar_names(network) if config.scalars else columns_seen


def embedding_names(network: str, columns: int) -> tuple[str, ...]:
    """`emb_<network>_0000` and on."""
    return tuple(f"emb_{_fit_for_a_column(network)}_{at:04d}" for at in range(columns))


def context_names(network: str, *, sized: bool) -> tuple[str, ...]:
    """Of `context.distances`, with or without the largest lesion."""
    whats = CONTEXT if sized else CONTEXT[:2]
    return tuple(f"emb_{_fit_for_a_column(network)}_{what}" for what in whats)


def scalar_names(network: str) -> tuple[str, ...]:
    """Of `Scalars.columns`; of several classes each is named as a network, `<network>_<class>`."""
    return tuple(f"oof_{_fit_for_a_column(network)}_{what}" for what in SCALARS)


def _fit_for_a_column(network: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_]+", network):
        raise ConfigError(
            f"Network name '{shorten(network)}' cannot be part of a column's name; use letters, "
            "digits and _."
        )
    return network
