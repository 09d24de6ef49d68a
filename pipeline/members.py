"""The stack's members: itself, its parts, and each network's probability; and what blends them.

Out of fold each member has one score a row; outside the folds one from each fold's models. With a
stack alone there is nothing to blend.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import polars as pl
from rich.box import SIMPLE_HEAD
from rich.table import Table

from folds.findings import plural
from folds.schema import ID
from models.networks.columns import TargetColumns
from scripts.score import short
from scripts.stage import Job
from stacking.blending.config import BLENDS, BlendConfig
from stacking.blending.measure import measured
from stacking.blending.members import Members, gather, gather_views
from stacking.blending.policies import Rule, all_blends, blend_elsewhere
from stacking.blocks import OOF, TEST, Block
from stacking.elsewhere import score_elsewhere
from stacking.fold import FOLD, SCORE
from stacking.matrix import Matrix
from workspace.errors import ConfigError
from workspace.units import Draft, Unit

STACK = "stack"
RULE, MEMBERS = "blend.json", "members.parquet"
PARTS = ("tabular", "images")  # the stack without the networks' columns, and of these alone
PROBABILITY = "oof_{}_probability"  # of a block that does not say it otherwise
IMAGE_COLUMNS = ("emb_", "oof_")
TARGET_FACT = "target_probability"  # of a block: which of its columns speak of the target
View = Callable[[int], Matrix]


def parts_of(columns: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The columns of the stack's two parts, where it has both kinds."""
    seen = tuple(name for name in columns if name.startswith(IMAGE_COLUMNS))
    if not seen or len(seen) == len(columns):
        return {}
    others = tuple(name for name in columns if not name.startswith(IMAGE_COLUMNS))
    return dict(zip(PARTS, (others, seen), strict=True))


def members_of(
    job: Job, rows: pl.DataFrame, stacked: Mapping[str, pl.DataFrame], blocks: Sequence[Block]
) -> Members | None:
    """All members out of fold; None where the stack is the only one."""
    tables = {name: table.select(ID, FOLD, SCORE) for name, table in stacked.items()}
    for name, (block, target) in _networks(blocks).items():
        table = _scores(block, OOF, target)
        if table[SCORE].is_null().any():
            count = plural(table[SCORE].null_count(), "row")
            job.say(f"notice: {name} is no member: it has no score of {count} without a picture.")
        else:
            tables[name] = table
    if len(tables) == 1:
        _refuse_policy(job.recipe.blend)
        return None
    return gather(rows, tables)


def outside(
    some: Members,
    rule: Rule,
    ids: pl.DataFrame,
    stacked: Mapping[str, tuple[View, Mapping[int, Unit]]],
    seen: Callable[[str], pl.DataFrame],
) -> pl.DataFrame:
    """The scores of the blend of `some` of rows outside the folds: (ID, score, fold_sd).

    `stacked` has boosters and views for them, `seen` gives a network's (ID, fold, score).
    """
    tables = {}
    for name in some.names:
        if name in stacked:
            view, units = stacked[name]
            each = {k: score_elsewhere(view, {k: unit}, "probability") for k, unit in units.items()}
            parts = [t.with_columns(pl.lit(k).cast(pl.Int16).alias(FOLD)) for k, t in each.items()]
            tables[name] = pl.concat(parts).select(ID, FOLD, SCORE)
        else:
            tables[name] = seen(name)
    return blend_elsewhere(some, ids[ID], gather_views(some, ids[ID], tables), rule)


def seen_elsewhere(blocks: Sequence[Block], ids: pl.DataFrame, name: str) -> pl.DataFrame:
    """What a network's block says of these rows outside the folds: (ID, fold, score)."""
    block, target = _networks(blocks)[name]
    table = _scores(block, TEST, target)
    return table.join(ids, on=ID, how="semi")


def keep_blend(draft: Draft, some: Members, rule: Rule) -> None:
    """Keep what blends rows outside the folds: the rule, and the scores that are its ruler."""
    draft.json(RULE, {"blend": rule.blend, "members": rule.names, "parts": rule.parts})
    draft.parquet(MEMBERS, some.table())


def kept_blend(unit: Unit) -> tuple[Members, Rule]:
    """What `keep_blend` kept, to the bit."""
    told = unit.json(RULE)
    some = Members.of_table(unit.parquet(MEMBERS), told["members"])
    return some, Rule(told["blend"], some.names, tuple(told["parts"]))


def blended(job: Job, members: Members, patient: str | None) -> tuple[dict[str, Any], Any]:
    """What every member and blend is worth, and the blends themselves."""
    recipe = job.recipe
    blends = all_blends(members, recipe.blend, recipe.score.min_tpr)
    with job.progress("Drawing patients again, for members") as bar:
        found = measured(members, blends, recipe.blend, recipe.score, patient, bar)
    return found, blends


def show_members(job: Job, found: Mapping[str, Any]) -> None:
    """Members and blends, and what the chosen one gains over each."""
    chosen, minus = found["policy"], "chosen_minus_this"
    table = Table("members, blends", box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    for title in (f"pAUC above {100 * job.recipe.score.min_tpr:.6g}% TPR", "AUC"):
        table.add_column(title, no_wrap=True)
    table.add_column(f"{chosen} minus this, pAUC", no_wrap=True)
    best = sorted(found["scores"], key=lambda name: (name in BLENDS, name not in (STACK, *PARTS)))
    for name in best:
        entry = found["scores"][name]
        values = (short(entry["metrics"][metric]) for metric in ("pauc", "auc"))
        gain = "" if entry[minus] is None else short(entry[minus]["pauc"])
        table.add_row(f"{name} *" if name == chosen else name, *values, gain)
    job.console.print(table)
    job.say(f"stack: handed in is {chosen} (*), by blend.policy.")
    for note in found["notes"]:
        job.say(f"notice: {note}")


def target_of(block: Unit) -> TargetColumns | None:
    """Which columns of a block say how probable the target is; None: it says nothing of that.

    A network's block keeps it; of another's the column that is called like the block.
    """
    if TARGET_FACT not in block.facts:
        return TargetColumns((PROBABILITY.format(block.folder.name),))
    kept = block.facts[TARGET_FACT]
    return None if kept is None else TargetColumns(tuple(kept["columns"]), kept["of_zero"])


def _networks(blocks: Sequence[Block]) -> dict[str, tuple[Block, TargetColumns]]:
    """Blocks that say how probable the target is, by the network's name."""
    found = {}
    for block in blocks:
        target = target_of(block.unit)
        if target is not None and set(target.columns) <= set(block.columns):
            found[block.unit.folder.name] = (block, target)
    return found


def _scores(block: Block, file: str, target: TargetColumns) -> pl.DataFrame:
    table = block.unit.parquet(file, [ID, FOLD, *target.columns])
    return table.select(ID, FOLD, target.of(table).alias(SCORE))


def _refuse_policy(config: BlendConfig) -> None:
    if config.policy != STACK:
        raise ConfigError(
            f"blend.policy is '{config.policy}', but the stack is the only member; take "
            "stack.networks=true, or blend.policy='stack'."
        )
