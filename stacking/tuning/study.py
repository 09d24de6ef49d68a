"""A study: which values were tried, what they were worth, what to try next; Optuna's.

It lies in a database. The only file that knows Optuna. A trial that was asked for and never told
is still to be done: it keeps its number and values, so that a killed call loses no trial and
doubles none. What is drawn next hangs on the seed, the trial's number and what is finished, never
on which process asks.
"""

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import polars as pl

from stacking.tuning.space import Values
from workspace.errors import ArtifactError, ConfigError, name_some
from workspace.hashing import sha256_text
from workspace.lazy import LazyModule

if TYPE_CHECKING:
    from optuna import Study as OptunaStudy
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.storages import RDBStorage
    from optuna.trial import FrozenTrial, TrialState

optuna = LazyModule("optuna")
storages = LazyModule("optuna.storages")
optuna_exceptions = LazyModule("optuna.exceptions")
sqlalchemy_errors = LazyModule("sqlalchemy.exc")
sqlalchemy = LazyModule("sqlalchemy")

MADE_FROM, SPACE = "made_from", "space"  # what a study remembers
MEND = "take another STORAGE= or RUN=, or begin anew with FRESH=1"
WAIT_S = 60  # for another who writes to the same SQLite file
NUMBER, STATE = "number", "state"  # columns of the table


@dataclass(frozen=True)
class Trial:
    """Values to try."""

    number: int
    values: Values


class Searched(Protocol):
    """Where a study looks for values."""

    @property
    def worth(self) -> str:
        """What a trial is worth: the name of its column."""

    @property
    def own(self) -> Values:
        """The recipe's own values."""

    @property
    def grid(self) -> Sequence[Values]:
        """All that there is to try, in order; empty: as much as is asked for, by what is known."""

    def distributions(self) -> "dict[str, BaseDistribution]":
        """In Optuna's words."""

    def words(self) -> list[str]:
        """What two studies must have in common."""


def open_storage(url: str) -> "RDBStorage":
    """The database of studies, made if it is not there; PostgreSQL by psycopg."""
    if url.partition("://")[2].partition("/")[0].count("@") > 1:
        raise ConfigError("STORAGE has more than one @ before its host; write %40 in a password.")
    for scheme in ("postgresql://", "postgres://"):
        if url.startswith(scheme):
            url = f"postgresql+psycopg://{url.removeprefix(scheme)}"
    waiting = {"connect_args": {"timeout": WAIT_S}} if url.startswith("sqlite") else {}
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with _naming_faults(url):
        storage: RDBStorage = storages.RDBStorage(url, engine_kwargs=waiting)
        return storage


@dataclass(frozen=True, eq=False)
class Study:
    """One study in its storage; whoever calls it holds the lock of the run's studies."""

    name: str
    space: Searched
    seed: int
    random: int
    study: "OptunaStudy"
    url: str

    @classmethod
    def open(
        cls, storage: "RDBStorage", name: str, space: Searched, made_from: Mapping[str, str],
        seed: int, random: int,
    ) -> "Study":  # fmt: skip
        """The study of this name; its creator puts the recipe's own values first."""
        url = storage.url
        with _naming_faults(url):
            if name in _names(storage):
                study = optuna.load_study(study_name=name, storage=storage)
            else:
                study = optuna.create_study(storage=storage, study_name=name, direction="maximize")
            if study.get_trials(deepcopy=False):
                _check(study, space, made_from, _place(url))
            else:  # new, or of a call that was killed before its first trial
                _check_direction(study, _place(url))
                study.set_user_attr(MADE_FROM, dict(made_from))
                study.set_user_attr(SPACE, space.words())
            opened = cls(name, space, seed, random, study, url)
            opened._begin_with_own()
            return opened

    def waiting(self) -> list[Trial]:
        """Trials that were asked for and are not told yet."""
        with _naming_faults(self.url):
            asked = self._trials(optuna.trial.TrialState.RUNNING)
            wanted = self.space.distributions().keys()
            for one in asked:
                if one.params.keys() != wanted:  # killed while it was asked for
                    self.study.tell(one.number, state=optuna.trial.TrialState.FAIL)
            return [Trial(t.number, t.params) for t in asked if t.params.keys() == wanted]

    @property
    def finished(self) -> int:
        """How many are told, those included that failed."""
        with _naming_faults(self.url):
            return len(self._told())

    def _begin_with_own(self) -> None:
        """The recipe's own values are asked for first; again, where a kill took them."""
        states, own = optuna.trial.TrialState, self.space.own
        waiting = [one.system_attrs.get("fixed_params") for one in self._trials(states.WAITING)]
        tried = [one.params for one in self._trials(states.RUNNING, *self._told_states)]
        if own not in waiting and own not in tried:
            self.study.enqueue_trial(dict(own))

    def ask(self) -> Trial:
        """The next values: the recipe's own, then some at random, then by what is known.

        Of a grid the next that nobody has tried; whoever asks for more than there are is wrong.
        """
        with _naming_faults(self.url):
            if self.space.grid:
                self._next_of_grid()
            self.study.sampler = self._sampler(len(self.study.get_trials(deepcopy=False)))
            asked = self.study.ask(self.space.distributions())
            return Trial(asked.number, asked.params)

    def _next_of_grid(self) -> None:
        """Enqueue it, unless a kill has left one in the queue."""
        states = optuna.trial.TrialState
        if not self._trials(states.WAITING):
            tried = [one.params for one in self._trials(states.RUNNING, *self._told_states)]
            left = [values for values in self.space.grid if values not in tried]
            assert left, "a grid is tried once"
            self.study.enqueue_trial(dict(left[0]))

    def _sampler(self, number: int) -> "BaseSampler":
        """One for each trial: one that goes on would, begun anew, repeat itself."""
        seed = int(sha256_text(f"{self.seed} {self.name} {number}")[:8], 16)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna_exceptions.ExperimentalWarning)
            sampler: BaseSampler = optuna.samplers.TPESampler(
                n_startup_trials=self.random, multivariate=True, group=True, seed=seed
            )
            return sampler

    def tell(self, number: int, value: float) -> None:
        """What a trial was worth; NaN: it failed. Told twice is told once."""
        with _naming_faults(self.url):
            state = optuna.trial.TrialState.FAIL if math.isnan(value) else None
            self.study.tell(number, None if state else value, state=state, skip_if_finished=True)

    def table(self, trials: int) -> pl.DataFrame:
        """A row for each of the first so many: number, state, what it was worth, its values."""
        rows = [
            {NUMBER: t.number, STATE: t.state.name.lower(), self.space.worth: t.value, **t.params}
            for t in self._first(trials)
        ]
        return pl.DataFrame(rows, infer_schema_length=None)

    def own(self, trials: int) -> float | None:
        """What the recipe's own values are worth; None: that trial failed."""
        return next((t.value for t in self._first(trials) if t.params == self.space.own), None)

    def best(self, trials: int) -> Trial | None:
        """Of equals the earliest, so that the recipe's own values win a tie; None: all failed."""
        done = [one for one in self._first(trials) if one.value is not None]
        if not done:
            return None
        best = max(done, key=lambda one: (one.value, -one.number))
        return Trial(best.number, best.params)

    def importances(self, trials: int) -> dict[str, float]:
        """What share of the differences in worth each value is behind; of few trials nothing."""
        done = [one for one in self._first(trials) if one.value is not None]
        if len(done) < 5 or len({one.value for one in done}) < 2:
            return {}
        alone = optuna.create_study(direction="maximize")
        alone.add_trials(done)
        return dict(optuna.importance.get_param_importances(alone))

    def _first(self, trials: int) -> "list[FrozenTrial]":
        """So many of those that are told, by number: another call may have gone further."""
        with _naming_faults(self.url):
            return sorted(self._told(), key=lambda one: one.number)[:trials]

    @property
    def _told_states(self) -> "tuple[TrialState, ...]":
        states = optuna.trial.TrialState
        return states.COMPLETE, states.FAIL

    def _trials(self, *states: Any) -> "list[FrozenTrial]":
        return list(self.study.get_trials(deepcopy=False, states=states))

    def _told(self) -> "list[FrozenTrial]":
        """One that was never wholly asked for is no trial."""
        wanted = self.space.distributions().keys()
        return [one for one in self._trials(*self._told_states) if one.params.keys() == wanted]


def forget(storage: "RDBStorage", name: str) -> None:
    """Delete a study, if it is there."""
    with _naming_faults(storage.url):
        if name in _names(storage):
            optuna.delete_study(study_name=name, storage=storage)


def _names(storage: "RDBStorage") -> set[str]:
    return {one.study_name for one in optuna.get_all_study_summaries(storage)}


def _check_direction(study: "OptunaStudy", where: str) -> None:
    if study.direction.name != "MAXIMIZE":
        raise ArtifactError(
            f"Study {study.study_name} in {where} looks for the least, and a trial is to be "
            f"worth the most; {MEND}."
        )


def _check(study: "OptunaStudy", space: Searched, made_from: Mapping[str, str], where: str) -> None:
    """Refuse a study of something else."""
    _check_direction(study, where)
    known, wanted = set(study.user_attrs.get(SPACE, ())), set(space.words())
    if known != wanted:
        raise ArtifactError(
            f"Study {study.study_name} in {where} looks for other values: there are "
            f"{name_some(sorted(known - wanted)) or 'none more'}, asked for are "
            f"{name_some(sorted(wanted - known)) or 'none more'}; {MEND}."
        )
    before = study.user_attrs.get(MADE_FROM, {})
    changed = sorted(k for k in {*before, *made_from} if before.get(k) != made_from.get(k))
    if changed:
        raise ArtifactError(
            f"Study {study.study_name} in {where} was made from other values "
            f"({name_some(changed)}); restore them, {MEND}."
        )


@contextmanager
def _naming_faults(url: str) -> Iterator[None]:
    """One sentence for a database that is torn, locked or not to be reached."""
    try:
        yield
    except ImportError as error:
        raise ConfigError(
            "STORAGE names a database whose library is not installed here; for PostgreSQL run "
            "pip install -e '.[postgres]'."
        ) from error
    except sqlalchemy_errors.ArgumentError as error:
        raise ConfigError(
            "STORAGE is no address of a database; write sqlite:///file.db or "
            "postgresql://user@host/name."
        ) from error
    except KeyError as error:  # its rows are gone
        raise ArtifactError(
            f"A study in {_place(url)} was begun anew by another call meanwhile; run again."
        ) from error
    except (optuna_exceptions.StorageInternalError, sqlalchemy_errors.SQLAlchemyError) as error:
        first = str(error.__cause__ or error).split("\n", maxsplit=1)[0]
        raise ArtifactError(
            f"The studies in {_place(url)} cannot be read or written ({first}); see that nobody "
            "else holds the database, or begin anew with another STORAGE=."
        ) from error


def _place(url: str) -> str:
    """Where a database is, without the name and password that its address may hold."""
    known = sqlalchemy.make_url(url)
    return f"{known.drivername.partition('+')[0]}://{known.host or ''}/{known.database or ''}"
