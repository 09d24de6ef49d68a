"""A process that looks at pictures beside the one that answers: one for each further GPU.

Both know the same shards; a lock at each keeps two from making one. It reads what the first has
read already, scores nothing and writes no file but shards; who began it ends it.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing import active_children, get_context
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.offline.clock import OutOfTimeError
from workspace.machine import CORES, JOBS, begin_process, divide
from workspace.progress import Show, Silent
from workspace.stopping import raise_if_asked

if TYPE_CHECKING:
    from pipeline.offline.asked import Asked

GPU = "CUDA_VISIBLE_DEVICES"
PATIENCE_S = 20.0  # for one that was asked to end


@contextmanager
def assisted(asked: "Asked", folds: Sequence[int], count: int) -> Iterator[Callable[[], int]]:
    """While the block runs, so many further processes look at what these folds have to look at.

    Gives how many look now, with the one that began them.
    """
    if count < 1:
        yield lambda: 1
        return
    lent = {name: os.environ.get(name) for name in (JOBS, CORES)}
    divide(count + 1)
    words = {
        "bundle": str(asked.bundle), "input": str(asked.input), "work": str(asked.work),
        "output": str(asked.output.path), "device": asked.device, "folds": list(folds),
        "started": asked.clock.started, "limit_s": asked.clock.limit_s,
    }  # fmt: skip
    # Spawned, they import by the rules of the launcher, which is their main module too.
    running = [
        get_context("spawn").Process(target=assist, args=(words, _gpu(number)), daemon=True)
        for number in range(1, count + 1)
    ]
    try:
        for process in running:
            process.start()
        yield lambda: 1 + sum(process.is_alive() for process in running)
    finally:
        for process in running:
            _end(process)
        _lend(lent)


def kill_assistants() -> None:
    """All at once: whoever calls this ends in the next moment too."""
    for process in active_children():
        process.kill()


def _lend(names: Mapping[str, str | None]) -> None:
    """As it was before it was divided."""
    for name, value in names.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _end(process: SpawnProcess) -> None:
    """Ask it, then make it; one that never began has nothing to end."""
    if process.pid is None:
        return
    process.terminate()
    process.join(PATIENCE_S)
    if process.is_alive():
        process.kill()
        process.join()


def _gpu(number: int) -> str:
    """Of those that this process sees, since it may itself have been given some."""
    seen = os.environ.get(GPU)
    return str(number) if seen is None else (seen.split(",") + [""] * (number + 1))[number]


class Beside(Silent):
    """Nobody sits there; whoever works on ends with the process that began it."""

    def __init__(self) -> None:
        self._parent = os.getppid()

    @contextmanager
    def progress(self, label: str) -> Iterator[Show]:
        def show(done: int, total: int) -> None:
            raise_if_asked()
            if os.getppid() != self._parent:
                raise OutOfTimeError

        yield show


def assist(words: Mapping[str, Any], gpu: str) -> None:
    """Look at all pictures with one fold after the other, as far as nobody else does."""
    os.environ[GPU] = gpu  # before torch asks
    begin_process()
    from pipeline.new_scores import choose  # noqa: PLC0415 - after `begin_process`
    from pipeline.offline.answers import AnswerFile  # noqa: PLC0415
    from pipeline.offline.asked import Asked, open_work  # noqa: PLC0415
    from pipeline.offline.clock import Clock  # noqa: PLC0415
    from pipeline.offline.course import Course  # noqa: PLC0415
    from pipeline.offline.views import looks  # noqa: PLC0415
    from workspace.errors import DermstackError  # noqa: PLC0415
    from workspace.stopping import Stopped, stopping_as_child  # noqa: PLC0415

    asked = Asked(
        bundle=Path(words["bundle"]), input=Path(words["input"]), work=Path(words["work"]),
        output=AnswerFile(Path(words["output"])), folds=tuple(words["folds"]),
        clock=Clock(words["started"], words["limit_s"]), device=words["device"],
    )  # fmt: skip
    course = Course(asked, Beside(), open_work(asked))
    rows = course.work.rows()
    choice = choose(course.stacked, course.work.data, rows)
    try:
        with stopping_as_child():
            for fold in words["folds"]:
                course.look(fold, {fold: looks(course.work, course.machine, rows, choice, fold)})
    except (DermstackError, OutOfTimeError, Stopped):
        pass  # who began it goes on alone, and says what it meets itself
