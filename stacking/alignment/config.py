"""The recipe's `[align]` section: how the networks' embeddings and scores enter the stack."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Method = Literal["scalars", "raw", "ridge", "procrustes", "relative"]


class AlignConfig(BaseModel):
    """Fitted on anchors: pictures that no fold's network learns from and no score counts."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    method: Method = "ridge"  # scalars: no column of the embedding, so no distances in it either
    scalars: bool = True  # the network's probability and what is made of it
    context: bool = True  # distances to the patient's other lesions in the mapped embedding
    # Whose rows serve, of the folds' splits; or pictures of one's own, which are no rows here.
    anchors: Literal["test", "anchor", "pictures"] = "test"
    pictures: Path | None = Field(default=None, strict=False)  # their folder, ZIP or HDF5 file
    most_anchors: int = Field(default=2000, ge=10)  # more are thinned out
    least_anchors: int = Field(default=50, ge=10)  # fewer are refused
    # In units of the embedding's mean eigenvalue; gcv: by generalised cross-validation, a fold each
    ridge: Annotated[float, Field(gt=0)] | Literal["gcv"] = "gcv"
    landmarks: int = Field(default=64, ge=1)  # relative: anchors that rows are compared with
    pca: int | None = Field(default=None, ge=1)  # components kept of the mapped embedding

    @property
    def embeds(self) -> bool:
        """Whether there are columns of the embedding."""
        return self.method != "scalars"

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if (self.anchors == "pictures") != (self.pictures is not None):
            raise ValueError("anchors='pictures' and pictures=<folder> go together; state both")
        if not (self.embeds or self.scalars):
            raise ValueError("method='scalars' with scalars=false leaves no column; change either")
        if self.least_anchors > self.most_anchors:
            raise ValueError(
                f"least_anchors={self.least_anchors} is more than "
                f"most_anchors={self.most_anchors}; lower it"
            )
        return self
