"""One column of the feature table: its name, what it says, what it reads and how it is made.

Every family lists its columns as these; the catalogue, the fit and the build all read one list.
"""

from collections.abc import Callable
from dataclasses import dataclass

from features.rows import Rows
from workspace.arrays import Floats, Ints


@dataclass(frozen=True)
class Feature:
    """A column: `make` computes it for rows that are sorted by id."""

    name: str
    family: str
    formula: str
    reference: str  # where it was read, see features.references
    inputs: tuple[str, ...]
    make: Callable[[Rows], Floats | Ints]
    sign: str = ""  # which letters of the ABCDE rule it speaks to
    base: str = ""  # the column it is taken of, if of one: features of one base are made together
    coded: str = ""  # the column of words whose codes it holds, if it is no number

    @property
    def is_code(self) -> bool:
        """Whether it is a category's code rather than a number."""
        return bool(self.coded)
