"""The recipe's `[stack]` and `[audit]` sections; each booster has one of its own beside them."""

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)

from stacking.boosters.known import BOOSTERS, DEFAULT
from workspace.choices import Names, among, once_each

Sampling = Literal["ratios", "shards", "all"]


class StackConfig(BaseModel):
    """How the boosters of a fold are drawn, stopped, bagged and averaged."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    # The first grows the stack and what it stands beside; each other is a member of its own.
    boosters: Annotated[
        Names, Field(min_length=1), among(lambda: BOOSTERS), once_each("a booster")
    ] = (DEFAULT,)
    seeds: int = Field(default=5, ge=1, le=100)  # models a fold, each with its own sample
    sampling: Sampling = "ratios"
    # After the first and the tenth of ISIC 2024: positives are repeated until they are this share
    # of the negatives, then negatives dropped until the positives are that share of them.
    positive_ratio: float = Field(default=0.003, ge=0, le=1)
    negative_ratio: float = Field(default=0.01, gt=0, le=1)
    shards: int = Field(default=5, ge=2, le=100)  # of the negatives; seed s sees shard s
    stopping: Literal["fixed", "inner"] = "fixed"
    patience: int = Field(default=50, ge=1)  # inner: rounds without a better pAUC
    inner_folds: int = Field(default=5, ge=2, le=20)  # inner: one of so many parts decides
    average: Literal["probability", "rank"] = "probability"  # over the folds' boosters, for test
    leave_out: tuple[str, ...] = Field(default=(), strict=False)  # columns, or patterns with *
    # Codes (or patterns) that a copy of every training row does not know, so that boosters learn
    # what to say where a hospital is new: with features.families of provenance, "cat_hospital".
    blind: tuple[str, ...] = Field(default=(), strict=False)
    blocks: tuple[str, ...] = Field(default=(), strict=False)  # folders of further columns
    networks: bool = False  # the run's own networks as blocks, trained first if need be
    # Boosters of fold k learn from rows as networks see them that never saw fold k either: one more
    # network for each two folds, and scores out of fold that nothing flatters.
    nested: bool = False
    shap_rows: int = Field(default=2000, ge=0)  # held-out rows of a fold that are explained

    @model_serializer(mode="wrap")
    def _as_before(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without `blind` where no code is: so boosters of before it was there stay."""
        values: dict[str, Any] = dump(self)
        return values if self.blind else {k: v for k, v in values.items() if k != "blind"}


class AuditConfig(BaseModel):
    """How far the leak audit goes; it trains small stacks many times."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    rows: int = Field(default=20_000, ge=100)  # at most, whole patients
    rounds: int = Field(default=50, ge=1)  # of a booster, at most
    permutations: int = Field(default=5, ge=2, le=1000)
