"""What the two-stage paper claims of its networks: other pictures, and nobody has repeated it.

A recipe that repeats the paper names one as `claim` in its network's table, and it stands beside
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
