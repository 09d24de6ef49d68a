"""The recipe's `[data]` section: which source, where it lies, what counts as positive."""

from typing import Annotated

from pydantic import ValidationInfo, field_validator

from folds.sources.registry import SOURCES
from folds.sources.settings import DataSettings, Group
from workspace.choices import one_of


class DataConfig(DataSettings):
    """The settings, of one of the sources that there are."""

    source: Annotated[str, one_of(lambda: SOURCES)]

    @field_validator("group")
    @classmethod
    def _as_the_folder_knows(cls, group: Group, others: ValidationInfo) -> Group:
        """Decided as soon as the folder is named, so that every stage and manifest has the same."""
        known = others.data
        if group != "known" or not {"source", "folder"} <= known.keys():
            return group
        if known.get("lesions") is not None:
            return "lesion"
        return SOURCES[known["source"]].known_group(known["folder"], known.get("table"))
