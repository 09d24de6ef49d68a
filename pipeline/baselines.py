"""What makes naive baselines: size and colours of a picture, and three models over them.

Reads pictures and folds; fits on the training side alone, and writes what each model says of the
validation and the test rows, as a network's training does.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from folds.findings import Findings
from folds.schema import ID, IMAGE
from models.cascade.source_only import described
from models.distill.config import Baseline
from models.distill.simple import NAMES, simple_row
from models.networks.config import NetworkConfig
from models.networks.network import network_of
from pipeline.distill import COLUMNS, DISTILL
from pipeline.networks import SCORES
from pipeline.picture_rows import PictureFiles, open_picture_rows
from pipeline.sided import TEST_SCORES
from stacking.boosters.booster import BoosterConfig
from workspace.arrays import Floats, Floats32, Ints
from workspace.lazy import LazyModule
from workspace.machine import lent_cores
from workspace.units import Draft, open_unit

linear_model = LazyModule("sklearn.linear_model")
ensemble = LazyModule("sklearn.ensemble")
sk_pipeline = LazyModule("sklearn.pipeline")
preprocessing = LazyModule("sklearn.preprocessing")
special = LazyModule("scipy.special")

TREES, LEAF = 300, 5


def describe_pictures(draft: Draft, *, files: PictureFiles) -> None:
    """One row a picture, by id."""
    rows = open_picture_rows(files)
    with draft.progress("Looking at sizes and colours") as show:
        values = described(
            files.reader(), rows.table[IMAGE].to_list(), simple_row, show, lent_cores()
        )
    columns = {name: values[:, at] for at, name in enumerate(NAMES)}
    draft.parquet(COLUMNS, pl.DataFrame({ID: rows.table[ID], **columns}))


@dataclass(frozen=True)
class Model:
    """One of the baselines; boosting is that of the recipe's stack."""

    which: Baseline
    seed: int
    boosting: BoosterConfig

    def probability(self, values: Floats, codes: Ints, training: Ints) -> Floats:
        """(rows,) of every row, those that were learnt too."""
        if self.which == "gradient_boosting":
            return self._boosted(values.astype(np.float32), codes, training)
        if self.which == "random_forest":
            learner = ensemble.RandomForestClassifier(
                TREES, min_samples_leaf=LEAF, random_state=self.seed
            )
        else:
            learner = sk_pipeline.make_pipeline(
                preprocessing.StandardScaler(), linear_model.LogisticRegression(max_iter=10_000)
            )
        learner.fit(values[training], codes[training])
        said: Floats = learner.predict_proba(values)[:, 1]
        return said

    def _boosted(self, values: Floats32, codes: Ints, training: Ints) -> Floats:
        config, target = self.boosting, codes[training].astype(np.float64)
        rows = config.bin_rows([values[training]], target, NAMES, 1)
        model = rows.grow(np.arange(len(training)), self.seed, config.rounds)
        said: Floats = special.expit(model.log_odds(values, 1))
        return said


def fit_baseline(
    draft: Draft, *, files: PictureFiles, columns: Path,
    model: tuple[Baseline, int, BoosterConfig], network: tuple[str, NetworkConfig],
) -> None:  # fmt: skip
    """Fit on the training rows whose label is known; score the other two sides."""
    rows = open_picture_rows(files)
    codes = network_of(*network, rows.table, Findings()).codes
    table = open_unit(columns, DISTILL).parquet(COLUMNS, [ID, *NAMES])
    values = rows.table.select(ID).join(table, on=ID, how="left", maintain_order="left")
    learnt, test = rows.by_side
    assert learnt.validation is not None, "a split has validation rows"
    training = learnt.training[codes[learnt.training] >= 0]
    said = Model(*model).probability(values.select(NAMES).to_numpy(), codes, training)
    for file, some in ((SCORES, learnt.validation), (TEST_SCORES, test)):
        draft.parquet(file, pl.DataFrame({ID: rows.table[ID].gather(some), "oof": said[some]}))
