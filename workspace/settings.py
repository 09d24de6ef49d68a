"""A configuration's values for a manifest, by which keys of later undo nothing of before.

A unit is done if its settings are as asked. A key that came into a model later says nothing where
it has its default, and is left out there.
"""

from collections.abc import Collection
from typing import Any

from pydantic import BaseModel


def said_since(
    config: BaseModel, since: Collection[str], besides: Collection[str] = ()
) -> dict[str, Any]:
    """All values as plain types, but for `besides`, and for keys of `since` at their defaults."""
    fields = type(config).model_fields
    silent = {
        key for key in fields.keys() & set(since) if getattr(config, key) == fields[key].default
    }
    return config.model_dump(mode="json", exclude=silent | set(besides))
