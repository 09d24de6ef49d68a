"""The scores of new rows as the CSV that is handed in: whole and checked, or not there at all.

Reads sample_submission.csv of the input, where there is one, for the order; writes the one file
that was asked for, again and again as more is known.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from folds.findings import Findings
from folds.schema import ID, identifier
from folds.tables import is_there, read_table
from stacking.calibration.kept import PROBABILITY
from stacking.use import SCORE
from submissions.submission import read_submission
from submissions.writer import submission_table
from workspace.arrays import Bools, Floats
from workspace.atomic import replacing_file
from workspace.files import write_csv

SAMPLE = "sample_submission.csv"


def order_of(folder: Path, ids: pl.Series) -> pl.Series:
    """As the competition's sample has the ids; by id where there is none."""
    sample = folder / SAMPLE
    if not is_there(sample):
        return ids.sort()
    return read_table(sample, (identifier(ID),), Findings())[ID]


def handed_out(scores: pl.DataFrame) -> pl.DataFrame:
    """(ID, score): the probability, where the run was asked for one."""
    name = PROBABILITY if PROBABILITY in scores.columns else SCORE
    return scores.select(ID, pl.col(name).alias(SCORE))


def filled_in(seen: pl.DataFrame, ids: pl.Series, tables: pl.DataFrame | None) -> pl.DataFrame:
    """Scores of all `ids`: of rows that were `seen` their own, of others where tables put them.

    Scores of two parts of a stack have two scales, so it is the place among the rows with a picture
    that goes over: what is the tenth of a hundred by tables gets the tenth score. Without tables
    nothing is known of the others: the middle score.
    """
    every = pl.DataFrame({ID: ids})
    values = every.join(seen, on=ID, how="left", maintain_order="left")[SCORE]
    known = values.is_not_null().to_numpy()
    if tables is None:
        return every.with_columns(values.fill_null(values.median()))
    by_tables = every.join(tables, on=ID, how="left", maintain_order="left")[SCORE]
    assert not by_tables.null_count()
    return every.with_columns(
        pl.Series(SCORE, _by_rank(values.to_numpy(), by_tables.to_numpy(), known))
    )


def _by_rank(scores: Floats, tables: Floats, known: Bools) -> Floats:
    result = scores.copy()
    ruler, values = np.sort(tables[known]), np.sort(scores[known])
    result[~known] = np.interp(tables[~known], ruler, values)
    return result


@dataclass
class AnswerFile:
    """The one file that was asked for."""

    path: Path
    is_there: bool = False  # written by this call: what lay there before is no answer

    def write(self, scores: pl.DataFrame, order: pl.Series) -> None:
        """Beside it first, read back as a scorer would, then in one rename."""
        table = submission_table(scores, order)
        with replacing_file(self.path) as aside:
            write_csv(aside, table)
            findings = Findings()
            written = read_submission(aside, order, findings)
            findings.raise_errors()
            assert written.equals(table)
        self.is_there = True
