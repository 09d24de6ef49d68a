"""The course of one call: tables first, then pictures fold by fold; a whole file after each.

Reads a bundle's run and an input folder; writes the CSV that was asked for, and units into the work
folder, from which the same call goes on after a stop.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from folds import jpeg
from folds.findings import plural
from folds.schema import ID, PATIENT
from pipeline.machine import Machine
from pipeline.new_data import ROWS
from pipeline.new_scores import Choice, Stacked, choose
from pipeline.offline.answers import filled_in, handed_out, order_of
from pipeline.offline.asked import Asked, open_work
from pipeline.offline.assistant import assisted
from pipeline.offline.clock import Clock, OutOfTimeError, dropped
from pipeline.offline.forecast import PICTURES, TABLES, Forecast, named
from pipeline.offline.gpu import fault_of_gpu, gpus
from pipeline.offline.pace import FEW, InTime, Rates, try_out
from pipeline.offline.tables import Work, decoding, featuring, reading
from pipeline.offline.views import (
    joined,
    looks,
    shown_pictures,
    view_of,
    viewing,
    with_picture,
)
from pipeline.unseen_members import PARTS
from stacking.boosters.known import load_boosters
from stacking.use import SCORE, USE
from submissions.writer import submission_table
from workspace.errors import ConfigError, DataError, name_some
from workspace.executors import ThisProcess
from workspace.hashing import HashMemory
from workspace.manifest import load_manifest
from workspace.progress import Desk
from workspace.tasks import Context, Task, state_of
from workspace.units import Unit
from workspace.work import carry_out

TABULAR, _ = PARTS
DONE, LESS = 0, 3  # exit codes: all that was asked for, and a whole file of less
HALF = 0.5  # of the rows: fewer with a picture are no ruler for the others


def follow(asked: Asked, desk: Desk) -> int:
    """The exit code: all was done, or less in time."""
    try:
        course = Course(asked, desk, open_work(asked))
        course.read()
    except DataError as error:  # of pictures, if their table can be read
        course = Course(asked, desk, open_work(asked, blind=True))
        if not course.looks or course.work.data.alone:
            raise
        course.read()
        desk.say(f"error: {error} The table alone is scored.")
        course.answer_by_tables()
        return LESS
    if course.looks:
        if not course.goes_on():  # or tables would take the place of more
            course.answer_by_tables()
        return course.answer_by_pictures()
    return DONE if course.answer_by_tables() == course.folds else LESS


@dataclass(frozen=True)
class Course:
    """One call, as far as it has come."""

    asked: Asked
    desk: Desk
    work: Work

    @cached_property
    def stacked(self) -> Stacked:
        return self.work.stacked

    @cached_property
    def folds(self) -> tuple[int, ...]:
        """Those that were asked for, lowest first."""
        every, wanted = self.stacked.folds, self.asked.folds
        if wanted is None:
            return every
        strange = sorted(set(wanted) - set(every))
        if strange or not wanted:
            raise ConfigError(
                f"--folds names {name_some(strange) or 'none'}; the bundle has the folds "
                f"{', '.join(map(str, every))}."
            )
        return tuple(sorted(set(wanted)))

    @cached_property
    def looks(self) -> bool:
        """Whether what the run hands in hangs on pictures: a blend of tables alone does not."""
        return self.stacked.sees and set(self.stacked.handed_in) != {TABULAR}

    @cached_property
    def by_tables(self) -> Choice | None:
        """Who scores before a picture was looked at; None: nobody can."""
        if not self.looks:
            return Choice(self.stacked.policy, self.stacked.handed_in, (), "")
        if TABULAR in self.stacked.parts and not self.work.data.alone:
            return Choice(TABULAR, (TABULAR,), (), "")
        return None

    def read(self) -> None:
        """The rows and their columns."""
        rows = reading(self.work)
        every = [rows] if self.work.data.alone else [rows, featuring(self.work, rows)]
        [(read, _), *_] = self.carry_out(*every)
        ids = read.parquet(ROWS, [ID])[ID]
        submission_table(pl.DataFrame({ID: ids, SCORE: 0.0}), self.order)  # refuse other ids now
        self.say(f"{plural(len(ids), 'row')} to score.")

    @cached_property
    def order(self) -> pl.Series:
        """As the file is to have the ids."""
        ids = self.work.open("rows").parquet(ROWS, [ID])[ID]
        return order_of(self.work.data.folder, ids)

    def answer_by_tables(self) -> tuple[int, ...]:
        """A file at once by one fold, then by all that there is time for; the folds that it has."""
        choice = self.by_tables
        if choice is None:
            self.say("no tables to score by: there is a file once the first fold has looked.")
            return ()
        first, *others = self.folds
        self.load_library(choice, first)
        tables = {first: self.view(choice, first, [])}
        self.write(choice, tables, f"by tables alone, fold {first}")
        for fold in others:
            if not self.clock.has_time_for(self.forecast.seconds[TABLES]):
                break
            tables[fold] = self.view(choice, fold, [])
        if len(tables) > 1:
            self.write(choice, tables, f"by tables alone, {plural(len(tables), 'fold')}")
        return tuple(tables)

    def goes_on(self) -> bool:
        """Whether an earlier call came as far as pictures; its folds are the file then."""
        rows = self.work.rows()
        choice = choose(self.stacked, self.work.data, rows)
        if views := self.seen(choice):
            how = f"with pictures, {plural(len(views), 'fold')} of an earlier call"
            self.write(choice, views, how, rows)
        return bool(views)

    def seen(self, choice: Choice) -> dict[int, dict[str, pl.DataFrame]]:
        """The views with pictures that are there already."""
        if not choice.networks:
            return {}
        context = self.context(ThisProcess(self.desk))
        tasks = {fold: viewing(self.work, choice, fold, []) for fold in self.folds}
        done = [fold for fold, task in tasks.items() if state_of(task, context).done]
        return {fold: self.view(choice, fold, []) for fold in done}

    def load_library(self, choice: Choice, fold: int) -> None:
        """Before anything is timed: it is imported once, and would count for each fold."""
        unit = self.stacked.boosters(choice.members[0])[fold]
        load_boosters(unit, 1, unit.json(USE)["columns"])

    def answer_by_pictures(self) -> int:
        """The file anew after each fold whose networks have looked, while there is time.

        Pictures are decoded as networks look at them, so that none is decoded in vain; damaged ones
        are searched once the first of them has stopped a network.
        """
        try:
            try:
                return self.answer_by_folds()
            except DataError:
                if self.work.searched:
                    raise
            self.say("notice: a picture cannot be decoded; looking for all such.")
            self.carry_out(decoding(self.work, reading(self.work)))
            return self.answer_by_folds()
        except OutOfTimeError:
            self.say("the time is over.")
            return LESS

    def answer_by_folds(self) -> int:
        """The same, of the pictures that nothing is known against."""
        rows = self.work.rows()
        choice = choose(self.stacked, self.work.data, rows)
        self.say(choice.told)
        if jpeg.simplejpeg is None:
            self.say("notice: simplejpeg is not here: OpenCV decodes, and notices less damage.")
        if not choice.networks:
            return LESS
        if not with_picture(rows).any():  # and no table has a word
            raise DataError(f"No picture of {self.work.data.place} can be decoded.")
        if not with_picture(rows).all():
            few = int(with_picture(rows).sum()) < HALF * len(rows)
            if few and self.by_tables and not self.asked.pictureless:
                self.say("notice: few rows have a picture: the table alone scores all.")
                return LESS
            self.say(self._without_picture(rows))
        views = self.seen(choice)
        shards = {
            fold: looks(self.work, self.machine, rows, choice, fold)
            for fold in self.folds
            if fold not in views
        }
        self.forecast.rates.at_work = lambda: self.processes  # as soon as they have begun
        self.time_networks(shards)
        chosen = self.forecast.chosen(shards)
        for sentence in self.forecast.sentences(shards, chosen):
            self.say(sentence)
        if chosen:
            with assisted(self.asked, chosen, self.processes - 1) as at_work:
                self.forecast.rates.at_work = at_work
                self.follow_folds(choice, rows, shards, views)
        without = dropped(self.folds, list(views))
        whole = self.asked.pictureless or bool(with_picture(rows).all())
        return LESS if without or not whole else DONE

    def follow_folds(
        self, choice: Choice, rows: pl.DataFrame, shards: Mapping[int, Sequence[Task]],
        views: dict[int, dict[str, pl.DataFrame]],
    ) -> None:  # fmt: skip
        """One fold after the other into `views`, while there is time by what is known then."""
        while waiting := [fold for fold in shards if fold not in views]:
            chosen = self.forecast.chosen({fold: shards[fold] for fold in waiting})
            if not chosen:
                self.say(f"no time is left for {named(waiting)}: dropped.")
                break
            fold, *later = chosen
            try:
                self.look(fold, shards, later)
                views[fold] = self.view(choice, fold, shards[fold])
            except OutOfTimeError:
                self.say(f"no time is left for fold {fold}: it has no say.")
                break
            self.write(choice, views, f"with pictures, {plural(len(views), 'fold')}", rows)

    # How long it takes

    @property
    def clock(self) -> Clock:
        return self.asked.clock

    @cached_property
    def forecast(self) -> Forecast:
        """By what this call has measured."""
        return Forecast(self.clock, Rates())

    @cached_property
    def processes(self) -> int:
        """That look at pictures: as many as were asked for, else one a GPU."""
        return self.asked.processes or max(1, gpus(self.machine))

    @cached_property
    def machine(self) -> Machine:
        """Where networks run: a GPU that does what it says, else the CPU."""
        fault = None if self.asked.device == "cpu" else fault_of_gpu()
        if fault is not None and self.asked.device == "cuda":
            raise ConfigError(f"The GPU fails at its first operation ({fault}); take --device cpu.")
        if fault is not None:
            self.say(f"notice: the GPU fails at its first operation ({fault}): the CPU looks.")
            return Machine("cpu")
        return Machine(self.asked.device)

    def time_networks(self, shards: Mapping[int, Sequence[Task]]) -> None:
        """Networks that nobody has timed yet look at some pictures first."""
        every = [task for tasks in shards.values() for task in tasks]
        waiting = [task for task in every if load_manifest(task.folder) is None]
        pictures, units = shown_pictures(waiting)
        if pictures is None or len(pictures.ids) <= FEW:
            return
        # Processes that are to share the cores are each so much slower than the one that tries.
        share = 1 if gpus(self.machine) else self.processes
        for unit in units:
            if not self.forecast.rates.knows(unit.folder.name):
                rate = try_out(unit, pictures, self.machine)
                self.forecast.rates.note(unit.folder.name, rate * share, 1)

    # What is done

    def look(
        self, fold: int, shards: Mapping[int, Sequence[Task]], later: Sequence[int] = ()
    ) -> None:
        """All networks of a fold at all pictures, or out of time."""
        waiting = {one: shards[one] for one in (fold, *later)}
        ours = self.forecast
        executor = InTime(
            self.desk, self.clock, ours.rates, ours.view_s, lambda: ours.cost_of(waiting)
        )
        executor.knows(shards[fold])
        carry_out(shards[fold], self.context(executor))

    def view(self, choice: Choice, fold: int, shards: Sequence[Task]) -> dict[str, pl.DataFrame]:
        """What the fold's models say, and how long that took when it was made."""
        [(unit, _)] = self.carry_out(viewing(self.work, choice, fold, shards))
        self.forecast.seconds[PICTURES if choice.networks else TABLES] = unit.manifest.seconds
        return view_of(unit.folder, choice.members)

    def write(
        self, choice: Choice, views: Mapping[int, Mapping[str, pl.DataFrame]], how: str,
        rows: pl.DataFrame | None = None,
    ) -> None:  # fmt: skip
        """The file, whole; networks may have a say only of rows that they have seen."""
        every = self.work.open("rows").parquet(ROWS, [ID, PATIENT])
        whole = rows is None or self.asked.pictureless or bool(with_picture(rows).all())
        if whole:
            scores = handed_out(joined(self.work, choice, views, every))
        else:
            assert rows is not None
            seen = rows.filter(with_picture(rows))
            scores = handed_out(joined(self.work, choice, views, seen))
            scores = filled_in(scores, every[ID], self.scores_by_tables(every, sorted(views)))
        self.asked.output.write(scores, self.order)
        self.say(f"wrote {self.asked.output.path}: {plural(len(scores), 'row')}, {how}.")

    def scores_by_tables(self, rows: pl.DataFrame, folds: Sequence[int]) -> pl.DataFrame | None:
        """What tables alone say of these rows, by these folds; None: nothing."""
        if (choice := self.by_tables) is None:
            return None
        views = {fold: self.view(choice, fold, []) for fold in folds}
        return handed_out(joined(self.work, choice, views, rows))

    def carry_out(self, *tasks: Task) -> list[tuple[Unit, bool]]:
        return carry_out(tasks, self.context(ThisProcess(self.desk)))

    def context(self, executor: ThisProcess) -> Context:
        made = self.stacked.unit.manifest
        hashes = HashMemory(self.asked.work / ".hashes.json")
        return Context(made.recipe, made.seed, hashes, self.desk, executor)

    def say(self, message: str) -> None:
        self.desk.say(message)

    def _without_picture(self, rows: pl.DataFrame) -> str:
        """What becomes of them."""
        count = plural(int((~with_picture(rows)).sum()), "row")
        how = "networks say nothing there, as in training"
        if not self.asked.pictureless:
            how = (
                "scored by tables alone" if self.by_tables else "scored as the middle of the others"
            )
        return f"notice: {count} without a picture that can be decoded: {how}."
