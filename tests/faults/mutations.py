"""Damage by seed: bytes flipped, cut, doubled, and words that a parser may stumble on.

The same seed and number give the same bytes on every machine, so that a find can be called again.
"""

import numpy as np

TEXTS = (
    "A" * 20_000, "9" * 500, "1e309", "-1e308", "nan", "inf", "-0", "0x10", "1_000", "NULL", "true",
    '"', '""', '"\n', "'", "'''", ",", ";", "\t", "\r", "\r\n", "\n\n\n", "\0", "\x1a", "\ufeff",
    "\u202e", "\u200b", "\u0660", "\ud7ff", "\U0010ffff", "../../x", "=1+1", "{{7*7}}", "<b>",
    "[" * 2_000, "{" * 2_000, "(" * 2_000, "#", "\\", "\\u0000", "[]", "{}", "2024-13-45",
)  # fmt: skip
BYTES = (b"\xff", b"\xfe\xff", b"\xff\xfe", b"\xc3", b"\xed\xa0\x80", b"\x00" * 64, b"\xff" * 64)
WORDS = (*(text.encode() for text in TEXTS), *BYTES)


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """One to three kinds of damage, one after the other."""
    kinds = (_flipped, _cut, _without, _with_word, _word_in_place, _line_again, _lines_turned)
    for _ in range(rng.integers(1, 4)):
        data = kinds[rng.integers(len(kinds))](data, rng)
    return data


def _at(data: bytes, rng: np.random.Generator) -> int:
    return int(rng.integers(len(data) + 1))


def _flipped(data: bytes, rng: np.random.Generator) -> bytes:
    flipped = bytearray(data)
    for _ in range(min(len(flipped), int(rng.integers(1, 9)))):
        flipped[rng.integers(len(flipped))] ^= 1 << int(rng.integers(8))
    return bytes(flipped)


def _cut(data: bytes, rng: np.random.Generator) -> bytes:
    return data[: _at(data, rng)]


def _without(data: bytes, rng: np.random.Generator) -> bytes:
    at = _at(data, rng)
    return data[:at] + data[at + int(rng.integers(1, 200)) :]


def _with_word(data: bytes, rng: np.random.Generator) -> bytes:
    at = _at(data, rng)
    return data[:at] + WORDS[rng.integers(len(WORDS))] + data[at:]


def _word_in_place(data: bytes, rng: np.random.Generator) -> bytes:
    """In place of what stands between two commas, spaces or ends of lines."""
    at = _at(data, rng)
    start = max(data.rfind(mark, 0, at) for mark in (b",", b"\n", b"=", b" ")) + 1
    ends = [end for mark in (b",", b"\n", b" ") if (end := data.find(mark, at)) >= 0]
    return data[:start] + WORDS[rng.integers(len(WORDS))] + data[min(ends, default=len(data)) :]


def _line_again(data: bytes, rng: np.random.Generator) -> bytes:
    lines = data.splitlines(keepends=True) or [b""]
    at = int(rng.integers(len(lines)))
    return b"".join([*lines[:at], *[lines[at]] * int(rng.integers(2, 60)), *lines[at + 1 :]])


def _lines_turned(data: bytes, rng: np.random.Generator) -> bytes:
    lines = data.splitlines(keepends=True)
    if len(lines) > 1:
        one, other = rng.choice(len(lines), 2, replace=False)
        lines[one], lines[other] = lines[other], lines[one]
    return b"".join(lines)
