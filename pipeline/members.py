"""The stack's members: itself, its parts, and each network's probability; and what blends them.

Out of fold each member has one score a row; outside the folds one from each fold's models. With a
stack alone there is nothing to blend.
"""

from collections.abc import Callable, Mapping, Sequence

import polars as pl

from folds.findings import plural
from folds.schema import ID
from metrics.score_sheet import ScoreConfig
from models.networks.columns import TargetColumns
from pipeline.unseen_members import MEMBERS, RULE, STACK, target_of
from stacking.blending.config import BlendConfig
from stacking.blending.measure import BlendSheet, blend_sheet
from stacking.blending.members import Members, join_members, join_unseen
from stacking.blending.policies import Blended, Rule, all_blends, blend_unseen
from stacking.blocks import OOF, TEST, Block
from stacking.calibration.kept import Calibrated
from stacking.matrix import Matrix
from stacking.unseen import score_unseen
from stacking.use import FOLD, SCORE
from workspace.errors import ConfigError
from workspace.progress import Desk
from workspace.units import Draft, Unit

# Rows outside the folds, as this fold's models see them.
MatrixOf = Callable[[int], Matrix]


def members_of(
    desk: Desk, config: BlendConfig, rows: pl.DataFrame, stacked: Mapping[str, pl.DataFrame],
    blocks: Sequence[Block],
) -> Members | None:  # fmt: skip
    """All members out of fold; None where the stack is the only one."""
    tables = {name: table.select(ID, FOLD, SCORE) for name, table in stacked.items()}
    for name, (block, target) in _networks(blocks).items():
        table = _scores(block, OOF, target)
        if table[SCORE].is_null().any():
            count = plural(table[SCORE].null_count(), "row")
            desk.say(f"notice: {name} is no member: it has no score of {count} without a picture.")
        else:
            tables[name] = table
    if len(tables) == 1:
        _refuse_policy(config)
        return None
    return join_members(rows, tables)


def network_scores(blocks: Sequence[Block], ids: pl.DataFrame, name: str) -> pl.DataFrame:
    """What a network's block says of these rows outside the folds: (ID, fold, score)."""
    block, target = _networks(blocks)[name]
    table = _scores(block, TEST, target)
    return table.join(ids, on=ID, how="semi")


def keep_blend(draft: Draft, some: Members, rule: Rule) -> None:
    """Keep what blends rows outside the folds: the rule, and the scores that are its ruler."""
    parts = {"parts": rule.shares, "flag_parts": rule.flag_shares}
    draft.json(RULE, {"blend": rule.blend, "members": rule.names, **parts})
    draft.parquet(MEMBERS, some.table())


def blended(
    desk: Desk, members: Members, configs: tuple[BlendConfig, ScoreConfig], patient: str | None
) -> tuple[BlendSheet, dict[str, Blended]]:
    """What every member and blend is worth, and the blends themselves."""
    blend, score = configs
    blends = all_blends(members, blend, score.min_tpr)
    with desk.progress("Drawing patients again, for members") as show:
        sheet = blend_sheet(members, blends, blend, score, patient, show)
    return sheet, blends


def blended_unseen(
    some: Members,
    rule: Rule,
    ids: pl.DataFrame,
    stacked: Mapping[str, tuple[MatrixOf, Mapping[int, Unit]]],
    seen: Callable[[str], pl.DataFrame],
    calibrated: Calibrated | None = None,
) -> pl.DataFrame:
    """The scores of the blend of `some` of rows outside the folds: (ID, score, fold_sd).

    `stacked` has boosters and matrices for them, `seen` gives a network's (ID, fold, score).
    """
    tables = {}
    for name in some.names:
        if name in stacked:
            matrix_of, units = stacked[name]
            each = {
                k: score_unseen(matrix_of, {k: unit}, "probability") for k, unit in units.items()
            }
            parts = [t.with_columns(pl.lit(k).cast(pl.Int16).alias(FOLD)) for k, t in each.items()]
            tables[name] = pl.concat(parts).select(ID, FOLD, SCORE)
        else:
            tables[name] = seen(name)
    return blend_unseen(some, ids[ID], join_unseen(some, ids[ID], tables), rule, calibrated)


def _networks(blocks: Sequence[Block]) -> dict[str, tuple[Block, TargetColumns]]:
    """Blocks that say how probable the target is, by the network's name."""
    speaking = {}
    for block in blocks:
        target = target_of(block.unit)
        if target is not None and set(target.columns) <= set(block.columns):
            speaking[block.unit.folder.name] = (block, target)
    return speaking


def _scores(block: Block, file: str, target: TargetColumns) -> pl.DataFrame:
    table = block.unit.parquet(file, [ID, FOLD, *target.columns])
    return table.select(ID, FOLD, target.of(table).alias(SCORE))


def _refuse_policy(config: BlendConfig) -> None:
    if config.policy != STACK:
        raise ConfigError(
            f"blend.policy is '{config.policy}', but the stack is the only member; take "
            "stack.networks=true, a second name in stack.boosters, or blend.policy='stack'."
        )
