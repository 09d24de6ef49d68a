"""A benchmark counts what the processor did for it, not what else the machine did meanwhile."""

import sys
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


def test_the_peak_of_a_child_is_its_own_and_not_that_of_who_measures() -> None:
    """Linux counts the memory of the process that a program replaced."""
    held = b"\1" * 2**28  # a quarter of a GB, written to
    child = record.in_child([sys.executable, "-S", "-c", "print('said')"])
    assert len(held) == 2**28
    assert child.output == "said\n"
    assert 0 < child.peak_gb < 0.1
    assert child.processor_s > 0


def test_a_child_that_fails_ends_the_theme_with_what_it_said() -> None:
    with pytest.raises(SystemExit) as ended:
        record.in_child([sys.executable, "-S", "-c", "print('why'); raise SystemExit(3)"])
    assert str(ended.value).endswith(" ended with 3:\nwhy\n")


def test_a_small_run_is_printed_and_no_page_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(record, "PAGES", tmp_path / "pages")
    record.keep("theme", "Title", "Told.", [{"what": "a", "s": 0.5}], small=True)
    assert "| a | 0.5 |" in capsys.readouterr().out
    assert not record.PAGES.exists()
    record.keep("theme", "Title", "Told.", [{"what": "a", "s": 0.5}])
    [page, _] = sorted(record.PAGES.iterdir(), key=lambda path: path.suffix, reverse=True)
    assert page.read_text() in capsys.readouterr().out
