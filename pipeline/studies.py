"""What studies of a run share: their database, whose turn it is to ask, what a call says of them.

The numbers and values of trials lie in `<folder>/studies.db` or at STORAGE=; what a trial was worth
lies in its unit. So a call that is killed leaves trials that another finishes by their number.
"""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pipeline.job import Job
from stacking.tuning.study import Study, Trial
from workspace.errors import ConfigError
from workspace.lock import LockedError, locked

WAIT_S = 0.2
Worth = tuple[float | None, str]  # of a trial; None: it failed, and why

Asked = list[tuple[str, Trial]]


def trials_of(job: Job, configured: int) -> int:
    """TRIALS=, or as many as the recipe says."""
    text = job.words.get("trials", "")
    if not text:
        return configured
    if not text.isdecimal() or int(text) < 1:
        raise ConfigError(f"TRIALS={text} is no number of trials; take 1 or more.")
    return int(text)


def address_of(job: Job, folder: Path) -> str:
    """STORAGE=, or a file in this folder."""
    # Of make by environment: an argument, and a password in it, is seen in the list of processes.
    if said := job.words.get("storage") or os.environ.get("STUDIES_ADDRESS", ""):
        return said
    folder.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{(folder / 'studies.db').absolute()}"


def asked(folder: Path, studies: Mapping[str, Study], trials: int, at_once: int) -> Asked:
    """The trials to carry out next: those that were left, then new ones, as many as may be."""
    todo = []
    with alone(folder):
        for name, study in studies.items():
            waiting = study.waiting()
            if not waiting:  # all of a batch are told before the next is drawn
                more = min(trials - study.finished, at_once)
                waiting = [study.ask() for _ in range(more)]
            todo += [(name, trial) for trial in waiting]
    return todo


def tell(
    job: Job, folder: Path, studies: Mapping[str, Study], done: Mapping[tuple[str, int], Worth]
) -> None:
    """What finished trials were worth; of one that failed also why."""
    with alone(folder):
        for (name, number), (worth, why) in done.items():
            if worth is None:
                job.say(f"notice: trial {number} of {name} failed: {why}")
            studies[name].tell(number, float("nan") if worth is None else worth)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One call at a time asks and tells; it takes moments, so that others wait for it."""
    folder.mkdir(parents=True, exist_ok=True)
    while True:
        try:
            with locked(folder / ".studies.lock", str(folder)):
                yield
                return
        except LockedError:
            time.sleep(WAIT_S)
