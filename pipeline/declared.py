"""What every number of a network is to be read with: said beside it, wherever it goes.

`Recipe.declared_of` knows it of a network; blocks carry it into the stack and what comes of that.
A sheet with nothing to declare has no such key.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from stacking.blocks import Block

DECLARED = "declared"


def declaration(sentences: Sequence[str]) -> dict[str, Any]:
    """For a sheet, or a manifest's settings; mostly there is nothing to declare."""
    return {DECLARED: list(sentences)} if sentences else {}


def declared_by(blocks: Iterable[Block]) -> list[str]:
    """What is declared of whatever learns from these blocks, each sentence once."""
    every = (words for block in blocks for words in block.unit.facts.get(DECLARED, ()))
    return list(dict.fromkeys(every))
