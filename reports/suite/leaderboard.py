"""A suite's networks side by side: on the console, and as one page whose rows open and sort.

The page orders by the macro AUC of the suite's first split. Its scripts, which sort and open, are
known to the page's policy by their hashes; without scripts everything is open.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from folds.findings import plural
from reports.pages.page import MACROS, STYLE
from reports.pages.page import SCRIPT as SORTS
from reports.pages.templates import environment, look_of, scripts_of
from reports.table import Column, Row, Said, Table, Words, columns, count, measure, plain

Json = Mapping[str, Any]

TEMPLATE, SCRIPT = "suite/leaderboard.html.jinja", "suite/leaderboard.js"
NAMES = {
    "macro_auc": "macro AUC", "balanced_accuracy": "balanced accuracy",
    "melanoma_recall": "melanoma recall", "cancer_sensitivity": "cancer sensitivity",
    "accuracy": "accuracy",
}  # fmt: skip
OFFICIAL = "official"
SPLITS = {"by_lesion": "by lesion", "official": "official split", "corrected": "corrected split"}
DISCLAIMER = "A research tool, no medical device: none of these networks is fit to examine anybody."


@dataclass(frozen=True)
class Entry:
    """A row of the page: what is shown of it, what it is sorted by, and what opens."""

    number: str
    title: str
    values: tuple[tuple[str, float | None, str], ...]  # shown, sorted by, in small below
    details: tuple[tuple[str, str], ...]  # headed sentences
    tables: tuple[Table, ...]


def _schemes(sheet: Json) -> list[str]:
    """In the recipe's order, which sheets of old do not name."""
    return list(sheet.get("order", sheet["schemes"]))


def in_order(sheet: Json) -> list[tuple[str, Json]]:
    """Experiments and ensembles that have a macro AUC on the first split, the best first."""
    first = _schemes(sheet)[0]
    both = {**sheet["experiments"], **sheet["ensembles"]}
    scored = [(n, one) for n, one in both.items() if "metrics" in one["schemes"].get(first, {})]
    return sorted(scored, key=lambda one: -_auc(one[1], first))


def tables(sheet: Json) -> list[Said]:
    """What `make suite` tells."""
    first = _schemes(sheet)[0]
    rows = [_brief(number, one, sheet) for number, one in in_order(sheet)]
    heads = [SPLITS.get(scheme, scheme) for scheme in _schemes(sheet)]
    table = Table(
        (Column("#"), Column("experiment", whole=False, page_only=True),
         *(Column(f"AUC, {head}") for head in heads),
         Column("melanoma"), Column("cancer"), Column("balanced")),
        tuple(rows),
    )  # fmt: skip
    said: list[Said] = [_sentence(scheme, sheet["schemes"][scheme]) for scheme in _schemes(sheet)]
    return [
        *said,
        "suite: macro AUC; melanoma recall, cancer sensitivity and balanced accuracy, "
        f"{SPLITS.get(first, first)}.",
        table,
    ]


def page(sheet: Json, title: str) -> str:
    """The whole page as text."""
    return environment().get_template(TEMPLATE).render(
        title=title, heads=_heads(sheet),
        entries=[_entry(number, one, sheet) for number, one in _every(sheet)],
        splits=[_sentence(scheme, sheet["schemes"][scheme]) for scheme in _schemes(sheet)],
        columns=_said_of_columns(sheet), group=sheet["group"],
        skipped=[(n, one["title"], one["why"]) for n, one in sheet["skipped"].items()],
        level=f"{sheet['level']:.0%}", disclaimer=DISCLAIMER, scripts=scripts_of(SORTS, SCRIPT),
    )  # fmt: skip


def look() -> str:
    """A hash of how the page is drawn: with another one it is drawn anew."""
    return look_of(TEMPLATE, SCRIPT, SORTS, "suite/leaderboard.css", STYLE, MACROS)[:16]


def _every(sheet: Json) -> list[tuple[str, Json]]:
    """Those in order, then ensembles whose rule gives no probabilities, and so no AUC."""
    ordered = in_order(sheet)
    names = {number for number, _ in ordered}
    both = {**sheet["experiments"], **sheet["ensembles"]}
    return [*ordered, *((n, one) for n, one in both.items() if n not in names)]


def _auc(one: Json, scheme: str) -> float:
    value = one["schemes"][scheme]["metrics"]["macro_auc"]["value"]
    return float("-inf") if value is None else float(value)


def _sentence(scheme: str, one: Json) -> str:
    """What a split tests on."""
    leaked = (
        f"; {one['leaked']:,} of them, and {one['leaked_melanomas']} of {one['melanomas']} "
        "melanomas, are leaked: their lesion or picture is in training too"
        if one["leaked"] else ""
    )  # fmt: skip
    leaked += f"; of {one['unknown']:,} nobody knows the lesion" if one["unknown"] else ""
    pictures = "pictures, validation and test together" if one["together"] else "test pictures"
    return f"{SPLITS.get(scheme, scheme)}: {one['n']:,} {pictures}{leaked}."


def _brief(number: str, one: Json, sheet: Json) -> Row:
    first = _schemes(sheet)[0]
    metrics = one["schemes"][first]["metrics"]
    aucs = [_metric(one, scheme, "macro_auc") for scheme in _schemes(sheet)]
    others = [metrics[n] for n in ("melanoma_recall", "cancer_sensitivity", "balanced_accuracy")]
    return (
        Words(number), Words(one["title"]), *(measure(auc) for auc in aucs),
        *(Words(f"{other['value']:.3f}") for other in others),
    )  # fmt: skip


def _metric(one: Json, scheme: str, name: str) -> Any:
    return one["schemes"].get(scheme, {}).get("metrics", {}).get(name)


def _said_of_columns(sheet: Json) -> str:
    """Of which split each column is that does not say so itself."""
    first = _schemes(sheet)[0]
    words = (
        f"Accuracies, recall and sensitivity: {SPLITS.get(first, first)}. Specificity: of its "
        f"test pictures, at the threshold that flags {sheet['sensitivity']:.0%} of the cancers "
        "among its validation pictures; below it what that finds. Seconds: of a training's last "
        "call."
    )
    if (leaked := _leaks(sheet)) is None:
        return words
    return f"{words} Clean and leaked melanomas: {SPLITS.get(leaked, leaked)}."


def _heads(sheet: Json) -> list[str]:
    first, *others = (SPLITS.get(scheme, scheme) for scheme in _schemes(sheet))
    return [
        "#", "experiment", f"macro AUC, {first}", *(f"macro AUC, {name}" for name in others),
        *(NAMES[name] for name in NAMES if name != "macro_auc"),
        *(["clean melanomas", "leaked melanomas"] if _leaks(sheet) else []),
        f"specificity at {sheet['sensitivity']:.0%} sensitivity", "parameters", "seconds",
    ]  # fmt: skip


def _leaks(sheet: Json) -> str | None:
    """The split that tests on lesions of its own training."""
    return next((one for one in _schemes(sheet) if sheet["schemes"][one]["leaked"]), None)


def _entry(number: str, one: Json, sheet: Json) -> Entry:
    first = _schemes(sheet)[0]
    values = [_shown(_metric(one, scheme, "macro_auc")) for scheme in _schemes(sheet)]
    values += [_shown(_metric(one, first, name)) for name in NAMES if name != "macro_auc"]
    if leaked := _leaks(sheet):
        found = one["schemes"].get(leaked, {}).get("melanomas_found")
        values += [_found(found, which) for which in ("clean", "leaked")]
    values.append(_specificity(one, first))
    values += [_whole(one.get("parameters")), _whole(one.get("seconds"))]
    return Entry(number, one["title"], tuple(values), _details(one, sheet), _tables(one, sheet))


def _shown(metric: Any) -> tuple[str, float | None, str]:
    if metric is None or metric["value"] is None:
        return "–", None, ""
    return f"{metric['value']:.3f}", metric["value"], _interval(metric)


def _interval(metric: Json) -> str:
    low, high = metric.get("low"), metric.get("high")
    if low is not None:
        return f"{low:.3f} to {high:.3f}"
    return "one seed" if len(metric["by_seed"]) == 1 else "no interval"


def _found(found: Any, which: str) -> tuple[str, float | None, str]:
    if not found or not found[which]["n"]:
        return "–", None, ""
    k, n = found[which]["k"], found[which]["n"]
    return f"{k / n:.2f}", k / n, f"{k:.1f} of {n}"


def _specificity(one: Json, scheme: str) -> tuple[str, float | None, str]:
    """Of the test's other pictures, at the threshold that validation chose; means over seeds."""
    flags = one["schemes"].get(scheme, {}).get("flags")
    if not flags:
        return "–", None, ""
    specificity, cancers, melanomas = (
        sum(flag[name]["value"] for flag in flags) / len(flags)
        for name in ("specificity", "sensitivity", "melanoma_sensitivity")
    )
    below = f"{cancers:.0%} of cancers, {melanomas:.0%} of melanomas"
    return f"{specificity:.2f}", specificity, below


def _whole(value: float | None) -> tuple[str, float | None, str]:
    return ("–", None, "") if value is None else (f"{value:,.0f}", value, "")


def _details(one: Json, sheet: Json) -> tuple[tuple[str, str], ...]:
    if "members" in one:
        ways = {
            "mean": "The mean of their probabilities.",
            "or": "A picture is flagged if any of them flags it, all at one specificity on "
            f"validation pictures, by which {sheet['sensitivity']:.0%} of their cancers are "
            "flagged.",
        }
        return (("How", ways[one["rule"]]),)
    of = f" (of {one['of']})" if one["of"] else ""
    rows = [("What changed" + of, one["changed"]), ("What it teaches", one["teaches"])]
    rows += [("Claimed and measured", _claimed(one, sheet))] if one["claims"] else []
    return (*rows, *(("The lesson", _lesson(lesson)) for lesson in one["lessons"]))


def _claimed(one: Json, sheet: Json) -> str:
    """The source's numbers, of one seed on the published split, each beside ours on that split."""
    where = OFFICIAL if OFFICIAL in sheet["schemes"] else None
    words = []
    for name, value in one["claims"].items():
        ours = None if where is None else _metric(one, where, name)
        shown = "not measured" if ours is None else f"measured {_with_interval(ours)}"
        words.append(f"{NAMES[name]} {value:.3f}, {shown}")
    return f"{'; '.join(words)} ({SPLITS[OFFICIAL]}; the source has one seed)."


def _with_interval(metric: Json) -> str:
    shown, _, below = _shown(metric)
    return f"{shown} ({below})"


def _lesson(lesson: Json) -> str:
    """`Adam beats plain SGD: holds by lesion (macro AUC +0.021, 0.010 to 0.032)`."""
    said = [
        f"{found['verdict']}, {SPLITS.get(scheme, scheme)} ({NAMES[lesson['metric']]} "
        f"{_signed(found['minus'])} against {lesson['than']})"
        for scheme, found in lesson["schemes"].items()
    ]
    return f"{lesson['says']}: {'; '.join(said) or 'not measured'}."


def _signed(minus: Json) -> str:
    value, low, high = minus["value"], minus["low"], minus["high"]
    if value is None:
        return "undefined"
    return f"{value:+.3f}" + ("" if low is None else f", {low:+.3f} to {high:+.3f}")


def _tables(one: Json, sheet: Json) -> tuple[Table, ...]:
    """Class by class, on each split."""
    return tuple(
        Table(
            columns("class", "rows", "called rightly", "recall", "precision"),
            tuple(_class_row(row) for row in found["per_class"]),
            caption=f"{SPLITS.get(scheme, scheme)}, mean of {plural(len(found['seeds']), 'seed')}.",
        )
        for scheme, found in one["schemes"].items()
        if "per_class" in found
    )


def _class_row(row: Json) -> Row:
    recall = row["right"] / row["rows"] if row["rows"] else None
    precision = row["right"] / row["called"] if row["called"] else None
    return (
        Words(row["class"]),
        count(row["rows"]),
        Words(f"{row['right']:.1f}"),
        plain(recall),
        plain(precision),
    )
