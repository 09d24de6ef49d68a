"""The changelog's entries: each stands once and is a whole sentence."""

import re
from collections import Counter
from pathlib import Path

CHANGELOG = Path(__file__).resolve().parents[2] / "CHANGELOG.md"
SECTION = re.compile(r"^#+ .*$", re.MULTILINE)
ENTRY = re.compile(r"^- ", re.MULTILINE)


def test_every_entry_stands_once_and_ends():
    entries = [
        " ".join(entry.split())
        for section in SECTION.split(CHANGELOG.read_text())
        for entry in ENTRY.split(section)[1:]
    ]
    assert len(entries) > 20
    beginnings = Counter(entry[:60] for entry in entries)
    assert [one for one, times in beginnings.items() if times > 1] == []
    assert [entry[-60:] for entry in entries if not entry.endswith((".", ".)"))] == []
