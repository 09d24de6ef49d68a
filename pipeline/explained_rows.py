"""Rows of a finished stack, each taken apart by the boosters that held it out.

Reads what the stack was made of where it lies, and refuses in a sentence, for the page to say, what
has changed since: a score is explained by the very values and models that made it, or not at all.
"""

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from folds.frozen import FILE
from folds.schema import ID
from pipeline.cases import StackParts, UnexplainedError
from pipeline.samples import SAMPLES
from pipeline.stack_rows import StackFiles, StackRows, open_stack
from pipeline.unit_files import TRAINING
from stacking.blocks import OWN
from stacking.boosters.known import load_boosters
from stacking.explained import Explained, explain, together
from stacking.matrix import Matrix, assemble
from stacking.oof import MAKER, models_hash
from stacking.use import FOLD, USE, Use
from workspace.manifest import Manifest, load_manifest
from workspace.units import Unit, open_unit


def explained_rows(parts: StackParts, handed_in: pl.DataFrame, ids: pl.Series) -> Explained:
    """These rows of the stack's table; `UnexplainedError` where something is not as it was."""
    wanted = handed_in.filter(pl.col(ID).is_in(ids.implode()))
    units = {fold: _boosters(parts, fold, wanted) for fold in sorted(set(wanted[FOLD]))}
    if not units:
        raise UnexplainedError("There is no row to explain.")
    rows, some = _opened(parts, units), []
    for fold, unit in units.items():
        use: Use = unit.json(USE)
        assert set(use["columns"]) <= set(rows.columns), "equal hashes have equal columns"
        chosen = rows.rows.filter(
            (pl.col(FOLD) == fold) & pl.col(ID).is_in(wanted[ID].implode())
        ).sort(ID)
        matrix = _matrix(rows, chosen, use)
        models = load_boosters(unit, len(use["shifts"]), use["columns"])
        if (found := explain(matrix, models, use)) is None:
            raise UnexplainedError(
                "The stack's boosters are none of trees: their scores are not taken apart here."
            )
        some.append(found)
    return together(some)


def _boosters(parts: StackParts, fold: int, wanted: pl.DataFrame) -> Unit:
    """The fold's boosters, if they are those that scored its rows."""
    folder = parts.boosters(fold)
    manifest = load_manifest(folder)
    makers = set(wanted.filter(pl.col(FOLD) == fold)[MAKER])
    if manifest is None or {models_hash(Unit(folder, manifest))} != makers:
        raise UnexplainedError(
            f"The boosters of fold {fold} are not there, or not those that scored its rows."
        )
    return Unit(folder, manifest)


def _opened(parts: StackParts, units: Mapping[int, Unit]) -> StackRows:
    """Rows and columns, if they are those that these boosters learnt from."""
    if load_manifest(parts.featured) is None:
        raise UnexplainedError("The features that the boosters learnt from are not there.")
    known = next(iter(units.values())).manifest
    blocks = [_block(parts, name) for name in _blocks_of(known)]
    samples, folded, featured = (
        open_unit(folder, stage)
        for folder, stage in (
            (parts.samples, "verify"), (parts.folded, "folds"), (parts.featured, "features"),
        )
    )  # fmt: skip
    left_out = parts.stack.get("leave_out", ())
    rows = open_stack(StackFiles.of(samples, folded, featured, blocks, left_out))
    for fold, unit in units.items():
        now = rows.hashes(unit.json(USE)["columns"], fold)
        if any(unit.manifest.inputs.get(name) != sha for name, sha in now.items()):
            raise UnexplainedError(
                "Features, folds, samples or what networks saw are others now than those that the "
                "boosters learnt from."
            )
    return rows


def _blocks_of(boosters: Manifest) -> list[str]:
    own = {SAMPLES, FILE, TRAINING}
    return [name for name in boosters.inputs if name not in own and not name.endswith(OWN)]


def _block(parts: StackParts, name: str) -> Unit:
    places = [
        parts.run / "blocks" / name,
        *(Path(one) for one in parts.stack.get("blocks", ()) if Path(one).name == name),
    ]
    for folder in places:
        if load_manifest(folder) is not None:
            return open_unit(folder, "embed")
    raise UnexplainedError(f"The columns of {name}, which the boosters learnt from, are not there.")


def _matrix(rows: StackRows, chosen: pl.DataFrame, use: Use) -> Matrix:
    """These rows in the columns of the boosters; held-out rows of a block are the same for all."""
    sources = [rows.tables(), *(rows.used(block.training()) for block in rows.blocks)]
    known = rows.patients
    table = chosen.join(known, on=ID, how="left", validate="1:1", maintain_order="left")
    return assemble(table, sources).select(use["columns"])
