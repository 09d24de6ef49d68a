"""The page of a prediction of tables with pictures: what the stack and every network say.

Reads <run>/stack/oof_stack.parquet, so that a score can be told in cases of rows held out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from folds.schema import ID, TARGET
from pipeline.distances import DISTANCE
from pipeline.embeddings import open_pictures
from pipeline.meaning import meaning, notes_of
from pipeline.new_columns import NewColumns
from pipeline.picture_page import is_drawn, with_small_pictures
from reports.predictions.page import Meaning, Pictured, Prediction, Said, Speaker, page
from workspace.progress import Show
from workspace.units import Unit

CLASSES = ("negative", "positive")
FLAGS = ("not flagged", "flagged")


@dataclass(frozen=True)
class Scored:
    """What was said of the rows, and by whom."""

    name: str  # who scores
    column: str  # that is handed out
    table: pl.DataFrame  # ids, scores and details
    networks: Mapping[str, NewColumns]
    samples: Path  # what it learnt from
    limit: float | None  # from where on the score flags
    flag: str | None  # the column that says whether a row is flagged
    measured_by: str | None  # whose embeddings distances are of
    not_counted: str | None = None  # why rows held out say nothing of such scores


def table_page(title: str, scored: Scored, oof: pl.DataFrame | None, show: Show) -> str:
    """All that is said of the rows; `oof` are those of the run by the same score."""
    meant: tuple[Meaning, ...] = () if oof is None else _meant(oof, scored.column)
    if scored.not_counted is not None:
        meant = (scored.not_counted,) * len(CLASSES)
    speakers = [Speaker(scored.name, CLASSES, scored.limit, meant)]
    looked = next(iter(scored.networks.values()))
    speaking = {name: one for name, one in scored.networks.items() if one.classes}  # no encoder
    speakers += [Speaker(name, one.classes, None) for name, one in speaking.items()]
    means = {name: _shares(one) for name, one in speaking.items()}
    every = [
        Pictured(
            row[ID], "" if scored.flag is None else FLAGS[bool(row[scored.flag])],
            [_two(row[scored.column]), *(shares.get(row[ID]) for shares in means.values())],
            row.get(DISTANCE),
        )
        for row in scored.table.iter_rows(named=True)
    ]  # fmt: skip
    notes = notes_of(speakers, scored.measured_by, drawn=is_drawn(scored.samples))
    prediction = Prediction(title, speakers, every, scored.measured_by, notes)
    return page(with_small_pictures(prediction, open_pictures(looked.pictures), show))


def oof_of(stack: Unit) -> pl.DataFrame:
    """The run's rows with what is handed in said of them by who never saw them."""
    return stack.parquet("oof_stack.parquet")


def why_not_counted(made: Mapping[str, Any]) -> str | None:
    """Why no row that the run held out has such a score as new rows get; `made` is its recipe."""
    if (method := made["calibration"]["method"]) != "none":
        shifted = made["calibration"].get("prevalence")
        where = "" if shifted is None else f", where {shifted:g} of all are positive"
        return f"A probability, by a map ({method}) fitted on rows held out{where}."
    if made["stack"]["average"] == "rank" and made["blend"]["policy"] in (None, "stack"):
        return "A place from 0 to 1 among the new rows (stack.average=rank), no probability."
    return None


def _meant(oof: pl.DataFrame, column: str) -> tuple[Meaning, ...]:
    if column not in oof.columns:
        return ()
    known = oof.filter(pl.col(TARGET).is_not_null())
    positive, said = (known[TARGET] == 1).to_numpy(), known[column].to_numpy()
    return meaning(~positive, 1 - said), meaning(positive, said)


def _shares(network: NewColumns) -> dict[str, Said]:
    """What a network's folds say in the mean, by id; rows without a picture have nothing."""
    table = network.means()
    said = {}
    for name, *shares in table.iter_rows():
        every = [1 - shares[0], shares[0]] if len(network.classes) == 2 else shares
        shown = 1 if len(every) == 2 else max(range(len(every)), key=every.__getitem__)
        said[name] = Said(every, shown, None)
    return said


def _two(score: float) -> Said:
    return Said([1 - score, score], 1, None)
