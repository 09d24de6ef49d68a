"""The rows as the models of one fold see them: looking at pictures, then scoring, as tasks.

What networks say lies in the work folder by shards; what boosters make of it in one table a fold,
so that neither a stop nor the next fold makes anything twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl

from folds.schema import ID, IMAGE, PATIENT
from pipeline.embeddings import OtherPictures
from pipeline.machine import Machine
from pipeline.new_columns import looking, open_columns
from pipeline.new_data import ROWS
from pipeline.new_scores import Choice, Scorer
from pipeline.offline.tables import DAMAGED, FEATURES, SUBMIT, Work
from workspace.orders import Needs
from workspace.tasks import Task
from workspace.units import Draft, Unit, open_unit

VIEW, MEMBER = "view.parquet", "member"


def looks(
    work: Work, machine: Machine, rows: pl.DataFrame, choice: Choice, fold: int
) -> list[Task]:
    """The shards of all networks of a fold that have a say."""
    folders = (work.run, work.folder)
    shards = looking(folders, machine, work.data, rows, choice.networks, [fold])
    return [replace(shard, on_damage="redo") for shard in shards]


def viewing(work: Work, choice: Choice, fold: int, shards: Sequence[Task]) -> Task:
    """The scores of one fold's models, once its networks have looked."""
    inputs = {ROWS: work.open("rows").sha256(ROWS)}
    if not work.data.alone:
        inputs[FEATURES] = work.open("features").sha256(FEATURES)
    if choice.networks and work.searched:
        inputs[DAMAGED] = work.open("pictures").sha256(DAMAGED)
    return Task(
        work.folder / "views" / f"{choice.name}_fold_{fold}", SUBMIT, score_view,
        settings={"members": list(choice.members), "networks": list(choice.networks)},
        inputs=inputs | work.stacked.hashes(),
        arguments={"work": work, "choice": choice, "fold": fold},
        after=shards,
        needs=Needs(memory_gb=3.0),
        on_damage="redo",
    )  # fmt: skip


def score_view(draft: Draft, work: Work, choice: Choice, fold: int) -> None:
    """Every member's scores, one under the other."""
    scorer = scorer_of(work, choice, [fold])
    tables = scorer.of_fold(fold)
    draft.parquet(
        VIEW, pl.concat(t.with_columns(pl.lit(name).alias(MEMBER)) for name, t in tables.items())
    )


def scorer_of(work: Work, choice: Choice, folds: Sequence[int]) -> Scorer:
    """The rows, ready for the boosters of these folds, whose networks have looked."""
    rows = work.rows() if choice.networks else work.open("rows").parquet(ROWS)
    features = None if work.data.alone else work.open("features").parquet(FEATURES)
    networks = {}
    if choice.networks:
        folders = (work.run, work.folder)
        networks = open_columns(folders, work.data, rows, choice.networks, folds)
    return Scorer(work.stacked, choice, rows.select(ID, PATIENT), features, networks)


def joined(
    work: Work, choice: Choice, views: Mapping[int, Mapping[str, pl.DataFrame]], rows: pl.DataFrame
) -> pl.DataFrame:
    """(ID, score, ...) of these rows, from the views of the folds that scored."""
    scorer = Scorer(work.stacked, choice, rows.select(ID, PATIENT), None)
    some = {
        fold: {name: _of_rows(table, rows) for name, table in views[fold].items()}
        for fold in sorted(views)
    }
    return scorer.joined(some)


def _of_rows(table: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    return table.join(rows.select(ID), on=ID, how="semi", maintain_order="left")


def shown_pictures(shards: Sequence[Task]) -> tuple[OtherPictures | None, list[Unit]]:
    """The pictures that these shards are of, and the networks that look at them, each once."""
    if not shards:
        return None, []
    pictures, _ = shards[0].arguments["some"]
    networks = dict.fromkeys(task.arguments["network"] for task in shards)
    return pictures, [open_unit(*one) for one in networks]


def with_picture(rows: pl.DataFrame) -> pl.Series:
    """Whether each row has one that can be looked at."""
    return rows[IMAGE].is_not_null()


def view_of(folder: Path, members: Sequence[str]) -> dict[str, pl.DataFrame]:
    """What `score_view` wrote, by member."""
    table = open_unit(folder, SUBMIT).parquet(VIEW)
    return {name: table.filter(pl.col(MEMBER) == name).drop(MEMBER) for name in members}
