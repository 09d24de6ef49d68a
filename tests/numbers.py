"""The numbers that a page or a card shows, and the values that the sheets of its run hold.

A value of a page's `<data>` must be one of a sheet to the last digit, and its interval that value's
own; any other number must be what a value rounds to. Names, versions and hashes are no numbers.
"""

import json
import math
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

import polars as pl

NUMBER = re.compile(r"(?<![\w.,/:#-])[-−]?\d[\d,]*(?:\.\d+)?(?:e[-+]\d+)?%?(?![\w/])")
INTERVAL = re.compile(r"(-?\d+\.\d+) to (-?\d+\.\d+)")
OF_WORDS = {"per 1,000"}  # a unit, whatever the run
VOID = {"meta", "link", "line", "circle", "br", "img", "input", "path", "rect"}
SILENT = {"code", "pre", "style", "script"}  # hashes, versions, the recipe as it is, no prose


@dataclass
class Known:
    """What a run's files say: numbers, intervals by their value, and words that have digits."""

    values: set[float] = field(default_factory=set)
    ends: dict[float, set[tuple[float, float]]] = field(default_factory=dict)
    words: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, run):
        """Every JSON of the run but what is made of it, and how many rows its tables have."""
        known = cls(words=set(OF_WORDS))
        for path in sorted(run.rglob("*.json")):
            if "report" not in path.relative_to(run).parts:
                known.take(json.loads(path.read_text()))
        for path in run.rglob("*.parquet"):
            known.values.add(float(pl.scan_parquet(path).select(pl.len()).collect().item()))
        for path in run.rglob("*.csv"):
            table = pl.read_csv(path, infer_schema_length=None)
            known.values.add(float(len(table)))
            for column in table.select(pl.selectors.numeric()):
                some = column.drop_nulls()
                known.values |= {float(some.n_unique()), *map(float, some.to_list())}
        return known

    def take(self, found):
        """A value of JSON and all that lies in it."""
        if isinstance(found, dict):
            if {"value", "low", "high"} <= found.keys() and found["low"] is not None:
                self.ends.setdefault(found["value"], set()).add((found["low"], found["high"]))
            for key, value in found.items():
                self.take(key)
                self.take(value)
        elif isinstance(found, list):
            self.values.add(float(len(found)))
            for value in found:
                self.take(value)
        elif isinstance(found, str) and re.fullmatch(r"-?\d+(\.\d+)?", found):
            self.values.add(float(found))  # a fold's number as a key
        elif isinstance(found, str) and re.search(r"\d", found):
            self.words |= {found, found.replace("_", " ")}
        elif isinstance(found, int | float) and not isinstance(found, bool):
            self.values.add(float(found))

    def has(self, shown):
        """Whether a value rounds to what is shown; a percentage is of a share, or as it is kept."""
        text = shown.replace(",", "").replace("−", "-")
        share, text = text.endswith("%"), text.rstrip("%")
        digits = len(text.partition(".")[2].partition("e")[0])
        half = 0.5 * 10.0**-digits * (10 ** int(text.partition("e")[2] or 0)) * (1 + 1e-9)
        wanted, scale = float(text), (100.0, 1.0) if share else (1.0,)
        return any(math.isclose(one * by, wanted, abs_tol=half, rel_tol=1e-12)
                   for by in scale for one in self.values)  # fmt: skip

    def has_ends(self, low, high, of=None):
        """Whether an interval is that of a value, or of any."""
        digits = len(low.partition(".")[2])
        some = self.ends.values() if of is None else [self.ends.get(of, ())]
        return any(
            [f"{end:.{digits}f}" for end in pair] == [low, high] for pairs in some for pair in pairs
        )


class Shown(HTMLParser):
    """The numbers of a page by the id of their section: exact ones with interval, and others."""

    def __init__(self, page, words=()):
        super().__init__()
        self.exact, self.pairs, self.others = [], [], []  # each with its section first
        self._open, self._section, self._last = [], "head", None
        self._words = _any_of(words)
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "section":
            self._section = given["id"]
        if tag not in VOID:
            self._open.append((tag, given))

    def handle_endtag(self, tag):
        while tag not in VOID and self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        tags = {tag for tag, _ in self._open}
        if tags & SILENT or not data.strip():
            return
        tag, given = self._open[-1] if self._open else ("", {})
        if given.get("class") == "tick":
            return  # of an axis
        if tag == "data":
            self._last = [self._section, given["value"], data.strip(), ""]
            self.exact.append(self._last)
        elif tag == "small" and self._last is not None and INTERVAL.fullmatch(data.strip()):
            self._last[3] = data.strip()
        else:
            plain = self._words.sub(" ", data)
            self.pairs += [(self._section, *pair) for pair in INTERVAL.findall(plain)]
            self.others += [(self._section, number) for number in NUMBER.findall(plain)]


def wrong_of_page(page, known):
    """Every number of the page that no file of the run has, with its section."""
    shown = Shown(page, known.words)
    wrong = [one for one in shown.others if not known.has(one[1])]
    wrong += [one for one in shown.pairs if not known.has_ends(*one[1:])]
    for section, exact, short, interval in shown.exact:
        value = float(exact)
        if value not in known.values or not Known({value}).has(short):
            wrong.append((section, f"{short} ({exact})"))
        elif interval and not known.has_ends(*INTERVAL.fullmatch(interval).groups(), of=value):
            wrong.append((section, f"{short} [{interval}]"))
    return wrong


def wrong_of_text(text, known):
    """The same of Markdown, whose numbers are all rounded."""
    text = re.sub(r"\\([\\`*_{}\[\]#|~$!])", r"\1", text)
    plain = _any_of(known.words).sub(" ", text)
    pairs = [f"{low} to {high}" for low, high in INTERVAL.findall(plain)
             if not known.has_ends(low, high)]  # fmt: skip
    return pairs + [number for number in NUMBER.findall(plain) if not known.has(number)]


def _any_of(words):
    """The longest first; never a part of a longer word or number."""
    longest = sorted((re.escape(word) for word in words), key=len, reverse=True)
    return re.compile(rf"(?<![\w.])(?:{'|'.join(longest) or '(?!)'})(?!\w|\.\d)")
