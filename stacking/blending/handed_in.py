"""What a stack hands in, itself or a blend of its members: scores out of fold, a rule for others.

Whose scores a threshold is held against is said here too: those that are handed in, or, where
one member flags, its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from folds.schema import ID
from stacking.blending.config import BlendConfig
from stacking.blending.members import Members, blended_members
from stacking.blending.policies import Blended, Rule, with_a_say
from stacking.use import SCORE, SPREAD


@dataclass(frozen=True)
class HandedIn:
    """Scores out of fold, and of a blend the members and the rule for rows outside the folds."""

    scores: pl.DataFrame  # the stack's rows
    blend: tuple[Members, Rule] | None = None  # None: it is the stack itself

    @classmethod
    def of(
        cls, stack: pl.DataFrame, members: Members, config: BlendConfig,
        blends: Mapping[str, Blended],
    ) -> "HandedIn":  # fmt: skip
        """What the recipe's policy makes of the stack and its members; joined by id."""
        chosen = blends.get(config.policy)
        if chosen is None:
            return cls(stack)
        score = members.rows.select(ID).with_columns(pl.Series(SCORE, chosen.score))
        scores = stack.drop(SCORE, SPREAD).join(
            score, on=ID, how="left", validate="1:1", maintain_order="left"
        )
        return cls(scores, with_a_say(blended_members(members, config), chosen.last))

    @property
    def flagged_by(self) -> str | None:
        """The member by whose own scores is flagged; None: by those that are handed in."""
        roles = self.blend and self.blend[1].roles
        return roles[1] if roles else None

    @property
    def flagging(self) -> pl.DataFrame:
        """Target and score out of fold of whoever flags: what a threshold is set on."""
        if self.blend is None or self.flagged_by is None:
            return self.scores
        members, rule = self.blend
        return members.rows.with_columns(pl.Series(SCORE, rule.flagging.of(members)))
