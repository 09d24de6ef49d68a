"""A prediction as one HTML page: an index over its pictures, each to be opened.

The rows lie in the page as JSON, and its one script draws at most MOST of them at once, so that ten
thousand pictures stay usable. Every text goes through the template's escaping or the script's
`textContent`. Small pictures are part of the page; overlays lie beside it and load when opened.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from markupsafe import Markup

from metrics.calibration import ReliabilityBin
from reports.pages.templates import environment, known_by, look_of, text_of
from reports.table import count

TEMPLATE, STYLE, SCRIPT = (
    f"predictions/predictions.{kind}" for kind in ("html.jinja", "css", "js")
)
MOST = 200  # rows that are drawn at once
ROWS = 20_000  # in the page, those of the highest scores
SMALL_PICTURES = 10_000  # that have one in the page, those of the highest scores
NOTE = "Not a medical device: a research tool, which gives no diagnosis."
NOT_COUNTED = "What such scores meant is not counted on this page."
NOT_JUDGED = "unlike: not judged"  # instead of a decision
DIGITS = 5  # of a score, as many as a reader may want to sort by


Meaning = Sequence[ReliabilityBin] | str  # what scores of a class meant; or why nobody knows


@dataclass(frozen=True)
class Speaker:
    """A network that answers: of two classes its score is that of the second."""

    name: str
    classes: tuple[str, ...]
    limit: float | None  # from where on the second of two classes is called
    meaning: tuple[Meaning, ...] = ()  # by class, among the rows that the run held out


@dataclass(frozen=True)
class Said:
    """What one network says of one picture."""

    probability: Sequence[float]  # by class
    shown: int  # the class that its score and its overlay are of
    overlay: str | None  # its file, below the page's folder


@dataclass(frozen=True)
class Pictured:
    """A picture with all that is said of it."""

    name: str
    decision: str  # what is called; empty where nothing is
    said: Sequence[Said | None]  # by speaker; none: it was not asked about this one
    distance: float | None  # from what was learnt; above 1 it is unlike that
    small: bytes = b""  # WebP

    @property
    def unlike(self) -> bool:
        return self.distance is not None and self.distance > 1

    @property
    def decided(self) -> str:
        """The decision, of what is like what was learnt."""
        return NOT_JUDGED if self.decision and self.unlike else self.decision


@dataclass(frozen=True)
class Prediction:
    """What the page shows."""

    title: str
    speakers: Sequence[Speaker]
    pictures: Sequence[Pictured]
    measured_by: str | None  # whose embeddings distances are of
    notes: Sequence[str]  # what is to be known of all of it


def page(prediction: Prediction) -> str:
    """The whole page as text."""
    script, style = text_of(SCRIPT), text_of(STYLE)
    every, measured_by = prediction.pictures, prediction.measured_by
    prediction = replace(prediction, pictures=[every[at] for at in _highest(every, ROWS)])
    pictures = prediction.pictures
    unlike = sum(1 for one in every if one.unlike)
    decisions = sorted({one.decided for one in pictures if one.decided})
    facts = [("pictures", count(len(every)))]
    if measured_by is not None:
        facts.append(("unlike what was learnt", count(unlike)))
    return environment().get_template(TEMPLATE).render(
        title=prediction.title, note=NOTE, notes=_notes(prediction, len(every)), facts=facts,
        measured_by=measured_by,
        decisions=[(one, sum(1 for p in pictures if p.decided == one)) for one in decisions],
        speakers=prediction.speakers, most=MOST, total=len(pictures), style=style,
        digits=_digits, script=script, script_hash=known_by(script),
        rows=_as_json(prediction, decisions),
    )  # fmt: skip


def look_hash() -> str:
    """Which look a page was given; another one makes it anew."""
    return look_of(TEMPLATE, STYLE, SCRIPT)


def with_small(prediction: Prediction) -> list[int]:
    """The places of those that get a small picture: all, or those of the highest scores."""
    return _highest(prediction.pictures, SMALL_PICTURES)


def _highest(pictures: Sequence[Pictured], most: int) -> list[int]:
    """The places of so many of the highest scores of the first network, in their own order."""
    score = [next((s.probability[s.shown] for s in one.said if s), 0.0) for one in pictures]
    order = sorted(range(len(score)), key=lambda at: (-score[at], at))
    return sorted(order[:most])


def _notes(prediction: Prediction, total: int) -> list[str]:
    notes = list(prediction.notes)
    if total > ROWS:
        notes.append(f"Of {total:,} pictures the {ROWS:,} of the highest scores are on this page.")
    if total > SMALL_PICTURES:
        notes.append(
            f"Of {total:,} pictures the {SMALL_PICTURES:,} of the highest scores are shown small."
        )
    return notes


def _as_json(prediction: Prediction, decisions: Sequence[str]) -> Markup:
    """The rows, for the script; no `<` is left by which a text could end its block."""
    speakers = [
        {
            "name": one.name, "classes": list(one.classes), "limit": one.limit,
            "meaning": [_told(m) for m in one.meaning or [NOT_COUNTED] * len(one.classes)],
        }
        for one in prediction.speakers
    ]  # fmt: skip
    rows = [_row(one, decisions) for one in prediction.pictures]
    content = {"measured_by": prediction.measured_by, "speakers": speakers,
               "decisions": list(decisions), "rows": rows}  # fmt: skip
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)  # noqa: S704 - no sign of markup is left in it


def _told(meaning: Meaning) -> str | list[list[float]]:
    return meaning if isinstance(meaning, str) else [_bin(one) for one in meaning if one["n"]]


def _bin(one: ReliabilityBin) -> list[float]:
    """Its ends, its rows, those of the class, and between which shares of 1 that lies."""
    low, high = one["observed_low"], one["observed_high"]
    assert low is not None
    assert high is not None
    ends, between = (_short(one["low"]), _short(one["high"])), (_short(low), _short(high))
    return [*ends, one["n"], one["positives"], *between]


def _row(one: Pictured, decisions: Sequence[str]) -> list[Any]:
    said = [
        None if s is None else [s.shown, [_short(p) for p in s.probability], s.overlay]
        for s in one.said
    ]
    called = decisions.index(one.decided) if one.decided else -1
    distance = None if one.distance is None else _short(one.distance)
    return [one.name, called, distance, said, base64.b64encode(one.small).decode()]


def _digits(score: float) -> str:
    """As the script writes it."""
    return f"{score:.3f}" if score >= 0.001 else f"{score:#.2g}"


def _short(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
