"""CatBoost: borders once, trees by index, models as JSON. The one place where it is called."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from metrics.pauc import pauc_above_tpr
from stacking.boosters.booster import BoosterConfig, Range, mean_sizes, number_of
from stacking.boosters.rows import check_columns
from workspace.arrays import Floats, Floats32, Ints
from workspace.machine import lent_cores
from workspace.units import Unit

if TYPE_CHECKING:  # an extra, and dear to import
    import catboost

SMALL = 4_000_000  # cells


class CatBoostConfig(BaseModel):
    """CatBoost's own parameters; the defaults are those of a public ISIC 2024 solution, rounded."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    file: ClassVar[str] = "catboost_{}.json"
    ranges: ClassVar[Mapping[str, Range]] = {
        "rounds": Range(50, 600, log=True),
        "learning_rate": Range(0.01, 0.3, log=True),
        "depth": Range(2, 8),
        "l2_leaf_reg": Range(0.5, 30.0, log=True),
        "random_strength": Range(0.1, 10.0, log=True),
        "subsample": Range(0.4, 1.0),
        "rsm": Range(0.1, 1.0),
    }

    rounds: int = Field(default=200, ge=1, le=100_000)
    learning_rate: float = Field(default=0.07, gt=0, le=1)
    depth: int = Field(default=6, ge=1, le=16)
    l2_leaf_reg: float = Field(default=6.2, ge=0)
    random_strength: float = Field(default=1.0, ge=0)
    subsample: float = Field(default=0.62, gt=0, le=1)
    rsm: float = Field(default=1.0, gt=0, le=1)  # share of columns at each split
    border_count: int = Field(default=254, ge=1, le=65_535)

    def training(self, seed: int, rounds: int) -> dict[str, Any]:
        """What decides the trees; the same for any number of threads."""
        own = self.model_dump(exclude={"rounds", "border_count"})
        return {
            **own,
            "iterations": rounds,
            "loss_function": "Logloss",
            "boosting_type": "Plain",
            "bootstrap_type": "Bernoulli",
            "random_seed": seed % 2**31,
            "allow_writing_files": False,
            "logging_level": "Silent",
        }

    def bin_rows(
        self,
        blocks: Sequence[Floats32],
        target: Floats,
        columns: Sequence[str],
        threads: int | None = None,
    ) -> "CatBoostRows":
        """Find the borders of these rows; a copy is made of them, and then dropped."""
        import catboost  # noqa: PLC0415

        pool = catboost.Pool(
            np.concatenate(blocks), target, feature_names=list(columns),
            thread_count=number_of(threads),
        )  # fmt: skip
        pool.quantize(border_count=self.border_count, task_type="CPU")
        return CatBoostRows(pool, target, self, threads)

    @classmethod
    def load(cls, unit: Unit, name: str, columns: Sequence[str]) -> "CatBoostBooster":
        """A model of a unit: its hash is checked before CatBoost sees a byte, then its columns."""
        grown = CatBoostBooster.of_text(unit.text(name))
        check_columns(unit, name, grown.model.feature_names_, columns)
        return grown


@dataclass(frozen=True, eq=False)
class CatBoostRows:
    """The training rows of a fold as CatBoost's quantised Pool."""

    pool: "catboost.Pool"
    target: Floats
    config: CatBoostConfig
    allowed: int | None = None  # threads

    @property
    def small(self) -> bool:
        """Better on one thread: others would only wait for each other."""
        return bool(self.pool.num_row() * self.pool.num_col() < SMALL)

    @property
    def side_by_side(self) -> int:
        return (self.allowed or lent_cores()) if self.small else 1

    @property
    def threads(self) -> int | None:
        return 1 if self.small else self.allowed

    def grow(self, indices: Ints, seed: int, rounds: int) -> "CatBoostBooster":
        import catboost  # noqa: PLC0415

        model = catboost.CatBoost(
            {**self.config.training(seed, rounds), "thread_count": number_of(self.threads)}
        )
        rows, counts = np.unique(indices, return_counts=True)
        some = self.pool.slice(rows)  # which takes a row once
        some.set_weight(counts)
        model.fit(some)
        return CatBoostBooster.of_text(_text(model))  # whose digits are fewer than the model's

    def best_rounds(
        self, indices: Ints, held_out: tuple[Floats32, Floats], seed: int, patience: int
    ) -> int:
        """By pAUC, which is none of CatBoost's own measures: all rounds are grown, then asked."""
        values, target = held_out
        model = self.grow(indices, seed, self.config.rounds).model
        best, best_at = -1.0, 0
        stages = model.staged_predict(
            values, prediction_type="RawFormulaVal", thread_count=number_of(self.threads)
        )
        for at, scores in enumerate(stages, 1):
            pauc = pauc_above_tpr(target, scores)
            if pauc > best:
                best, best_at = pauc, at
            if at - best_at >= patience:
                break
        return best_at

    def with_config(self, config: BoosterConfig) -> "CatBoostRows":
        assert isinstance(config, CatBoostConfig)
        assert config.border_count == self.config.border_count, "these settings need other borders"
        return replace(self, config=config)


@dataclass(frozen=True, eq=False)
class CatBoostBooster:
    """A model of JSON text."""

    model: "catboost.CatBoost"
    text: str

    @classmethod
    def of_text(cls, text: str) -> "CatBoostBooster":
        """As it is after it was kept, also where it has just been grown."""
        return cls(_read(text), text)

    def log_odds(self, values: Floats32, threads: int | None = None) -> Floats:
        if len(values) == 0:  # CatBoost asks for a row
            return np.zeros(0)
        scores = self.model.predict(
            values, prediction_type="RawFormulaVal", thread_count=number_of(threads)
        )
        return np.asarray(scores, np.float64)

    def contributions(self, values: Floats32, threads: int | None = None) -> Floats:
        return mean_sizes(self.explained(values, threads))

    def explained(self, values: Floats32, threads: int | None = None) -> Floats:
        import catboost  # noqa: PLC0415

        count = number_of(threads)
        rows = catboost.Pool(values, feature_names=self.model.feature_names_, thread_count=count)
        each = self.model.get_feature_importance(rows, type="ShapValues", thread_count=count)
        return np.asarray(each, np.float64)

    def gain(self) -> Floats:
        gains = np.asarray(
            self.model.get_feature_importance(
                type="PredictionValuesChange", thread_count=number_of(None)
            )
        )
        return gains / (gains.sum() or 1.0)

    def save(self) -> str:
        return self.text


def _text(model: "catboost.CatBoost") -> str:
    """CatBoost writes JSON to a file alone; it also says when and by how many threads."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        model.save_model(str(path), format="json")
        described = json.loads(path.read_text())
    known = described["model_info"]
    described["model_info"] = {"catboost_version_info": known["catboost_version_info"]}
    return json.dumps(described, sort_keys=True)


def _read(text: str) -> "catboost.CatBoost":
    """CatBoost reads JSON from a file alone."""
    import catboost  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        path.write_text(text)
        return catboost.CatBoost().load_model(str(path), format="json")
