"""The recipe's `[blend]` section: whose scores are blended, and what is handed in."""

from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

Blend = Literal["mean", "rank_average", "weighted", "greedy", "or_rule", "rank_and_flag"]
Policy = Literal["stack", "mean", "rank_average", "weighted", "greedy", "or_rule", "rank_and_flag"]
BLENDS: tuple[Blend, ...] = get_args(Blend)
SEVERAL: Policy = "rank_average"  # where `stack.boosters` lists several and nothing is said
SENSITIVITY = 0.9


class BlendConfig(BaseModel):
    """Every blend is measured whatever the policy; the policy is what is handed in."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    members: tuple[str, ...] = Field(default=(), strict=False)  # none named: all there are
    policy: Policy = "stack"  # of one booster: see SEVERAL
    sensitivity: float = Field(default=SENSITIVITY, gt=0, le=1)  # wanted of whatever flags
