"""The recipe's `[data]` section: which source, where it lies, what counts as positive."""

from typing import Annotated

from folds.sources.registry import SOURCES
from folds.sources.settings import DataSettings
from workspace.choices import one_of


class DataConfig(DataSettings):
    """The settings, of one of the sources that there are."""

    source: Annotated[str, one_of(lambda: SOURCES)]
