"""The members of a finished stack, as who scores rows outside the folds reads them.

Reads what `members` wrote into <run>/stack/: the rule, and the scores that are its ruler.
"""

from collections.abc import Sequence

from models.networks.columns import TargetColumns
from stacking.blending.members import Members
from stacking.blending.policies import Rule
from stacking.calibration.kept import FILE as CALIBRATION
from stacking.calibration.kept import Calibrated
from workspace.units import Unit

STACK = "stack"
RULE, MEMBERS = "blend.json", "members.parquet"
PARTS = ("tabular", "images")  # the stack without the networks' columns, and of these alone
PROBABILITY = "oof_{}_probability"  # of a block that does not say it otherwise
IMAGE_COLUMNS = ("emb_", "oof_")
TARGET_FACT = "target_probability"  # of a block: which of its columns speak of the target


def parts_of(columns: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The columns of the stack's two parts, where it has both kinds."""
    seen = tuple(name for name in columns if name.startswith(IMAGE_COLUMNS))
    if not seen or len(seen) == len(columns):
        return {}
    others = tuple(name for name in columns if not name.startswith(IMAGE_COLUMNS))
    return dict(zip(PARTS, (others, seen), strict=True))


def kept_blend(unit: Unit) -> tuple[Members, Rule]:
    """What `keep_blend` kept, to the bit."""
    some = Members.of_table(unit.parquet(MEMBERS), kept_rule(unit).names)
    return some, kept_rule(unit)


def kept_rule(unit: Unit) -> Rule:
    """The rule alone."""
    rule = unit.json(RULE)
    parts = tuple(rule["parts"]), tuple(rule.get("flag_parts", ()))  # a run of before has none
    return Rule(rule["blend"], tuple(rule["members"]), *parts)


def kept_calibration(unit: Unit) -> Calibrated | None:
    """What a stack's scores are turned into probabilities by; None: they stay as they are."""
    if CALIBRATION not in unit.manifest.files:
        return None
    return Calibrated.of_json(unit.json(CALIBRATION))


def target_of(block: Unit) -> TargetColumns | None:
    """Which columns of a block say how probable the target is; None: it says nothing of that.

    A network's block keeps it; of another's the column that is called like the block.
    """
    if TARGET_FACT not in block.facts:
        return TargetColumns((PROBABILITY.format(block.folder.name),))
    target = block.facts[TARGET_FACT]
    return None if target is None else TargetColumns(tuple(target["columns"]), target["of_zero"])
