"""The recipe's section `report`: what the pages may show of people, and how many."""

from pydantic import BaseModel, ConfigDict, Field


class ReportConfig(BaseModel):
    """Read when a page is drawn; no result of a run depends on it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    # Pictures, ids and single patients on pages; None: of synthetic data yes, of others no.
    pictures: bool | None = None
    cases: int = Field(default=6, ge=1, le=50)  # of each kind: missed positives, false alarms

    def may_show(self, *, synthetic: bool) -> bool:
        """Whether single lesions may be seen; `synthetic` is what the samples' manifest says."""
        return synthetic if self.pictures is None else self.pictures
