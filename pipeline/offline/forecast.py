"""What folds still cost, by what was measured so far, and which of them there is time for.

A fold costs the shards that its networks have to look at and one view of the boosters. Knows
nothing of rows: tasks by fold go in, folds and sentences come out.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.offline.clock import Clock, dropped, quickest_first, with_time
from pipeline.offline.desk import as_time
from pipeline.offline.pace import Rates, network_of
from workspace.tasks import Task

TABLES, PICTURES = "tables", "pictures"
LONGER = 2.0  # is a view with pictures than one by tables, until one is measured
Shards = Mapping[int, Sequence[Task]]  # by fold


@dataclass(frozen=True)
class Forecast:
    """Of one call: its clock, the rates of its networks, the seconds of its last views."""

    clock: Clock
    rates: Rates
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def view_s(self) -> float:
        """What the next view with pictures takes: as the last one, or some times one by tables."""
        return self.seconds.get(PICTURES, LONGER * self.seconds.get(TABLES, 0.0))

    def cost_of(self, shards: Shards) -> float:
        """Seconds for all these folds; what several have in common is looked at once."""
        every = {task.folder: task for tasks in shards.values() for task in tasks}
        return self.rates.cost_of(list(every.values())) + self.view_s * len(shards)

    def chosen(self, shards: Shards) -> tuple[int, ...]:
        """The folds that there is time for, quickest first."""
        own = {fold: self.cost_of({fold: tasks}) for fold, tasks in shards.items()}
        return with_time(
            quickest_first(own),
            lambda some: self.cost_of({fold: shards[fold] for fold in some}),
            self.clock,
        )

    def sentences(self, shards: Shards, chosen: Sequence[int]) -> Iterator[str]:
        """One sentence of the chosen, one of the others."""
        late = dropped(list(shards), chosen)
        if chosen:
            some = {fold: shards[fold] for fold in chosen}
            yield f"looking at pictures with {named(chosen)}{self._about(some)}."
        if late:
            yield f"no time {'is foreseen ' if chosen else ''}for {named(late)}" + (
                "." if chosen else ": dropped."
            )

    def _about(self, shards: Shards) -> str:
        """How long it takes; of few pictures no network was timed."""
        every = [network_of(task) for tasks in shards.values() for task in tasks]
        if not all(map(self.rates.knows, every)):
            return ""
        limit = self.clock.limit_s
        given = "" if limit is None else f" of {as_time(limit)}"
        return f": about {as_time(self.cost_of(shards))}{given}"


def named(folds: Sequence[int]) -> str:
    """Folds as a sentence has them."""
    return f"fold{'' if len(folds) == 1 else 's'} {', '.join(map(str, folds)) or 'none'}"
