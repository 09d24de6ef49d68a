"""XGBoost: cuts once, trees by rows, models as JSON. The one place where it is called.

Its sums of gradients hang on how many threads add them up, so a model is grown by one; the models
of several seeds are grown side by side. What it says of a row is the same for any number.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from metrics.pauc import pauc_above_tpr
from stacking.boosters.booster import BoosterConfig, Range, mean_sizes, number_of
from stacking.boosters.rows import check_columns, gathered
from workspace.arrays import Floats, Floats32, Ints
from workspace.machine import lent_cores
from workspace.units import Unit

if TYPE_CHECKING:  # an extra, and dear to import
    import xgboost as xgb

PREDICT_AT_ONCE = 2**15  # rows


class XGBoostConfig(BaseModel):
    """XGBoost's own parameters; the defaults are those of a public ISIC 2024 solution, rounded."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    file: ClassVar[str] = "xgboost_{}.json"
    ranges: ClassVar[Mapping[str, Range]] = {
        "rounds": Range(50, 600, log=True),
        "learning_rate": Range(0.01, 0.3, log=True),
        "max_depth": Range(2, 9),
        "min_child_weight": Range(0.1, 30.0, log=True),
        "subsample": Range(0.4, 1.0),
        "colsample_bytree": Range(0.1, 1.0),
        "colsample_bylevel": Range(0.2, 1.0),
        "reg_alpha": Range(1e-3, 10.0, log=True),
        "reg_lambda": Range(1e-2, 30.0, log=True),
    }

    rounds: int = Field(default=200, ge=1, le=100_000)
    learning_rate: float = Field(default=0.085, gt=0, le=1)
    max_depth: int = Field(default=6, ge=1, le=30)
    min_child_weight: float = Field(default=1.0, ge=0)
    subsample: float = Field(default=0.6, gt=0, le=1)
    colsample_bytree: float = Field(default=0.84, gt=0, le=1)
    colsample_bylevel: float = Field(default=0.55, gt=0, le=1)
    colsample_bynode: float = Field(default=0.99, gt=0, le=1)
    reg_alpha: float = Field(default=0.68, ge=0)
    reg_lambda: float = Field(default=8.9, ge=0)
    max_bin: int = Field(default=255, ge=2, le=65_535)

    def training(self, seed: int) -> dict[str, Any]:
        """What decides the trees."""
        return {
            **self.model_dump(exclude={"rounds"}),
            "objective": "binary:logitraw",  # scores are log odds
            "tree_method": "hist",
            "disable_default_eval_metric": True,
            "nthread": 1,
            "seed": seed,
            "verbosity": 0,
        }

    def bin_rows(
        self,
        blocks: Sequence[Floats32],
        target: Floats,
        columns: Sequence[str],
        threads: int | None = None,
    ) -> "XGBoostRows":
        """Find the cuts of these rows, of which no copy is made."""
        import xgboost as xgb  # noqa: PLC0415

        class Blocks(xgb.DataIter):
            at = 0

            def next(self, input_data: Callable[..., Any]) -> bool:
                if self.at == len(blocks):
                    return False
                input_data(data=blocks[self.at], feature_names=list(columns))
                self.at += 1
                return True

            def reset(self) -> None:
                self.at = 0

        cuts = xgb.QuantileDMatrix(Blocks(), max_bin=self.max_bin, nthread=number_of(threads))
        return XGBoostRows(tuple(blocks), target, tuple(columns), cuts, self, threads)

    @classmethod
    def load(cls, unit: Unit, name: str, columns: Sequence[str]) -> "XGBoostBooster":
        """A model of a unit: its hash is checked before XGBoost sees a byte, then its columns."""
        import xgboost as xgb  # noqa: PLC0415

        model = xgb.Booster()
        model.load_model(bytearray(unit.text(name), "utf-8"))
        check_columns(unit, name, model.feature_names or (), columns)
        return XGBoostBooster(model)


@dataclass(frozen=True, eq=False)
class XGBoostRows:
    """The training rows of a fold, and the cuts between their values."""

    blocks: tuple[Floats32, ...]
    target: Floats
    columns: tuple[str, ...]
    cuts: "xgb.QuantileDMatrix"
    config: XGBoostConfig
    allowed: int | None = None  # threads

    @property
    def side_by_side(self) -> int:
        return self.allowed or lent_cores()

    @property
    def threads(self) -> int | None:
        return 1

    def grow(self, indices: Ints, seed: int, rounds: int) -> "XGBoostBooster":
        import xgboost as xgb  # noqa: PLC0415

        rows = self._some(gathered(self.blocks, indices), self.target[indices])
        return XGBoostBooster(xgb.train(self.config.training(seed), rows, rounds))

    def best_rounds(
        self, indices: Ints, held_out: tuple[Floats32, Floats], seed: int, patience: int
    ) -> int:
        import xgboost as xgb  # noqa: PLC0415

        values, target = held_out
        asked = xgb.DMatrix(values, target, feature_names=list(self.columns), nthread=1)

        def pauc(scores: Floats, _: xgb.DMatrix) -> tuple[str, float]:
            return "pauc", pauc_above_tpr(target, np.asarray(scores, np.float64))

        model = xgb.train(
            self.config.training(seed),
            self._some(gathered(self.blocks, indices), self.target[indices]),
            self.config.rounds,
            evals=[(asked, "inner")],
            custom_metric=pauc,
            callbacks=[xgb.callback.EarlyStopping(rounds=patience, maximize=True)],
            verbose_eval=False,
        )
        return int(model.best_iteration) + 1

    def with_config(self, config: BoosterConfig) -> "XGBoostRows":
        assert isinstance(config, XGBoostConfig)
        assert config.max_bin == self.config.max_bin, "these settings need other cuts"
        return replace(self, config=config)

    def _some(self, values: Floats32, target: Floats) -> "xgb.QuantileDMatrix":
        import xgboost as xgb  # noqa: PLC0415

        return xgb.QuantileDMatrix(
            values, target, feature_names=list(self.columns), ref=self.cuts, nthread=1,
            max_bin=self.config.max_bin,
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class XGBoostBooster:
    """A model of JSON text."""

    model: "xgb.Booster"

    def log_odds(self, values: Floats32, threads: int | None = None) -> Floats:
        self.model.set_param({"nthread": number_of(threads)})
        parts = [
            self.model.inplace_predict(
                values[start : start + PREDICT_AT_ONCE],
                predict_type="margin",
                validate_features=False,
            )
            for start in range(0, len(values), PREDICT_AT_ONCE)
        ]
        return np.concatenate([np.zeros(0), *parts])

    def contributions(self, values: Floats32, threads: int | None = None) -> Floats:
        return mean_sizes(self.explained(values, threads))

    def explained(self, values: Floats32, threads: int | None = None) -> Floats:
        import xgboost as xgb  # noqa: PLC0415

        self.model.set_param({"nthread": number_of(threads)})
        rows = xgb.DMatrix(
            values, feature_names=self.model.feature_names, nthread=number_of(threads)
        )
        return np.asarray(self.model.predict(rows, pred_contribs=True), np.float64)

    def gain(self) -> Floats:
        known = self.model.get_score(importance_type="total_gain")
        gains = np.array([known.get(name, 0.0) for name in self.model.feature_names or ()])
        return gains / (gains.sum() or 1.0)

    def save(self) -> str:
        return bytes(self.model.save_raw("json")).decode()
