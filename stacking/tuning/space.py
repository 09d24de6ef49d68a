"""What trials may try: a booster's values, how rows are drawn, and families of columns.

A value is named as a recipe names it (`lightgbm.rounds`, `stack.negative_ratio`), a family of
columns by its prefix (`use.pz`). The recipe's own values are always within reach.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from stacking.boosters.booster import BoosterConfig, Range
from stacking.category_codes import blind_columns
from stacking.config import StackConfig
from stacking.matrix import used_columns
from stacking.tuning.config import TuneConfig
from workspace.lazy import LazyModule

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

optuna_distributions = LazyModule("optuna.distributions")

STACK, USE = "stack", "use"
RATIOS = {
    "positive_ratio": Range(0.001, 0.1, log=True),
    "negative_ratio": Range(0.002, 0.5, log=True),
}
Values = Mapping[str, float | bool | str]  # of a trial, by name


@dataclass(frozen=True)
class Setting:
    """What a trial tries."""

    stack: StackConfig
    booster: BoosterConfig
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Space:
    """Where values are looked for, and the recipe's own."""

    worth: ClassVar[str] = "pauc"
    grid: ClassVar[Sequence[Values]] = ()

    name: str  # of the booster
    stack: StackConfig
    booster: BoosterConfig
    columns: tuple[str, ...]
    ranges: Mapping[str, Range]
    families: tuple[str, ...]  # prefixes of columns that may be left out

    @classmethod
    def of(
        cls, name: str, stack: StackConfig, booster: BoosterConfig, columns: Sequence[str],
        config: TuneConfig,
    ) -> "Space":  # fmt: skip
        """Of a recipe's booster, called `name`, on these columns."""
        ranges = {f"{name}.{key}": one for key, one in booster.ranges.items()}
        if config.sampling and stack.sampling == "ratios":
            ranges |= {f"{STACK}.{key}": one for key, one in RATIOS.items()}
        families = tuple(sorted(set(map(family_of, columns)))) if config.families else ()
        space = cls(name, stack, booster, tuple(columns), ranges, families)
        wide = {key: _reaching(one, space.own[key]) for key, one in ranges.items()}
        return replace(space, ranges=wide, families=families if len(families) > 1 else ())

    @property
    def own(self) -> dict[str, float | bool]:
        """The recipe's own values."""
        values = {f"{self.name}.{k}": v for k, v in self.booster.model_dump(mode="json").items()}
        values |= {f"{STACK}.{k}": v for k, v in self.stack.model_dump(mode="json").items()}
        return {key: values[key] for key in self.ranges} | {
            f"{USE}.{family}": True for family in self.families
        }

    def distributions(self) -> "dict[str, BaseDistribution]":
        """In Optuna's words."""
        numbers = {key: _distribution(one) for key, one in self.ranges.items()}
        switches = {
            f"{USE}.{family}": optuna_distributions.CategoricalDistribution((True, False))
            for family in self.families
        }
        return {**numbers, **switches}

    def words(self) -> list[str]:
        """Each value with where it is looked for: what two studies must have in common."""
        numbers = [
            f"{key} {one.low!r}..{one.high!r}{' by factors' if one.log else ''}"
            for key, one in self.ranges.items()
        ]
        return sorted([*numbers, *(f"{USE}.{family}" for family in self.families)])

    def setting(self, values: Values, seeds: int) -> Setting:
        """What these values mean; of so many models a fold."""
        stack, booster = (_of(values, section) for section in (STACK, self.name))
        return Setting(
            self.stack.model_copy(update={**stack, "seeds": seeds, "shap_rows": 0}),
            self.booster.model_copy(update=booster),
            tuple(used_columns(self.columns, self.left_out(values))),
        )

    def left_out(self, values: Values) -> list[str]:
        """Patterns of the columns that these values leave out; where all would be, none is."""
        out = [family for family in self.families if not values[f"{USE}.{family}"]]
        return [] if len(out) == len(self.families) else [f"{family}_*" for family in out]

    def overlay(self, values: Values) -> dict[str, dict[str, Any]]:
        """The same as sections of a recipe, whole: what SET= said of them is in them too."""
        stack = self.stack.model_dump(mode="json") | _of(values, STACK)
        out = self.left_out(values)
        stack["leave_out"] = [*self.stack.leave_out, *out]
        used = used_columns(self.columns, out)
        stack["blind"] = [one for one in self.stack.blind if blind_columns(used, [one])]
        booster = self.booster.model_dump(mode="json") | _of(values, self.name)
        return {STACK: stack, self.name: booster}


def family_of(column: str) -> str:
    """The prefix that tells a column's origin."""
    return column.partition("_")[0]


def _of(values: Values, section: str) -> dict[str, Any]:
    return {
        key.partition(".")[2]: value
        for key, value in values.items()
        if key.partition(".")[0] == section
    }


def _reaching(one: Range, own: float) -> Range:
    """The range, made as wide as the recipe's own value asks for."""
    if one.log and own <= 0:
        one = Range(own, one.high)
    return replace(one, low=min(one.low, own), high=max(one.high, own))


def _distribution(one: Range) -> "BaseDistribution":
    whole = isinstance(one.low, int)
    kind = "IntDistribution" if whole else "FloatDistribution"
    made: BaseDistribution = getattr(optuna_distributions, kind)(one.low, one.high, log=one.log)
    return made
