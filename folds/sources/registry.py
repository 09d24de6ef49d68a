"""Every source by the name that recipes say.

A new source is a file beside these and a line in this list.
"""

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
