"""Benches side by side: each takes the next stage that no other has taken.

A stage reads what those before it have made, so a bench makes unbroken what another was killed at.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from tests.faults.kills import Bench
from tests.faults.stages import STAGES, Stage

Row = TypeVar("Row")


def side_by_side(
    benches: Sequence[Bench], treat: Callable[[Bench, Stage, float], Row], until: float
) -> list[Row]:
    """What `treat` makes of every stage, each with an even share of the seconds left."""
    numbers = iter(range(len(STAGES)))  # one C call takes the next: no thread comes between
    rows: dict[int, Row] = {}

    def work(bench: Bench) -> None:
        for number in numbers:
            bench.catch_up(number)
            share = (until - time.monotonic()) * len(benches) / (len(STAGES) - number)
            rows[number] = treat(bench, STAGES[number], share)

    with ThreadPoolExecutor(len(benches)) as pool:
        for ended in [pool.submit(work, bench) for bench in benches]:
            ended.result()
    return [rows[number] for number in sorted(rows)]
