"""The recipe's `[cascade]` section: which two networks make it."""

from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator

from models.networks.config import NetworkConfig


class CascadeConfig(BaseModel):
    """The first says whether a picture goes on, the second what those are that do."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    first: str
    second: str

    @model_validator(mode="after")
    def _two(self) -> Self:
        if self.first == self.second:
            raise ValueError("first and second are the same network")
        return self

    def check(self, networks: dict[str, NetworkConfig]) -> None:
        """A ValueError where the networks are not there or not what a cascade needs."""
        for which in (self.first, self.second):
            if which not in networks:
                raise ValueError(
                    f"cascade names {which}, which is no network; there are {', '.join(networks)}"
                )
        first, second = networks[self.first].task, networks[self.second].task
        if not (first.of_target and first.by_threshold):
            raise ValueError(
                f"cascade.first is {self.first}, which calls nothing by the target; it needs "
                "task.kind='target' with a task.threshold"
            )
        if not second.of_positives:
            raise ValueError(
                f"cascade.second is {self.second}, which is not of the first one's positives; it "
                "needs task.kind='classes' with task.rows='positive'"
            )
