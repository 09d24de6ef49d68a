"""One small adapter per public data set: its files in, the sample table's columns out."""

from folds.sources.config import DataConfig
from folds.sources.registry import SOURCES
from folds.sources.settings import DataSettings
from folds.sources.source import Source


def open_source(config: DataSettings) -> Source:
    """The adapter that the recipe names."""
    return SOURCES[config.source](config)


__all__ = ["DataConfig", "DataSettings", "Source", "open_source"]
