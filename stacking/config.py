"""The recipe's `[stack]`, `[lightgbm]` and `[audit]` sections."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Sampling = Literal["ratios", "shards", "all"]


class StackConfig(BaseModel):
    """How the boosters of a fold are drawn, stopped, bagged and averaged."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    seeds: int = Field(default=5, ge=1, le=100)  # boosters a fold, each with its own sample
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
    blocks: tuple[str, ...] = Field(default=(), strict=False)  # folders of further columns
    networks: bool = False  # the run's own networks as blocks, trained first if need be
    # Boosters of fold k learn from rows as networks see them that never saw fold k either: one more
    # network for each two folds, and scores out of fold that nothing flatters.
    nested: bool = False
    shap_rows: int = Field(default=2000, ge=0)  # held-out rows of a fold that are explained


class BoosterConfig(BaseModel):
    """LightGBM's own parameters; the defaults are those of a public ISIC 2024 solution."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    rounds: int = Field(default=200, ge=1, le=100_000)
    learning_rate: float = Field(default=0.0323, gt=0, le=1)
    max_depth: int = Field(default=4, ge=-1)
    num_leaves: int = Field(default=103, ge=2, le=131_072)
    min_data_in_leaf: int = Field(default=85, ge=1)
    bagging_fraction: float = Field(default=0.774, gt=0, le=1)
    bagging_freq: int = Field(default=4, ge=0)
    feature_fraction: float = Field(default=0.833, gt=0, le=1)
    feature_fraction_bynode: float = Field(default=0.403, gt=0, le=1)
    lambda_l1: float = Field(default=0.0876, ge=0)
    lambda_l2: float = Field(default=0.00397, ge=0)
    max_bin: int = Field(default=255, ge=2, le=255)
    bin_sample: int = Field(default=20_000, ge=1000)  # rows looked at for bins; memory goes with it

    def binning(self) -> dict[str, Any]:
        """What decides the bins: boosters that differ in nothing of this share a Dataset."""
        return {
            "max_bin": self.max_bin,
            "bin_construct_sample_cnt": self.bin_sample,
            "feature_pre_filter": False,  # it would bind the Dataset to one min_data_in_leaf
            "data_random_seed": 0,
            "force_col_wise": True,
            "verbosity": -1,
        }

    def training(self, seed: int) -> dict[str, Any]:
        """What decides the trees; the same for any number of threads."""
        own = self.model_dump(exclude={"rounds", "max_bin", "bin_sample"})
        return {
            **self.binning(),
            **own,
            "objective": "binary",
            "metric": "None",  # or early stopping would also watch the log loss
            "deterministic": True,
            "seed": seed,
        }


class AuditConfig(BaseModel):
    """How far the leak audit goes; it trains small stacks many times."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    rows: int = Field(default=20_000, ge=100)  # at most, whole patients
    rounds: int = Field(default=50, ge=1)  # of a booster, at most
    permutations: int = Field(default=5, ge=2, le=1000)
