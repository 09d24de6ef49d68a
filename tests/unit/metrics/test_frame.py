"""A score with its interval from a notebook's table."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from metrics.bootstrap import interval_of
from metrics.cohort import cohort
from metrics.frame import score_with_interval
from metrics.ranking import ranking_tally
from metrics.score_sheet import ScoreConfig
from workspace.errors import DermstackError
from workspace.frames import like

QUICK = ScoreConfig(replicates=100, seeds=(0,))


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    target = (rng.random(300) < 0.3).astype(int)
    return pl.DataFrame(
        {
            "target": target,
            "score": rng.normal(size=300) + target,
            "patient_id": [f"IP_{n // 2:07d}" for n in range(300)],
        }
    )


def test_it_is_the_interval_of_the_tally(rows):
    whose = cohort(rows["patient_id"], rows["target"].to_numpy())
    tally = ranking_tally(rows["target"].to_numpy(), rows["score"].to_numpy(), whose)
    for metric, expected in interval_of(tally, whose, QUICK.bootstrap()).items():
        assert score_with_interval(rows, metric=metric, config=QUICK) == expected


def test_pandas_in_any_order_is_the_same(rows):
    expected = score_with_interval(rows, config=QUICK)
    frame = like(pd.DataFrame(), rows).sample(frac=1, random_state=1)
    assert score_with_interval(frame, config=QUICK) == expected
    frame["target"] = frame["target"].astype(bool)
    assert score_with_interval(frame, config=QUICK) == expected
    assert str(expected) == f"{expected.value:.4f} [{expected.low:.4f}, {expected.high:.4f}]"


def test_other_names_another_level_and_no_patients(rows):
    renamed = rows.rename({"score": "mine", "target": "mel"}).drop("patient_id")
    alone = score_with_interval(
        renamed, metric="auc", score="mine", target="mel", patient=None, config=QUICK
    )
    assert alone.unit == "row"
    assert alone.value == score_with_interval(rows, metric="auc", config=QUICK).value
    whole = score_with_interval(rows, config=QUICK.model_copy(update={"min_tpr": 0.0}))
    assert whole.value == pytest.approx(alone.value)


@pytest.mark.parametrize(
    ("change", "named", "message"),
    [
        ({}, {"score": "stack"}, "Missing columns in the table: [stack]."),
        (
            {},
            {"metric": "accuracy"},
            "There is no metric 'accuracy'; there are [pauc, standardised_pauc, auc, "
            "average_precision].",
        ),
        (
            {"score": pl.when(pl.int_range(pl.len()) > 0).then("score")},
            {},
            "1 of 300 scores are NaN or infinite, at rows [0].",
        ),
        ({"target": pl.lit("mel")}, {}, "The target column holds something that is not a number."),
        ({"target": pl.lit(2)}, {}, "Target must be 0 or 1; found [2.0]."),
        (
            {"patient_id": pl.int_range(pl.len())},
            {},
            "Columns of ids in the table that are no text: [patient_id]; read them as text "
            "(dtype=str), so that leading zeros stay.",
        ),
    ],
)
def test_a_wrong_table_is_one_sentence(rows, change, named, message):
    with pytest.raises(DermstackError) as caught:
        score_with_interval(rows.with_columns(**change), config=QUICK, **named)
    assert str(caught.value) == message
