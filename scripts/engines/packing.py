"""A task and its answer as bytes, the one place where pickles are opened.

They come from this call's own workers or go to them: through Ray's connection, for which its token
vouches, or through files in the run's folder, for which its permissions do.
"""

import pickle
from typing import Any


def packed(value: object) -> bytes:
    """As it travels."""
    return pickle.dumps(value)


def unpacked(data: bytes) -> Any:
    """Runs what the sender wants: only of a worker of this call, or of its caller."""
    return pickle.loads(data)  # noqa: S301
