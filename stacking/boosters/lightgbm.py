"""LightGBM: bins once, trees by index, models as checked text. The one place where it is called.

Its trees are the same for any number of threads. The text of a model states a number all the same;
what is written there follows from the size of the data alone.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from metrics.pauc import pauc_above_tpr
from stacking.boosters.booster import BoosterConfig, Range, mean_sizes, number_of
from stacking.boosters.rows import check_columns
from workspace.arrays import Floats, Floats32, Ints
from workspace.machine import lent_cores
from workspace.units import Unit

# Scikit-learn comes with it, which takes seconds, and every stage reads the settings below: so it
# is imported where it is used.
if TYPE_CHECKING:
    import lightgbm as lgb

PREDICT_AT_ONCE = 2**15  # rows
SMALL = 4_000_000  # cells
ALL = 0  # threads, in LightGBM's own words: what the text of a model states
_THREADS = re.compile(r"^\[num_threads: \d+\]$", re.MULTILINE)


class LightGBMConfig(BaseModel):
    """LightGBM's own parameters; the defaults are those of a public ISIC 2024 solution."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    file: ClassVar[str] = "seed_{}.txt"
    ranges: ClassVar[Mapping[str, Range]] = {
        "rounds": Range(50, 600, log=True),
        "learning_rate": Range(0.01, 0.2, log=True),
        "max_depth": Range(2, 8),
        "num_leaves": Range(4, 256, log=True),
        "min_data_in_leaf": Range(5, 200, log=True),
        "bagging_fraction": Range(0.4, 1.0),
        "feature_fraction": Range(0.1, 1.0),
        "feature_fraction_bynode": Range(0.1, 1.0),
        "lambda_l1": Range(1e-4, 10.0, log=True),
        "lambda_l2": Range(1e-4, 10.0, log=True),
    }

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

    def bin_rows(
        self,
        blocks: Sequence[Floats32],
        target: Floats,
        columns: Sequence[str],
        threads: int | None = None,
    ) -> "LightGBMRows":
        """Bin the rows of these blocks, of which no copy is made."""
        import lightgbm as lgb  # noqa: PLC0415

        data = lgb.Dataset(
            [np.ascontiguousarray(block) for block in blocks],
            label=target,
            feature_name=list(columns),
            params={**self.binning(), "num_threads": number_of(threads)},
            free_raw_data=True,
        )
        return LightGBMRows(data.construct(), self, threads)

    @classmethod
    def load(cls, unit: Unit, name: str, columns: Sequence[str]) -> "LightGBMBooster":
        """A model of a unit: its hash is checked before LightGBM sees a byte, then its columns.

        A damaged model ends the process where LightGBM reads it; nothing could catch that.
        """
        import lightgbm as lgb  # noqa: PLC0415

        model = lgb.Booster(model_str=unit.text(name))
        check_columns(unit, name, model.feature_name(), columns)
        return LightGBMBooster(model)


@dataclass(frozen=True, eq=False)
class LightGBMRows:
    """The training rows of a fold as LightGBM's Dataset."""

    data: "lgb.Dataset"
    config: LightGBMConfig
    allowed: int | None = None  # threads

    @property
    def small(self) -> bool:
        """Better on one thread: others would only wait for each other, on a busy machine for ten
        times as long."""
        return bool(self.data.num_data() * self.data.num_feature() < SMALL)

    @property
    def side_by_side(self) -> int:
        return (self.allowed or lent_cores()) if self.small else 1

    @property
    def threads(self) -> int | None:
        return 1 if self.small else self.allowed

    def grow(self, indices: Ints, seed: int, rounds: int) -> "LightGBMBooster":
        import lightgbm as lgb  # noqa: PLC0415

        model = lgb.train(self._parameters(seed), self.data.subset(indices.tolist()), rounds)
        return LightGBMBooster(model, written_threads=1 if self.small else ALL)

    def best_rounds(
        self, indices: Ints, held_out: tuple[Floats32, Floats], seed: int, patience: int
    ) -> int:
        import lightgbm as lgb  # noqa: PLC0415

        values, target = held_out

        def pauc(scores: Floats, _: "lgb.Dataset") -> tuple[str, float, bool]:
            return "pauc", pauc_above_tpr(target, scores), True

        model = lgb.train(
            self._parameters(seed),
            self.data.subset(indices.tolist()),
            self.config.rounds,
            valid_sets=[lgb.Dataset(values, label=target, reference=self.data)],
            feval=pauc,
            callbacks=[lgb.early_stopping(patience, verbose=False)],
        )
        return model.best_iteration or self.config.rounds

    def with_config(self, config: BoosterConfig) -> "LightGBMRows":
        assert isinstance(config, LightGBMConfig)
        assert config.binning() == self.config.binning(), "these settings need other bins"
        return replace(self, config=config)

    def _parameters(self, seed: int) -> dict[str, Any]:
        return {**self.config.training(seed), "num_threads": number_of(self.threads)}


@dataclass(frozen=True, eq=False)
class LightGBMBooster:
    """A model; `written_threads` is what its text states, None: what it states already."""

    model: "lgb.Booster"
    written_threads: int | None = None

    def log_odds(self, values: Floats32, threads: int | None = None) -> Floats:
        parts = [
            np.asarray(
                self.model.predict(
                    values[start : start + PREDICT_AT_ONCE],
                    raw_score=True,
                    num_threads=number_of(threads),
                )
            )
            for start in range(0, len(values), PREDICT_AT_ONCE)
        ]
        return np.concatenate(parts) if parts else np.zeros(0)

    def contributions(self, values: Floats32, threads: int | None = None) -> Floats:
        return mean_sizes(self.explained(values, threads))

    def explained(self, values: Floats32, threads: int | None = None) -> Floats:
        return np.asarray(
            self.model.predict(values, pred_contrib=True, num_threads=number_of(threads)),
            np.float64,
        )

    def gain(self) -> Floats:
        gains = self.model.feature_importance("gain").astype(np.float64)
        return gains / (gains.sum() or 1.0)

    def save(self) -> str:
        text = str(self.model.model_to_string())
        if self.written_threads is None:
            return text
        return _THREADS.sub(f"[num_threads: {self.written_threads}]", text)
