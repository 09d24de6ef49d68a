"""The recipe's `[tune]` section. Where studies are kept is said to the call alone: STORAGE=."""

from pydantic import BaseModel, ConfigDict, Field


class TuneConfig(BaseModel):
    """What is tried, how often, and on which rows."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    trials: int = Field(
        default=30, ge=1, le=100_000
    )  # of each study; the first is the recipe's own
    # One study for each fold, on the other folds alone: then the tuned score is of rows that had
    # no say. And one on all folds, whose values are for use. False: that one alone.
    nested: bool = True
    seeds: int = Field(default=1, ge=1, le=100)  # models of a fold in a trial
    random: int = Field(default=10, ge=1)  # trials drawn at random before the search begins
    # Trials of a study at a time. The search learns from what is finished, so that more at a time
    # are other trials; as a setting, so that they are the same on any machine.
    at_once: int = Field(default=1, ge=1, le=1000)
    sampling: bool = True  # also stack.positive_ratio and stack.negative_ratio
    families: bool = True  # also which families of columns the boosters see
