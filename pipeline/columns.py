"""What a network says of rows, as the columns that the stack learnt from: new rows too go this way.

Takes what the network said of pictures (`embeddings`) and the block's maps and scales.
"""

import numpy as np
import polars as pl

from folds.schema import ID, PATIENT
from pipeline.embeddings import Embedded
from stacking.alignment.columns import Aligned, NetworkOutput
from stacking.alignment.patients import Patients
from workspace.arrays import Ints

SIZE = "clin_size_long_diam_mm"  # by which the patient's largest lesion is found, if it is there


def prefix_of(fold: int) -> str:
    """Before the names of the files that hold the maps of one fold's boosters."""
    return f"fold_{fold}_"


def output_of(embedded: Embedded, indices: Ints | None = None) -> NetworkOutput:
    """What a network says of these pictures, or of those at some indices."""
    shares = embedded.rows().drop(ID)
    embedding = embedded.embedding()
    probability = shares.to_numpy() if shares.columns else np.zeros((len(embedding), 0))
    return NetworkOutput(*(x if indices is None else x[indices] for x in (embedding, probability)))


def columns_of(
    aligned: Aligned, fold: int, output: NetworkOutput, rows: pl.DataFrame
) -> pl.DataFrame:
    """What a network says of rows as the stack has it, by id; new data too go through here."""
    size = rows[SIZE].cast(pl.Float64).to_numpy() if SIZE in rows.columns else None
    columns = aligned.columns(fold, output, Patients.of(rows[PATIENT]), size)
    return rows.select(ID).hstack(pl.DataFrame(columns).fill_nan(None))
