"""Features of a notebook's table: pandas in, pandas out, and the bits of polars."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from features.build import build, fit, make_features
from features.config import FeatureConfig
from tests.unit.features.conftest import draw, fingerprint
from workspace.errors import DataError
from workspace.frames import as_polars, like


def as_pandas(rows):
    frame = like(pd.DataFrame(), rows)
    frame["sex"] = frame["sex"].astype("category")
    frame.index = np.arange(len(frame))[::-1] + 3
    return frame


def same(frame, table):
    assert isinstance(frame, pd.DataFrame)
    back = as_polars(frame)
    assert fingerprint(back.cast(dict(table.schema))) == fingerprint(table)


def test_features_of_pandas_are_those_of_polars():
    rows = draw()
    table = make_features(rows)
    assert fingerprint(table) == fingerprint(build(rows, fit(rows, FeatureConfig())))
    frame = make_features(as_pandas(rows))
    same(frame, table)
    kinds = {str(kind) for kind in frame.dtypes.iloc[1:]}
    assert kinds == {"float32", "int16"}


def test_shuffled_rows_give_the_same_table_by_id():
    rows = draw()
    same(make_features(as_pandas(rows).sample(frac=1, random_state=2)), make_features(rows))


def test_a_fit_on_training_rows_builds_the_test_rows_of_either_kind():
    training, tests = draw(seed=0), draw(seed=1)
    state = fit(as_pandas(training), FeatureConfig(families=("raw", "categories")))
    assert state == fit(training, FeatureConfig(families=("raw", "categories")))
    same(build(as_pandas(tests), state), build(tests, state))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows.drop(columns="isic_id"), "Missing columns in the rows to fit on: "
         "[isic_id] (an index is not read: reset_index() makes it columns)."),
        (lambda rows: rows.assign(isic_id=range(len(rows))), "Columns of ids in the rows to fit on "
         "that are no text: [isic_id]; read them as text (dtype=str), so that leading zeros stay."),
        (lambda rows: pd.concat([rows, rows.head(1)]),
         "Rows of the table with the same isic_id: [{first}]; keep one of each."),
        (lambda rows: rows.assign(iddx_full="nevus", mel_thick_mm=1.0), "Columns of the rows to "
         "fit on that tell the label: [iddx_full, mel_thick_mm]; drop them, only training rows "
         "have them."),
    ],
)  # fmt: skip
def test_a_wrong_table_is_one_sentence(change, message):
    rows = draw()
    with pytest.raises(DataError) as caught:
        make_features(change(as_pandas(rows)))
    assert str(caught.value) == message.format(first=rows["isic_id"][0])


def test_polars_is_given_back_as_it_was():
    assert isinstance(make_features(draw()), pl.DataFrame)
