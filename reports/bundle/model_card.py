"""What a bundle says of itself: every number out of its sheet, with n and interval.

The card (Markdown) and the page show the same facts.
"""

from collections.abc import Mapping
from typing import Any

from reports.table import Column, Said, Table, Words, measure, notices

NOTE = (
    "A research tool, not a medical device: it gives no diagnosis, and what it does not flag may "
    "be cancer."
)
WORDS = {
    "auc": "ROC-AUC", "average_precision": "PR-AUC", "sensitivity": "sensitivity",
    "specificity": "specificity", "ppv": "PPV", "npv": "NPV", "f1": "F1", "brier": "Brier score",
    "ece": "calibration error",
}  # fmt: skip
FEW = 20  # positives: a threshold that fewer chose may be anywhere
AT_THRESHOLD = ("sensitivity", "specificity", "ppv", "npv", "f1")
Json = Mapping[str, Any]


def card(labels: Json, sheet: Json) -> str:
    """model_card.md."""
    rows = "\n".join(f"| {name} | {value} |" for name, value in facts(labels, sheet))
    return f"""# {labels["network"]}, fold {labels["fold"]}

**{NOTE}**

It says of a picture how probable "{" or ".join(labels["target"])}" is, flags it from a probability
of {labels["threshold"]["value"]:.4f} on, and says where a picture is unlike those learnt from.

| | |
|---|---|
{rows}

Intervals are of {sheet["level"]:.0%}, from drawing {_whose(sheet["measured"])} again; where
there is none, too few stand behind the number. PPV, NPV and F1 hang on how many are ill: here
{_of(sheet["measured"])}, elsewhere others.

## What it learnt from

{sheet["learnt"]}

{sheet["licence"]}

## How it is used

`predict.py` asks it with onnxruntime and numpy; `index.html`, where it is there, runs it in a
browser. The file takes a decoded picture, uint8 RGB (height, width, 3) of any size, upright, and
resizes and normalises it itself. JPEG decoders differ by some grey levels: two programs that decode
one file each their own way answer a little differently.
"""


def tables(labels: Json, sheet: Json) -> list[Said]:
    """What `make export` tells."""
    measured, parity, limit = sheet["measured"], sheet["parity"], labels["threshold"]
    known = {name: measured["metrics"][name] for name in WORDS if name in measured["metrics"]}
    rows = tuple((Words(WORDS[name]), measure(one)) for name, one in known.items())
    return [
        f"export: {labels['network']}, fold {labels['fold']}: threshold {limit['value']:.4f} for a "
        f"sensitivity of {limit['sensitivity']:.0%}, chosen on {sheet['chosen_on']} "
        f"({_of(sheet['chosen'])}); on {sheet['measured_on']} ({_of(measured)}):",
        Table((Column("metric"), Column("value")), rows),
        f"export: agrees with the library to {parity['largest']:.1e} on {parity['pictures']} "
        f"pictures ({parity['mean']:.1e} on average); {sheet['model_mb']:.2f} MB.",
        *(f"export: {name}: {value}." for name, value in _of_rounding(labels, sheet)),
        *notices(sheet.get("declared", ())),
    ]


def facts(labels: Json, sheet: Json) -> list[tuple[str, str]]:
    """Headed numbers."""
    chosen, measured, parity = sheet["chosen"], sheet["measured"], sheet["parity"]
    limit, metrics = labels["threshold"], measured["metrics"]
    return [
        *((_word(name), _interval(metrics[name])) for name in WORDS if name in metrics),
        ("measured on", f"{_of(measured)}, {sheet['measured_on']}"),
        *(("to be read with", words) for words in sheet.get("declared", ())),
        ("threshold", f"{limit['value']:.4f}, for a sensitivity of {limit['sensitivity']:.0%}: "
         f"{limit['reached']:.1%} where it was chosen ({_of(chosen)}, {sheet['chosen_on']}; "
         f"specificity there {limit['specificity']:.1%})"
         f"{'; so few say little' if chosen['positives'] < FEW else ''}"),
        ("unlike what it learnt from", f"{measured['unlike']:.1%} of the measured pictures are "
         f"called so; the limit was chosen for {labels['distance']['false_alarms']:.0%}"),
        ("calibration", labels["calibration"]),
        ("agrees with the library", f"to {parity['largest']:.1e} on {parity['pictures']} pictures "
         f"(allowed {parity['bound']:g}), {parity['mean']:.1e} on average (allowed "
         f"{parity['mean_bound']:g})"),
        *_of_rounding(labels, sheet),
        *(("taught by", f"{name}, whose weights began with {words}")
          for name, words in labels.get("taught_by", {}).items()),
        ("size", f"{sheet['model_mb']:.2f} MB, {sheet['parameters']:,} parameters, "
         f"{labels['precision']}"),
        ("pictures", f"{labels['size']} px, views: {', '.join(labels['views'])}"),
        ("SHA-256 of model.onnx", labels["model_sha256"]),
    ]  # fmt: skip


def _of_rounding(labels: Json, sheet: Json) -> list[tuple[str, str]]:
    """What fewer bits did, where the network did not learn in them."""
    if (rounding := sheet.get("rounding")) is None:
        return []
    return [(
        f"{labels['precision']} minus float32, rounded after training",
        f"ROC-AUC {_interval(rounding['minus']['auc'])}; the probability moved by "
        f"{rounding['mean']:.3f} on average, {rounding['largest']:.3f} at most",
    )]  # fmt: skip


def _word(name: str) -> str:
    return f"{WORDS[name]}{' at the threshold' if name in AT_THRESHOLD else ''}"


def _of(rows: Json) -> str:
    return f"{rows['positives']} of {rows['n']} pictures"


def _whose(rows: Json) -> str:
    return "pictures" if rows["patients"] is None else f"{rows['patients']} patients or lesions"


def _interval(one: Json) -> str:
    if one["value"] is None:
        return "not defined"
    ends = "" if one["low"] is None else f" ({one['low']:.3f} to {one['high']:.3f})"
    return f"{one['value']:.3f}{ends}"
