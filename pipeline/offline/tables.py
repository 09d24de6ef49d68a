"""What is known of the new rows before a network looks: rows, features, damaged pictures, as tasks.

Reads the input folder; writes units into the work folder, so that a call that was killed goes on.
"""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from features.build import build
from folds.findings import Findings, plural
from folds.images import ImageReader
from folds.schema import ID, IMAGE, PATIENT
from pipeline.new_data import ROWS, NewData, damaged_pictures, rows_in
from pipeline.new_scores import Stacked
from pipeline.notices import show_finding, show_notices
from pipeline.unit_files import STATE
from workspace.manifest import load_manifest
from workspace.orders import Needs
from workspace.tasks import Output, Task
from workspace.units import Draft, Unit, open_unit

SUBMIT = "submit"  # the stage of everything in a work folder
FEATURES, DAMAGED = "features.parquet", "damaged.json"


@dataclass(frozen=True)
class Work:
    """A bundle's run, the new data, and where what is done of them lies."""

    run: Path
    data: NewData
    folder: Path

    @property
    def stacked(self) -> Stacked:
        return Stacked.open(self.run)

    def open(self, name: str) -> Unit:
        return open_unit(self.folder / name, SUBMIT)

    @property
    def searched(self) -> bool:
        """Whether damaged pictures were looked for: once one has met a network, not before."""
        return load_manifest(self.folder / "pictures") is not None

    def rows(self) -> pl.DataFrame:
        """Every row by id; without a picture also where it is known not to be decodable."""
        rows = self.open("rows").parquet(ROWS)
        names = list(self.open("pictures").json(DAMAGED)) if self.searched else []
        damaged = pl.col(ID).is_in(names)
        return rows.with_columns(pl.when(~damaged).then(pl.col(IMAGE)).alias(IMAGE))


def reading(work: Work) -> Task:
    """The rows as they were handed in, and nothing of their pictures."""
    columns = list(work.stacked.state.columns)
    return Task(
        work.folder / "rows", SUBMIT, collect_rows,
        settings={"data": work.data.config.settings(), "columns": columns},
        inputs=dict(work.data.hashes),
        arguments={"data": work.data, "columns": columns},
        on_damage="redo",
    )  # fmt: skip


def collect_rows(draft: Draft, data: NewData, columns: list[str]) -> None:
    """By id, whatever their order was; one odd number costs no row, and not the file."""
    findings = Findings(odd_is_missing=True)
    rows = rows_in(draft.desk, data, columns, findings)
    alone = rows[PATIENT].null_count() if not data.alone else 0
    if alone:
        draft.desk.say(f"notice: {plural(alone, 'row')} without a patient, each taken for its own.")
    for finding in findings.as_json()["notices"]:
        if finding["check"] != "ungrouped":  # nothing is split here
            show_finding(draft.desk, "notice", finding)
    draft.parquet(ROWS, rows)


def featuring(work: Work, rows: Task) -> Task:
    """The columns of tables, by the state that the training rows left."""
    return Task(
        work.folder / "features", SUBMIT, make_features,
        inputs={ROWS: Output(rows), STATE: work.stacked.featured.sha256(STATE)},
        arguments={"run": work.run, "rows": rows.folder},
        needs=Needs(memory_gb=2.0),
        on_damage="redo",
    )  # fmt: skip


def make_features(draft: Draft, run: Path, rows: Path) -> None:
    """By the one function that made those of the training rows."""
    table, findings = open_unit(rows, SUBMIT).parquet(ROWS), Findings()
    features = build(table, Stacked.open(run).state, findings, "the new data")
    show_notices(draft.desk, findings)
    draft.parquet(FEATURES, features)


def decoding(work: Work, rows: Task) -> Task:
    """Which pictures cannot be decoded, by one look at each."""
    return Task(
        work.folder / "pictures", SUBMIT, find_damaged,
        inputs={ROWS: Output(rows)},
        arguments={"data": work.data, "rows": rows.folder},
        on_damage="redo",
    )  # fmt: skip


def find_damaged(draft: Draft, data: NewData, rows: Path) -> None:
    """Their ids, each with the reason."""
    table = open_unit(rows, SUBMIT).parquet(ROWS, [ID, IMAGE])
    names = dict(table.drop_nulls().iter_rows())
    reader = ImageReader(data.folder, data.config.pixel_limit)
    draft.json(DAMAGED, damaged_pictures(draft.desk, reader, names, drop=True))
