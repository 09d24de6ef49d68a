"""A stage whose threads can be told apart from outside, and who counts them.

`python -m tests.threads <file> <stage> <words>` is `python -m scripts.<stage> <words>`: each Python
thread has its pool's name in /proc, and at the end the file has how large every pool was.
"""

import atexit
import json
import os
import re
import runpy
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

LOOK_EVERY_S = 0.005
WORK_S = 0.1  # of the processor's time: less is no work
STAYS = 20  # looks; a thread has Python's name for a moment until it gets its own
TICKS = os.sysconf("SC_CLK_TCK")
SIZE_OF = {
    "polars": lambda module: module.thread_pool_size(),
    "torch": lambda module: module.get_num_threads(),
    "cv2": lambda module: module.getNumThreads(),
}


def become(file, stage, words):
    """From here on this process is that stage."""
    run = threading.Thread.run

    def run_named(thread):
        comm = Path(f"/proc/self/task/{threading.get_native_id()}/comm")
        with suppress(OSError):
            comm.write_text(thread.name)
        run(thread)

    threading.Thread.run = run_named
    atexit.register(_write_sizes, file, _python_pools())
    sys.argv[1:] = words
    runpy.run_module(f"scripts.{stage}", run_name="__main__", alter_sys=True)


def _python_pools():
    """By module how many threads it allowed a Python pool that it gave work, kept up to date.

    Allowed, not begun: a pool of four begins one where the work of a small run is quickly done.
    """
    sizes, begin, submit = Counter(), ThreadPoolExecutor.__init__, ThreadPoolExecutor.submit

    def begin_named(pool, *arguments, **options):
        begin(pool, *arguments, **options)
        pool.made_by = sys._getframe(1).f_globals["__name__"]
        pool._thread_name_prefix = pool.made_by.rpartition(".")[2]

    def submit_counted(pool, *arguments, **options):
        sizes[pool.made_by] = max(sizes[pool.made_by], pool._max_workers)
        return submit(pool, *arguments, **options)

    ThreadPoolExecutor.__init__, ThreadPoolExecutor.submit = begin_named, submit_counted
    return sizes


def _write_sizes(file, python_pools):
    """How many threads each pool would take now, of libraries that this stage has loaded."""
    from threadpoolctl import threadpool_info  # noqa: PLC0415 - it asks what is loaded by then

    sizes = {Path(one["filepath"]).name: one["num_threads"] for one in threadpool_info()}
    sizes |= {name: ask(sys.modules[name]) for name, ask in SIZE_OF.items() if name in sys.modules}
    Path(file).write_text(json.dumps(sizes | python_pools))


def threads_now(pid):
    """Of a process and those that it began: (number, name, state, processor's time in seconds)."""
    threads = []
    for task in Path(f"/proc/{pid}/task").glob("*"):
        with suppress(OSError):  # it has ended
            name, _, rest = (task / "stat").read_text().partition("(")[2].rpartition(")")
            state, *fields = rest.split()
            threads.append((int(task.name), name, state, sum(map(int, fields[10:12])) / TICKS))
            for child in (task / "children").read_text().split():
                threads += threads_now(child)
    return threads


class Watch:
    """What was seen of a stage's threads while it ran."""

    def __init__(self, process):
        self._seconds, self._alive, self._wanting = {}, [], Counter()
        self._own, self._name_of = Counter(), {}
        while process.poll() is None:
            self._look(process.pid)
            time.sleep(LOOK_EVERY_S)

    def _look(self, pid):
        threads = threads_now(pid)
        kinds = {number: _kind(number, name, pid) for number, name, _, _ in threads}
        self._seconds |= {(number, kinds[number]): seconds for number, _, _, seconds in threads}
        self._alive.append(set(kinds.items()))
        self._wanting[sum(state == "R" for _, _, state, _ in threads)] += 1
        self._name_of |= kinds
        with suppress(OSError):  # it has ended
            self._own.update(int(name) for name in os.listdir(f"/proc/{pid}/task"))

    def at_a_time(self):
        """The most threads of each kind that were there at a time and did work in their life."""
        working = {thread for thread, seconds in self._seconds.items() if seconds >= WORK_S}
        most = Counter()
        for alive in self._alive:
            most |= Counter(kind for _, kind in alive & working)
        return dict(most)

    def begun_by_libraries(self):
        """Threads of the stage's own process, working or not, that nobody gave a name: OpenMP's."""
        stayed = (number for number, looks in self._own.items() if looks >= STAYS)
        return sum(self._name_of.get(number) == "python" for number in stayed)

    def wanting(self):
        """How many threads wanted a core, on average."""
        return sum(n * looks for n, looks in self._wanting.items()) / self._wanting.total()


def _kind(number, name, pid):
    """The pool's name; a thread that a library began has that of the thread that called it."""
    return "main" if number == pid else re.sub(r"[-_]?\d+$", "", name)


if __name__ == "__main__":
    become(sys.argv[1], sys.argv[2], sys.argv[3:])
