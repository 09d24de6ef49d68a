"""One small adapter per public data set: its files in, the sample table's columns out."""

from folds.sources.config import DataConfig
from folds.sources.dermamnist import DermaMnist
from folds.sources.ham10000 import Ham10000
from folds.sources.image_folder import ImageFolder
from folds.sources.isic2020 import Isic2020
from folds.sources.isic2024 import Isic2024
from folds.sources.pad_ufes import PadUfes
from folds.sources.source import Source

SOURCES: dict[str, type[Source]] = {
    "isic2024": Isic2024,
    "isic2020": Isic2020,
    "ham10000": Ham10000,
    "dermamnist": DermaMnist,
    "pad_ufes": PadUfes,
    "image_folder": ImageFolder,
}


def open_source(config: DataConfig) -> Source:
    """The adapter that the recipe names."""
    return SOURCES[config.source](config)


__all__ = ["DataConfig", "Source", "open_source"]
