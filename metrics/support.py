"""How many patients an interval must rest on, and what is said where there are fewer."""

from typing import Literal

# With a positive, or without one where these are fewer. Simulated cohorts: docs/LOG.md.
FEWEST = 20


def no_interval(unit: Literal["patient", "row"] = "patient") -> str:
    """The sentence that stands wherever an interval would."""
    return (
        f"No interval where a value rests on fewer than {FEWEST} {unit}s (of those with a positive "
        "and those without, the fewer): it would cover too little."
    )
