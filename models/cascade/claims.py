"""What sources claim of their networks: other pictures, and nobody has repeated it.

A recipe that repeats a source names one as `claim` in its network's table, and it stands beside
what was measured. No base of a network does: beside another recipe's numbers it tells nothing.
"""

from typing import Any

# Tables 7a and 7b: precision, recall, F1 and support of each class, then accuracy and its n.
CLAIMS: dict[str, dict[str, Any]] = {
    "two_stage_first": {
        "source": "the two-stage paper, table 7a: a claim, not verified",
        "per_class": {
            "normal": (0.9989, 0.9957, 0.9973, 927),
            "cancer": (0.9878, 0.9969, 0.9923, 324),
        },
        "accuracy": (0.9960, 1251),
        "macro_f1": 0.9948,
    },
    "two_stage_second": {
        "source": "the two-stage paper, table 7b: a claim, not verified",
        "per_class": {
            "bcc": (0.9070, 0.8387, 0.8715, 93),
            "mel": (0.9415, 0.9415, 0.9415, 171),
            "vasc": (0.7619, 0.9143, 0.8312, 35),
        },
        "accuracy": (0.9064, 299),
        "macro_f1": 0.8814,
    },
    # Tables 2 and 1. Where the source contradicts itself, the sentence says so.
    "simclr_tuned": {
        "source": (
            "the SimCLR source, table 2: a claim, not verified; it calls .7824 accuracy and "
            "balanced accuracy, which its recalls put at .723 and its macro average at .73, and "
            "the supports of its 1,000 pictures add up to 1,100"
        ),
        "per_class": {
            "mel": (0.72, 0.68, 0.70, 115),
            "nv": (0.81, 0.85, 0.83, 600),
            "bcc": (0.75, 0.70, 0.72, 100),
            "akiec": (0.69, 0.65, 0.67, 80),
            "bkl": (0.78, 0.80, 0.79, 120),
            "df": (0.82, 0.78, 0.80, 30),
            "vasc": (0.65, 0.60, 0.62, 55),
        },
        "accuracy": (0.7824, 1000),
        "macro_f1": 0.74,
    },
    "simclr_imagenet": {
        "source": "the SimCLR source, table 1: a claim, not verified; it states no more of it",
        "per_class": {},
        "accuracy": (0.708, 1000),
        "macro_f1": None,
    },
    "simclr_scratch": {
        "source": "the SimCLR source, table 1: a claim, not verified; it states no more of it",
        "per_class": {},
        "accuracy": (0.652, 1000),
        "macro_f1": None,
    },
}
IN_ORDER = ("two_stage_first",)  # whose classes are ours by their order, whatever ours are called


def claim_of(name: str | None, classes: tuple[str, ...]) -> dict[str, Any] | None:
    """The claim, its classes called as ours are; those that we have not are left out."""
    if name is None:
        return None
    claim = CLAIMS[name]
    theirs = claim["per_class"]
    if name in IN_ORDER:
        per_class = dict(zip(classes, theirs.values(), strict=True))
    else:
        per_class = {ours: theirs[ours.lower()] for ours in classes if ours.lower() in theirs}
    return claim | {"per_class": per_class}
