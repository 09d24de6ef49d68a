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

LOOK_S = 0.005
WORKS_S = 0.1  # of the processor's time: less is no work
TICKS = os.sysconf("SC_CLK_TCK")
ASKED = {
    "polars": lambda module: module.thread_pool_size(),
    "torch": lambda module: module.get_num_threads(),
    "cv2": lambda module: module.getNumThreads(),
}


def become(file, stage, words):
    """From here on this process is that stage."""
    begin = threading.Thread.run

    def named(thread):
        comm = Path(f"/proc/self/task/{threading.get_native_id()}/comm")
        with suppress(OSError):
            comm.write_text(thread.name)
        begin(thread)

    threading.Thread.run = named
    atexit.register(_tell, file, _counted())
    sys.argv[1:] = words
    runpy.run_module(f"scripts.{stage}", run_name="__main__", alter_sys=True)


def _counted():
    """The most threads of a Python pool, by the module that made it, kept up to date."""
    most, begin, submit = Counter(), ThreadPoolExecutor.__init__, ThreadPoolExecutor.submit

    def beginning(pool, *given, **named):
        begin(pool, *given, **named)
        pool.asked_by = sys._getframe(1).f_globals["__name__"]
        pool._thread_name_prefix = pool.asked_by.rpartition(".")[2]

    def submitting(pool, *given, **named):
        answer = submit(pool, *given, **named)
        most[pool.asked_by] = max(most[pool.asked_by], len(pool._threads))
        return answer

    ThreadPoolExecutor.__init__, ThreadPoolExecutor.submit = beginning, submitting
    return most


def _tell(file, most):
    """How many threads each pool would take now, of libraries that this stage has loaded."""
    from threadpoolctl import threadpool_info  # noqa: PLC0415 - it asks what is loaded by then

    said = {Path(one["filepath"]).name: one["num_threads"] for one in threadpool_info()}
    said |= {name: ask(sys.modules[name]) for name, ask in ASKED.items() if name in sys.modules}
    Path(file).write_text(json.dumps(said | most))


def threads_now(pid):
    """Of a process and those that it began: (number, name, state, processor's time in seconds)."""
    seen = []
    for task in Path(f"/proc/{pid}/task").glob("*"):
        with suppress(OSError):  # it has ended
            name, _, rest = (task / "stat").read_text().partition("(")[2].rpartition(")")
            state, *fields = rest.split()
            seen.append((int(task.name), name, state, sum(map(int, fields[10:12])) / TICKS))
            for child in (task / "children").read_text().split():
                seen += threads_now(child)
    return seen


class Watch:
    """What was seen of a stage's threads while it ran."""

    def __init__(self, process):
        self.seconds, self._looks, self._wanting = {}, [], Counter()
        while process.poll() is None:
            self._look(process.pid)
            time.sleep(LOOK_S)

    def _look(self, pid):
        seen = threads_now(pid)
        kinds = {number: _kind(number, name, pid) for number, name, _, _ in seen}
        self.seconds |= {(number, kinds[number]): seconds for number, _, _, seconds in seen}
        self._looks.append(set(kinds.items()))
        self._wanting[sum(state == "R" for _, _, state, _ in seen)] += 1

    def at_a_time(self):
        """The most threads of each kind that were there at a time and did work in their life."""
        working = {one for one, seconds in self.seconds.items() if seconds >= WORKS_S}
        most = Counter()
        for look in self._looks:
            most |= Counter(kind for _, kind in look & working)
        return dict(most)

    def wanting(self):
        """How many threads wanted a core, on average."""
        return sum(n * looks for n, looks in self._wanting.items()) / self._wanting.total()


def _kind(number, name, pid):
    """The pool's name; a thread that a library began has that of the thread that called it."""
    return "main" if number == pid else re.sub(r"[-_]?\d+$", "", name)


if __name__ == "__main__":
    become(sys.argv[1], sys.argv[2], sys.argv[3:])
