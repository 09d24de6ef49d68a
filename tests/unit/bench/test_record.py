"""A benchmark counts what the processor did for it, not what else the machine did meanwhile."""

import time

import pytest

from tests.bench import record


def _watch(ticks: list[float]):
    return lambda: ticks.pop(0)


def test_sides_are_measured_by_turns_in_processor_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    assert record.paired.__defaults__ is not None
    assert record.paired.__defaults__[-1] is time.process_time
    turns: list[str] = []
    found = record.paired(
        lambda: turns.append("ours"),
        lambda: turns.append("theirs"),
        3,
        _watch([0, 1, 1, 4, 4, 6, 6, 10, 10, 11, 11, 16]),
    )
    assert turns == ["ours", "theirs"] * 3
    assert found == {"ours_s": 1, "theirs_s": 4, "ratio": 3, "pairs": 3}


def test_a_page_says_which_arithmetic_the_processor_has() -> None:
    words = record._arithmetic().split()
    assert set(words[1:]) <= {"avx2", "avx512f", "avx512_bf16", "amx_bf16"}
